//! `ringfence crypto`: passwords, tokens, envelopes, signatures and keyrings on the command line.

mod envelope;
mod files;
mod hostile;
mod keyring;
mod password;
mod signature;
mod together;
mod token;

use ringfence_tests::command::{Playground, Run};
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// A key of 32 bytes that protects others, and another one.
const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";
const OTHER_KEY: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff\n";

/// A folder with both keys, readable by their owner alone.
fn playground() -> Playground {
    let playground = Playground::new().with("key", KEY).with("other.key", OTHER_KEY);
    for name in ["key", "other.key"] {
        private(&playground, name);
    }
    playground
}

fn private(playground: &Playground, name: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(playground.path().join(name), mode).unwrap();
}

/// `ringfence crypto` with something on its standard input.
fn crypto(playground: &Playground, arguments: &[&str], input: impl AsRef<[u8]>) -> Run {
    let mut command = playground.command();
    command.arg("crypto").args(arguments);
    fed(&mut command, input.as_ref())
}

/// A command with something on its standard input.
fn fed(command: &mut Command, input: &[u8]) -> Run {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // Whoever refuses its arguments does not read; whoever answers before it has read all is not
    // waited for.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// What must be true of every refusal: this exit code, nothing on standard output, and nowhere a part
/// of what is secret.
#[track_caller]
fn refused(run: &Run, code: i32, secrets: &[&str]) {
    assert_eq!((run.code, run.stdout.as_str()), (code, ""), "{run}");
    // Events stand beside it.
    assert!(run.stderr.lines().any(|line| line.starts_with("error: ")) || code == 1, "{run}");
    silent(run, secrets);
}

/// No part of a secret is told.
#[track_caller]
fn silent(run: &Run, secrets: &[&str]) {
    for secret in secrets {
        assert!(!run.stderr.contains(secret) && !run.stdout.contains(secret), "{secret:?}: {run}");
    }
}

/// Every file of the folder with its bytes.
fn contents(playground: &Playground) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(playground.path())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}

/// A keyring of a kind in the file `ring`.
fn ring(playground: &Playground, name: &str, kind: &str) {
    let create = ["keyring", "create", "--keyring", name, "--key", "key", "--name", "test"];
    let run = crypto(playground, &[&create[..], &["--kind", kind]].concat(), "");
    assert_eq!(run.code, 0, "{run}");
}
