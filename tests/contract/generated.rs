//! The files of `/etc` that every service has of its own: without a grant, beside one and around
//! one JavaScript reads what was written for the service, and nothing of the host's.

use insta::assert_snapshot;
use ringfence_boundary::node::flags::OWN_READ;
use ringfence_tests::command::{Playground, Run, other};
use ringfence_tests::{not_run, workspace};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// Prints what is in each file that it is given, or the code of the error.
const READER: &str = r#"const { readFileSync } = require("node:fs");
const told = {};
for (const path of process.argv.slice(2)) {
  try { told[path] = readFileSync(path, "utf8"); } catch (error) { told[path] = error.code; }
}
console.log(JSON.stringify(told));
"#;

/// A file of every Linux host that no service is given.
const OF_THE_HOST: &str = "/etc/shells";

fn generated() -> impl Iterator<Item = &'static str> {
    OWN_READ.into_iter().filter(|path| path.starts_with("/etc/"))
}

/// The Node of a release line, where it is installed.
fn node(line: &str) -> Option<PathBuf> {
    let set = std::env::var_os("RINGFENCE_TEST_NODES").map(PathBuf::from);
    let folders = set.into_iter().chain([workspace::root().join("target/ringfence-nodes")]);
    let versions = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.split('.').next() == Some(line)
    };
    let packages = versions
        .map(|entry| entry.path())
        .filter(wanted)
        .filter_map(|version| std::fs::read_dir(version.join("node_modules")).ok());
    let mut found = packages.flatten().flatten().map(|package| package.path().join("bin/node"));
    found.find_map(|node| node.canonicalize().ok())
}

/// A service that reads all these files and one of the host, with these grants beside its script.
fn service(node: &Path, granted: &[&str]) -> Playground {
    let files: Vec<&str> = generated().chain([OF_THE_HOST]).collect();
    let (start, mut read) =
        ([&node.to_string_lossy(), "read.cjs"].map(str::to_owned), vec!["./read.cjs"]);
    read.extend(granted);
    let start: Vec<&str> = start.iter().map(String::as_str).chain(files).collect();
    let text = format!(
        "schema = 1\n[service]\nname = \"of-its-own\"\nstart = {start:?}\n[fs]\nread = {read:?}\n"
    );
    Playground::new().with("read.cjs", READER).with("ringfence.toml", &text)
}

fn told(run: &Run) -> Map<String, Value> {
    assert!(run.stdout.starts_with('{'), "{run}");
    serde_json::from_str(&run.stdout).unwrap()
}

fn is_host(path: &str, text: &Value) -> bool {
    std::fs::read_to_string(path).is_ok_and(|host| *text == host)
}

/// On both ends of the supported releases; `false` when this host enforces nothing.
fn with_grants(grants: &[&[&str]], check: impl Fn(&str, &Map<String, Value>)) {
    for line in ["22", "26"] {
        let Some(node) = node(line) else {
            not_run(&format!("Node {line} is not installed (cargo xtask setup)"));
            continue;
        };
        for granted in grants {
            let playground = service(&node, granted);
            // The control: outside the host's own are read, the one that is never granted too.
            let mut bare = other(&node.to_string_lossy());
            bare.arg("read.cjs").args(generated()).arg(OF_THE_HOST).current_dir(playground.path());
            let outside = told(&playground.finish(&mut bare));
            assert!(is_host(OF_THE_HOST, &outside[OF_THE_HOST]), "{outside:?}");
            let run = playground.run(["run"]);
            if run.code == 125 && run.stderr.contains("this host cannot give it") {
                not_run("this host cannot enforce a boundary");
                return;
            }
            check(&format!("Node {line}, granted {granted:?}"), &told(&run));
        }
    }
}

fn are_all_written_for_it(when: &str, inside: &Map<String, Value>) {
    let text = |path: &str| inside[path].as_str().unwrap_or_default().to_owned();
    for path in generated() {
        assert!(!text(path).starts_with("ERR_") && text(path) != "ENOENT", "{when}: {inside:?}");
        assert!(!is_host(path, &inside[path]), "{when}: {path} is the host's");
    }
    assert_eq!(text("/etc/hostname"), "of-its-own\n", "{when}");
    assert!(text("/etc/hosts").contains("127.0.0.1 of-its-own"), "{when}: {inside:?}");
    assert!(text("/etc/resolv.conf").starts_with("nameserver 127.0.0.1\n"), "{when}: {inside:?}");
}

