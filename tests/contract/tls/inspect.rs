//! `ringfence tls inspect`

use super::server::{leaf, listening, nobody, root, serve};
use insta::assert_snapshot;
use ringfence_tests::command::{self, Playground, Run};
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Stdio};

/// A run as JSON, with its exit code.
fn json(playground: &Playground, arguments: &[&str]) -> (i32, Value) {
    let all = ["tls", "inspect", "--format", "json"].iter().chain(arguments);
    let run = playground.run(all);
    (run.code, serde_json::from_str(&run.stdout).unwrap())
}

fn codes(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap()).collect()
}

#[test]
fn a_server_in_order_is_shown_and_ends_with_0() {
    let root = root();
    let (certificate, key) = leaf(&root, "shop.test", 89);
    let target = serve(certificate, &key);
    let playground = Playground::new().with("ca.pem", &root.pem());
    let run = playground.run(["tls", "inspect", &target, "--ca", "ca.pem", "--name", "shop.test"]);
    assert_eq!(run.code, 0, "{run}");
    let shown =
        ["TLS 1.3", "CN=shop.test", " days left", "EC P-256", "in order", "trusted: a path"];
    for part in shown {
        assert!(run.stdout.contains(part), "{part}: {run}");
    }
    assert!(run.stdout.lines().all(|line| line.len() <= 80), "{run}");
    let (code, report) = json(&playground, &[&target, "--ca", "ca.pem", "--name", "shop.test"]);
    assert_eq!((code, &report["ok"], &report["trusted"]), (0, &true.into(), &true.into()));
    assert_eq!(report["connection"]["protocol"], "TLS 1.3");
    let pin = report["chain"][0]["pin_sha256"].as_str().unwrap();
    let with = [&target, "--ca", "ca.pem", "--name", "shop.test", "--pin", pin];
    assert_eq!(json(&playground, &with).0, 0);
}

#[test]
fn what_is_wrong_is_named_and_ends_with_1() {
    let (mine, other) = (root(), root());
    let (certificate, key) = leaf(&mine, "shop.test", -1);
    let target = serve(certificate, &key);
    let playground = Playground::new().with("ca.pem", &mine.pem()).with("other.pem", &other.pem());
    let (code, report) = json(&playground, &[&target, "--ca", "ca.pem", "--name", "bank.test"]);
    assert_eq!((code, codes(&report)), (1, vec!["expired", "name-mismatch"]));
    let (certificate, key) = leaf(&mine, "shop.test", 20);
    let target = serve(certificate, &key);
    let pin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for (arguments, found) in [
        (vec!["--ca", "ca.pem"], vec![]),
        (vec!["--ca", "ca.pem", "--warn", "30d"], vec!["expires-soon"]),
        (vec!["--ca", "ca.pem", "--pin", pin], vec!["pin-mismatch"]),
        (vec![], vec!["unknown-issuer", "missing-intermediate"]),
    ] {
        let all: Vec<&str> = [target.as_str()].into_iter().chain(arguments).collect();
        let (code, report) = json(&playground, &all);
        assert_eq!(codes(&report), found, "{report}");
        assert_eq!(code, i32::from(!found.is_empty()));
    }
    let run = playground.run(["tls", "inspect", &target, "--ca", "other.pem"]);
    assert!(run.stdout.contains("(RFC 5280 section 6.1)") && run.code == 1, "{run}");
}

