//! The incidents on record, from lockfile to exit code: each is staged as the lockfiles before and after
//! it and a registry on loopback with what was to be seen on the day, and `ringfence deps review` is run.
//!
//! The packages are stand-ins with other names, and what they would run does nothing. A line is
//! `name@version word...`: `script`, `gyp` and `native` are in the tarball, `needs:NAME` and `may:NAME` are
//! what it asks for (`may` by git), `hours:N` is its age, `by:WHO` its publisher, `provenance`, `gone` and
//! `deprecated` what the registry says.

use crate::registry::{Published, Registry};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use ringfence_policy::time;
use ringfence_tests::command::{Playground, Run};
use serde_json::{Map, Value, json};
use sha2::Digest as _;
use std::fmt::Write as _;

/// When the reviews take place.
const NOW: &str = "2026-11-23T05:00:00Z";

/// Hours of an age that nobody minds.
const SETTLED: i64 = 5000;

/// What happened, and the lines of the lockfile before and after.
type Incident = (&'static str, &'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
const INCIDENTS: [Incident; 31] = [
    ("2017-08 forty names like others", &["pear@1.0.0"], &["pear@1.0.0", "crossenv@6.1.1 script hours:300 by:eve"]),
    ("2018-07 a linter's scope package", &["pear-scope@3.7.1"], &["pear-scope@3.7.2 script hours:2"]),
    ("2018-11 a stream and what it newly needs", &["pear-stream@3.3.5"], &["pear-stream@3.3.6 needs:flat-pear-stream hours:1500 by:eve", "flat-pear-stream@0.1.1 hours:1500 by:eve"]),
    ("2021-10 a parser, three lines at once", &["pear-parser@0.7.28"], &["pear-parser@0.7.29 script hours:3 deprecated"]),
    ("2021-11 two options parsers, long dormant", &["pear-options@2.0.2", "pear-rc@1.2.8"], &["pear-options@2.0.3 script hours:1", "pear-rc@1.2.9 script hours:1"]),
    ("2022-01 colours with a word behind", &["pear-colors@1.4.0"], &["pear-colors@1.4.44-liberty-2 hours:20"]),
    ("2022-03 a protest", &["pear-ipc@10.1.0"], &["pear-ipc@10.1.1 needs:peaceful-pear hours:10", "peaceful-pear@9.1.3 hours:12"]),
    ("2023-12 a wallet's connector", &["@pear/connect@1.1.4"], &["@pear/connect@1.1.5 hours:1 by:former"]),
    ("2024-10 a player", &["@pear/player@2.0.4"], &["@pear/player@2.0.5 hours:1"]),
    ("2024-12 a chain's library", &["@pear/chain@1.95.5"], &["@pear/chain@1.95.6 hours:2"]),
    ("2024-12 a bundler", &["@pear/pack@1.1.6"], &["@pear/pack@1.1.7 script hours:1"]),
    ("2025-04 a ledger's library", &["pearl@4.2.0"], &["pearl@4.2.1 hours:8"]),
    ("2025-05 a dormant generator", &["pear-agent@2.0.82"], &["pear-agent@2.0.83 hours:30"]),
    ("2025-06 many of one scope", &["@pear/a@1.0.0", "@pear/b@1.0.0", "@pear/c@1.0.0", "@pear/d@1.0.0", "@pear/e@1.0.0", "@pear/f@1.0.0", "@pear/g@1.0.0", "@pear/h@1.0.0"],
        &["@pear/a@1.0.1 hours:5", "@pear/b@1.0.1 hours:5", "@pear/c@1.0.1 hours:5", "@pear/d@1.0.1 hours:5", "@pear/e@1.0.1 hours:5", "@pear/f@1.0.1 hours:5", "@pear/g@1.0.1 hours:5", "@pear/h@1.0.1 hours:5"]),
    ("2025-07 a linter's configuration", &["pear-config@10.1.5 provenance"], &["pear-config@10.1.6 script hours:2"]),
    ("2025-07 a small test, old maintainer back", &["pear-is@3.3.0"], &["pear-is@3.3.1 hours:4 by:old"]),
    ("2025-08 a build system", &["pear-nx@21.4.0 provenance"], &["pear-nx@21.5.0 script hours:3"]),
    ("2025-09 eighteen small packages", &["pear-chalk@5.6.0", "pear-debug@4.4.1"], &["pear-chalk@5.6.1 hours:1", "pear-debug@4.4.2 hours:1"]),
    ("2025-09 the first worm", &["@pear/color@4.1.0"], &["@pear/color@4.1.1 script hours:6"]),
    ("2025-09 a mail tool, clean for fifteen versions", &["pear-mail@1.0.15"], &["pear-mail@1.0.16 hours:400"]),
    ("2025-11 the second worm", &["pear-http@1.0.0"], &["pear-http@1.0.1 script hours:6"]),
    ("2026-02 names like others", &["pear@1.0.0"], &["pear@1.0.0", "loadsh@1.0.0 hours:10"]),
    ("2026-03 a client and what it newly needs", &["pear-client@1.14.0 provenance"], &["pear-client@1.14.1 needs:plain-pear-js gone", "plain-pear-js@4.2.1 script gone"]),
    ("2026-04 a command line", &["@pear/cli@2026.3.0"], &["@pear/cli@2026.4.0 hours:1"]),
    ("2026-04 a vendor's tools", &["@pear/sqlite@2.2.1"], &["@pear/sqlite@2.2.2 script hours:2"]),
    ("2026-05 a query library, provenance valid", &["@pear/query@5.90.0 provenance"], &["@pear/query@5.90.1 may:@pear/setup provenance hours:2"]),
    ("2026-05 a wave over hundreds", &["pear-tool@4.0.0"], &["pear-tool@4.0.1 hours:3"]),
    ("2026-05 the protest's package, hijacked", &["pear-ipc@12.0.0"], &["pear-ipc@12.0.1 hours:5 by:eve"]),
    ("2026-06 a build file instead of a script", &["@pear/services@3.0.0"], &["@pear/services@3.0.1 gyp hours:5"]),
    ("2026-06 a framework and what it newly needs", &["@pear/agents@0.20.0"], &["@pear/agents@0.20.1 needs:easy-pear-js hours:3", "easy-pear-js@1.0.0 hours:9"]),
    ("2026-08 a cache, provenance valid", &["pear-cache@5.5.0 provenance"], &["pear-cache@6.0.0 script provenance hours:1"]),
];

/// A package of a lockfile.
struct Line {
    name: &'static str,
    version: &'static str,
    words: Vec<&'static str>,
}

impl Line {
    fn all(lines: &[&'static str]) -> Vec<Self> {
        let read = |line: &&'static str| {
            let mut words = line.split_whitespace();
            let (name, version) = words.next().unwrap().rsplit_once('@').unwrap();
            Self { name, version, words: words.collect() }
        };
        lines.iter().map(read).collect()
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(&word)
    }

    fn with(&self, key: &str) -> Vec<&'static str> {
        self.words.iter().filter_map(|word| word.strip_prefix(key)).collect()
    }

    fn published(&self) -> Published {
        let needs: Map<String, Value> =
            self.with("needs:").into_iter().map(|name| (name.to_owned(), json!("*"))).collect();
        let mut manifest = json!({"license": "MIT", "dependencies": needs});
        if self.has("script") {
            manifest["scripts"] = json!({"preinstall": "node setup.js"});
        }
        let hours = self.with("hours:").first().map_or(SETTLED, |hours| hours.parse().unwrap());
        let published = time::written(time::read(NOW).unwrap() - hours * 3600);
        let who = self.with("by:").first().copied().unwrap_or("ann");
        let mut told = json!({
            "published": published,
            "maintainers": [{"name": who}],
            "_npmUser": {"name": who},
            "repository": {"url": format!("git+https://code.example/{}.git", self.name)},
            "dist": {"signatures": [{"keyid": "k", "sig": "s"}]},
        });
        if self.has("provenance") {
            told["dist"]["attestations"] = json!({"provenance": {"predicateType": "x"}});
        }
        if self.has("deprecated") {
            told["deprecated"] = "this version was not published by us".into();
        }
        told["gone"] = self.has("gone").into();
        let version = self.version.as_bytes();
        let published = Published::new(self.name, self.version, manifest).with("index.js", version);
        let published =
            if self.has("gyp") { published.with("binding.gyp", b"{}") } else { published };
        published.told(told)
    }
}

