//! What `learn` leaves of a run: everything the run did, as a second witness saw it too.
//!
//! The witness is strace on the very same run, so nothing can differ but what one of both missed.

use ringfence_tests::command::{Playground, Run};
use ringfence_tests::{not_run, workspace};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The newest record of a playground.
fn record(play: &Playground) -> Vec<Value> {
    let folder = play.path().join(".ringfence/records");
    let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let newest = names.filter(|path| path.extension().is_some_and(|end| end == "jsonl")).max();
    let newest = newest.unwrap();
    assert_eq!(fs::metadata(&newest).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(newest).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn learn(play: &Playground, command: &[&str]) -> Run {
    play.run([["learn", "--dry-run", "--"].as_slice(), command].concat())
}

fn of_kind<'a>(lines: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    lines.iter().filter(move |line| line["kind"] == kind)
}

fn uses_of(lines: &[Value], path: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let files = of_kind(lines, "file").filter(|line| line["path"] == path);
    files.map(|line| (text(&line["use"]), text(&line["found"]))).collect()
}

#[test]
fn a_run_leaves_what_it_did_with_each_file_and_how_it_ended() {
    let play = Playground::new().with("there", "").with("old", "").with("gone", "");
    let script = "cat there; cat missing; echo > made; mv old new; rm gone; chmod 600 made; \
                  ln -s there link; cat link; mkdir folder; exit 3";
    let run = learn(&play, &["sh", "-c", script]);
    assert_eq!(run.code, 1, "{run}");
    let lines = record(&play);
    let folder = play.path();
    let uses = |name: &str| {
        let found = uses_of(&lines, folder.join(name).to_str().unwrap());
        found.into_iter().filter(|(used, _)| used != "look").collect::<Vec<_>>()
    };
    let one = |used: &str, found: &str| vec![(used.to_owned(), found.to_owned())];
    assert_eq!(uses("there"), one("read", "file"));
    assert_eq!(uses("missing"), one("read", "missing"));
    assert_eq!(uses("made"), [one("change", "file"), one("create", "missing")].concat());
    assert_eq!(uses("old"), one("rename-from", "file"));
    assert_eq!(uses("new"), one("rename-to", "missing"));
    assert_eq!(uses("gone"), one("remove", "file"));
    assert_eq!(uses("link"), [one("create", "missing"), one("read", "file")].concat());
    assert_eq!(uses("folder"), one("create", "missing"));
    let real = of_kind(&lines, "file").find(|line| {
        line["path"] == folder.join("link").to_str().unwrap() && line["use"] == "read"
    });
    assert_eq!(real.unwrap()["real"], folder.join("there").to_str().unwrap());
    let begin = &lines[0];
    assert_eq!(begin["cwd"], folder.to_str().unwrap());
    assert_eq!(begin["command"][0], "sh");
    let names = begin["environment"].as_array().unwrap();
    assert!(names.iter().any(|name| name == "PATH"));
    assert!(!names.iter().any(|name| name == "RINGFENCE_LEARN" || name == "NODE_OPTIONS"));
    let first = of_kind(&lines, "exec").next().unwrap();
    assert!(first["first"].as_bool().unwrap(), "{first}");
    assert_eq!(of_kind(&lines, "exec").filter(|line| line["first"] == true).count(), 1);
    let end = lines.last().unwrap();
    assert_eq!((&end["kind"], &end["code"]), (&"end".into(), &3.into()));
    let own = folder.join(".ringfence");
    let told = of_kind(&lines, "file").filter_map(|line| line["path"].as_str());
    assert_eq!(told.filter(|path| path.starts_with(own.to_str().unwrap())).count(), 0);
}

#[test]
fn a_program_that_cannot_be_found_or_started_leaves_no_record() {
    let play = Playground::new().with("broken", "no program");
    fs::set_permissions(play.path().join("broken"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(play.path().join("broken"), b"\x7fELF, but no program").unwrap();
    for command in ["no-such-program-anywhere", "./broken"] {
        let run = learn(&play, &[command]);
        assert_eq!(run.code, 2, "{run}");
        let names = fs::read_dir(play.path().join(".ringfence/records")).unwrap();
        let names = names.map(|entry| entry.unwrap().path());
        assert_eq!(
            names.filter(|name| name.extension().is_some_and(|end| end == "jsonl")).count(),
            0
        );
    }
}

/// Requires packages, reads, writes, starts a child, listens, connects in each way.
const PROGRAM: &str = r"
const fs = require('fs'), net = require('net'), path = require('path'), dgram = require('dgram');
const { execFileSync } = require('child_process');
for (const name of ['pino', 'pg', 'ws', 'dotenv']) require(name);
fs.writeFileSync('made.txt', 'x');
fs.renameSync('made.txt', 'renamed.txt');
fs.mkdirSync('folder/deep', { recursive: true });
fs.readdirSync('folder');
fs.existsSync('nowhere/at/all');
fs.rmSync('folder', { recursive: true });
execFileSync('/bin/sh', ['-c', 'cat package.json > copy.json; ls -l . > /dev/null']);
const unix = net.createServer((socket) => socket.end()).listen('./socket', () => {
  net.connect('./socket').on('close', () => {
    unix.close();
    const server = net.createServer((socket) => socket.end()).listen(0, '127.0.0.1', () => {
      net.connect(server.address().port, '127.0.0.1').on('close', () => {
        server.close();
        net.connect(1, '127.0.0.1').on('error', () => {
          const udp = dgram.createSocket('udp4');
          udp.send('x', 9, '127.0.0.1', () => udp.close());
        });
      }).resume();
    });
  }).resume();
});
";

#[test]
fn every_path_and_address_that_strace_saw_is_in_the_record() {
    let modules = workspace::root().join("tests/node/node_modules");
    if !modules.join("pino").is_dir() {
        return not_run("tests/node has no packages: `cargo xtask setup` installs them");
    }
    let play = Playground::new().with("package.json", "{}").with("program.js", PROGRAM);
    std::os::unix::fs::symlink(&modules, play.path().join("node_modules")).unwrap();
    let Some(seen) = witnessed(&play, &["node", "program.js"]) else { return };
    let lines = record(&play);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let files = of_kind(&lines, "file").chain(of_kind(&lines, "exec"));
    let told: BTreeSet<String> = files.map(|line| text(&line["path"])).collect();
    let own = play.path().join(".ringfence").to_str().unwrap().to_owned();
    let paths = seen.paths.iter().filter(|path| !path.starts_with(&own));
    let missed: Vec<_> = paths.clone().filter(|path| !told.contains(*path)).collect();
    assert_eq!(missed, Vec::<&String>::new(), "of {}", seen.paths.len());
    // And nothing was made up: what only the record has was seen by its real path, when it was loaded.
    let invented: Vec<_> = told.iter().filter(|path| !seen.paths.contains(*path)).collect();
    assert_eq!(invented, Vec::<&String>::new());
    assert!(seen.paths.len() > 200, "{}", seen.paths.len());
    let addresses: BTreeSet<String> = of_kind(&lines, "connect")
        .map(|line| text(&line["to"]))
        .chain(of_kind(&lines, "listen").map(|line| text(&line["address"])))
        .chain(of_kind(&lines, "unix").map(|line| text(&line["path"])))
        .collect();
    assert_eq!(addresses, seen.addresses);
    for wanted in ["127.0.0.1:1", "127.0.0.1:9", "127.0.0.1:0"] {
        assert!(addresses.contains(wanted), "{wanted}: {addresses:?}");
    }
    // What the run listens on itself is told apart from what it reaches elsewhere.
    for connect in of_kind(&lines, "connect") {
        let elsewhere = ["127.0.0.1:1", "127.0.0.1:9"].contains(&connect["to"].as_str().unwrap());
        assert_eq!(connect["own"], !elsewhere, "{connect}");
    }
    // The control: what nobody did is in neither.
    let never = play.path().join("never").to_str().unwrap().to_owned();
    assert!(!told.contains(&never) && !seen.paths.contains(&never));
}

#[test]
fn names_that_were_asked_for_are_recorded_with_the_resolver() {
    let script = "const resolver = new (require('dns').Resolver)(); \
                  resolver.setServers(['127.0.0.1']); \
                  resolver.resolve4('api.Ringfence.test', () => {})";
    let play = Playground::new();
    let run = learn(&play, &["node", "-e", script]);
    assert_eq!(run.code, 0, "{run}");
    let lines = record(&play);
    let query = of_kind(&lines, "query").next().unwrap();
    assert_eq!(query["name"], "api.ringfence.test");
    assert_eq!(query["to"], "127.0.0.1:53");
    let connect = of_kind(&lines, "connect").next().unwrap();
    assert_eq!((&connect["to"], &connect["transport"]), (&"127.0.0.1:53".into(), &"udp".into()));
}

/// What the other witness saw of the program and all it started.
struct Witnessed {
    paths: BTreeSet<String>,
    addresses: BTreeSet<String>,
}

fn witnessed(play: &Playground, command: &[&str]) -> Option<Witnessed> {
    let trace = play.path().join("trace");
    let mut strace = ringfence_tests::command::other("strace");
    strace.args([
        "-f",
        "-qq",
        "-y",
        "-s",
        "4096",
        "-e",
        "trace=%file,%process,connect,bind,sendto,sendmsg",
    ]);
    strace.arg("-o").arg(&trace).arg(ringfence_tests::command::binary());
    strace.args(["learn", "--dry-run", "--"]).args(command);
    strace.current_dir(play.path()).env("HOME", play.path());
    let Ok(output) = strace.output() else {
        not_run("strace is not installed");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let program = of_kind(&record(play), "exec").next().unwrap()["pid"].as_i64().unwrap();
    Some(Trace::read(&fs::read_to_string(trace).unwrap(), program, &play.path()))
}

/// Lines of strace, put together where another process came in between.
struct Trace;

impl Trace {
    fn read(text: &str, program: i64, cwd: &Path) -> Witnessed {
        let mut seen = Witnessed { paths: BTreeSet::new(), addresses: BTreeSet::new() };
        let mut tree = BTreeSet::new();
        let mut halves: BTreeMap<i64, String> = BTreeMap::new();
        for line in text.lines() {
            let Some((pid, rest)) = line.trim_start().split_once(' ') else { continue };
            let (pid, rest) = (pid.parse::<i64>().unwrap(), rest.trim_start());
            if pid == program && rest.starts_with("execve(") {
                tree.insert(pid);
            }
            if !tree.contains(&pid) {
                continue;
            }
            let whole = if let Some(half) = rest.strip_suffix(" <unfinished ...>") {
                // A new process calls before the call that made it has come back.
                halves.insert(pid, half.to_owned());
                half.to_owned()
            } else if let Some((_, end)) = rest.split_once(" resumed>") {
                halves.remove(&pid).unwrap_or_default() + end
            } else {
                rest.to_owned()
            };
            if ["clone", "fork", "vfork"].iter().any(|call| whole.starts_with(call)) {
                let answer = whole.rsplit_once("= ").map(|(_, answer)| answer);
                let child = answer.and_then(|a| a.split(['<', ' ']).next()?.parse().ok());
                tree.extend(child.filter(|child: &i64| *child > 0));
            }
            Self::take(&mut seen, &whole, cwd);
        }
        seen
    }

    fn take(seen: &mut Witnessed, line: &str, cwd: &Path) {
        let Some((call, arguments)) = line.split_once('(') else { return };
        match call {
            "connect" | "bind" | "sendto" | "sendmsg" => {
                seen.addresses.extend(address(arguments, cwd));
                return;
            }
            "exit_group" | "wait4" | "waitid" | "clone" | "clone3" | "vfork" | "fork" | "kill" => {
                return;
            }
            _ => {}
        }
        // What a call answers is no path that was asked for.
        let asked = arguments.rsplit_once(") = ").map_or(arguments, |(asked, _)| asked);
        let wanted = match call {
            "rename" | "renameat" | "renameat2" | "link" | "linkat" => 2,
            _ => 1,
        };
        let skipped = usize::from(call.starts_with("symlink"));
        for (start, path) in quoted(asked).into_iter().skip(skipped).take(wanted) {
            if path.is_empty() {
                continue;
            }
            let base = start.map_or_else(|| cwd.to_owned(), PathBuf::from);
            seen.paths.insert(plain(&base.join(path)));
        }
    }
}

/// Texts in quotes, each with the folder in front of it that strace names (`AT_FDCWD</folder>`).
fn quoted(text: &str) -> Vec<(Option<String>, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('"') {
        let Some((inside, behind)) = after.split_once('"') else { break };
        let folder = before.strip_suffix(">, ").and_then(|b| b.rsplit_once('<')).map(|(_, f)| f);
        found.push((folder.map(str::to_owned), inside.to_owned()));
        rest = behind;
    }
    found
}

fn plain(path: &Path) -> String {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain.to_str().unwrap().to_owned()
}

/// The address that strace writes, as the record writes it.
fn address(text: &str, cwd: &Path) -> Option<String> {
    let between = |start: &str, end: &str| Some(text.split_once(start)?.1.split_once(end)?.0);
    if let Some(port) = between("sin_port=htons(", ")") {
        return Some(format!("{}:{port}", between("inet_addr(\"", "\"")?));
    }
    if let Some(port) = between("sin6_port=htons(", ")") {
        return Some(format!("[{}]:{port}", between("inet_pton(AF_INET6, \"", "\"")?));
    }
    if let Some(name) = between("sun_path=@\"", "\"") {
        return Some(format!("@{name}"));
    }
    Some(plain(&cwd.join(between("sun_path=\"", "\"")?)))
}
