//! `ringfence run`: what it does with codes, errors and events. What it enforces is proved elsewhere.

use crate::TRUE;
use insta::assert_snapshot;
use ringfence_tests::command::{Playground, Run};
use serde_json::Value;

/// Whether this host refuses the whole start, which a test of the program's own code cannot mend.
fn refused_by_host(run: &Run) -> bool {
    let refused = run.code == 125 && run.stderr.contains("this host cannot give it");
    if refused {
        ringfence_tests::not_run("this host cannot enforce a boundary");
    }
    refused
}

/// The run without its event lines, which hold the time.
fn without_events(mut run: Run) -> Run {
    let lines = run.stderr.split_inclusive('\n').filter(|line| !line.starts_with("{\"v\":"));
    run.stderr = lines.collect();
    run
}

#[test]
fn the_programs_own_code_is_passed_through() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let run = playground.run(["run"]);
    if refused_by_host(&run) {
        return;
    }
    assert_eq!(run.code, 0, "{run}");
    let run = playground.run(["run", "--", "/bin/sh", "-c", "exit 7"]);
    assert_eq!(run.code, 7, "{run}");
    let run = playground.run(["run", "--", "/bin/sh", "-c", "kill -TERM $$"]);
    assert_eq!(run.code, 128 + 15, "{run}");
}

#[test]
fn the_programs_output_is_its_own() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let run = playground.run(["run", "--", "/bin/sh", "-c", "echo out; echo err >&2"]);
    if refused_by_host(&run) {
        return;
    }
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("out\n", "err\n"));
}

#[test]
fn options_of_the_command_are_not_ours() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let run = playground.run(["run", "--", "/bin/echo", "--observe", "--", "-x"]);
    if refused_by_host(&run) {
        return;
    }
    assert_eq!(run.stdout, "--observe -- -x\n");
}

#[test]
fn no_boundary_file_is_a_failure_of_ringfence() {
    assert_snapshot!(without_events(Playground::new().run(["run"])), @"
    exit: 125
    --- stdout
    --- stderr
    error: no ringfence.toml in [DIR] or above
    hint: name the boundary file with --config FILE
    hint: a first one needs only [service] name and start, and [fs] read
    ---
    ");
}

#[test]
fn a_program_that_is_not_there_is_a_failure_of_ringfence() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    assert_snapshot!(without_events(playground.run(["run", "--", "no-such-program"])), @"
    exit: 125
    --- stdout
    --- stderr
    error: program not found: no-such-program (searched PATH and node_modules/.bin)
    hint: install it, or name it with a path
    ---
    ");
}

#[test]
fn a_command_without_dashes_is_refused_with_the_way_to_write_it() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    assert_snapshot!(without_events(playground.run(["run", "node", "server.mjs"])), @"
    exit: 125
    --- stdout
    --- stderr
    error: unexpected argument `node`
    hint: put `--` before the command: `ringfence run -- node ...`
    hint: `ringfence run --help` lists its options
    ---
    ");
}

#[test]
fn a_failure_is_an_event_with_its_kind() {
    let playground = Playground::new().with("ringfence.toml", "schema = 1\n");
    let run = playground.run(["run", "--events", "events.jsonl"]);
    assert_eq!(run.code, 125, "{run}");
    let events = std::fs::read_to_string(playground.path().join("events.jsonl")).unwrap();
    let lines: Vec<Value> =
        events.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!((&lines[0]["v"], &lines[0]["kind"]), (&1.into(), &"error".into()));
    assert_eq!(lines[0]["code"], "configuration");
    let time = lines[0]["time"].as_str().unwrap();
    assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
}

#[test]
fn without_a_file_the_event_goes_to_standard_error() {
    let run = Playground::new().run(["run"]);
    let event = run.stderr.lines().find(|line| line.starts_with('{')).unwrap();
    let event: Value = serde_json::from_str(event).unwrap();
    assert_eq!((&event["kind"], &event["code"]), (&"error".into(), &"source".into()));
}

#[test]
fn events_that_cannot_be_written_refuse_the_start() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    assert_snapshot!(without_events(playground.run(["run", "--events", "no/such/folder"])), @"
    exit: 125
    --- stdout
    --- stderr
    error: cannot write events to no/such/folder
      caused by: No such file or directory (os error 2)
    hint: name a file in a folder you may write to: --events FILE
    ---
    ");
    assert_eq!(playground.run(["run", "--events", "."]).code, 125);
}

#[test]
fn an_observing_run_says_that_it_enforces_nothing() {
    let playground = Playground::new().with("ringfence.toml", TRUE);
    let run = playground.run(["run", "--observe"]);
    assert!(run.stderr.starts_with("warning: observing: NOTHING is enforced, "), "{run}");
}