/// The hash of a line's tarball.
fn sha512(line: &Line) -> String {
    format!("sha512-{}", BASE64.encode(sha2::Sha512::digest(line.published().tarball())))
}

/// The lines that no other needs: the project asks for these.
fn asked(lines: &[Line]) -> Vec<&Line> {
    let needed: Vec<_> = lines.iter().flat_map(|line| line.with("needs:")).collect();
    lines.iter().filter(|line| !needed.contains(&line.name)).collect()
}

/// A commit of a repository that nobody asked for before.
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn npm(lines: &[Line], registry: &str) -> String {
    let asked: Map<String, Value> =
        asked(lines).iter().map(|line| (line.name.to_owned(), json!("*"))).collect();
    let mut all = json!({"": {"dependencies": asked}});
    for line in lines {
        let published = line.published();
        let optional: Map<String, Value> = line
            .with("may:")
            .iter()
            .map(|name| ((*name).to_owned(), format!("github:pear/query#{COMMIT}").into()))
            .collect();
        let mut entry = json!({
            "version": line.version,
            "resolved": format!("{registry}{}", published.file()),
            "integrity": sha512(line),
            "license": "MIT",
            "dependencies": published.manifest["dependencies"],
            "optionalDependencies": optional,
        });
        if line.has("script") {
            entry["hasInstallScript"] = true.into();
        }
        all[format!("node_modules/{}", line.name)] = entry;
    }
    json!({"name": "app", "lockfileVersion": 3, "packages": all}).to_string()
}

