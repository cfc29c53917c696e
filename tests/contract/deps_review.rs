//! `ringfence deps review`: what a change of the lockfile brings in, in every form, from files, folders
//! and revisions, and when it ends with which code.

use crate::registry::{Published, Registry};
use insta::assert_snapshot;
use ringfence_tests::command::{Playground, Run, other};
use serde_json::{Value, json};
use sha2::Digest as _;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

const OLD: &str = r#"{"name": "app", "lockfileVersion": 3, "packages": {
  "": {"dependencies": {"pear-client": "^1.0.0"}},
  "node_modules/pear-client": {"version": "1.14.0", "resolved": "https://registry.example/pear-client/-/pear-client-1.14.0.tgz", "integrity": "sha512-a", "license": "MIT"}
}}"#;

const NEW: &str = r#"{"name": "app", "lockfileVersion": 3, "packages": {
  "": {"dependencies": {"pear-client": "^1.0.0"}},
  "node_modules/pear-client": {"version": "1.14.1", "resolved": "https://registry.example/pear-client/-/pear-client-1.14.1.tgz", "integrity": "sha512-b", "license": "ISC", "dependencies": {"plain-pear-js": "^4.2.1"}},
  "node_modules/plain-pear-js": {"version": "4.2.1", "resolved": "https://registry.example/plain-pear-js/-/plain-pear-js-4.2.1.tgz", "integrity": "sha512-c", "hasInstallScript": true, "license": "MIT"}
}}"#;

const BOUNDARY: &str = "[service]\nname = \"app\"\nstart = [\"node\", \"a.js\"]\n[dependencies]\n";

const ACCEPTED: &str = r#"accept = [
  { code = "new-dependency", package = "pear-client", reason = "read on Monday", until = "2026-12-31" },
  { code = "new-install-script", package = "plain-pear-js@4.2.1", reason = "prints a line" },
  { code = "similar-name", package = "@pear/*", reason = "ours" },
]
"#;

fn playground() -> Playground {
    Playground::new().with("old/package-lock.json", OLD).with("new/package-lock.json", NEW)
}

const REVIEW: [&str; 4] = ["deps", "review", "old", "new"];

#[test]
fn what_was_found_comes_first_and_what_nobody_said_is_not_clean() {
    let run = playground().run(REVIEW);
    assert_snapshot!(run, @r#"
    exit: 1
    --- stdout
    high
      new-dependency pear-client@1.14.1 (new/package-lock.json:3)
          asks for plain-pear-js, which was not there before; 1.14.0 did not ask for
          it
          ask: why does an update of this size need another package?
      new-install-script plain-pear-js@4.2.1 (new/package-lock.json:4)
          is new and runs something when it is installed
          by way of pear-client@1.14.1 > plain-pear-js@4.2.1
          ask: why does install need code execution?
    moderate
      licence-changed pear-client@1.14.1 (new/package-lock.json:3)
          was MIT and is ISC
          ask: legal or distribution impact?

    2 high, 1 moderate: 2 versions added, 1 removed, 2 in new/package-lock.json
    not judged: native-addon, new-install-script of 2 versions: it is not in
        npm's cache, and no registry was asked (pear-client@1.14.1,
        plain-pear-js@4.2.1)
    not judged: maintainer-or-repository-changed, provenance-lost, version-gone,
        young-version of 2 versions: no registry was asked
    note: --online asks the registry that npm is configured to use
    next: look at what was found, then agree to what is in order in
        [dependencies] of ringfence.toml: accept = [{ code = "new-dependency",
        package = "pear-client@1.14.1", reason = "..." }]
    --- stderr
    ---
    "#);
}

#[test]
fn the_same_lockfile_twice_is_clean() {
    let run = playground().run(["deps", "review", "old", "old/package-lock.json"]);
    assert_eq!(run.code, 0, "{run}");
    let told = "nothing found: 0 versions added, 0 removed, 1 in old/package-lock.json\n";
    assert_eq!(run.stdout, told);
}

