//! `ringfence deps provenance`: what Sigstore's own parts make is accepted, each flaw is refused, and what
//! nobody said is never fine.

mod hidden;
mod online;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use ringfence_tests::command::{Playground, Run, other};
use ringfence_tests::{not_run, workspace};
use serde_json::{Value, json};
use sha2::Digest as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// npm's packages that make and verify attestations.
const PARTS: [&str; 3] = ["@sigstore/mock@0.12.1", "sigstore@4.1.1", "@sigstore/tuf@4.0.2"];

/// The folder with npm's packages; `None`, and said by name, where they cannot be had.
fn parts() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let install = || {
        let folder = workspace::root().join("target/tmp/sigstore-4.1.1");
        if folder.join("node_modules/@sigstore/mock/package.json").is_file() {
            return Some(folder);
        }
        let half = folder.with_extension(std::process::id().to_string());
        fs::create_dir_all(&half).unwrap();
        fs::write(half.join("package.json"), "{}").unwrap();
        let mut npm = other("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--ignore-scripts"]).args(PARTS);
        // The registry of this machine, as its user has it configured.
        npm.current_dir(&half).env("HOME", std::env::var_os("HOME").unwrap_or_default());
        if !npm.output().is_ok_and(|output| output.status.success()) {
            not_run("npm's package @sigstore/mock cannot be had: no attestations are verified");
            return None;
        }
        // Whoever was faster made the same.
        let _ = fs::rename(&half, &folder);
        Some(folder)
    };
    FOLDER.get_or_init(install).as_deref()
}

/// The hash of the tarball that everything here is about.
fn sha512() -> Vec<u8> {
    sha2::Sha512::digest(b"a tarball").to_vec()
}

/// What was made for a package: root, keys, attestations, signatures, and what others think of them.
fn made(name: &str) -> Option<Value> {
    made_for(name, "1.0.0")
}

