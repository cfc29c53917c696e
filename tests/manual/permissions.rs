//! The Node Permission Model: what the manual's grants mean here, and its start command.

use crate::{has_node, mistakes, refused_by_host, starting};
use ringfence_tests::command::{Playground, other};

#[test]
fn line_52_run_switches_the_model_on() {
    if !has_node() {
        return;
    }
    let print = ["-p", "process.execArgv.join(' ')"];
    let outside = other("node").args(print).output().unwrap();
    let outside = String::from_utf8_lossy(&outside.stdout).into_owned();
    assert!(!outside.contains("permission"), "it is not on by itself: {outside}");

    let playground = Playground::new().with("ringfence.toml", &starting("node", ""));
    let run = playground.run([&["run", "--", "node"], &print[..]].concat());
    if refused_by_host(&run) {
        return;
    }
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("permission "), "{run}");
    assert!(run.stdout.contains("--allow-fs-read="), "{run}");
}

#[test]
fn line_62_to_64_comma_lists_and_wildcards_are_refused() {
    let grants = "[fs]\nread = [\"/app,/etc/ssl/certs\", \"*\", \"/srv/*.json\"]\n\
                  [net]\nconnect = [\"api.internal:443,redis.internal:6379\", \"*:443\"]";
    let playground = Playground::new().with("ringfence.toml", &starting("node", grants));
    let found = mistakes(&playground, &["--file-only"]);
    let codes: Vec<&str> = found.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(codes, ["comma-list", "wildcard", "wildcard", "comma-list", "wildcard"]);

    let whole = starting("/bin/true", "[fs]\nread = [\"/\"]");
    let found = mistakes(&Playground::new().with("ringfence.toml", &whole), &[]);
    assert_eq!(found[0].1, "fs.read grants the whole host: /");
}

#[test]
fn line_71_to_77_the_start_command_read_literally() {
    // The lists of its flags, as grants.
    let lists = "[fs]\nread = [\"/app,/etc/ssl/certs\"]\nwrite = [\"/tmp\"]\n\
                 [net]\nconnect = [\"api.internal:443,redis.internal:6379\"]";
    let playground = Playground::new().with("ringfence.toml", &starting("node", lists));
    let run = playground.run(["check-config", "--file-only"]);
    assert_eq!(run.code, 2, "{run}");
    for hint in [
        "write one string for each: \"/app\", \"/etc/ssl/certs\"",
        "write one string for each: \"api.internal:443\", \"redis.internal:6379\"",
    ] {
        assert!(run.stderr.contains(hint), "{run}");
    }

    // The command itself: its switch would be replaced, its grants come from the file alone.
    if !has_node() {
        return;
    }
    let playground = Playground::new()
        .with("ringfence.toml", &starting("node", "[fs]\nread = [\"./\"]"))
        .with("dist/server.mjs", "");
    for flag in [
        "--allow-fs-read=/app,/etc/ssl/certs",
        "--allow-fs-write=/tmp",
        "--allow-net=api.internal:443,redis.internal:6379",
    ] {
        let run = playground.run(["run", "--", "node", "--permission", flag, "./dist/server.mjs"]);
        let name = flag.split('=').next().unwrap();
        assert_eq!(run.code, 125, "{run}");
        let said = format!("{name} in the command: grants come from the boundary file");
        assert!(run.stderr.contains(&said), "{run}");
    }
}