#[test]
fn the_boundary_file_says_what_fails_and_what_was_agreed() {
    let now = ["--now", "2026-12-31T23:00:00Z"];
    let review = |lines: &str, now: [&str; 2]| {
        let playground = playground().with("ringfence.toml", &format!("{BOUNDARY}{lines}"));
        playground.run(REVIEW.into_iter().chain(now))
    };
    let run = review(ACCEPTED, now);
    assert_eq!(run.code, 0, "{run}");
    assert!(
        run.stdout.contains("accepted: new-dependency of pear-client@1.14.1: read on Monday"),
        "{run}"
    );
    assert!(
        run.stdout.contains("the agreement to similar-name of @pear/* is needed by nothing"),
        "{run}"
    );
    let run = review(ACCEPTED, ["--now", "2027-01-01T00:00:00Z"]);
    assert_eq!(run.code, 1, "its day is over: {run}");
    assert!(run.stdout.contains("the agreement to new-dependency of pear-client is over"), "{run}");
    for (lines, code) in [
        ("fail-on = \"critical\"\n", 0),
        ("severity = { new-dependency = \"low\", new-install-script = \"low\" }\n", 0),
        (
            "fail-on = \"moderate\"\nseverity = { new-dependency = \"low\", new-install-script = \"low\" }\n",
            1,
        ),
        ("known-bad = [\"bad.txt\"]\n", 2),
        ("fail-on = \"hihg\"\n", 2),
    ] {
        let run = review(lines, now);
        assert_eq!(run.code, code, "{lines}: {run}");
    }
}

#[test]
fn a_list_of_known_bad_versions_counts_from_the_boundary_file() {
    let boundary = format!("{BOUNDARY}known-bad = [\"bad.txt\", \"advisories\"]\n");
    let advisory = r#"{"id": "MAL-2026-1", "affected": [{"package": {"ecosystem": "npm", "name": "plain-pear-js"}, "versions": ["4.2.1"]}]}"#;
    let playground = playground()
        .with("sub/ringfence.toml", &boundary)
        .with("sub/bad.txt", "# from the incident\npear-client@1.14.1\n")
        .with("sub/advisories/MAL-2026-1.json", advisory);
    let run = playground.run(["deps", "review", "new", "new", "--config", "sub/ringfence.toml"]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("must not be installed: bad.txt:2"), "{run}");
    assert!(run.stdout.contains("must not be installed: MAL-2026-1"), "{run}");
}

#[test]
fn json_has_everything_and_sarif_points_at_lines() {
    let formatted = |format: &str| {
        let run = playground().run(REVIEW.into_iter().chain(["--format", format]));
        assert_eq!(run.code, 1, "{run}");
        serde_json::from_str::<Value>(&run.stdout).unwrap()
    };
    let told = formatted("json");
    assert_eq!((&told["schema"], &told["failed"]), (&1.into(), &true.into()));
    assert_eq!(
        (&told["added"], &told["removed"], &told["releases"]),
        (&2.into(), &1.into(), &2.into())
    );
    let first = &told["findings"][0];
    assert_eq!((&first["code"], &first["line"]), (&"new-dependency".into(), &3.into()));
    assert_eq!(told["findings"][1]["path"][1], "plain-pear-js@4.2.1");
    assert!(told["unknown"].as_array().unwrap().iter().any(|one| one["code"] == "young-version"));
    let log = formatted("sarif");
    assert_eq!(log["version"], "2.1.0");
    let results = log["runs"][0]["results"].as_array().unwrap();
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "new/package-lock.json");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 3);
    }
    assert_eq!(results.len(), 3);
}

#[test]
fn names_of_a_lockfile_move_no_cursor_and_are_no_markup() {
    let hostile = NEW.replace("plain-pear-js\"", "<b>|x\\u001b[2J\"");
    let playground = playground().with("new/package-lock.json", &hostile);
    let run = playground.run(REVIEW);
    assert_eq!(run.code, 1, "{run}");
    assert!(!run.stdout.contains('\u{1b}') && run.stdout.contains("\\u{1b}[2J"), "{run}");
    let run = playground.run(REVIEW.into_iter().chain(["--format", "markdown"]));
    assert!(run.stdout.contains("\\<b\\>\\|x\\\\u{1b}\\[2J"), "{run}");
}

#[test]
fn what_cannot_be_read_is_never_clean() {
    for (text, why) in [
        ("{\"lockfileVersion\": 3, \"packages\": {}}", "no package is in it"),
        ("{\"lockfileVersion\": 3, \"packages\": {", "line 1"),
        ("<<<<<<< HEAD\n{}\n", "unfinished merge"),
    ] {
        let playground = playground().with("new/package-lock.json", text);
        let run = playground.run(REVIEW);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run}");
        assert!(run.stderr.contains(why), "{why}: {run}");
    }
    let playground = playground().with("empty/a.txt", "");
    for new in ["empty", "missing/package-lock.json", "no-such-revision", "--", ""] {
        let run = playground.run(["deps", "review", "old", new]);
        assert_eq!(run.code, 2, "{new}: {run}");
    }
}

