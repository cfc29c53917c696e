//! What hostile tests run inside a boundary: one act of bad behaviour each, named by the first
//! argument.
//!
//! An act says on standard output what it has achieved, one line each, and most wait on standard
//! input for a line before they go on: tests and acts take turns that way and nobody sleeps. Two
//! acts are for the outside: they put something around a command and become it.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "an act that cannot be set up must fail, and its output is its answer"
)]

mod floods;
mod outside;
mod processes;
mod revocation;
mod sockets;
mod streams;

use std::io::BufRead as _;

/// Code of an act that does not exist, or that got other arguments than it needs.
const UNKNOWN: i32 = 99;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let code = match words.as_slice() {
        ["as-nobody", command @ ..] => outside::as_nobody(command),
        ["bind", port] => sockets::bind(number(port)),
        ["connections", port, count] => sockets::connections(number(port), number(count)),
        ["denials", granted, count] => floods::denials(number(granted), number(count)),
        ["denials-then-exit", code] => {
            floods::denied(1);
            number(code)
        }
        ["denials-then-signals", count] => {
            floods::denied(number(count));
            processes::signals()
        }
        ["exit", code] => number(code),
        ["fake-events", count] => floods::fake_events(number(count)),
        ["few-processes", most, command @ ..] => outside::few_processes(number(most), command),
        // The marks are for whoever looks for what is left of it.
        ["fork-until-refused", _mark] => processes::fork_until_refused(),
        ["hop", chains, _mark] => processes::hop(number(chains)),
        ["in-container", command @ ..] => outside::in_container(command),
        ["load", to, own, mark] => sockets::load(number(to), number(own), mark),
        ["names", granted, count] => floods::names(number(granted), number(count)),
        ["on-terminal", command @ ..] => outside::on_terminal(command),
        ["pending", full, granted, count] => {
            sockets::pending(number(full), number(granted), number(count))
        }
        ["pending-of-the-dead", full, count] => {
            sockets::pending_of_the_dead(number(full), number(count))
        }
        ["pending-unix", full, granted, count] => {
            sockets::pending_unix(full, number(granted), number(count))
        }
        ["revoked-file", path, way] => revocation::file(path, way),
        ["revoked-in-flight", port] => revocation::in_flight(number(port)),
        ["revoked-listener-in-flight", port] => revocation::listener_in_flight(number(port)),
        ["revoked-many", port, count, listen] => {
            revocation::many(number(port), number(count), number(listen))
        }
        ["revoked-pending", full, port] => revocation::pending_and_kept(number(full), number(port)),
        ["revoked-private-table", port] => revocation::private_table(number(port)),
        ["revoked-restless", port] => revocation::restless(number(port)),
        ["revoked-undumpable", port] => revocation::undumpable(number(port)),
        ["revoked-unix", path, way] => revocation::unix(path, way),
        ["revoked-zombie-leader", port] => revocation::zombie_leader(number(port)),
        ["signals"] => processes::signals(),
        ["squat", command @ ..] => outside::squat(command),
        ["squatter", pid] => outside::squatter(number(pid)),
        ["spew"] => streams::spew(),
        ["stop"] => processes::stop(),
        ["streams"] => streams::streams(),
        ["stubborn"] => processes::stubborn(),
        ["threads", port, threads, each] => {
            sockets::threads(number(port), number(threads), number(each))
        }
        ["until", "stdin"] => streams::until_stdin(),
        _ => UNKNOWN,
    };
    ringfence_sys::spawn::exit(code);
}

fn number<N: std::str::FromStr>(text: &str) -> N
where
    N::Err: std::fmt::Debug,
{
    text.parse().expect("tests pass numbers")
}

/// Says a line and sees to it that it has left.
fn say(line: &str) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    // Whoever listens may be gone; the act goes on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Waits for the test's turn to end: a line, or the end of standard input.
fn wait_for_turn() {
    let mut line = String::new();
    let _ = std::io::stdin().lock().read_line(&mut line);
}
