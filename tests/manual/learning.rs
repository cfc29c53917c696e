//! A first boundary: what the manual's own start command meant, and what a recorded run is told.

use crate::has_node;
use ringfence_tests::command::{Playground, Run, other};

/// Lines 72 to 77 of the manual.
const START: &str = include_str!("snippets/start-command.sh");

/// Text on one line, whatever its width was.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn written(playground: &Playground) -> String {
    std::fs::read_to_string(playground.path().join("ringfence.toml")).unwrap()
}

/// A recorded run; `None` where this host cannot record.
fn learn(playground: &Playground, script: &str) -> Option<Run> {
    let run = playground.run(["learn", "--", "node", script]);
    if run.code == 3 {
        ringfence_tests::not_run("this host cannot record");
        return None;
    }
    Some(run)
}

#[test]
fn line_63_who_writes_a_log_file_is_pointed_to_standard_output() {
    if !has_node() {
        return;
    }
    let playground = Playground::new()
        .with("file.mjs", "import fs from 'node:fs'; fs.appendFileSync('logs/app.log', 'x');\n")
        .with("stdout.mjs", "console.log('x');\n")
        .with("logs/.keep", "");
    let said = "log-file: ./logs/app.log is a log: a service that logs to standard output needs no \
                place to write, and no rotation";
    let Some(run) = learn(&playground, "file.mjs") else { return };
    assert!(flat(&run.stdout).contains(said), "{run}");
    // The control: who logs to standard output is told nothing and gets nowhere to write.
    let Some(run) = learn(&playground, "stdout.mjs") else { return };
    assert!(run.code == 0 && !run.stdout.contains("log-file"), "{run}");
}

#[test]
fn line_71_to_77_init_reads_the_start_command_as_it_was_meant() {
    let playground = Playground::new().with("dist/server.mjs", "console.log('started');\n");
    let run = playground.run(["init", "--command", START]);
    assert!(run.code < 2, "{run}");
    let (draft, said) = (written(&playground), flat(&run.stdout));
    for line in [
        "start = [\"node\", \"./dist/server.mjs\"]",
        "\"/app\",",
        "\"/etc/ssl/certs\",",
        "\"api.internal:443\",",
        "\"redis.internal:6379\",",
    ] {
        assert!(draft.contains(line), "{line} is not in\n{draft}");
    }
    for told in [
        "--allow-fs-read=/app,/etc/ssl/certs granted nothing on Node 20 to 26 (it is one path \
         with a comma in it)",
        "--allow-net=api.internal:443,redis.internal:6379 granted ALL network, in and out on \
         Node 25 and 26",
    ] {
        assert!(said.contains(told), "{told} is not in\n{said}");
    }
    // Its /tmp needs no grant: every service has one of its own.
    assert!(!draft.contains("write = [\"/tmp"), "{draft}");
}

#[test]
fn line_71_to_77_what_the_start_command_meant_starts() {
    if !has_node() {
        return;
    }
    let attempts = "import fs from 'node:fs';\nfs.writeFileSync('/tmp/own', 'x');\n\
                    console.log('started', fs.readdirSync('/etc/ssl/certs').length >= 0);\n";
    let playground = Playground::new().with("dist/server.mjs", attempts).with("note.txt", "x");
    // As root the service runs as somebody else, who must be able to reach the folder.
    let _ = other("chmod").arg("-R").arg("a+rX").arg(playground.path()).status();
    // The control: read literally, it does not start.
    let words: Vec<&str> = START.split_whitespace().filter(|word| *word != "\\").collect();
    let bare =
        other("node").args(words.iter().skip(1)).current_dir(playground.path()).output().unwrap();
    assert!(!bare.status.success());
    // `/app` of the manual is this folder.
    let meant = START.replace("=/app,", "=.,");
    let run = playground.run(["init", "--command", &meant]);
    assert_eq!(run.code, 0, "{run}\n{}", written(&playground));
    let run = playground.run(["run"]);
    if crate::refused_by_host(&run) {
        return;
    }
    assert_eq!(run.stdout, "started true\n", "{run}");
}

#[test]
fn line_102_to_103_init_takes_no_wildcard_over() {
    let playground = Playground::new().with("dist/server.mjs", "\n");
    let command = "node --permission --allow-fs-read=* --allow-net=* dist/server.mjs";
    let run = playground.run(["init", "--command", command]);
    assert!(run.code < 2, "{run}");
    let said = flat(&run.stdout);
    assert!(said.contains("--allow-fs-read=* granted every file on Node 20 to 26"), "{said}");
    assert!(said.contains("--allow-net=* granted ALL network"), "{said}");
    let draft = written(&playground);
    let grants = draft.lines().filter(|line| !line.trim_start().starts_with('#'));
    assert!(grants.clone().all(|line| !line.contains('*')), "{draft}");
    assert!(grants.clone().any(|line| line.starts_with("connect = []")), "{draft}");
}

#[test]
fn line_105_init_looks_through_npm_start() {
    let package = "{\"name\": \"orders\", \"scripts\": {\"start\": \"node dist/server.mjs\"}}";
    let playground = Playground::new()
        .with("package.json", package)
        .with("dist/server.mjs", "")
        .with("Dockerfile", "FROM node:22\nCMD [\"npm\", \"start\"]\n");
    let run = playground.run(["init"]);
    assert!(run.code < 2, "{run}");
    let draft = written(&playground);
    assert!(draft.contains("start = [\"node\", \"dist/server.mjs\"]"), "{draft}");
    assert!(!draft.contains("[\"npm\""), "{draft}");
}