#[test]
fn yarn_1_and_npm_1_are_read_with_their_manifests() {
    let yarn = |version: &str| {
        format!(
            "# yarn lockfile v1\n\n\npear@^1.0.0:\n  version \"{version}\"\n  resolved \"https://registry.example/pear/-/pear-{version}.tgz#0123456789abcdef0123456789abcdef01234567\"\n"
        )
    };
    let npm = |version: &str| {
        format!(
            "{{\"lockfileVersion\": 1, \"dependencies\": {{\"pear\": {{\"version\": \"{version}\"}}}}}}"
        )
    };
    let asks = r#"{"workspaces": ["parts/*"], "private": true}"#;
    let part = r#"{"name": "part", "dependencies": {"pear": "^1.0.0"}}"#;
    for (file, old, new) in [
        ("yarn.lock", yarn("1.0.0"), yarn("1.0.1")),
        ("package-lock.json", npm("1.0.0"), npm("1.0.1")),
    ] {
        let playground = Playground::new()
            .with(&format!("old/{file}"), &old)
            .with(&format!("new/{file}"), &new)
            .with("new/package.json", asks)
            .with("new/parts/one/package.json", part);
        let unread = playground.run(["deps", "review", "new", "old"]);
        assert!(unread.stdout.contains("no package.json did"), "{file}: {unread}");
        let run = playground.run(["deps", "review", "old", "new"]);
        assert_eq!(run.code, 0, "{file}: {run}");
        assert!(!run.stdout.contains("no package.json did"), "{file}: {run}");
    }
}

#[test]
fn a_revision_is_compared_with_the_lockfile_here() {
    let playground = Playground::new()
        .with("sub/package-lock.json", OLD)
        .with("sub/package.json", r#"{"dependencies": {"pear-client": "^1.0.0"}}"#);
    let folder = playground.path();
    let git = |arguments: &[&str]| {
        let mut command = other("git");
        let user = ["-c", "user.name=t", "-c", "user.email=t@example.test"];
        command.args(["-c", "init.defaultBranch=main"]).args(user).args(arguments);
        command.current_dir(&folder).env("HOME", &folder);
        command.output().is_ok_and(|output| output.status.success())
    };
    if !(git(&["init", "-q"]) && git(&["add", "."]) && git(&["commit", "-q", "-m", "first"])) {
        ringfence_tests::not_run("git is not installed");
        return;
    }
    let playground = playground.with("sub/package-lock.json", NEW);
    for (arguments, folder) in [
        (&["HEAD"][..], "sub"),
        (&["main", "package-lock.json"], "sub"),
        (&["main:./package-lock.json", "."], "sub"),
        (&["main:sub", "sub"], "."),
        (&["main:sub/package-lock.json", "sub"], "."),
        (&[], "sub"),
    ] {
        let mut command = playground.command();
        command
            .current_dir(playground.path().join(folder))
            .args(["deps", "review"])
            .args(arguments);
        let run = playground.finish(&mut command);
        assert_eq!(run.code, 1, "{arguments:?}: {run}");
        assert!(
            run.stdout.contains("2 high, 1 moderate: 2 versions added, 1 removed"),
            "{arguments:?}: {run}"
        );
    }
    let staged = || playground.run(["deps", "review", "HEAD:sub", ":sub/package-lock.json"]);
    assert_eq!(staged().code, 0, "nothing is staged");
    assert!(git(&["add", "."]));
    assert_eq!(staged().code, 1);
    let run = playground.run(["deps", "review", "HEAD", "sub"]);
    assert_eq!(run.code, 2, "no lockfile is at the top of the revision: {run}");
    let run = playground.run(["deps", "review", "nowhere", "sub"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("git has no nowhere"), "{run}");
}

/// A lockfile of one package, of which the registry has these versions.
fn lock(registry: &str, package: &Published) -> String {
    let hash = sha2::Sha512::digest(package.tarball());
    let hash = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, hash);
    let Published { name, version, .. } = package;
    let resolved = format!("{registry}{}", package.file());
    let integrity = format!("sha512-{hash}");
    json!({"lockfileVersion": 3, "packages": {
        "": {"dependencies": {*name: "*"}},
        format!("node_modules/{name}"): {"version": version, "resolved": resolved, "integrity": integrity, "license": "MIT"},
    }})
    .to_string()
}

/// An update of which nothing but the lockfile is known, and nothing is wrong with it.
fn update(registry: &str) -> Playground {
    let old = Published::new("pear", "1.0.0", json!({}));
    let new = Published::new("pear", "1.0.1", json!({}));
    Playground::new()
        .with("old/package-lock.json", &lock(registry, &old))
        .with("new/package-lock.json", &lock(registry, &new))
}

fn ask(playground: &Playground, registry: &str, more: &[&str]) -> Run {
    let mut command = playground.command();
    command.env("npm_config_registry", registry).args(REVIEW).arg("--online").args(more);
    playground.finish(&mut command)
}

#[test]
fn a_registry_that_gives_no_answer_is_not_clean() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}/");
    let playground = update(&url);
    assert_eq!(playground.run(REVIEW).code, 0, "the control: nothing is wrong with it");
    let run = ask(&playground, &url, &[]);
    assert_eq!(run.code, 2, "{run}");
    assert!(
        run.stderr.contains("the registry gave no answer that counts about 2 versions"),
        "{run}"
    );
    assert!(run.stdout.contains("the registry gives no answer: the connection"), "{run}");
    assert!(run.stdout.contains("not judged: maintainer-or-repository-changed"), "{run}");
    assert_eq!(ask(&playground, &url, &["--allow-unknown"]).code, 0);
    let run = ask(&playground, "http://registry.example/", &[]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stdout.contains("anybody on the way could change the answer"), "{run}");
}

