//! Acts with processes and signals.

use crate::{say, wait_for_turn};
use ringfence_sys::spawn::{self, Keep};
use ringfence_sys::{Errno, fd, peer, wait};
use std::os::fd::AsFd as _;

/// Signals that a process can refuse to die of.
const POLITE: [i32; 5] = [libc::SIGHUP, libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGCONT];

/// Children of a child that is gone: nobody of the service knows them any more. Only a process
/// with one thread can make them.
pub(crate) fn leave_orphans(count: usize) {
    let middle = spawn::process(0, Keep::All, || {
        for _ in 0..count {
            let _ = spawn::process(0, Keep::All, || for_ever(|| ()));
        }
        0
    });
    if let Ok(middle) = middle {
        let _ = wait::wait_for(middle.pid);
    }
}

/// Lives until it is killed.
fn for_ever(ready: impl FnOnce()) -> i32 {
    let Ok(signals) = wait::signal_descriptor(&POLITE) else { return 1 };
    ready();
    loop {
        let _ = wait::readable(&[signals.as_fd()], None);
        while wait::next_signal(signals.as_fd()).is_some() {}
    }
}

/// Ignores whatever asks it to end.
pub(crate) fn stubborn() -> i32 {
    for_ever(|| say("ready"))
}

/// Stops itself.
pub(crate) fn stop() -> i32 {
    say("ready");
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let stopped =
        peer::pidfd_open(own).and_then(|own| wait::send_signal(own.as_fd(), libc::SIGSTOP));
    i32::from(stopped.is_err())
}

/// Tells of every signal, and after `SIGUSR1` how many of each there were.
pub(crate) fn signals() -> i32 {
    let watched = [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1];
    let Ok(signals) = wait::signal_descriptor(&watched) else { return 1 };
    say("ready");
    let mut interrupts = 0;
    loop {
        let _ = wait::readable(&[signals.as_fd()], None);
        while let Some(signal) = wait::next_signal(signals.as_fd()) {
            match signal.number {
                libc::SIGINT => {
                    interrupts += 1;
                    say("interrupt");
                }
                libc::SIGUSR1 => say(&format!("interrupts {interrupts}")),
                _ => return 0,
            }
        }
    }
}

/// Makes processes until the kernel refuses another, says how many there were, and keeps them.
pub(crate) fn fork_until_refused() -> i32 {
    let mut made = 0;
    let refused = loop {
        match spawn::process(0, Keep::All, || for_ever(|| ())) {
            Ok(_) if made < 100_000 => made += 1,
            Ok(_) => break Errno(0),
            Err(errno) => break errno,
        }
    };
    say(&format!("made {made} refused {}", refused.0));
    wait_for_turn();
    0
}

/// Chains of processes that each start the next and end: whoever looks for them finds a number
/// that is already wrong.
pub(crate) fn hop(chains: usize) -> i32 {
    let Ok((reading, writing)) = fd::pipe(0) else { return 1 };
    for _ in 0..chains {
        let started = spawn::process(0, Keep::All, || {
            let _ = fd::write_all(writing.as_fd(), b"x");
            next_hop()
        });
        if started.is_err() {
            return 1;
        }
    }
    let mut room = [0];
    for _ in 0..chains {
        let _ = fd::read(reading.as_fd(), &mut room);
    }
    say("ready");
    wait_for_turn();
    0
}

/// Starts the next process of the chain and ends.
fn next_hop() -> i32 {
    // What is refused now may be granted in a moment; a chain that breaks is no attack.
    while spawn::process(0, Keep::All, next_hop).is_err() {}
    0
}
