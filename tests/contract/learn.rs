//! `ringfence learn`: what was used is granted, what was granted suffices, and nothing else changes.

mod check;

use ringfence_tests::command::{Playground, Run, other};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// A service that reads, writes, listens, connects to itself, and asks for a variable.
const SERVICE: &str = "import fs from 'node:fs';
import http from 'node:http';
import dep from 'dep';
import { greet } from './lib/greet.mjs';
const { name } = JSON.parse(fs.readFileSync('config.json'));
fs.writeFileSync('data/new.tmp', name);
fs.renameSync('data/new.tmp', 'data/kept');
const own = `/tmp/learn-own-${process.pid}`;
fs.writeFileSync(own, name);
fs.unlinkSync(own);
const server = http.createServer((request, response) => response.end(greet(dep(name))));
server.listen(0, '127.0.0.1', async () => {
  const answer = await fetch(`http://127.0.0.1:${server.address().port}/`);
  console.log(await answer.text(), process.env.LEVEL);
  server.close();
});
";

/// Layers that hosts of tests have; control groups often are not writable.
const REQUIRE: &str = "\n[require]\nlayers = [\"environment\", \"identity\", \"namespaces\", \
                       \"rlimits\", \"landlock\", \"seccomp\", \"broker\"]\n";

fn project() -> Playground {
    let playground = Playground::new()
        .with("package.json", "{\"name\":\"@acme/Greeter\",\"type\":\"module\"}")
        .with("config.json", "{\"name\":\"ann\"}")
        .with("src/server.mjs", SERVICE)
        .with("src/lib/greet.mjs", "export const greet = (name) => `hello ${name}`;\n")
        .with("node_modules/dep/package.json", "{\"name\":\"dep\",\"version\":\"1.2.3\"}")
        .with("node_modules/dep/index.js", "module.exports = (text) => text.toUpperCase();\n")
        .with("data/kept", "old");
    open(&playground);
    playground
}

/// As root the service runs as somebody else, who must be able to reach the folder.
fn open(playground: &Playground) {
    let _ = other("chmod").arg("-R").arg("a+rwX").arg(playground.path()).status();
}

fn node() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let found = std::env::split_paths(&path).map(|folder| folder.join("node"));
    let found = found.filter_map(|path| path.canonicalize().ok()).find(|path| path.is_file());
    if found.is_none() {
        ringfence_tests::not_run("node is not in PATH");
    }
    found
}

/// `None` where this host cannot record.
fn learn(playground: &Playground, arguments: &[&str]) -> Option<Run> {
    let mut command = playground.command();
    command.env("LEVEL", "7").arg("learn").args(arguments);
    let run = playground.finish(&mut command);
    if run.code == 3 {
        ringfence_tests::not_run("this host cannot record");
        return None;
    }
    Some(run)
}

/// Learns the whole service.
fn learnt(playground: &Playground) -> Option<Run> {
    let node = node()?;
    learn(playground, &["--", node.to_str().unwrap(), "src/server.mjs"])
}

fn file(playground: &Playground) -> String {
    fs::read_to_string(playground.path().join("ringfence.toml")).unwrap_or_default()
}

fn records(playground: &Playground) -> Vec<PathBuf> {
    let entries = fs::read_dir(playground.path().join(".ringfence/records"));
    let mut records: Vec<PathBuf> =
        entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    // The script that tells from inside Node lies beside them.
    records.retain(|path| path.extension().is_some_and(|end| end == "jsonl"));
    records.sort();
    records
}

