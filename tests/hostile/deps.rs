//! Lockfiles that are broken, half there, made to exhaust a reader or to pass for another one.
//!
//! A lockfile is read or refused; what must never happen is a smaller set of packages than the whole
//! file has, and nobody who hears of it.

#[path = "deps/lockfiles.rs"]
mod lockfiles;

use lockfiles::{FORMS, Form};
use ringfence_project::graph::{Graph, GraphError, Manifest};
use ringfence_tests::command::{Playground, Run, binary, other};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::os::unix::fs::FileTypeExt as _;
use std::time::{Duration, Instant};

fn read(form: &Form, text: &str) -> Result<BTreeSet<String>, GraphError> {
    let manifest = form.manifest.map(|text| Manifest { folder: "", text });
    let graph = Graph::read(form.file, text, manifest.as_slice())?;
    Ok(graph.packages.iter().map(ringfence_project::graph::Package::label).collect())
}

/// Lockfiles in which looking for everything by everything takes minutes, and names as long as a file.
fn bombs() -> Vec<(&'static str, String, bool)> {
    let many = |count: usize, one: &dyn Fn(usize) -> String| {
        (0..count).map(one).collect::<Vec<_>>().join(",")
    };
    let npm = |a: &str, more: &str| {
        format!(
            r#"{{"lockfileVersion":3,"packages":{{"node_modules/a":{{"version":"1.0.0"{a}}}{more}}}}}"#
        )
    };
    let ranges = |count| many(count, &|at| format!(r#""k{at}":"1""#));
    let optional = many(60_000, &|at| format!(r#""o{at}":"1""#));
    let meta = many(60_000, &|at| format!(r#""o{at}":{{"optional":true}}"#));
    let long = "a/".repeat(50_000);
    let patches = many(60_000, &|at| format!(r#""k{at}@1":"x""#));
    let locked = many(60_000, &|at| format!(r#""z{at}":["z{at}@1.0.0"]"#));
    let copies = many(20_000, &|at| format!(r#""k{at}":{{"version":"1"}}"#));
    let quadratic =
        format!(r#","dependencies":{{{}}},"optionalDependencies":{{{optional}}}"#, ranges(60_000));
    let peers =
        format!(r#","peerDependencies":{{{}}},"peerDependenciesMeta":{{{meta}}}"#, ranges(60_000));
    let asks =
        format!(r#","node_modules/{long}":{{"version":"1","dependencies":{{{}}}}}"#, ranges(500));
    let name = "n".repeat(1_000_000);
    vec![
        ("package-lock.json", npm(&quadratic, ""), true),
        ("package-lock.json", npm(&peers, ""), true),
        ("package-lock.json", npm("", &asks), false),
        (
            "package-lock.json",
            format!(
                r#"{{"lockfileVersion":1,"dependencies":{{"{name}":{{"version":"1","dependencies":{{{copies}}}}}}}}}"#
            ),
            false,
        ),
        (
            "bun.lock",
            format!(
                r#"{{"lockfileVersion":1,"workspaces":{{}},"patchedDependencies":{{{patches}}},"packages":{{{locked}}}}}"#
            ),
            true,
        ),
        (
            "bun.lock",
            format!(
                r#"{{"lockfileVersion":1,"workspaces":{{}},"packages":{{"{long}b":["b@1","",{{"dependencies":{{{}}}}}]}}}}"#,
                ranges(500)
            ),
            false,
        ),
        ("package-lock.json", "[".repeat(2_000_000), false),
        ("pnpm-lock.yaml", format!("lockfileVersion: {}", "[".repeat(2_000_000)), false),
    ]
}

#[test]
fn what_is_made_to_exhaust_a_reader_is_read_or_refused_at_once() {
    for (number, (file, text, is_read)) in bombs().into_iter().enumerate() {
        let begun = Instant::now();
        let read = Graph::read(file, &text, &[]);
        assert_eq!(read.is_ok(), is_read, "{number}: {:?}", read.err());
        // A second or two without optimisation; what is quadratic takes minutes.
        assert!(begun.elapsed() < Duration::from_secs(30), "{number}: {:?}", begun.elapsed());
    }
}

#[test]
fn half_a_lockfile_is_an_error_or_has_every_package() {
    for form in FORMS {
        let whole = read(form, form.text).unwrap_or_else(|error| panic!("{}: {error}", form.name));
        assert_eq!(whole.len(), form.packages, "{}: {whole:?}", form.name);
        let mut short = BTreeSet::new();
        for at in (0..form.text.len()).filter(|at| form.text.is_char_boundary(*at)) {
            let half = &form.text[..at];
            if let Ok(found) = read(form, half)
                && found != whole
            {
                // An end of line counts as the end of the line before it.
                short.insert(half.trim_end().lines().count());
            }
        }
        let short: Vec<usize> = short.into_iter().collect();
        assert_eq!(short, form.short, "{}: cut behind these lines, it passes for less", form.name);
    }
}

/// The command, ended after some seconds: what waits for ever has 124 for its exit code.
fn bounded(playground: &Playground, arguments: &[&str]) -> Run {
    let mut command = other("timeout");
    command.arg("20").arg(binary()).arg("deps").args(arguments);
    command.env("HOME", playground.path()).env("NPM_CONFIG_REGISTRY", "http://127.0.0.1:9");
    playground.finish(command.current_dir(playground.path()))
}

const LOCK: &str = r#"{"lockfileVersion": 3, "packages": {"": {"dependencies": {"a": "1"}}, "node_modules/a": {"version": "1.0.0"}}}"#;

fn advisory(number: usize, names: &[String]) -> Value {
    let about = |name: &String| json!({"package": {"ecosystem": "npm", "name": name}});
    json!({"id": format!("GHSA-{number}"), "modified": "2026-11-20T10:00:00Z",
        "aliases": [format!("CVE-{}", number % 7)],
        "affected": names.iter().map(about).collect::<Vec<_>>()})
}

#[test]
fn a_pipe_and_a_device_are_never_waited_for_and_never_replaced() {
    let playground = Playground::new()
        .with("whole/package-lock.json", LOCK)
        .with("osv.json", &advisory(1, &["a".to_owned()]).to_string())
        .with("lock/.keep", "")
        .with("npm/package-lock.json", LOCK);
    for pipe in ["pipe", "lock/package-lock.json", "npm/.npmrc"] {
        assert!(
            other("mkfifo").arg(playground.path().join(pipe)).output().unwrap().status.success()
        );
    }
    // The control: with ordinary files all of it works.
    assert_eq!(bounded(&playground, &["advisories", "import", "osv.json"]).code, 0);
    assert_eq!(bounded(&playground, &["audit", "npm"]).code, 1);
    for arguments in [
        &["advisories", "import", "pipe"][..],
        &["advisories", "import", "/dev/zero"],
        &["advisories", "import", "osv.json", "--out", "pipe"],
        &["audit", "lock"],
        &["audit", "npm", "--online"],
        &["audit", "whole", "--advisories", "pipe"],
        &["review", "whole", "lock"],
        &["sbom", "lock"],
        &["inspect", "./pipe"],
    ] {
        let run = bounded(&playground, arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}: {run}");
        assert!(run.stderr.starts_with("error: "), "{arguments:?}: {run}");
    }
    let kind = std::fs::metadata(playground.path().join("pipe")).unwrap().file_type();
    assert!(kind.is_fifo(), "it is the pipe that it was");
}

#[test]
fn advisories_that_have_much_in_common_are_judged_at_once() {
    let names: Vec<String> = (0..60_000).map(|at| format!("p{at}")).collect();
    let many: Vec<Value> = (0..20_000).map(|at| advisory(at, &["a".to_owned()])).collect();
    let events = |at: usize| {
        [json!({"introduced": format!("{at}.0.0")}), json!({"fixed": format!("{at}.5.0")})]
    };
    let spans: Vec<Value> = (2..20_000).flat_map(events).collect();
    let versions: Vec<String> = (0..20_000).map(|at| format!("{at}.7.0")).collect();
    let wide = json!({"id": "GHSA-w", "modified": "2026-11-20T10:00:00Z", "affected": [{
        "package": {"ecosystem": "npm", "name": "a"}, "versions": versions,
        "ranges": [{"type": "SEMVER", "events": spans}]}]});
    for (text, code) in [(json!(many), 1), (advisory(1, &names), 0), (wide, 0)] {
        let playground =
            Playground::new().with("package-lock.json", LOCK).with("osv.json", &text.to_string());
        let run = bounded(&playground, &["advisories", "import", "osv.json"]);
        assert_eq!(run.code, 0, "{run}");
        let run = bounded(&playground, &["audit"]);
        assert_eq!(run.code, code, "{}", run.stdout.chars().take(300).collect::<String>());
    }
}

#[test]
fn nothing_of_a_repository_runs_because_somebody_looks_at_a_revision() {
    let playground = Playground::new().with("package-lock.json", LOCK);
    let ran = playground.path().join("ran");
    let git = |arguments: &[&str]| {
        let mut command = other("git");
        command.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]).args(arguments);
        command.current_dir(playground.path()).env("HOME", playground.path());
        let done = playground.finish(&mut command);
        assert_eq!(done.code, 0, "{done}");
    };
    git(&["init", "-q"]);
    git(&["add", "package-lock.json"]);
    git(&["commit", "-q", "-m", "one"]);
    let program = format!("touch {};:", ran.display());
    git(&["config", "core.fsmonitor", &program]);
    for side in ["HEAD", ":package-lock.json", "HEAD:package-lock.json"] {
        let run = bounded(&playground, &["review", side, "."]);
        assert_eq!(run.code, 0, "{run}");
        assert!(!ran.exists(), "{side} ran a program of the repository");
    }
    // The control: git alone runs it.
    git(&["cat-file", "blob", ":package-lock.json"]);
    assert!(ran.exists(), "git asks the program");
}

#[test]
fn what_is_written_goes_behind_a_link_and_keeps_the_mode_of_the_file() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    let advisories = json!([advisory(1, &["a".to_owned()])]).to_string();
    let playground = Playground::new()
        .with("package-lock.json", LOCK)
        .with("osv.json", &advisories)
        .with("kept/file", "");
    let (file, link) = (playground.path().join("kept/file"), playground.path().join("link"));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&file, &link).unwrap();
    for arguments in
        [&["advisories", "import", "osv.json", "--out", "link"][..], &["sbom", "--out", "link"]]
    {
        std::fs::write(&file, "").unwrap();
        let run = bounded(&playground, arguments);
        assert_eq!(run.code, 0, "{run}");
        assert!(link.is_symlink(), "{arguments:?} put a file where the link was");
        let found = std::fs::metadata(&file).unwrap();
        assert!(found.len() > 0 && found.mode() & 0o777 == 0o600, "{arguments:?}");
        assert_eq!(std::fs::read_dir(playground.path().join("kept")).unwrap().count(), 1);
    }
}
