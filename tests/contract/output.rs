//! Outputs that go wrong are errors with a code, or nothing at all; never a panic.

use crate::SMALLEST;
use insta::assert_snapshot;
use ringfence_tests::command::{Playground, Run};
use std::fs::File;
use std::io::Read as _;
use std::process::Stdio;

#[test]
fn a_full_disk_is_an_error() {
    let playground = Playground::new().with("ringfence.toml", SMALLEST);
    let full = || File::options().write(true).open("/dev/full").unwrap();
    for arguments in [&["statement"][..], &["schema"], &["completions", "bash"], &["--help"]] {
        let run = playground.finish(playground.command().args(arguments).stdout(full()));
        assert_eq!(run.code, 2, "{arguments:?}: {run}");
        assert!(run.stderr.contains("cannot write to standard output"), "{run}");
    }
    let run = playground.finish(playground.command().arg("statement").stdout(full()));
    assert_snapshot!(run, @"
    exit: 2
    --- stdout
    --- stderr
    error: cannot write to standard output
      caused by: No space left on device (os error 28)
    hint: free space on the disk, or send the output elsewhere
    ---
    ");
}

#[test]
fn an_error_that_cannot_be_told_still_has_its_code() {
    let playground = Playground::new();
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let mut command = playground.command();
    command.arg("check-config").stdout(full()).stderr(full());
    assert_eq!(playground.finish(&mut command).code, 2);
}

#[test]
fn a_reader_that_left_is_no_failure() {
    let playground = Playground::new().with("ringfence.toml", SMALLEST);
    for arguments in [&["schema"][..], &["statement"], &["completions", "zsh"]] {
        let mut command = playground.command();
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let code = child.wait().unwrap().code().unwrap_or(-1);
        let run = Run { code, stdout: String::new(), stderr };
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
    }
}