#[test]
fn under_the_learned_file_the_same_run_is_refused_nothing() {
    let playground = project();
    let Some(run) = learnt(&playground) else { return };
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("hello ANN 7"), "{run}");
    let learned = file(&playground);
    for line in ["name = \"greeter\"", "\"./src/\", #", "\"./config.json\", #", "\"./data/\", #"] {
        assert!(learned.contains(line), "{line} is not in\n{learned}");
    }
    for not in ["package.json", "/tmp", "listen", "connect", "\"./\""] {
        assert!(!learned.contains(not), "{not} is in\n{learned}");
    }
    let path = playground.path();
    fs::write(path.join("ringfence.toml"), format!("{learned}{REQUIRE}")).unwrap();
    open(&playground);
    let events = path.parent().unwrap().join(format!("events-{}", std::process::id()));
    let mut command = playground.command();
    command.env("LEVEL", "7").args(["run", "--trace", "--events"]).arg(&events);
    let run = playground.finish(&mut command);
    let told = fs::read_to_string(&events).unwrap_or_default();
    let _ = fs::remove_file(&events);
    if run.code == 125 && run.stderr.contains("this host cannot give it") {
        return ringfence_tests::not_run("this host cannot enforce a boundary");
    }
    assert_eq!((run.code, run.stdout.as_str()), (0, "hello ANN 7\n"), "{run}");
    // Node looks for it beside every script, and does without: all scripts say what they are.
    let beside = |line: &&str| line.contains("/package.json\"");
    let told: Vec<&str> = told.lines().filter(|line| !beside(line)).collect();
    assert!(told.is_empty(), "{told:#?}\n{learned}");
}

#[test]
fn what_the_loader_of_node_looks_for_and_does_without_is_no_refusal() {
    let Some(node) = node() else { return };
    let script = "import fs from 'node:fs';\n\
                  if (process.argv[2]) try { fs.readdirSync('dist'); } catch {}\n\
                  console.log('ran');\n";
    let boundary = format!(
        "schema = 1\n[service]\nname = \"alone\"\nstart = [\"node\"]\n\
         [fs]\nread = [\"./dist/one.js\", \"./package.json\"]\n{REQUIRE}"
    );
    // Not below /tmp, which every service may read.
    let folder = tempfile::tempdir_in("/var/tmp").unwrap();
    fs::create_dir(folder.path().join("dist")).unwrap();
    for (name, text) in [
        ("package.json", "{\"type\":\"module\"}"),
        ("dist/one.js", script),
        ("ringfence.toml", boundary.as_str()),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let _ = other("chmod").arg("-R").arg("a+rwX").arg(folder.path()).status();
    let playground = Playground::new();
    let run = |arguments: &[&str]| {
        let mut command = playground.command();
        command.args(["run", "--", node.to_str().unwrap(), "dist/one.js"]).args(arguments);
        playground.finish(command.current_dir(folder.path()))
    };
    let alone = run(&[]);
    if alone.code == 125 && alone.stderr.contains("this host cannot give it") {
        return ringfence_tests::not_run("this host cannot enforce a boundary");
    }
    assert_eq!((alone.code, alone.stdout.as_str()), (0, "ran\n"), "{alone}");
    assert!(!alone.stderr.contains("\"denial\""), "{alone}");
    // Node tells of its own refusals since version 24.
    let tells = other(&node.to_string_lossy()).args(["-p", "process.versions.node"]).output();
    let version = String::from_utf8(tells.unwrap().stdout).unwrap();
    let major: u32 = version.split('.').next().unwrap().parse().unwrap();
    let asking = run(&["and reads the folder itself"]);
    assert_eq!(asking.stderr.contains("\"node-flags\""), major >= 24, "{asking}");
}

#[test]
fn learning_twice_changes_nothing_and_check_tells_the_line_that_was_taken_out() {
    let playground = project();
    if learnt(&playground).is_none() {
        return;
    }
    let first = file(&playground);
    let again = learn(&playground, &[]).unwrap();
    assert_eq!((again.code, file(&playground)), (0, first.clone()), "{again}");
    let check = learn(&playground, &["--check"]).unwrap();
    assert_eq!(check.code, 0, "{check}");
    let without: String = first
        .lines()
        .filter(|line| !line.contains("config.json"))
        .map(|l| l.to_owned() + "\n")
        .collect();
    fs::write(playground.path().join("ringfence.toml"), &without).unwrap();
    let check = learn(&playground, &["--check"]).unwrap();
    assert_eq!(check.code, 1, "{check}");
    assert!(check.stdout.contains("  fs.read = [\"./config.json\"]\n"), "{check}");
    assert_eq!(file(&playground), without, "--check writes nothing");
}

#[test]
fn what_stood_in_the_file_stays_as_it_stood() {
    let playground = Playground::new();
    let file_text = "# ours\nschema = 1\n[service]\nname = \"a\" # its name\nstart = [\"/bin/sh\", \"-c\", \
                     \"cat data/x data/y; exit 0\"]\n\n[limits]   # few\npids = 50\n";
    let playground =
        playground.with("ringfence.toml", file_text).with("data/x", "x").with("data/y", "y");
    let Some(run) = learn(&playground, &[]) else { return };
    assert_eq!(run.code, 0, "{run}");
    let learned = file(&playground);
    let removed: Vec<&str> = file_text.lines().filter(|line| !learned.contains(line)).collect();
    assert!(removed.is_empty(), "{removed:?}\n{learned}");
    let at = |text: &str| learned.find(text).unwrap_or_else(|| panic!("{text}\n{learned}"));
    assert!(at("[service]") < at("[fs]") && at("[process]") < at("[limits]   # few"), "{learned}");
    assert!(learned.contains("\"./data/\", # read by cat, 2 files"), "{learned}");
    let minus = run.stdout.lines().filter(|line| line.starts_with('-') && !line.starts_with("---"));
    assert_eq!(minus.count(), 0, "{run}");
}

#[test]
fn a_dry_run_shows_the_change_and_writes_nothing() {
    let playground = Playground::new().with("data", "x");
    let Some(run) = learn(&playground, &["--dry-run", "--", "/bin/cat", "data"]) else { return };
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("+  \"./data\", # read by cat"), "{run}");
    assert!(run.stdout.contains("Nothing was written."), "{run}");
    assert!(run.stderr.contains("NOTHING is enforced"), "{run}");
    assert!(!playground.path().join("ringfence.toml").exists());
}

