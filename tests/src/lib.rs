//! What the integration tests share: the checkout, the built command, and a place to run it in.
//!
//! There is one test binary per folder of this crate, so that each links once. Tests use the
//! command as a user has it: built by cargo, started as a process, judged by its exit code and by
//! what it prints. A broken test environment ends the test at once, so panics are in order here.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot be set up must fail"
)]

pub mod command;
pub mod packages;
pub mod port;
pub mod workspace;

/// How long anything may take on a slow and busy machine before a test gives up. No verdict but that
/// one may hang on it.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_mins(3);

/// Says by name that this machine lacks what a test needs. The test driver counts the line, and
/// makes it a failure where everything must be there. It is written past the harness, which keeps
/// what is printed by tests that pass to itself, and begins a line of its own.
pub fn not_run(why: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "\nnot run: {why}");
}