fn pnpm(lines: &[Line], _: &str) -> String {
    let mut text = "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n".to_owned();
    for Line { name, version, .. } in asked(lines) {
        let _ =
            writeln!(text, "      '{name}':\n        specifier: '*'\n        version: {version}");
    }
    let archive = format!("https://code.example/pear/query/tar.gz/{COMMIT}");
    text += "\npackages:\n";
    for line in lines {
        let Line { name, version, .. } = line;
        let _ = writeln!(
            text,
            "\n  '{name}@{version}':\n    resolution: {{integrity: {}}}",
            sha512(line)
        );
        for other in line.with("may:") {
            let _ = writeln!(
                text,
                "\n  '{other}@{archive}':\n    resolution: {{tarball: {archive}}}\n    version: 1.0.0"
            );
        }
    }
    text += "\nsnapshots:\n";
    for line in lines {
        let _ = write!(text, "\n  '{}@{}':", line.name, line.version);
        let (needs, may) = (line.with("needs:"), line.with("may:"));
        text += if needs.is_empty() && may.is_empty() { " {}\n" } else { "\n" };
        for need in &needs {
            let version = lines.iter().find(|one| one.name == *need).unwrap().version;
            let _ = writeln!(text, "    dependencies:\n      {need}: {version}");
        }
        for other in may {
            let _ = writeln!(text, "    optionalDependencies:\n      '{other}': {archive}");
            let _ = writeln!(text, "\n  '{other}@{archive}':\n    optional: true");
        }
    }
    text
}

fn yarn(lines: &[Line], registry: &str) -> String {
    let mut text = "# yarn lockfile v1\n\n".to_owned();
    for line in lines {
        let file = line.published().file();
        let _ = writeln!(text, "\n\"{}@*\":\n  version \"{}\"", line.name, line.version);
        let _ = writeln!(text, "  resolved \"{registry}{file}\"\n  integrity {}", sha512(line));
        for need in line.with("needs:") {
            let _ = writeln!(text, "  dependencies:\n    {need} \"*\"");
        }
        for other in line.with("may:") {
            let _ = writeln!(
                text,
                "  optionalDependencies:\n    \"{other}\" \"github:pear/query#{COMMIT}\"\n\n\
                 \"{other}@github:pear/query#{COMMIT}\":\n  version \"1.0.0\"\n  \
                 resolved \"https://codeload.example/pear/query/tar.gz/{COMMIT}\""
            );
        }
    }
    text
}

fn bun(lines: &[Line], _: &str) -> String {
    let asked: Map<String, Value> =
        asked(lines).iter().map(|line| (line.name.to_owned(), json!("*"))).collect();
    let mut packages = Map::new();
    for line in lines {
        let needs = &line.published().manifest["dependencies"];
        let mut more = json!({"dependencies": needs});
        for other in line.with("may:") {
            more["optionalDependencies"] = json!({other: format!("github:pear/query#{COMMIT}")});
            let entry =
                json!([format!("{other}@github:pear/query#0123456"), {}, "pear-query-0123456"]);
            packages.insert(other.to_owned(), entry);
        }
        let label = format!("{}@{}", line.name, line.version);
        packages.insert(line.name.to_owned(), json!([label, "", more, sha512(line)]));
    }
    json!({"lockfileVersion": 1, "workspaces": {"": {"name": "app", "dependencies": asked}}, "packages": packages})
        .to_string()
}