#[test]
fn a_record_drafts_the_same_file_again_also_when_it_was_cut_short() {
    let playground = Playground::new().with("data", "x");
    let Some(first) = learn(&playground, &["--", "/bin/cat", "data"]) else { return };
    let learned = file(&playground);
    let record = records(&playground).pop().unwrap();
    assert!(first.stdout.contains("ringfence learn --from "), "{first}");
    let again = |record: &PathBuf| {
        fs::remove_file(playground.path().join("ringfence.toml")).unwrap();
        learn(&playground, &["--from", record.to_str().unwrap()]).unwrap()
    };
    let run = again(&record);
    assert_eq!((run.code, file(&playground)), (0, learned.clone()), "{run}");
    let text = fs::read_to_string(&record).unwrap();
    let end = text.find("{\"kind\":\"end\"").unwrap();
    fs::write(&record, &text[..end + 9]).unwrap();
    let run = again(&record);
    assert_eq!((run.code, file(&playground)), (0, learned), "{run}");
    assert!(run.stdout.contains("the record was cut short"), "{run}");
}

#[test]
fn a_program_that_fails_is_said_first_and_still_drafted() {
    let playground = Playground::new().with("data", "x");
    let command = ["--", "/bin/sh", "-c", "cat data; exit 3"];
    let Some(run) = learn(&playground, &command) else { return };
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("the program FAILED with exit code 3"), "{run}");
    assert!(file(&playground).contains("./data"), "{run}");
}

