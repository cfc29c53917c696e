//! `ringfence run`: what it does with codes, errors and events. What it enforces is proved elsewhere.

use crate::TRUE;
use insta::assert_snapshot;
use ringfence_tests::command::{Playground, Run};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

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
    let run = playground.run(["run", "--", "/bin/echo", "--trace", "--", "-x"]);
    if refused_by_host(&run) {
        return;
    }
    assert_eq!(run.stdout, "--trace -- -x\n");
}

#[test]
fn no_boundary_file_is_a_failure_of_ringfence() {
    assert_snapshot!(without_events(Playground::new().run(["run"])), @"
    exit: 125
    --- stdout
    --- stderr
    error: no ringfence.toml in [DIR] or above
    hint: name the boundary file with --config FILE
    hint: `ringfence init` writes a first one from the project
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
fn events_that_the_service_could_replace_are_refused_and_nothing_is_made() {
    let text = TRUE.replace("[fs]", "[fs]\nwrite = [\"./uploads\"]");
    let playground = Playground::new().with("ringfence.toml", &text).with("uploads/kept", "");
    let run = playground.run(["run", "--events", "uploads/ev.jsonl"]);
    assert_eq!(run.code, 125, "{run}");
    assert!(run.stderr.contains("uploads/ev.jsonl lies in a write grant"), "{run}");
    assert!(!playground.path().join("uploads/ev.jsonl").exists());
    // What is there already is not written to: the service may have put it there.
    assert_eq!(playground.run(["run", "--events", "uploads/kept"]).code, 125);
    assert_eq!(std::fs::read(playground.path().join("uploads/kept")).unwrap(), b"");
    // A link out of reach of the service that leads into its reach.
    std::os::unix::fs::symlink("uploads/new", playground.path().join("link")).unwrap();
    assert_eq!(playground.run(["run", "--events", "link"]).code, 125);
    let run = playground.run(["run", "--events", "ev.jsonl"]);
    assert!(refused_by_host(&run) || run.code == 0, "{run}");
    assert!(playground.path().join("ev.jsonl").exists());
}

#[test]
fn grants_that_the_services_user_cannot_use_are_said_at_the_start() {
    let text = TRUE.replace("\"./\"", "\"./key\"").replace("[fs]", "[fs]\nwrite = [\"./data\"]");
    let playground =
        Playground::new().with("ringfence.toml", &text).with("key", "").with("data/x", "");
    let mode = |name: &str, mode: u32| {
        let path = playground.path().join(name);
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    for (folder, file, told) in [(0o777, 0o444, 0), (0o555, 0o444, 1), (0o555, 0o000, 2)] {
        mode("data", folder);
        mode("key", file);
        let run = playground.run(["run"]);
        if refused_by_host(&run) {
            return;
        }
        let warnings: Vec<&str> =
            run.stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
        assert_eq!((run.code, warnings.len()), (0, told), "{run}");
        let named = warnings.iter().all(|line| {
            line.contains("data is granted but not writable")
                || line.contains("key is granted but not readable")
        });
        assert!(named, "{run}");
    }
}

#[test]
fn a_memory_limit_that_was_reached_is_an_event_and_a_line() {
    let text = format!("{TRUE}[limits]\nmemory = \"32MiB\"\n");
    let playground = Playground::new().with("ringfence.toml", &text);
    // `dd` has one block of this size, and fills it.
    let fill = ["/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=256M", "count=1"];
    let run = playground.run(["run", "--events", "events.jsonl", "--"].iter().chain(&fill));
    if refused_by_host(&run) {
        return;
    }
    assert_eq!(run.code, 137, "{run}");
    assert!(run.stderr.contains("warning: the memory limit of 32 MiB was reached"), "{run}");
    let events = std::fs::read_to_string(playground.path().join("events.jsonl")).unwrap();
    let event: Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    let told = ["kind", "layer", "action", "resource"].map(|key| event[key].as_str().unwrap());
    assert_eq!(told, ["denial", "cgroup", "limit", "limits.memory"]);
    assert!(event["reason"].as_str().unwrap().starts_with("the memory limit of 32 MiB"), "{event}");
    // With enough of it nothing is said.
    let enough = Playground::new().with("ringfence.toml", &text.replace("32MiB", "1GiB"));
    let run = enough.run(["run", "--"].iter().chain(&fill));
    assert_eq!((run.code, run.stderr.contains("limit")), (0, false), "{run}");
}

#[test]
fn a_limit_of_processes_that_was_reached_is_an_event_and_a_line() {
    let text = format!("{TRUE}[limits]\npids = 8\n[process]\nchildren = [\"/bin/sleep\"]\n");
    let playground = Playground::new().with("ringfence.toml", &text);
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do /bin/sleep 60 & done; kill $(jobs -p)";
    let run = playground.run(["run", "--events", "events.jsonl", "--", "/bin/sh", "-c", script]);
    if refused_by_host(&run) {
        return;
    }
    assert!(run.stderr.contains("the limit of 8 processes and threads was reached"), "{run}");
    let events = std::fs::read_to_string(playground.path().join("events.jsonl")).unwrap();
    assert!(events.contains("\"action\":\"limit\",\"resource\":\"limits.pids\""), "{events}");
}

#[test]
fn a_path_that_climbs_out_of_a_link_is_answered_as_the_kernel_walks_it() {
    let boundary = "schema = 1\n[service]\nname = \"links\"\nstart = [\"node\", \"-p\", \"['data/link/../kept/file', 'data/file'].map((path) => process.permission.has('fs.write', path)).join()\"]\n[fs]\nread = [\"./kept\"]\nwrite = [\"./data\"]\n";
    let playground = Playground::new()
        .with("ringfence.toml", boundary)
        .with("kept/file", "kept")
        .with("data/kept/file", "written");
    std::os::unix::fs::symlink("../kept", playground.path().join("data/link")).unwrap();
    let path = playground.path();
    let _ = ringfence_tests::command::other("chmod").arg("-R").arg("a+rwX").arg(&path).status();
    let run = playground.run(["run"]);
    if refused_by_host(&run) {
        return;
    }
    if run.stderr.contains("not found") {
        ringfence_tests::not_run("there is no Node on the search path");
        return;
    }
    assert_eq!(run.stdout, "false,true\n", "{run}");
}