/// A registry that begins each answer and lets the rest of it drip, until whoever asked has left.
fn dripping() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0_u8; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
                let (_kept, never) = std::sync::mpsc::channel::<()>();
                while stream.write_all(b" ").is_ok() {
                    let _ = never.recv_timeout(Duration::from_millis(100));
                }
            });
        }
    });
    url
}

#[test]
fn a_registry_that_drips_gets_the_time_that_is_given_and_is_not_clean() {
    let url = dripping();
    let file = |version: &str| {
        let one = |n: usize| {
            format!(
                r#""node_modules/p{n}q{n}": {{"version": "{version}", "integrity": "sha512-{n}"}}"#
            )
        };
        let all: Vec<String> = (0..40).map(one).collect();
        format!(r#"{{"lockfileVersion": 3, "packages": {{{}}}}}"#, all.join(","))
    };
    let playground = Playground::new()
        .with("old/package-lock.json", &file("1.0.0"))
        .with("new/package-lock.json", &file("1.0.1"));
    assert_eq!(playground.run(REVIEW).code, 0, "the control: nothing is wrong with it");
    let run = ask(&playground, &url, &["--online-for", "2s", "--format", "json"]);
    assert_eq!(run.code, 2, "{run}");
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    let missing = told["evidence"]["registry-missing"].as_array().unwrap();
    assert!(missing.len() >= 40, "{run}");
    for one in missing {
        let why = "the 2 seconds that asking may take altogether are over";
        assert_eq!((&one["why"], &one["asked"]), (&why.into(), &true.into()), "{run}");
    }
    assert!(run.stderr.contains("no answer that counts about"), "{run}");
    assert!(run.stderr.contains("--online-for"), "{run}");
    let passed = ask(&playground, &url, &["--online-for", "1s", "--allow-unknown"]);
    assert_eq!(passed.code, 0, "{passed}");
    let plain = passed.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(plain.contains("not judged: ") && plain.contains("may take altogether"), "{passed}");
    let alone = playground.run(REVIEW.into_iter().chain(["--online-for", "1s"]));
    assert_eq!(alone.code, 2, "time for nobody: {alone}");
}

#[test]
fn json_of_hostile_texts_is_ascii_and_says_the_same() {
    let hostile = "MIT\u{202e}\u{200b}\u{7f}\u{9b}2J\u{1f600}";
    let file = |licence: &str| {
        json!({"lockfileVersion": 3, "packages": {
            "": {"dependencies": {"pear": "^1.0.0"}},
            "node_modules/pear": {"version": format!("1.0.{}", licence.len()), "integrity": "sha512-a",
                "license": licence},
        }})
        .to_string()
    };
    let playground = Playground::new()
        .with("old/package-lock.json", &file("MIT"))
        .with("new/package-lock.json", &file(hostile));
    for (arguments, path, word) in [
        (&["deps", "review", "old", "new", "--format", "json"][..], "/findings", "\u{1f600}"),
        // Its texts are shown by others: they are escaped themselves.
        (&["deps", "review", "old", "new", "--format", "sarif"], "/runs/0/results", "u{1f600}"),
        (&["deps", "sbom", "new"], "/components", "\u{1f600}"),
    ] {
        let run = playground.run(arguments);
        let plain = |byte: u8| byte == b'\n' || (b' '..=b'~').contains(&byte);
        assert!(run.stdout.bytes().all(plain), "{run}");
        let told: Value = serde_json::from_str(&run.stdout).unwrap();
        let said = told.pointer(path).unwrap().to_string();
        assert!(said.contains(word), "{path}: {run}");
    }
}

#[test]
fn what_a_registry_does_not_serve_is_unknown_each_by_itself() {
    let silent =
        |version| Published::new("pear", version, json!({})).told(json!({"published": null}));
    let registry = Registry::of(&[silent("1.0.0"), silent("1.0.1")]);
    let run = registry.ringfence(&update(&registry.url()), &[&REVIEW[..], &["--online"]].concat());
    assert_eq!(run.code, 0, "{run}");
    let told = run.stdout.split("looked at: ").nth(1).unwrap();
    assert_snapshot!(told, @r"
    1 tarball from the registry, what the registry says of 2 versions
    not judged: provenance-lost of 1 version: the registry does not say it
    not judged: young-version of 1 version: the registry does not say when it
        was published
    not judged: maintainer-or-repository-changed of 1 version: the registry does
        not say who published it
    ");
}

#[test]
fn a_tarball_that_is_another_than_the_lockfiles_is_not_clean() {
    let other = |version| Published::new("pear", version, json!({"other": true}));
    let registry = Registry::of(&[other("1.0.0"), other("1.0.1")]);
    let run = registry.ringfence(&update(&registry.url()), &[&REVIEW[..], &["--online"]].concat());
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stdout.contains("its hash is not"), "{run}");
    assert!(run.stderr.contains("no answer that counts about 1 version"), "{run}");
}

#[test]
fn tarballs_of_this_machine_are_looked_at_without_asking_anybody() {
    let old = Published::new("pear", "1.0.0", json!({}));
    let new = Published::new("pear", "1.0.1", json!({})).with("binding.gyp", b"{}");
    let registry = Registry::of(&[]);
    let url = registry.url();
    let playground = Playground::new()
        .with("old/package-lock.json", &lock(&url, &old))
        .with("new/package-lock.json", &lock(&url, &new));
    assert_eq!(playground.run(REVIEW).code, 0, "no lockfile tells of a binding.gyp");
    for package in [&old, &new] {
        let hash = sha2::Sha512::digest(package.tarball());
        let hex = hash.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let folder = playground.path().join(".npm/_cacache/content-v2/sha512");
        let folder = folder.join(&hex[..2]).join(&hex[2..4]);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(&hex[4..]), package.tarball()).unwrap();
    }
    for place in
        ["looked at: 2 tarballs from npm's cache", "2 tarballs from what was learnt before"]
    {
        let run = playground.run(REVIEW);
        assert_eq!(run.code, 1, "{run}");
        assert!(run.stdout.contains("its tarball has a binding.gyp"), "{run}");
        assert!(run.stdout.contains(place), "{run}");
    }
}

