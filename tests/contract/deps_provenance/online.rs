//! The same against a registry on loopback: what it serves, what it does not serve, and what changed.

use super::{lockfile, made, sha512};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use ringfence_tests::command::{Playground, Run};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};

/// Answers by path; everything else is not there.
type Answers = HashMap<String, Vec<u8>>;

/// A registry that serves until the test ends.
struct Registry {
    port: u16,
}

impl Registry {
    fn of(answers: Answers) -> Self {
        Self::asked(answers, |_| {})
    }

    /// The same, and `asked` hears of each path before it is answered.
    fn asked(answers: Answers, asked: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (answers, asked) = (Arc::new(answers), Arc::new(asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, asked) = (Arc::clone(&answers), Arc::clone(&asked));
                std::thread::spawn(move || answer(stream, &answers, &*asked));
            }
        });
        Self { port }
    }

    fn run(&self, playground: &Playground, arguments: &[&str]) -> Run {
        let mut command = playground.command();
        command.env("npm_config_registry", format!("http://127.0.0.1:{}/", self.port));
        let all = ["deps", "provenance"].iter().chain(arguments);
        playground.finish(command.args(all))
    }
}

fn answer(mut stream: TcpStream, answers: &Answers, asked: &dyn Fn(&str)) {
    let (mut head, mut byte) = (Vec::new(), [0_u8; 1]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    asked(&path);
    let (status, body) = match answers.get(&path) {
        Some(body) => ("200 OK", body.as_slice()),
        None => ("404 Not Found", b"{}".as_slice()),
    };
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

/// What a registry serves of one package.
fn served(made: &Value, signatures: &str, case: Option<&str>) -> Answers {
    let mut dist = json!({"signatures": made["signatures"][signatures]});
    let mut answers = Answers::new();
    if let Some(case) = case {
        dist["attestations"] = json!({"url": "https://elsewhere.example/", "provenance": {}});
        let document = json!({"attestations": made["cases"][case]}).to_string();
        answers.insert("/-/npm/v1/attestations/built@1.0.0".into(), document.into_bytes());
    }
    let document = json!({
        "name": "built", "versions": {"1.0.0": {"dist": dist}}, "time": {"1.0.0": made["after"]},
    });
    answers.insert("/built".into(), document.to_string().into_bytes());
    answers.insert("/-/npm/v1/keys".into(), made["keys"].to_string().into_bytes());
    answers
}

fn playground(made: &Value) -> Playground {
    Playground::new()
        .with("package-lock.json", &lockfile("built", "1.0.0", &sha512()))
        .with("root.json", &made["root"].to_string())
}

const ONLINE: [&str; 3] = ["--trusted-root", "root.json", "--online"];

#[test]
fn what_a_registry_serves_is_judged_and_kept_for_later() {
    let Some(made) = made("built") else { return };
    let playground = playground(&made);
    let registry = Registry::of(served(&made, "good", Some("good-both")));
    let run = registry.run(&playground, &[&ONLINE[..], &["--save", "said"]].concat());
    assert_eq!(run.code, 0, "{run}");
    for part in ["built@1.0.0", "https://github.com/example/project", "1 signed, 1 with provenance"]
    {
        assert!(run.stdout.contains(part), "{part}\n{run}");
    }
    assert!(run.stdout.contains("nobody but the registry itself vouches"), "{run}");
    // Later, without a network
    let later = ["--trusted-root", "root.json", "--keys", "said/keys.json", "--evidence", "said"];
    let nobody = Registry { port: 9 };
    let run = nobody.run(&playground, &later);
    assert_eq!(run.code, 0, "{run}");
    // The lockfile has another hash than what was published
    let text = fs::read_to_string(playground.path().join("package-lock.json")).unwrap();
    let (front, back) = text.split_once("sha512-").unwrap();
    let first = if back.starts_with('A') { "B" } else { "A" };
    let other = format!("{front}sha512-{first}{}", &back[1..]);
    fs::write(playground.path().join("package-lock.json"), other).unwrap();
    let run = nobody.run(&playground, &later);
    assert_eq!(run.code, 1, "{run}");
    for code in ["signature-invalid", "attestation-invalid"] {
        assert!(run.stdout.contains(code), "{run}");
    }
}

#[test]
fn what_a_registry_does_not_serve_is_unknown_and_what_it_should_have_is_missing() {
    let Some(made) = made("built") else { return };
    let playground = playground(&made);
    let run = |answers: Answers| Registry::of(answers).run(&playground, &ONLINE);
    let good = run(served(&made, "good", None));
    assert_eq!(good.code, 0, "{good}");
    assert!(good.stdout.contains("without provenance: built@1.0.0"), "{good}");
    // It has keys, and this package has no signature
    let mut answers = served(&made, "good", None);
    answers
        .insert("/built".into(), br#"{"name":"built","versions":{"1.0.0":{"dist":{}}}}"#.to_vec());
    let missing = run(answers.clone());
    assert_eq!(missing.code, 1, "{missing}");
    assert!(missing.stdout.contains("signature-missing"), "{missing}");
    // It has neither
    answers.remove("/-/npm/v1/keys");
    let unknown = run(answers.clone());
    assert_eq!(unknown.code, 2, "{unknown}");
    assert!(unknown.stdout.contains("the registry serves no signatures"), "{unknown}");
    assert_eq!(
        Registry::of(answers.clone())
            .run(&playground, &[&ONLINE[..], &["--allow-unknown"]].concat())
            .code,
        2,
        "where nothing at all could be judged, nothing may be let pass"
    );
    // It says that there are attestations, and has none
    let mut answers = served(&made, "good", Some("good"));
    answers.remove("/-/npm/v1/attestations/built@1.0.0");
    let lost = run(answers.clone());
    assert_eq!(lost.code, 2, "{lost}");
    assert!(lost.stdout.contains("status 404"), "{lost}");
    for text in ["<html>", "{\"attestations\":", "[]"] {
        answers.insert("/-/npm/v1/attestations/built@1.0.0".into(), text.into());
        let run = run(answers.clone());
        assert_eq!(run.code, 2, "{text}\n{run}");
    }
    // It says that there are attestations, and serves none of them
    answers.insert("/-/npm/v1/attestations/built@1.0.0".into(), br#"{"attestations":[]}"#.to_vec());
    let none = run(answers);
    assert_eq!(none.code, 2, "{none}");
    let plain = none.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(plain.contains("speaks of attestations and serves none"), "{none}");
    let mut gone = served(&made, "good", None);
    gone.remove("/built");
    assert_eq!(run(gone).code, 2);
}

#[test]
fn a_registry_cannot_replace_a_key_that_is_known() {
    let Some(made) = made("built") else { return };
    let playground = playground(&made).with("keys.json", &made["keys"].to_string());
    let mut answers = served(&made, "another-key", None);
    let run = |answers: &Answers| {
        Registry::of(answers.clone())
            .run(&playground, &[&ONLINE[..], &["--keys", "keys.json"]].concat())
    };
    assert_eq!(run(&answers).code, 1);
    // The registry tells a key of its own under the identifier of the real one.
    let Some(other) = super::made("other") else { return };
    let mut keys = other["keys"].clone();
    keys["keys"][0]["keyid"] = made["keys"]["keys"][0]["keyid"].clone();
    answers.insert("/-/npm/v1/keys".into(), keys.to_string().into_bytes());
    let told = run(&answers);
    assert_eq!(told.code, 1, "{told}");
    assert!(told.stdout.contains("signature-invalid"), "{told}");
    // Nor one that is known to be for something else, or of a kind that is not read.
    for (field, value) in [("keyUsage", "npm:other"), ("scheme", "ecdsa-sha2-nistp384")] {
        let mut known = made["keys"].clone();
        known["keys"][0][field] = value.into();
        fs::write(playground.path().join("keys.json"), known.to_string()).unwrap();
        let told = run(&answers);
        assert_eq!(told.code, 1, "{field}: {told}");
        let plain = told.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains("nobody here vouches for"), "{field}: {told}");
    }
}

#[test]
fn who_lost_provenance_or_is_built_elsewhere_is_named() {
    let Some(made) = made("built") else { return };
    let said = |version: &str, case: Option<&str>| {
        let attestations = case.map_or(json!([]), |case| made["cases"][case].clone());
        json!({"name": "built", "version": version, "attestations": attestations,
            "signatures": made["signatures"]["good"]})
        .to_string()
    };
    // The newer version is the one that things were made for: it is compared with what was made of an
    // older one in the same way.
    let Some(old) = older() else { return };
    let playground = playground(&made)
        .with("keys.json", &keys_of(&[&made, &old]))
        .with("both.json", &roots_of(&made, &old))
        .with("old.json", &lockfile("built", "0.9.0", &sha512()));
    let folder = playground.path().join("said");
    fs::create_dir_all(&folder).unwrap();
    let before = json!({"name": "built", "version": "0.9.0", "attestations": old["cases"]["good"],
        "signatures": old["signatures"]["good"]});
    let run = |before: &str, case: Option<&str>| {
        fs::write(folder.join("built@0.9.0.json"), before).unwrap();
        fs::write(folder.join("built@1.0.0.json"), said("1.0.0", case)).unwrap();
        let arguments = [
            "deps",
            "provenance",
            "--trusted-root",
            "both.json",
            "--keys",
            "keys.json",
            "--evidence",
            "said",
            "--since",
            "old.json",
        ];
        playground.run(arguments)
    };
    let before = before.to_string();
    for (case, code, word) in [
        (Some("good"), 0, "1 with provenance"),
        (None, 1, "provenance-lost"),
        (Some("good-elsewhere"), 1, "origin-changed"),
        (Some("good-self-hosted"), 1, "runner: self-hosted, was github-hosted"),
    ] {
        let run = run(&before, case);
        assert_eq!(run.code, code, "{case:?}\n{run}");
        let plain = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains(word), "{word}\n{run}");
    }
    // What the older one had is not known: whether it was lost, neither.
    let unknown = run("{", None);
    assert_eq!(unknown.code, 2, "{unknown}");
    assert!(unknown.stdout.contains("comparison of built@1.0.0"), "{unknown}");
}

/// What is made for the version before.
fn older() -> Option<Value> {
    super::made_for("built", "0.9.0")
}

/// The keys of several, in one document.
fn keys_of(all: &[&Value]) -> String {
    let keys: Vec<Value> =
        all.iter().flat_map(|one| one["keys"]["keys"].as_array().unwrap().clone()).collect();
    json!({"keys": keys}).to_string()
}

/// Two roots in one.
fn roots_of(one: &Value, other: &Value) -> String {
    let mut root = one["root"].clone();
    for part in ["tlogs", "certificateAuthorities", "ctlogs"] {
        let more = other["root"][part].as_array().unwrap().clone();
        root[part].as_array_mut().unwrap().extend(more);
    }
    root.to_string()
}

/// A lockfile of these, each in version 1.0.0.
fn lockfile_of(names: &[String]) -> String {
    let packages = names.iter().map(|name| {
        let integrity = format!("sha512-{}", BASE64.encode(sha512()));
        (format!("node_modules/{name}"), json!({"version": "1.0.0", "integrity": integrity}))
    });
    let mut packages: serde_json::Map<String, Value> = packages.collect();
    packages.insert(String::new(), json!({}));
    json!({"name": "p", "lockfileVersion": 3, "packages": packages}).to_string()
}

#[test]
fn many_are_asked_about_at_the_same_time_and_each_once() {
    const AT_ONCE: usize = 8;
    let names: Vec<String> = (0..50).map(|at| format!("package-{at}")).collect();
    let mut answers = Answers::new();
    for name in &names {
        let document = json!({"name": name, "versions": {"1.0.0": {"dist": {}}}});
        answers.insert(format!("/{name}"), document.to_string().into_bytes());
    }
    answers.insert("/-/npm/v1/keys".into(), br#"{"keys": []}"#.to_vec());
    let (now, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let (asked, first) = (Arc::new(Mutex::new(Vec::new())), Barrier::new(AT_ONCE));
    let (heard, peak) = (Arc::clone(&asked), Arc::clone(&most));
    let registry = Registry::asked(answers, move |path| {
        let before = {
            let mut all = heard.lock().unwrap();
            all.push(path.to_owned());
            all.len()
        };
        peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // Who asks one after the other waits here for ever.
        if before <= AT_ONCE {
            first.wait();
        }
        now.fetch_sub(1, Ordering::SeqCst);
    });
    let playground = Playground::new().with("package-lock.json", &lockfile_of(&names));
    let run = registry.run(&playground, &["--online", "--online-for", "60s", "--format", "json"]);
    assert_eq!(run.code, 1, "the registry has keys and signed none: {run}");
    let told: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(told["findings"].as_array().unwrap().len(), 50, "{run}");
    let mut asked = asked.lock().unwrap().clone();
    asked.sort();
    let count = asked.len();
    asked.dedup();
    assert_eq!((count, asked.len()), (51, 51), "{asked:?}");
    assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
}

#[test]
fn keys_of_a_scope_are_kept_and_hold_for_that_scope_alone() {
    let (Some(made), Some(own)) = (made("built"), super::made("@scope/built")) else { return };
    let answers = |made: &Value, name: &str| {
        let dist = json!({"signatures": made["signatures"]["good"]});
        let document = json!({"name": name, "versions": {"1.0.0": {"dist": dist}}});
        Answers::from([
            (format!("/{}", name.replace('/', "%2f")), document.to_string().into_bytes()),
            ("/-/npm/v1/keys".to_owned(), made["keys"].to_string().into_bytes()),
        ])
    };
    let registry = Registry::of(answers(&made, "built"));
    let company = Registry::of(answers(&own, "@scope/built"));
    let names = ["built".to_owned(), "@scope/built".to_owned()];
    let playground = Playground::new()
        .with("package-lock.json", &lockfile_of(&names))
        .with(".npmrc", &format!("@scope:registry=http://127.0.0.1:{}/\n", company.port));
    let run = registry.run(&playground, &["--online", "--save", "said"]);
    assert_eq!(run.code, 0, "{run}");
    let nobody = Registry { port: 9 };
    let later = |keys: &[&str]| {
        let keys = keys.iter().flat_map(|keys| ["--keys", keys]);
        let all: Vec<&str> = ["--evidence", "said"].into_iter().chain(keys).collect();
        nobody.run(&playground, &all)
    };
    let both = later(&["said/keys.json", "said/@scope.keys.json"]);
    assert_eq!(both.code, 0, "{both}");
    let usual = later(&["said/keys.json"]);
    assert_eq!(usual.code, 1, "{usual}");
    assert!(usual.stdout.contains("signature-invalid @scope/built@1.0.0"), "{usual}");
    assert!(!usual.stdout.contains("signature-invalid built@1.0.0"), "{usual}");
    // What signs for the scope does not sign for others, whatever keys it has.
    let mut taken = made["keys"].clone();
    taken["scope"] = "@scope".into();
    fs::write(playground.path().join("taken.json"), taken.to_string()).unwrap();
    let other = later(&["said/@scope.keys.json", "taken.json"]);
    assert_eq!(other.code, 2, "{other}");
    let plain = other.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(plain.contains("signature of built@1.0.0: there are no keys"), "{other}");
}
