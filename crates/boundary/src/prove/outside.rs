//! The control: the same errand without any boundary.

use super::arena::{ArenaError, Errand, Output};
use super::launch::{self, Streams};
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Runs an errand of `program` as the present user, with `environment` and nothing else.
pub(super) fn run(
    program: &OsStr,
    errand: &Errand,
    environment: &[(OsString, OsString)],
) -> Result<Output, ArenaError> {
    let streams = Streams::make(&errand.input)?;
    let [input, output, complaints] = streams.copies()?;
    let mut command = command(program);
    command.args(&errand.arguments).env_clear();
    for (name, value) in environment {
        command.env(name, value);
    }
    command.stdin(Stdio::from(input)).stdout(Stdio::from(output)).stderr(Stdio::from(complaints));
    launch::run(streams, errand.deadline, move || {
        // Comes back only when the program cannot be executed; then it has told nothing.
        let _ = command.exec();
        127
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of this folder where a program is started; its environment is given whole"
)]
fn command(program: &OsStr) -> Command {
    Command::new(program)
}
