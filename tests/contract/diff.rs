//! `ringfence diff`: what a change widens, and when that stops a pull request.

use insta::assert_snapshot;
use ringfence_tests::command::{Playground, other};
use serde_json::Value;

const OLD: &str = "schema = 1\n[service]\nname = \"orders\"\nstart = [\"node\", \"a.js\"]\n[fs]\nread = [\"./\"]\n[net]\nconnect = [\"api.test:443\"]\n";
const NEW: &str = "schema = 1\n[service]\nname = \"orders\"\nstart = [\"node\", \"a.js\"]\n[fs]\nread = [\"./dist\"]\n[net]\nconnect = [\"*.test:443\"]\n[process]\nworkers = true\n";

fn playground() -> Playground {
    Playground::new().with("old.toml", OLD).with("new.toml", NEW)
}

#[test]
fn what_widens_comes_first_and_ends_with_a_code_of_its_own() {
    let run = playground().run(["diff", "old.toml", "new.toml"]);
    assert_snapshot!(run, @r"
    exit: 1
    --- stdout
    widened
      net.connect *.test:443
          can connect to *.test:443
          note: a wildcard is a way out, each name looked up below test can carry
          data to its name server
      process.workers
          can start worker threads
    narrowed
      fs.read .
          can no longer read .

    2 widened, 1 narrowed, 0 moved
    --- stderr
    ---
    ");
}

#[test]
fn a_list_of_accepted_changes_lets_them_pass_and_names_what_is_stale() {
    let list =
        "# agreed on\nprocess.workers\nnet.connect *.test:443   # for the mesh\nfs.write /gone\n";
    let playground = playground().with("allow.txt", list);
    let run = playground.run(["diff", "old.toml", "new.toml", "--allow", "allow.txt"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("2 widened (2 allowed), 1 narrowed, 0 moved"), "{run}");
    assert!(run.stdout.contains("any more: fs.write /gone"), "{run}");
    let run = playground.run(["diff", "old.toml", "new.toml", "--allow", "missing.txt"]);
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn the_other_way_round_nothing_is_widened_but_what_is() {
    let run = playground().run(["diff", "new.toml", "old.toml", "--format", "json"]);
    assert_eq!(run.code, 1, "{run}");
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&told["schema"], &told["widened"]), (&1.into(), &true.into()));
    let lines: Vec<&str> =
        told["changes"].as_array().unwrap().iter().map(|c| c["line"].as_str().unwrap()).collect();
    assert_eq!(lines, ["fs.read .", "net.connect *.test:443", "process.workers"]);
    let run = playground().run(["diff", "old.toml", "old.toml"]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "both let the service do the same\n"));
}

#[test]
fn a_table_for_a_pull_request_quotes_names_as_text() {
    let hostile = NEW.replace("./dist", "./<b>|dist");
    let playground = playground().with("hostile.toml", &hostile);
    let run = playground.run(["diff", "old.toml", "hostile.toml", "--format", "markdown"]);
    assert!(run.stdout.contains("| **widened** | net.connect \\*.test:443 |"), "{run}");
    let run = playground.run(["diff", "hostile.toml", "new.toml", "--format", "markdown"]);
    assert!(run.stdout.contains("\\<b\\>\\|dist"), "{run}");
}

