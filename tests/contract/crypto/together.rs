//! Several commands that change one file at the same time.

use super::{KEY, crypto, playground, ring};
use ringfence_tests::command::Playground;
use serde_json::Value;
use std::io::Write as _;
use std::process::{Child, Stdio};

/// Commands that run at the same time.
const AT_ONCE: usize = 12;

fn started(playground: &Playground, arguments: &[&str]) -> Child {
    let mut command = playground.command();
    command.arg("crypto").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What a command prints, with nothing more on its standard input; it must have succeeded.
fn printed(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(playground: &Playground, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(playground.path().join(name)).unwrap()).unwrap()
}

const ISSUE: [&str; 8] =
    ["token", "issue", "--prefix", "orders", "--store", "tokens.json", "--key", "key"];

#[test]
fn every_token_that_is_printed_is_accepted_whoever_else_issues_at_that_time() {
    // Neither the table nor its key are there at first: only one of each may be made.
    let playground = Playground::new();
    let children: Vec<_> = (0..AT_ONCE).map(|_| started(&playground, &ISSUE)).collect();
    let verify = ["token", "verify", "--store", "tokens.json", "--key", "key", "--stdin"];
    for token in children.into_iter().map(printed).collect::<Vec<_>>() {
        let run = crypto(&playground, &verify, &token);
        assert_eq!(run.code, 0, "{run}");
    }
    let other = Playground::new();
    let foreign = crypto(&other, &ISSUE, "").stdout;
    assert_eq!(crypto(&playground, &verify, foreign).code, 1, "control");
}

#[test]
fn a_revoked_token_stays_revoked_whoever_else_issues_at_that_time() {
    let playground = playground();
    let ids: Vec<String> = (0..AT_ONCE / 2)
        .map(|_| {
            let run = crypto(&playground, &ISSUE, "");
            run.stderr.trim().strip_prefix("id ").unwrap().to_owned()
        })
        .collect();
    let mut children = Vec::new();
    for id in &ids {
        children.push(started(&playground, &ISSUE));
        children.push(started(&playground, &["token", "revoke", "--store", "tokens.json", id]));
    }
    for child in children {
        drop(printed(child));
    }
    let table = json(&playground, "tokens.json").to_string();
    assert_eq!(table.matches("\"revoked\":").count(), ids.len(), "{table}");
    assert_eq!(table.matches("\"prefix\":").count(), 2 * ids.len(), "{table}");
}

#[test]
fn every_seal_is_counted_whoever_else_seals_at_that_time() {
    let playground = playground();
    ring(&playground, "ring", "a256gcm");
    let seal = ["seal", "--keyring", "ring", "--key", "key"];
    let count = || json(&playground, "ring")["keys"][0]["seals"].as_u64().unwrap_or_default();
    assert_eq!(crypto(&playground, &seal, "data").code, 0);
    let one = count();
    assert!(one > 0);
    let children: Vec<_> = (0..AT_ONCE).map(|_| started(&playground, &seal)).collect();
    for child in children {
        drop(printed(child));
    }
    assert_eq!(count(), one * (AT_ONCE as u64 + 1));
}

#[test]
fn an_erased_key_stays_erased_though_a_seal_was_waiting_for_its_data() {
    for kind in ["a256gcm", "a256gcmkw"] {
        let playground = playground();
        ring(&playground, "ring", kind);
        let given = ["--keyring", "ring", "--key", "key"];
        let verb = |more: &[&str]| {
            let run = crypto(&playground, &[more, &given].concat(), "");
            assert_eq!(run.code, 0, "{run}");
        };
        verb(&["keyring", "rotate"]);
        let mut waiting = started(&playground, &[&["seal"][..], &given].concat());
        let mut stdin = waiting.stdin.take().unwrap();
        // More than a pipe holds: it is read from when this comes back.
        stdin.write_all(&vec![b'x'; 1 << 20]).unwrap();
        verb(&["keyring", "retire", "test-2", "--destroy"]);
        drop(stdin);
        let sealed = printed(waiting);
        assert_eq!(json(&playground, "ring")["keys"][1]["state"], "retired");
        let opened = crypto(&playground, &[&["open"][..], &given].concat(), sealed);
        assert_eq!((opened.code, opened.stdout.len()), (0, 1 << 20));
    }
}

#[test]
fn of_many_that_make_one_keyring_one_does_and_its_key_is_the_one_that_is_kept() {
    let playground = Playground::new();
    let create = ["--keyring", "ring", "--key", "key", "--name", "test", "--kind", "eddsa"];
    let create = [&["keyring", "create"][..], &create].concat();
    let children: Vec<_> = (0..AT_ONCE).map(|_| started(&playground, &create)).collect();
    let made = children.into_iter().map(|child| child.wait_with_output().unwrap());
    assert_eq!(made.filter(|output| output.status.success()).count(), 1);
    let sign = ["sign", "--keyring", "ring", "--key", "key"];
    assert_eq!(crypto(&playground, &sign, "{}").code, 0);
    assert_ne!(std::fs::read_to_string(playground.path().join("key")).unwrap(), KEY, "a new one");
}