#[test]
fn what_answers_without_tls_is_told_in_time() {
    let playground = Playground::new();
    let garbage = listening(|mut stream| {
        let _ = stream.read(&mut [0; 64]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let silent = listening(|mut stream| drop(stream.read_to_end(&mut Vec::new())));
    for (target, time, words) in [
        (garbage.as_str(), "60s", "what answers is not TLS"),
        (silent.as_str(), "3s", "no answer in time: the handshake"),
    ] {
        let run = playground.run(["tls", "inspect", target, "--timeout", time]);
        assert!(run.code == 1 && run.stdout.contains(words), "{run}");
        let (code, report) = json(&playground, &[target, "--timeout", time]);
        assert_eq!((code, &report["ok"], &report["error"]), (1, &false.into(), &words.into()));
    }
}

#[test]
fn mistakes_end_with_2() {
    let playground = Playground::new().with("text", "hello\n");
    let (nobody, _taken) = nobody();
    for (arguments, words) in [
        (vec![nobody.to_string()], "cannot reach"),
        (vec!["https://shop.test/".to_owned()], "cannot read https://shop.test/"),
        (vec!["shop.test:0".to_owned()], "neither a file nor a server"),
        (vec!["./missing.pem".to_owned()], "cannot read ./missing.pem"),
        (vec!["text".to_owned()], "nothing can be made of text"),
        (vec!["/dev/zero".to_owned()], "is no ordinary file"),
        (vec!["text".into(), "--starttls".into(), "smtp".into()], "is for servers"),
        (vec!["127.0.0.1:1".into(), "--key".into(), "text".into()], "--key is held against a file"),
        (vec!["127.0.0.1:1".into(), "--ca".into(), "text".into()], "holds no authorities"),
        (vec!["127.0.0.1:1".into(), "--pin".into(), "x".into()], "a pin is the base64"),
    ] {
        let run = playground.run(["tls", "inspect"].map(str::to_owned).iter().chain(&arguments));
        assert!(run.code == 2 && run.stderr.contains(words), "{arguments:?}: {run}");
    }
}

#[test]
fn a_file_is_held_against_its_key_and_its_authority() {
    let (mine, other) = (root(), root());
    let (certificate, key) = leaf(&mine, "shop.test", 89);
    let pem = self::pem(&certificate);
    let playground = Playground::new()
        .with("ca.pem", &mine.pem())
        .with("other.pem", &other.pem())
        .with("cert.pem", &pem)
        .with("key.pem", &key.serialize_pem())
        .with("other.key", &other.key().serialize_pem());
    for name in ["key.pem", "other.key"] {
        private(&playground, name);
    }
    let file = |arguments: &[&str]| {
        let (code, report) = json(&playground, arguments);
        let codes: Vec<String> = codes(&report).into_iter().map(str::to_owned).collect();
        (code, codes.join(" "))
    };
    let good = (0, String::new());
    assert_eq!(file(&["cert.pem"]), good);
    assert_eq!(file(&["cert.pem", "--key", "key.pem", "--ca", "ca.pem"]), good);
    assert_eq!(file(&["cert.pem", "--key", "other.key"]), (1, "key-mismatch".to_owned()));
    assert_eq!(file(&["cert.pem", "--name", "x.test", "--ca", "ca.pem"]).1, "name-mismatch");
    assert!(file(&["cert.pem", "--ca", "other.pem"]).0 == 1);
    assert_eq!(file(&["ca.pem"]), good);
    assert_eq!(file(&["key.pem"]), good);
    let run = playground.run(["tls", "inspect", "key.pem"]);
    assert_snapshot!(run, @"
    exit: 0
    --- stdout
    key.pem
    private key: EC P-256, 256 bits
    in order
    --- stderr
    ---
    ");
    fs::write(playground.path().join("shared.key"), key.serialize_pem()).unwrap();
    assert_eq!(file(&["shared.key"]), (1, "shared-key-file".to_owned()));
}

#[test]
fn servers_of_old_versions_and_weak_certificates_are_told() {
    let playground = Playground::new();
    let Some(made) = openssl(&playground, &["req", "-x509", "-newkey", "rsa:1024", "-sha1"]) else {
        return;
    };
    assert_eq!(made.code, 0, "{made}");
    let found = |options: &[&str]| {
        let (mut server, target) = s_server(&playground, options);
        let (code, report) =
            json(&playground, &[&target, "--ca", "cert.pem", "--name", "old.test"]);
        let _ = server.kill();
        let _ = server.wait();
        (code, codes(&report).into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    let (code, weak) = found(&["-cipher", "ALL:@SECLEVEL=0"]);
    assert_eq!(code, 1);
    for code in ["weak-key", "weak-signature"] {
        assert!(weak.contains(&code.to_owned()), "{weak:?}");
    }
    let old = found(&["-cipher", "ALL:@SECLEVEL=0", "-no_tls1_2", "-no_tls1_3"]);
    assert_eq!(old, (1, vec!["old-protocol".to_owned()]));
}

/// Runs openssl for `cert.pem` and `key.pem`; `None`, which is said, where there is none.
fn openssl(playground: &Playground, arguments: &[&str]) -> Option<Run> {
    let mut command = command::other("openssl");
    command.current_dir(playground.path()).stdin(Stdio::null()).args(arguments);
    command.args(["-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "30"]);
    command.args(["-subj", "/CN=old.test", "-addext", "subjectAltName=DNS:old.test"]);
    let Ok(output) = command.output() else {
        ringfence_tests::not_run("openssl is not installed");
        return None;
    };
    Some(Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// A server by openssl, and where it listens.
fn s_server(playground: &Playground, options: &[&str]) -> (Child, String) {
    let mut command = command::other("openssl");
    command.current_dir(playground.path()).args(["s_server", "-accept", "127.0.0.1:0"]);
    command.args(["-cert", "cert.pem", "-key", "key.pem"]).args(options);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // `ACCEPT 127.0.0.1:PORT`
    let address = lines.find_map(|line| line.unwrap().strip_prefix("ACCEPT ").map(str::to_owned));
    std::thread::spawn(move || lines.for_each(drop));
    (child, address.unwrap())
}

fn private(playground: &Playground, name: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(playground.path().join(name), mode).unwrap();
}

fn pem(der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}
