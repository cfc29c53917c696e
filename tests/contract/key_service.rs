//! `ringfence crypto --kms`: keys that stay in OpenBao itself, and in moto in the place of AWS KMS.

mod aws;
mod outside;
mod server;
mod transit;

use ringfence_tests::command::{Playground, Run};
use serde_json::Value;
use std::process::{Command, Stdio};

/// What is sealed here, and looked for wherever it must not be.
const DATA: &str = "card 4242 4242";

/// `ringfence crypto` in a folder, with something on its standard input and these variables.
fn crypto(
    playground: &Playground,
    arguments: &[&str],
    variables: &[(&str, &str)],
    input: &str,
) -> Run {
    let mut command = playground.command();
    command.arg("crypto").args(arguments).envs(variables.iter().copied());
    fed(&mut command, input)
}

fn fed(command: &mut Command, input: &str) -> Run {
    use std::io::Write as _;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

fn json(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{run}");
    serde_json::from_str(&run.stdout).unwrap()
}

/// The data stay byte for byte while the wrapped key is another.
fn check_rewrapped(before: &Value, after: &Value) {
    for same in ["protected", "iv", "ciphertext", "tag"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_ne!(before["encrypted_key"], after["encrypted_key"]);
}

/// A refusal: its code, nothing on standard output, this text, and no secret anywhere.
#[track_caller]
fn refused(run: &Run, code: i32, says: &str, secrets: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{run}");
    assert!(run.stderr.contains(says), "{says}: {run}");
    for secret in secrets.iter().chain([&DATA]) {
        assert!(!run.stderr.contains(secret), "{secret}: {run}");
    }
}

/// A file that its owner alone may read.
fn private(playground: &Playground, name: &str, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = playground.path().join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
