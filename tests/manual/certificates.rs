//! Certificates: one authority between services, ends that are watched, an authority for development.

use crate::has_node;
use ringfence_tests::command::{Playground, Run, other};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

fn dev_ca(playground: &Playground, folder: &str, names: &[&str]) -> Run {
    playground.run(["tls", "dev-ca", "--dir", folder].iter().chain(names))
}

/// A real Node that asks its clients for a certificate of the same authority.
const SERVER: &str = r"
import https from 'node:https';
import { readFileSync } from 'node:fs';
const [ca, cert, key] = ['ca.pem', 'localhost.pem', 'localhost.key'].map((name) => readFileSync(`one/${name}`));
https.createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true }, (_, response) => response.end('hello'))
  .on('tlsClientError', () => {}).listen(0, '127.0.0.1', function () { console.log(this.address().port); });
";
/// A client that pins one authority, with or without a certificate to show.
const CLIENT: &str = r"
import https from 'node:https';
import { PinnedAgent } from 'ringfence/tls';
const [port, caFile, identity] = process.argv.slice(2);
const own = identity === undefined ? {} : { certFile: `${identity}.pem`, keyFile: `${identity}.key` };
https.get({ host: 'localhost', port, agent: new PinnedAgent({ caFile, ...own }) }, (response) => {
  response.on('data', (data) => console.log(`${data}`));
}).on('error', ({ code }) => console.log(code));
";

/// Ends the server with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn line_294_services_trust_one_authority_and_show_each_other_their_certificates() {
    if !has_node() {
        return;
    }
    let playground = Playground::new().with("server.mjs", SERVER).with("client.mjs", CLIENT);
    let folder = playground.path();
    let package = ringfence_tests::workspace::root().join("crates/node/npm");
    std::fs::create_dir(folder.join("node_modules")).unwrap();
    std::os::unix::fs::symlink(package, folder.join("node_modules/ringfence")).unwrap();
    for name in ["one", "two"] {
        assert_eq!(dev_ca(&playground, name, &["localhost"]).code, 0);
        assert_eq!(dev_ca(&playground, name, &["--client", "orders.test"]).code, 0);
    }
    let node = |script: &str| {
        let mut node = other("node");
        node.arg(script).current_dir(&folder);
        node
    };
    let server = node("server.mjs").stdout(Stdio::piped()).spawn().unwrap();
    let mut server = Ended(server);
    let mut port = String::new();
    BufReader::new(server.0.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
    let port = port.trim();
    let ask = |words: &[&str]| {
        let output = node("client.mjs").arg(port).args(words).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        text(&output.stdout) + &text(&output.stderr)
    };
    assert_eq!(ask(&["one/ca.pem", "one/orders.test-client"]), "hello\n");
    let other_authority = ask(&["two/ca.pem", "one/orders.test-client"]);
    assert_eq!(other_authority, "SELF_SIGNED_CERT_IN_CHAIN\n");
    for words in [&["one/ca.pem", "two/orders.test-client"][..], &["one/ca.pem"]] {
        let refused = ask(words);
        assert!(refused.starts_with("ERR_SSL_") || refused == "ECONNRESET\n", "{refused}");
    }
    let inspect = |ca| {
        let server = format!("localhost:{port}");
        playground.run(["tls", "inspect", &server, "--ca", ca])
    };
    assert_eq!(inspect("one/ca.pem").code, 0, "{}", inspect("one/ca.pem"));
    let wrong = inspect("two/ca.pem");
    assert!(wrong.code == 1 && wrong.stdout.contains("unknown-issuer"), "{wrong}");
}

#[test]
fn line_295_an_end_that_comes_near_is_told_in_time() {
    let playground = Playground::new();
    // It lasts 90 days.
    assert_eq!(dev_ca(&playground, "dev", &["api.test"]).code, 0);
    let watch = ["tls", "watch", "dev/api.test.pem", "--ca", "dev/ca.pem"];
    let with = |more: &[&str]| playground.run(watch.iter().chain(more));
    assert_eq!(with(&[]).code, 0, "{}", with(&[]));
    let warned = with(&["--warn", "120d"]);
    assert!(warned.code == 1 && warned.stdout.starts_with("tls warning"), "{warned}");
    let critical = with(&["--warn", "120d", "--critical", "100d"]);
    assert!(critical.code == 2 && critical.stdout.starts_with("tls critical"), "{critical}");
    // Without an authority of its own it believes the system's, as a vendor's clients do.
    let inspect = ["tls", "inspect", "dev/api.test.pem", "--name", "api.test"];
    let mut believing = playground.command();
    believing.args(inspect).env("SSL_CERT_FILE", playground.path().join("dev/ca.pem"));
    let (system, bundle) = (playground.run(inspect), playground.finish(&mut believing));
    assert!(system.code == 1 && system.stdout.contains("unknown-issuer"), "{system}");
    assert_eq!(bundle.code, 0, "{bundle}");
}

#[test]
fn line_297_the_tooling_for_development_vouches_for_local_names_and_verifies() {
    let playground = Playground::new();
    let made = dev_ca(&playground, "dev", &["localhost", "api.test"]);
    assert!(made.code == 0 && made.stdout.contains("NODE_EXTRA_CA_CERTS"), "{made}");
    let inspect = ["tls", "inspect", "dev/localhost.pem", "--ca", "dev/ca.pem", "--name"];
    let name = |name| playground.run(inspect.iter().chain(&[name])).code;
    assert_eq!((name("localhost"), name("api.test"), name("shop.example")), (0, 0, 1));
    let ignored = std::fs::read_to_string(playground.path().join("dev/.gitignore")).unwrap();
    assert_eq!(ignored, "*\n");
    let mut beside = playground.command();
    beside.args(["tls", "dev-ca", "--dir", "dev", "localhost"]);
    let off = playground.finish(beside.env("NODE_TLS_REJECT_UNAUTHORIZED", "0"));
    assert_eq!(off.code, 2, "{off}");
}