fn made_for(name: &str, version: &str) -> Option<Value> {
    let folder = parts()?;
    let script = workspace::root().join("tests/contract/deps_provenance/bundles.cjs");
    let hex = sha512().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let output =
        other("node").arg(script).arg(folder).args([name, version, &hex]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// A lockfile of one package.
fn lockfile(name: &str, version: &str, sha512: &[u8]) -> String {
    json!({
        "name": "p", "lockfileVersion": 3,
        "packages": {
            "": {"dependencies": {name: version}},
            format!("node_modules/{name}"): {
                "version": version, "integrity": format!("sha512-{}", BASE64.encode(sha512)),
            },
        },
    })
    .to_string()
}

/// A playground with a lockfile, whom to believe and what was said.
struct Case {
    playground: Playground,
    name: &'static str,
}

impl Case {
    fn of(name: &'static str, made: &Value) -> Self {
        let playground = Playground::new()
            .with("package-lock.json", &lockfile(name, "1.0.0", &sha512()))
            .with("root.json", &made["root"].to_string())
            .with("keys.json", &made["keys"].to_string());
        Self { playground, name }
    }

    fn say(&self, said: &Value) {
        let mut said = said.clone();
        said["name"] = self.name.into();
        said["version"] = "1.0.0".into();
        self.write(&said.to_string());
    }

    fn write(&self, text: &str) {
        let folder = self.playground.path().join("said");
        fs::create_dir_all(&folder).unwrap();
        let file = format!("{}@1.0.0.json", self.name.replace('/', "%2f"));
        fs::write(folder.join(file), text).unwrap();
    }

    fn run(&self, more: &[&str]) -> Run {
        let usual = ["deps", "provenance", "--trusted-root", "root.json", "--keys", "keys.json"];
        let all = usual.iter().chain(&["--evidence", "said"]).chain(more);
        self.playground.run(all)
    }
}

/// What each attestation must come to: the exit code, and a word of the reason.
const EXPECTED: [(&str, i32, &str); 75] = [
    ("good", 0, ""),
    ("good-form-2", 0, ""),
    ("good-form-1-promise-alone", 0, ""),
    ("good-published", 0, ""),
    ("good-both", 0, ""),
    ("good-published-before-the-key-expired", 0, ""),
    ("good-elsewhere", 0, ""),
    ("good-self-hosted", 0, ""),
    ("flipped-signature", 1, "signature"),
    ("flipped-payload", 1, "signature"),
    ("signed-something-else", 1, "signature"),
    ("another-tarball", 1, "another tarball than the lockfile's hash"),
    ("another-package", 1, "another package: pkg:npm/other@1.0.0"),
    ("no-subject", 1, "about nothing"),
    ("certificate-over-when-logged", 1, "CertExpired"),
    ("logged-before-the-certificate", 1, "CertNotValidYet"),
    ("another-root", 1, "certificate chain is invalid"),
    ("another-log", 1, "No log key"),
    ("certificate-not-logged", 1, "missing SCT"),
    ("certificate-logged-elsewhere", 1, "signed certificate timestamp"),
    ("promise-flipped", 1, "inclusion promise"),
    ("proof-of-another-tree", 1, "root hash"),
    ("proof-with-a-hash-too-many", 1, "inclusion proof"),
    ("checkpoint-flipped", 1, "checkpoint"),
    ("another-time", 1, "inclusion promise"),
    ("no-proof-and-no-promise", 1, "inclusion proof"),
    ("no-entry", 1, "inclusion proof"),
    ("entry-of-another-bundle", 1, "does not match the bundle"),
    ("certificate-of-another-bundle", 1, "signature"),
    ("two-signatures", 1, "exactly one signature"),
    ("no-material", 1, "cannot be read"),
    ("claims-another-repository", 1, "claims the repository"),
    ("claims-another-commit", 1, "claims the commit"),
    ("claims-another-reference", 1, "claims the reference"),
    ("claims-another-workflow", 1, "claims the workflow"),
    ("claims-another-builder", 1, "claims the builder"),
    ("claims-another-run", 1, "claims the run"),
    ("signed-by-a-person", 1, "not by a build"),
    ("issuer-of-somebody-else", 1, "does not vouch for builds"),
    ("issuer-of-another-host-plain", 1, "does not vouch for builds"),
    ("issuer-of-another-host-upper-case", 1, "does not vouch for builds"),
    ("issuer-of-another-host-port", 1, "does not vouch for builds"),
    ("issuer-of-another-host-no-tls", 1, "no address of a repository"),
    ("issuer-of-another-host-user", 1, "no address of a repository"),
    ("issuer-of-another-host-dot", 1, "no address of a repository"),
    ("claims-a-commit-of-another-repository", 1, "claims the repository"),
    ("two-materials", 1, "more than one of certificate"),
    ("two-contents", 1, "more than one of dsseEnvelope"),
    ("good-and-another-tarball", 1, "another tarball"),
    ("signed-by-a-key", 1, "a key signed it and no build"),
    ("said-to-be-published", 1, "of another kind"),
    ("published-by-another-key", 1, "signature"),
    ("published-by-an-unknown-key", 1, "SHA256:unknown"),
    ("published-after-the-key-expired", 1, "did not hold"),
    ("published-without-a-moment", 1, "nobody bears out"),
    ("published-something-else", 1, "another package inside"),
    ("published-by-a-build", 1, "somebody else than the registry"),
    ("type-changed", 1, "not over what it is said to hold"),
    ("published-type-changed", 1, "not over what it is said to hold"),
    ("type-of-the-future", 2, "in-toto.v9"),
    ("good-stamped", 0, ""),
    ("good-second-log", 0, ""),
    ("good-published-second-log-stamped", 0, ""),
    ("second-log-as-npm-writes-it", 2, "dsse 0.0.2"),
    ("second-log-without-a-moment", 1, "timestamp"),
    ("second-log-stamped-by-another", 1, "timestamp"),
    ("second-log-stamped-for-another", 1, "timestamp"),
    ("second-log-stamped-too-late", 1, "CertExpired"),
    ("second-log-stamped-too-early", 1, "CertNotValidYet"),
    ("second-log-stamp-flipped", 1, "timestamp"),
    ("second-log-of-another-bundle", 1, "does not match the bundle"),
    ("published-second-log-without-a-moment", 0, ""),
    ("builder-of-another-kind", 2, "no certificate names"),
    ("form-of-the-future", 2, "bundle.v9"),
    // Nothing is said of it: it has no provenance, which is no mistake.
    ("none", 0, ""),
];

/// What Sigstore's verifier for JavaScript refuses and others of Sigstore accept: of the second form of
/// the log it takes another hash, and it wants a moment for a key that holds for ever.
const OTHERWISE: [&str; 3] = [
    "good-second-log",
    "good-published-second-log-stamped",
    "published-second-log-without-a-moment",
];

#[test]
fn a_good_attestation_is_accepted_and_every_flaw_is_refused() {
    let Some(mut made) = made("@scope/built") else { return };
    made["cases"]["none"] = json!([]);
    let case = Case::of("@scope/built", &made);
    let cases = made["cases"].as_object().unwrap();
    let known: Vec<&str> = EXPECTED.iter().map(|(label, _, _)| *label).collect();
    for label in cases.keys() {
        assert!(known.contains(&label.as_str()), "{label} has no expectation");
    }
    for (label, code, word) in EXPECTED {
        let attestations = &cases[label];
        case.say(&json!({"signatures": made["signatures"]["good"], "attestations": attestations}));
        let run = case.run(&["--format", "json"]);
        assert_eq!(run.code, code, "{label}\n{run}");
        assert!(run.stdout.contains(word), "{label}: {word}\n{run}");
        let told: Value = serde_json::from_str(&run.stdout).unwrap();
        let code = &told["findings"][0]["code"];
        assert!(run.code != 1 || code == "attestation-invalid", "{label}\n{run}");
        // What Sigstore's verifier for JavaScript refuses is never clean here, and what is clean here it
        // accepts. It looks neither at subjects nor at claims.
        let is_other = OTHERWISE.contains(&label);
        assert!(
            made["peer"][label].is_null() || run.code != 0 || is_other,
            "{label}: {}",
            made["peer"][label]
        );
    }
    // What could not be judged may be let pass, and what is wrong may not.
    for (label, code) in [("builder-of-another-kind", 0), ("claims-another-builder", 1)] {
        case.say(&json!({"signatures": made["signatures"]["good"], "attestations": cases[label]}));
        assert_eq!(case.run(&["--allow-unknown"]).code, code, "{label}");
    }
}

#[test]
fn a_signature_counts_for_its_name_its_version_its_hash_and_its_day() {
    let Some(made) = made("built") else { return };
    let case = Case::of("built", &made);
    let (before, after) = (moment(&made["before"]), moment(&made["after"]));
    let expected = [
        ("good", after, 0, ""),
        ("good-two", after, 0, ""),
        ("flipped", after, 1, "signature-invalid"),
        ("another-hash", after, 1, "signature-invalid"),
        ("another-version", after, 1, "signature-invalid"),
        ("another-key", after, 1, "signature-invalid"),
        ("unknown-key", after, 1, "nobody here vouches for"),
        ("key-over", after, 1, "did not hold when the version was published"),
        ("key-over", before, 0, ""),
        ("key-over", 0, 2, "does not say when it was published"),
        ("one-of-two", after, 1, "signature-invalid"),
        ("no-base64", after, 1, "signature-invalid"),
        ("empty", after, 1, "signature-invalid"),
        ("none", after, 1, "signature-missing"),
    ];
    for (label, published, code, word) in expected {
        let mut said = json!({"signatures": made["signatures"][label], "attestations": []});
        if published > 0 {
            said["published"] = published.into();
        }
        case.say(&said);
        let run = case.run(&["--format", "json"]);
        assert_eq!(run.code, code, "{label}\n{run}");
        assert!(run.stdout.contains(word), "{label}: {word}\n{run}");
        // npm's own code was asked with the later moment.
        if published == after && made["npm"].is_object() {
            // That one is missing it counts elsewhere.
            let npm = &made["npm"][label];
            assert!(label == "none" || npm.is_null() == (code == 0), "{label}: {npm}");
        }
    }
    if !made["npm"].is_object() {
        not_run("npm's own code for signatures is not here: its verdicts are not compared");
    }
}

fn moment(text: &Value) -> i64 {
    ringfence_policy::time::read(text.as_str().unwrap()).unwrap()
}

/// The folder of a crate that the workspace uses.
fn crate_folder(name: &str) -> PathBuf {
    let arguments =
        ["metadata", "--format-version=1", "--filter-platform=x86_64-unknown-linux-gnu"];
    let mut cargo = ringfence_tests::command::cargo();
    let output = cargo.args(arguments).current_dir(workspace::root()).output().unwrap();
    let all: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = all["packages"].as_array().unwrap();
    let found = packages.iter().find(|one| one["name"] == name).unwrap();
    Path::new(found["manifest_path"].as_str().unwrap()).parent().unwrap().to_path_buf()
}

#[test]
fn the_provenance_of_a_real_package_is_verified_with_the_public_root() {
    let data = crate_folder("sigstore-verify").join("test_data");
    let read = |path: &str| fs::read_to_string(data.join(path)).unwrap();
    let bundle: Value =
        serde_json::from_str(&read("bundles/sigstore.js@2.0.0-provenance.sigstore.json")).unwrap();
    let payload = BASE64.decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let hex = statement["subject"][0]["digest"]["sha512"].as_str().unwrap();
    let hash: Vec<u8> =
        (0..64).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    let playground = Playground::new()
        .with("package-lock.json", &lockfile("sigstore", "2.0.0", &hash))
        .with("root.json", &read("trusted_roots/public-good.json"));
    let say = |bundle: &Value| {
        let said = json!({
            "name": "sigstore", "version": "2.0.0", "signatures": [],
            "attestations": [{"predicateType": statement["predicateType"], "bundle": bundle}],
        });
        let folder = playground.path().join("said");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("sigstore@2.0.0.json"), said.to_string()).unwrap();
    };
    let run = |root: &str| {
        let arguments =
            ["deps", "provenance", "--evidence", "said", "--format", "json", "--trusted-root"];
        let run = playground.run(arguments.iter().chain(&[root]));
        let told: Value = serde_json::from_str(&run.stdout).unwrap();
        (run, told["packages"][0].clone())
    };
    say(&bundle);
    let (first, told) = run("root.json");
    assert_eq!(told["provenance"]["state"], "verified", "{first}");
    assert_eq!(told["origin"]["repository"], "https://github.com/sigstore/sigstore-js");
    assert_eq!(told["origin"]["issuer"], "https://token.actions.githubusercontent.com");
    // The root that npm's package ships is as good.
    if let Some(parts) = parts() {
        let seeds = parts.join("node_modules/@sigstore/tuf");
        assert_eq!(run(seeds.to_str().unwrap()).1["provenance"]["state"], "verified");
    }
    // With the root of another Sigstore, and with one byte changed, it is not.
    fs::write(playground.path().join("other.json"), read("trusted_roots/scaffolding.json"))
        .unwrap();
    let (told, wrong) = run("other.json");
    assert_eq!(wrong["provenance"]["state"], "wrong", "{told}");
    let mut flipped = bundle.clone();
    let sig = flipped["dsseEnvelope"]["signatures"][0]["sig"].as_str().unwrap();
    let mut bytes = BASE64.decode(sig).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    flipped["dsseEnvelope"]["signatures"][0]["sig"] = BASE64.encode(bytes).into();
    say(&flipped);
    let (told, wrong) = run("root.json");
    assert_eq!(wrong["provenance"]["state"], "wrong", "{told}");
}

#[test]
fn what_is_too_much_or_half_is_refused_by_name() {
    let Some(made) = made("built") else { return };
    let case = Case::of("built", &made);
    let good =
        json!({"signatures": made["signatures"]["good"], "attestations": made["cases"]["good"]});
    case.say(&good);
    assert_eq!(case.run(&[]).code, 0, "the control");
    let whole = fs::read_to_string(case.playground.path().join("said/built@1.0.0.json")).unwrap();
    let deep = |inside: &str| {
        format!(r#"{{"name":"built","version":"1.0.0","signatures":[],"attestations":{inside}}}"#)
    };
    let bomb = deep(&format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    let nested = format!(r#"[{{"bundle":{}1{}}}]"#, r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
    let many = deep(&json!(vec![json!({"bundle": {}}); 65]).to_string());
    let long = format!("{}{}", whole, " ".repeat(17 << 20));
    let other = whole.replace("\"built\"", "\"other\"");
    let texts =
        [&whole[..whole.len() / 2], &bomb, &deep(&nested), &many, &long, &other, "", "null"];
    for (index, text) in texts.iter().enumerate() {
        case.write(text);
        let run = case.run(&[]);
        assert_eq!(run.code, 2, "{index}\n{run}");
        assert!(run.stdout.contains("not judged: "), "{index}\n{run}");
    }
    // A root or keys that are none leave nobody to believe.
    case.say(&good);
    for (file, text) in [("root.json", "{}"), ("root.json", "["), ("keys.json", "{\"keys\":[{}]}")]
    {
        let before = fs::read_to_string(case.playground.path().join(file)).unwrap();
        fs::write(case.playground.path().join(file), text).unwrap();
        let run = case.run(&[]);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains("there is nobody to believe"), "{run}");
        fs::write(case.playground.path().join(file), before).unwrap();
    }
}

#[test]
fn nobody_is_believed_silently() {
    let Some(made) = made("built") else { return };
    let case = Case::of("built", &made);
    case.say(
        &json!({"signatures": made["signatures"]["good"], "attestations": made["cases"]["good"]}),
    );
    let run =
        |arguments: &[&str]| case.playground.run(["deps", "provenance"].iter().chain(arguments));
    let nobody = run(&[]);
    assert_eq!(nobody.code, 2, "{nobody}");
    assert!(nobody.stderr.contains("nobody may be asked for them"), "{nobody}");
    // A root in the tree is not taken because it lies there.
    let seeds = case.playground.path().join("node_modules/@sigstore/tuf");
    fs::create_dir_all(&seeds).unwrap();
    let targets = json!({"trusted_root.json": BASE64.encode(made["root"].to_string()),
        "host.example%2Fkeys.json": BASE64.encode(made["keys"].to_string())});
    fs::write(seeds.join("seeds.json"), json!({"x": {"targets": targets}}).to_string()).unwrap();
    let silent = run(&["--evidence", "said"]);
    assert_eq!(silent.code, 2, "{silent}");
    assert!(silent.stdout.contains("there is no trusted root"), "{silent}");
    let mut without_npm = case.playground.command();
    without_npm.env("PATH", "/nowhere");
    let found = case.playground.finish(without_npm.args([
        "deps",
        "provenance",
        "--evidence",
        "said",
        "--find-root",
    ]));
    assert_eq!(found.code, 0, "{found}");
    assert!(found.stdout.contains("trusted root: "), "{found}");
    assert!(found.stdout.contains("lies in the tree that is judged"), "{found}");
    let named = run(&["--evidence", "said", "--trusted-root", "node_modules/@sigstore/tuf"]);
    assert_eq!(named.code, 0, "{named}");
}

#[test]
fn every_format_tells_what_is_wrong_and_what_it_does_not_prove() {
    let Some(made) = made("built") else { return };
    let case = Case::of("built", &made);
    let bad =
        json!({"signatures": made["signatures"]["flipped"], "attestations": made["cases"]["good"]});
    case.say(&bad);
    for format in ["human", "json", "sarif", "markdown"] {
        let run = case.run(&["--format", format]);
        assert_eq!(run.code, 1, "{run}");
        assert!(run.stdout.contains("signature-invalid"), "{run}");
        let plain = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains("and not that it is good"), "{run}");
    }
    let run = case.run(&["--format", "sarif"]);
    let log: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(log["runs"][0]["results"][0]["ruleId"], "signature-invalid");
    let unknown = case.run(&[".", "nobody"]);
    assert_eq!(unknown.code, 2, "{unknown}");
    assert!(unknown.stderr.contains("nobody is not among the packages"), "{unknown}");
    // What a package wrote does not reach the terminal raw.
    let mut hostile = made["cases"]["good"].clone();
    hostile[0]["bundle"]["mediaType"] = "\u{1b}[2J".into();
    case.say(&json!({"signatures": made["signatures"]["good"], "attestations": hostile}));
    for format in ["human", "markdown"] {
        let run = case.run(&["--format", format]);
        assert!(!run.stdout.contains('\u{1b}'), "{run}");
    }
}