#[test]
fn a_program_that_never_ends_is_stopped_and_is_no_failure() {
    let playground = Playground::new().with("data", "x");
    // Long enough for it to come to its end that never comes, on a busy machine too.
    let command = ["--stop-after", "8s", "--", "/bin/sh", "-c", "cat data; exec sleep 1000"];
    let before = Instant::now();
    let Some(run) = learn(&playground, &command) else { return };
    assert_eq!(run.code, 0, "{run}");
    assert!(before.elapsed() < ringfence_tests::PATIENCE, "{run}");
    assert!(file(&playground).contains("./data"), "{run}");
}

#[test]
fn a_program_that_deletes_what_it_read_loses_nothing_of_the_record() {
    let playground = Playground::new().with("cache/x", "x").with("cache/y", "y");
    let command = ["--", "/bin/sh", "-c", "cat cache/x; rm cache/x"];
    let Some(run) = learn(&playground, &command) else { return };
    assert_eq!(run.code, 0, "{run}");
    assert!(file(&playground).contains("\"./cache/\", # written by rm"), "{}", file(&playground));
}

#[test]
fn what_cannot_be_learnt_is_a_mistake_and_leaves_nothing() {
    let playground = Playground::new();
    let Some(run) = learn(&playground, &["--", "no-such-program"]) else { return };
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("cannot find the program: no-such-program"), "{run}");
    let run = learn(&playground, &[]).unwrap();
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("no command to learn from"), "{run}");
    assert!(run.stderr.contains("ringfence init"), "{run}");
    let run = learn(&playground, &["--from", "none.jsonl"]).unwrap();
    assert_eq!(run.code, 2, "{run}");
    assert!(!playground.path().join("ringfence.toml").exists());
    let refused = Playground::new().with("ringfence.toml", "[service]\nnam = 1\n");
    let run = learn(&refused, &["--", "/bin/sh", "-c", "echo x > made"]).unwrap();
    assert_eq!(run.code, 2, "{run}");
    assert!(!refused.path().join("made").exists(), "nothing runs for a file that is not read");
    let run = learn(&playground, &["--config", "/proc/ringfence.toml", "--", "/bin/true"]).unwrap();
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("cannot make the record"), "{run}");
}

#[test]
fn the_json_form_names_each_missing_line_with_its_reason() {
    let playground = Playground::new().with("data", "x");
    let Some(_) = learn(&playground, &["--dry-run", "--", "/bin/cat", "data"]) else { return };
    let record = records(&playground).pop().unwrap();
    let from = ["--check", "--format", "json", "--from", record.to_str().unwrap()];
    let run = learn(&playground, &from).unwrap();
    assert_eq!(run.code, 1, "{run}");
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (&told["schema"], &told["enforced"], &told["written"]),
        (&1.into(), &false.into(), &false.into())
    );
    let missing = told["missing_grants"].as_array().unwrap();
    assert_eq!(missing[0]["line"], "fs.read = [\"./data\"]");
    assert!(missing[0]["reason"].as_str().unwrap().starts_with("read by cat"), "{run}");
    assert!(told["coverage"]["cut_short"] == false && told["program_exit_code"] == 0, "{run}");
    assert!(told["missing"] == missing.len() && told["failed"] == false, "{run}");
}

#[test]
fn secrets_and_fixed_names_of_the_file_are_there_while_it_learns() {
    let playground = Playground::new()
        .with("key", "s3cret")
        .with(
            "ringfence.toml",
            "[service]\nname = \"a\"\nstart = [\"/bin/sh\", \"-c\", \"cat /run/secrets/key; echo $MODE\"]\n\
             [env]\nset = { MODE = \"on\" }\n[secrets.key]\nfrom = \"file:./key\"\nas = \"file\"\nto = \"/run/secrets/key\"\n",
        );
    let Some(run) = learn(&playground, &["--check"]) else { return };
    assert!(run.stdout.contains("s3creton\n"), "{run}");
    assert!(!run.stdout.contains("fs.read = "), "what is delivered needs no grant: {run}");
    assert!(!file(&playground).contains("\"./key\""), "{run}");
}