/// How a manager writes its lockfile.
type Write = fn(&[Line], &str) -> String;

/// What may be looked at besides the lockfiles.
#[derive(Clone, Copy, PartialEq)]
enum With {
    Nothing,
    /// The tarballs, as an install leaves them in npm's cache.
    Cache,
    Registry,
}

/// The review of an incident.
fn reviewed(incident: &Incident, file: &str, write: Write, with: With) -> Run {
    let (_, before, after) = incident;
    let (before, after) = (Line::all(before), Line::all(after));
    let all: Vec<Published> = before.iter().chain(&after).map(Line::published).collect();
    let registry = Registry::of(&all);
    let asked: Map<String, Value> =
        self::asked(&after).iter().map(|line| (line.name.to_owned(), json!("*"))).collect();
    let playground = Playground::new()
        .with(&format!("old/{file}"), &write(&before, &registry.url()))
        .with(&format!("new/{file}"), &write(&after, &registry.url()))
        .with("new/package.json", &json!({"dependencies": asked}).to_string());
    let arguments = ["deps", "review", "old", "new", "--now", NOW, "--format", "json"];
    match with {
        With::Nothing => playground.run(arguments),
        With::Registry => {
            registry.ringfence(&playground, &[&arguments[..], &["--online"]].concat())
        }
        With::Cache => {
            for package in &all {
                let tarball = package.tarball();
                let hash = sha2::Sha512::digest(&tarball);
                let hex: String =
                    hash.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
                let folder = playground.path().join(".npm/_cacache/content-v2/sha512");
                let folder = folder.join(&hex[..2]).join(&hex[2..4]);
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(folder.join(&hex[4..]), tarball).unwrap();
            }
            playground.run(arguments)
        }
    }
}

/// What a review let pass, and the codes of what it found.
fn passed(file: &str, write: Write, with: With) -> Vec<&'static str> {
    let mut passed = Vec::new();
    for incident in &INCIDENTS {
        let run = reviewed(incident, file, write, with);
        assert!(run.code < 2, "{}: {run}", incident.0);
        let told: Value = serde_json::from_str(&run.stdout).unwrap();
        let lacking = &told["evidence"]["registry-missing"];
        let online = with == With::Registry;
        assert!(!online || lacking.as_array().unwrap().is_empty(), "{}: {lacking}", incident.0);
        assert_eq!(told["failed"], run.code == 1);
        if run.code == 0 {
            passed.push(incident.0);
        }
    }
    passed
}

/// Nothing in a lockfile, a registry or the outline of a tarball tells of it: a good package had other code.
const MISSED: [&str; 1] = ["2025-09 a mail tool, clean for fifteen versions"];

#[test]
fn thirty_of_the_31_incidents_fail_a_review_of_npms_lockfile() {
    assert_eq!(passed("package-lock.json", npm, With::Registry), MISSED);
}

#[test]
fn thirty_of_the_31_incidents_fail_a_review_of_pnpms_lockfile() {
    assert_eq!(passed("pnpm-lock.yaml", pnpm, With::Registry), MISSED);
}

#[test]
fn thirty_of_the_31_incidents_fail_a_review_of_yarns_lockfile() {
    assert_eq!(passed("yarn.lock", yarn, With::Registry), MISSED);
}

#[test]
fn thirty_of_the_31_incidents_fail_a_review_of_buns_lockfile() {
    assert_eq!(passed("bun.lock", bun, With::Registry), MISSED);
}

/// How many fail.
fn failed(with: With) -> [usize; 4] {
    let count = |file: &str, write: Write| INCIDENTS.len() - passed(file, write, with).len();
    [
        count("package-lock.json", npm),
        count("pnpm-lock.yaml", pnpm),
        count("yarn.lock", yarn),
        count("bun.lock", bun),
    ]
}

#[test]
fn lockfiles_alone_fail_what_stands_in_them() {
    assert_eq!(failed(With::Nothing), [18, 8, 8, 8], "the documentation says how many");
}

#[test]
fn tarballs_on_this_machine_make_all_managers_equal() {
    assert_eq!(failed(With::Cache), [19; 4], "the documentation says how many");
}