#[test]
fn the_severity_that_fails_can_be_named() {
    let playground = playground().with("ringfence.toml", &format!("{BOUNDARY}fail-on = \"low\"\n"));
    for (severity, code) in [("critical", 0), ("high", 1), ("moderate", 1), ("hihg", 2)] {
        let run = playground.run(REVIEW.into_iter().chain(["--fail-on", severity]));
        assert_eq!(run.code, code, "{severity}: {run}");
    }
}

#[test]
fn a_thousand_unknown_packages_and_findings_stay_readable() {
    let entries = |script: bool| {
        let one = |n| {
            format!(
                r#""node_modules/p{n}q{n}": {{"version": "1.0.{}", "integrity": "sha512-{n}", "hasInstallScript": {script}}}"#,
                u8::from(script)
            )
        };
        (0..1000).map(one).collect::<Vec<_>>().join(",\n")
    };
    let file = |script| format!(r#"{{"lockfileVersion": 3, "packages": {{{}}}}}"#, entries(script));
    let playground = Playground::new()
        .with("old/package-lock.json", &file(false))
        .with("new/package-lock.json", &file(true));
    let run = playground.run(REVIEW.into_iter().chain(["--format", "markdown"]));
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.len() < 60_000, "{} bytes", run.stdout.len());
    assert!(run.stdout.contains("more findings, none of them more severe"), "{run}");
    let unknown: Vec<&str> =
        run.stdout.lines().filter(|line| line.starts_with("not judged")).collect();
    assert!(!unknown.is_empty() && unknown.len() < 10, "{unknown:#?}");
    assert!(unknown.iter().all(|line| line.len() < 300), "{unknown:#?}");
}