#[test]
fn a_revision_is_read_from_git() {
    let playground = Playground::new().with("sub/ringfence.toml", OLD);
    let git = |arguments: &[&str]| {
        let mut command = other("git");
        let user = ["-c", "user.name=t", "-c", "user.email=t@example.test"];
        command.args(["-c", "init.defaultBranch=main"]).args(user).args(arguments);
        command.current_dir(playground.path()).env("HOME", playground.path());
        command.output().is_ok_and(|output| output.status.success())
    };
    if !(git(&["init", "-q"]) && git(&["add", "."]) && git(&["commit", "-q", "-m", "first"])) {
        ringfence_tests::not_run("git is not installed");
        return;
    }
    let playground = playground.with("sub/ringfence.toml", NEW);
    for (old, folder) in
        [("main", "sub"), ("main:ringfence.toml", "sub"), ("HEAD:sub/ringfence.toml", ".")]
    {
        let new = if folder == "." { "sub/ringfence.toml" } else { "ringfence.toml" };
        let mut command = playground.command();
        command.current_dir(playground.path().join(folder)).args(["diff", old, new]);
        let run = playground.finish(&mut command);
        assert_eq!(run.code, 1, "{old}: {run}");
        assert!(run.stdout.contains("2 widened, 1 narrowed"), "{old}: {run}");
    }
    let run = playground.run(["diff", "nowhere", "sub/ringfence.toml"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("git has no nowhere:sub/ringfence.toml"), "{run}");
}

#[test]
fn a_repository_of_somebody_else_is_named_with_what_lets_git_read_it() {
    let playground = playground();
    let git = |arguments: &[&str]| {
        let mut command = other("git");
        command.args(["-c", "user.name=t", "-c", "user.email=t@example.test"]).args(arguments);
        command.current_dir(playground.path()).env("HOME", playground.path());
        command.output().is_ok_and(|output| output.status.success())
    };
    if !(git(&["init", "-q"]) && git(&["add", "."]) && git(&["commit", "-q", "-m", "first"])) {
        ringfence_tests::not_run("git is not installed");
        return;
    }
    // git's own switch for its tests: as if the folder belonged to another user.
    let diff = || {
        let mut command = playground.command();
        command.env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1").args(["diff", "HEAD", "new.toml"]);
        playground.finish(&mut command)
    };
    assert_snapshot!(diff(), @"
    exit: 2
    --- stdout
    --- stderr
    error: git has no HEAD:new.toml: detected dubious ownership in repository at '[DIR]'
    hint: the repository belongs to another user: where you trust it, `git config --global --add safe.directory [DIR]`
    ---
    ");
    // The hint is enough.
    let folder = playground.path();
    assert!(git(&["config", "--global", "--add", "safe.directory", &folder.to_string_lossy()]));
    let run = diff();
    assert_eq!((run.code, run.stdout.as_str()), (0, "both let the service do the same\n"), "{run}");
}

#[test]
fn what_is_neither_a_file_nor_a_revision_is_refused() {
    let playground = playground().with("broken.toml", "schema = 2\n");
    for (old, wrong) in [
        ("missing.toml", "cannot read missing.toml"),
        ("broken.toml", "broken.toml"),
        ("./missing", "cannot read ./missing"),
        ("", "neither a file nor a revision"),
    ] {
        let run = playground.run(["diff", old, "new.toml"]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{old}: {run}");
        assert!(run.stderr.contains(wrong), "{old}: {run}");
    }
    let run = playground.run(["diff", "--output=/tmp/x", "new.toml"]);
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn what_moved_is_shown_as_it_was_and_as_it_is_and_only_once() {
    let (old, new) = (
        OLD.replace("read = [\"./\"]", "read = [\"./a\", \"./templates\"]"),
        OLD.replace("a.js\"]", "b\\u001b[2J.js\"]\ncwd = \"./web\"\nnode = \"24\"")
            .replace("read = [\"./\"]", "read = [\"./a\"]\ndroppable = [\"./templates\"]"),
    );
    let playground = Playground::new().with("old.toml", &old).with("new.toml", &new);
    assert_snapshot!(playground.run(["diff", "old.toml", "new.toml"]), @r"
    exit: 0
    --- stdout
    narrowed
      fs.droppable templates
          can give up reading templates
    moved
      service.start
          is started as `node b\u{1b}[2J.js`, not `node a.js`
      service.cwd
          starts in ./web, not ./
      service.node
          runs on Node >=24.0.0 <25.0.0, not any

    0 widened, 1 narrowed, 3 moved
    --- stderr
    ---
    ");
    let long = OLD.replace("a.js", &"a".repeat(4000));
    let run = playground.with("long.toml", &long).run(["diff", "old.toml", "long.toml"]);
    assert!(run.stdout.contains("aaa...") && run.stdout.len() < 1000, "{run}");
}
