//! The field manual's promises, each through the built command, and the table that accounts for them.
//!
//! A test is named after the line of the manual it keeps. What the kernel has to hold is attacked by
//! `ringfence prove` and compared on real Nodes by `tests/node`; here is what the command says and
//! refuses, and that `docs/manual.md` tells the truth about all of it.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod certificates;
mod cryptography;
mod dependencies;
mod deployment;
mod durability;
mod edges;
mod evidence;
mod files;
mod input;
mod learning;
mod pages;
mod permissions;
mod programs;
mod runtime;
mod secrets;
mod stance;
mod table;
mod troubleshooting;

use ringfence_tests::command::{Playground, Run, other};
use serde_json::Value;

/// A boundary file that starts `program`, with more sections behind it.
fn starting(program: &str, rest: &str) -> String {
    format!("[service]\nname = \"orders\"\nstart = [{program:?}]\n\n{rest}\n")
}

/// Whether this host refuses the whole start, which is said by name.
fn refused_by_host(run: &Run) -> bool {
    let refused = run.code == 125 && run.stderr.contains("this host cannot give it");
    if refused {
        ringfence_tests::not_run("this host cannot enforce a boundary");
    }
    refused
}

/// Whether there is a Node on the search path that can be held; said by name where there is not.
fn has_node() -> bool {
    let found = other("node").arg("--version").output();
    let said = found.map(|said| String::from_utf8_lossy(&said.stdout).into_owned());
    let major =
        said.ok().and_then(|text| text.trim_start_matches('v').split('.').next()?.parse().ok());
    let found = major.is_some_and(|major: u32| major >= 20);
    if !found {
        ringfence_tests::not_run("there is no Node 20 or newer on PATH");
    }
    found
}

/// What `check-config` finds in a boundary file: code and message of each mistake.
fn mistakes(playground: &Playground, arguments: &[&str]) -> Vec<(String, String)> {
    let all = [&["check-config", "--format", "json"], arguments].concat();
    let run = playground.run(all);
    assert_eq!(run.code, 2, "{run}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mistakes = report["mistakes"].as_array().unwrap().iter();
    mistakes.map(|mistake| (text(&mistake["code"]), text(&mistake["message"]))).collect()
}