#[test]
fn javascript_reads_every_generated_file_without_a_grant_and_none_of_the_hosts() {
    with_grants(&[&[], &["/etc/ssl"]], |when, inside| {
        are_all_written_for_it(when, inside);
        assert_eq!(inside[OF_THE_HOST], "ERR_ACCESS_DENIED", "{when}: {inside:?}");
    });
}

#[test]
fn a_grant_of_a_generated_file_leaves_the_generated_one() {
    let all: Vec<&str> = generated().collect();
    let each: Vec<&[&str]> = all.chunks(1).chain([all.as_slice()]).collect();
    with_grants(&each, |when, inside| {
        are_all_written_for_it(when, inside);
        assert_eq!(inside[OF_THE_HOST], "ERR_ACCESS_DENIED", "{when}: {inside:?}");
    });
}

#[test]
fn the_whole_of_etc_shows_the_hosts_files_and_the_generated_ones_over_them() {
    // Where the host has none of a name, there is no place in its folder to put one.
    if let Some(missing) = generated().find(|path| Path::new(path).symlink_metadata().is_err()) {
        not_run(&format!("{missing} is not on this host"));
        return;
    }
    with_grants(&[&["/etc"], &["/etc", "/etc/hostname", "/etc/ssl"]], |when, inside| {
        are_all_written_for_it(when, inside);
        assert!(is_host(OF_THE_HOST, &inside[OF_THE_HOST]), "{when}: {inside:?}");
    });
}

#[test]
fn check_config_says_that_the_generated_file_stays() {
    for path in generated() {
        let text = crate::TRUE.replace("\"./\"", &format!("\"./\", \"{path}\""));
        let run = Playground::new().with("ringfence.toml", &text).run(["check-config"]);
        assert_eq!(run.code, 0, "{run}");
        let said = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let note = format!(
            "note: fs.read \"{path}\": the service has a {path} written for it; the host's is not visible"
        );
        assert!(said.contains(&note), "{run}");
        let run = Playground::new().with("ringfence.toml", &text).run(["run"]);
        assert!(!run.stderr.contains("EEXIST"), "{run}");
    }
}

#[test]
fn explain_names_no_grant_for_a_generated_file_and_does_not_deny_that_it_is_there() {
    let playground = Playground::new().with("ringfence.toml", crate::TRUE);
    for path in generated() {
        for error in [
            format!("Error: ENOENT: no such file or directory, open '{path}'"),
            format!(
                "Error: Access to this API has been restricted. Use --allow-fs-read to manage permissions. {{ code: 'ERR_ACCESS_DENIED', permission: 'FileSystemRead', resource: '{path}' }}"
            ),
        ] {
            for arguments in
                [&["explain", &error][..], &["explain", "--config", "ringfence.toml", &error]]
            {
                let run = playground.run(arguments);
                assert!(!run.stdout.contains("read = ["), "{run}");
                assert!(!run.stdout.contains("inside it does not exist"), "{run}");
            }
        }
    }
    // The control: a file that only a grant shows.
    let run = playground.run([
        "explain",
        &format!("Error: ENOENT: no such file or directory, open '{OF_THE_HOST}'"),
    ]);
    assert!(run.stdout.contains(&format!("read = [\"./\", \"{OF_THE_HOST}\"]")), "{run}");
    assert_snapshot!(playground.run(["explain", "Error: ENOENT: no such file or directory, open '/etc/hostname'"]), @"
    exit: 0
    --- stdout
    file-missing (certain)
      > Error: ENOENT: no such file or directory, open '/etc/hostname'
      /etc/hostname does not exist where this was written: inside a boundary every
      service has one that is made for it.
      refused by: nobody: this is not the boundary
      do: start the service with `ringfence run`, which makes it; no grant helps.
    --- stderr
    ---
    ");
}
