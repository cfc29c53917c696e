//! Files that are written: whole or not at all, whatever happens meanwhile.

use super::{contents, crypto, fed, playground, ring, silent};
use ringfence_tests::command::{self, Playground, Run};
use ringfence_tests::not_run;
use serde_json::Value;
use std::fs;

const ISSUE: [&str; 8] =
    ["token", "issue", "--prefix", "orders", "--store", "tokens.json", "--key", "key"];
const ROTATE: [&str; 6] = ["keyring", "rotate", "--keyring", "ring", "--key", "key"];

/// The command in a shell that has bounded how long its files may get, in units of 512 bytes. What is
/// beyond fails like a full disk (`XFSZ` is ignored), or ends the process in the middle of a write.
fn bounded(playground: &Playground, units: u32, dies: bool, arguments: &[&str]) -> Run {
    let ignored = if dies { "" } else { "trap '' XFSZ; " };
    let script = format!("{ignored}ulimit -f {units}; exec \"$0\" crypto \"$@\"");
    let mut command = command::other("sh");
    command.args(["-c", &script]).arg(command::binary()).args(arguments);
    fed(command.current_dir(playground.path()).env("HOME", playground.path()), b"data")
}

/// Names and bytes of all files but those that begin with a dot.
fn visible(playground: &Playground) -> Vec<(String, Vec<u8>)> {
    contents(playground).into_iter().filter(|(name, _)| !name.starts_with('.')).collect()
}

#[test]
fn on_a_full_disk_nothing_is_printed_and_what_was_there_is_still_there() {
    let playground = playground();
    ring(&playground, "ring", "a256gcm");
    assert_eq!(crypto(&playground, &ISSUE, "").code, 0, "control");
    let before = contents(&playground);
    let seal = ["seal", "--keyring", "ring", "--key", "key"];
    let create =
        ["keyring", "create", "--keyring", "new", "--key", "key", "--name", "a", "--kind", "eddsa"];
    for arguments in [&ISSUE[..], &ROTATE, &seal, &create] {
        let run = bounded(&playground, 0, false, arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?} {run}");
        assert!(run.stderr.contains("error: cannot write"), "{run}");
        silent(&run, &["orders_", "data"]);
        assert!(contents(&playground) == before, "{arguments:?} left something behind");
    }
    assert_eq!(
        bounded(&playground, 4096, false, &ISSUE).code,
        0,
        "control: with room it is written"
    );
}

#[test]
fn a_process_that_is_ended_in_the_middle_of_a_write_leaves_the_older_file() {
    let playground = playground();
    ring(&playground, "ring", "a256gcm");
    assert_eq!(crypto(&playground, &ISSUE, "").code, 0);
    let before = visible(&playground);
    for arguments in [&ISSUE[..], &ROTATE] {
        let run = bounded(&playground, 0, true, arguments);
        assert!(run.code != 0 && run.stdout.is_empty(), "{run}");
        assert!(visible(&playground) == before, "{arguments:?}");
    }
    assert_eq!(crypto(&playground, &ISSUE, "").code, 0, "what was left is in nobody's way");
}

#[test]
fn a_key_that_cannot_be_written_is_not_used() {
    let playground = Playground::new();
    let run = bounded(&playground, 0, false, &ISSUE);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
    assert!(contents(&playground).is_empty(), "{run}");
    assert_eq!(crypto(&playground, &ISSUE, "").code, 0, "control");
    let mut names: Vec<_> = contents(&playground).into_iter().map(|(name, _)| name).collect();
    names.sort();
    assert_eq!(names, ["key", "tokens.json"]);
}

#[test]
fn killed_at_any_call_that_writes_the_table_is_the_older_or_the_newer_one_whole() {
    if command::other("strace").arg("--version").output().is_err() {
        not_run("strace is missing: nothing is killed in the middle of a write");
        return;
    }
    let calls =
        "openat,write,pwrite64,fsync,fdatasync,fchmod,rename,renameat,renameat2,linkat,unlink";
    let (mut killed, mut finished) = (0, false);
    for at in 1..200 {
        let playground = playground();
        assert_eq!(crypto(&playground, &ISSUE, "").code, 0);
        let table = playground.path().join("tokens.json");
        let before = fs::read_to_string(&table).unwrap();
        let mut strace = command::other("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e"]).arg(format!("trace={calls}"));
        strace.arg("-e").arg(format!("inject={calls}:signal=KILL:when={at}"));
        strace.arg(command::binary()).arg("crypto").args(ISSUE).current_dir(playground.path());
        let run = fed(&mut strace, b"");
        if run.stderr.contains("PTRACE") || run.stderr.contains("ptrace") {
            not_run("this host lets nobody trace: nothing is killed in the middle of a write");
            return;
        }
        let after = fs::read_to_string(&table).unwrap();
        let parsed: Value = serde_json::from_str(&after).unwrap();
        let count = parsed["tokens"].as_object().unwrap().len();
        assert!(after == before && count == 1 || count == 2, "call {at}: {after}");
        // Whoever has the token has it in the table.
        assert!(run.stdout.is_empty() || count == 2, "call {at}: {run}");
        assert_eq!(crypto(&playground, &ISSUE, "").code, 0, "call {at}: nothing is in the way");
        if run.code == 0 {
            finished = true;
            break;
        }
        killed += 1;
    }
    assert!(finished && killed > 3, "{killed}");
}

#[test]
fn killed_while_it_reads_nothing_is_written() {
    use std::process::Stdio;
    let playground = playground();
    ring(&playground, "ring", "a256gcm");
    let before = contents(&playground);
    let mut command = playground.command();
    command.args(["crypto", "seal", "--keyring", "ring", "--key", "key"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // It waits for the end of what it is to seal.
    std::io::Write::write_all(child.stdin.as_mut().unwrap(), b"SECRET").unwrap();
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.code().is_none() && output.stdout.is_empty());
    assert!(contents(&playground) == before);
}
