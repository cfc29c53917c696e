//! Outputs that go wrong are errors with a code, or nothing at all; never a panic.

use crate::SMALLEST;
use insta::assert_snapshot;
use ringfence_tests::command::{Playground, Run, binary, other};
use std::fs::File;
use std::io::{Read as _, Write as _};
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

/// Runs what follows with standard output closed, as `>&-` in a shell does, or as `way` says.
fn without_output(playground: &Playground, way: &str, arguments: &[&str], input: &str) -> Run {
    let mut command = other("sh");
    command.args(["-c", &format!("exec \"$0\" \"$@\" {way}")]).arg(binary()).args(arguments);
    command.current_dir(playground.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // It may have ended before it reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Run { code: output.status.code().unwrap_or(-1), stdout: String::new(), stderr }
}

#[test]
fn what_cannot_be_printed_because_output_is_closed_is_an_error() {
    let playground = Playground::new().with("ringfence.toml", SMALLEST);
    for (name, kind) in [("ring", "a256gcm"), ("signing", "eddsa")] {
        let create = ["crypto", "keyring", "create", "--name", "test", "--key", "key"];
        let run = playground.run(create.iter().chain(&["--keyring", name, "--kind", kind]));
        assert_eq!(run.code, 0, "{run}");
    }
    for arguments in [
        &["statement"][..],
        &["schema"],
        &["--help"],
        &["crypto", "seal", "--keyring", "ring", "--key", "key"],
        &["crypto", "sign", "--keyring", "signing", "--key", "key"],
    ] {
        let run = without_output(&playground, ">&-", arguments, "content");
        assert_eq!(run.code, 2, "{arguments:?}: {run}");
        assert!(run.stderr.contains("cannot write to standard output"), "{run}");
        // The controls: whoever throws it away means it, in whichever way it was opened.
        for way in [">/dev/null", "1<>/dev/null"] {
            let run = without_output(&playground, way, arguments, "content");
            assert_eq!(run.code, 0, "{arguments:?} {way}: {run}");
        }
    }
}

#[test]
fn a_token_that_cannot_be_printed_is_not_issued_or_named_as_lost() {
    let playground = Playground::new();
    let issue =
        ["crypto", "token", "issue", "--prefix", "shop", "--store", "tokens", "--key", "key"];
    let run = without_output(&playground, ">&-", &issue, "");
    assert_eq!(run.code, 2, "{run}");
    assert!(!playground.path().join("tokens").exists());
    let run = without_output(&playground, ">/dev/full", &issue, "");
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("nobody has it: revoke "), "{run}");
    assert_eq!(playground.run(issue).code, 0, "control");
}
