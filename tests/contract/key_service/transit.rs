//! OpenBao's transit engine.

use super::server::{Server, TOKEN};
use super::{DATA, check_rewrapped, crypto, json, private, refused};
use ringfence_tests::command::{Playground, Run};

/// A folder with the token in a file, and the options that use it.
fn playground() -> Playground {
    let playground = Playground::new();
    private(&playground, "token", &format!("{TOKEN}\n"));
    playground
}

fn address(server: &Server, key: &str) -> String {
    format!("transit:http://127.0.0.1:{}/transit/{key}", server.port)
}

fn run(playground: &Playground, verb: &[&str], address: &str, input: &str) -> Run {
    let options = ["--kms", address, "--kms-token", "token"];
    crypto(playground, &[verb, &options].concat(), &[], input)
}

#[test]
fn a_data_key_is_wrapped_by_openbao_and_rewrapped_without_touching_the_data() {
    let Some(server) = Server::openbao(false) else { return };
    server.bao(false, &["write", "-f", "transit/keys/orders"]);
    server.bao(false, &["write", "-f", "transit/keys/other"]);
    let (playground, orders) = (playground(), address(&server, "orders"));
    let context = ["--context", "orders/17"];
    let sealed = run(&playground, &[&["seal"][..], &context].concat(), &orders, DATA);
    let before = json(&sealed);
    assert_eq!(before["header"]["alg"], "https://ringfence.dev/jwe/transit");
    assert!(!sealed.stdout.contains(DATA));
    let open = [&["open"][..], &context].concat();
    assert_eq!(run(&playground, &open, &orders, &sealed.stdout).stdout, DATA);
    server.bao(false, &["write", "-f", "transit/keys/orders/rotate"]);
    let rewrapped = run(&playground, &["rewrap"], &orders, &sealed.stdout);
    check_rewrapped(&before, &json(&rewrapped));
    assert_eq!(run(&playground, &open, &orders, &rewrapped.stdout).stdout, DATA);
    // The old version may go now: the rewrapped envelope opens, the older one does not.
    server.bao(false, &["write", "transit/keys/orders/config", "min_decryption_version=2"]);
    assert_eq!(run(&playground, &open, &orders, &rewrapped.stdout).stdout, DATA);
    refused(&run(&playground, &open, &orders, &sealed.stdout), 2, "authentication", &[TOKEN]);
    // To another key, through this process.
    let other = address(&server, "other");
    let moved = run(&playground, &["rewrap", "--to-kms", &other], &orders, &rewrapped.stdout);
    check_rewrapped(&before, &json(&moved));
    assert_eq!(run(&playground, &open, &other, &moved.stdout).stdout, DATA);
    let missing = address(&server, "misspelt");
    let wrong = run(&playground, &["rewrap", "--to-kms", &missing], &orders, &rewrapped.stdout);
    refused(&wrong, 2, "no such key", &[TOKEN]);
    assert!(!server.bao(false, &["list", "transit/keys"]).contains("misspelt"), "nothing is made");
}

#[test]
fn an_envelope_of_a_keyring_moves_to_openbao() {
    let Some(server) = Server::openbao(false) else { return };
    server.bao(false, &["write", "-f", "transit/keys/orders"]);
    let (playground, orders) = (playground(), address(&server, "orders"));
    let with_ring = |verb: &[&str], input: &str| {
        let ring = ["--keyring", "ring", "--key", "key"];
        crypto(&playground, &[verb, &ring].concat(), &[], input)
    };
    let create = ["keyring", "create", "--name", "kek", "--kind", "a256gcmkw"];
    assert_eq!(with_ring(&create, "").code, 0);
    let sealed = with_ring(&["seal", "--context", "a"], DATA);
    let to = ["rewrap", "--to-kms", &orders, "--kms-token", "token"];
    let moved = with_ring(&to, &sealed.stdout);
    check_rewrapped(&json(&sealed), &json(&moved));
    let open = ["open", "--context", "a"];
    assert_eq!(run(&playground, &open, &orders, &moved.stdout).stdout, DATA);
    refused(&with_ring(&open, &moved.stdout), 2, "no key is known", &[TOKEN]);
    assert_eq!(with_ring(&open, &sealed.stdout).stdout, DATA, "the control");
}

#[test]
fn another_key_another_context_and_a_swapped_data_key_do_not_open_and_are_events() {
    let Some(server) = Server::openbao(false) else { return };
    for key in ["orders", "other"] {
        server.bao(false, &["write", "-f", &format!("transit/keys/{key}")]);
    }
    let (playground, orders) = (playground(), address(&server, "orders"));
    let sealed = run(&playground, &["seal", "--context", "a"], &orders, DATA);
    let second = json(&run(&playground, &["seal", "--context", "a"], &orders, "second"));
    let open = ["open", "--context", "a", "--events", "events"];
    assert_eq!(run(&playground, &open, &orders, &sealed.stdout).stdout, DATA);
    let mut swapped = json(&sealed);
    swapped["encrypted_key"] = second["encrypted_key"].clone();
    let mut renamed = json(&sealed);
    renamed["header"]["kid"] = "other".into();
    for (address, envelope, says) in [
        (&orders, swapped.to_string(), "authentication failed"),
        (&orders, renamed.to_string(), "no key is known"),
        (&address(&server, "other"), renamed.to_string(), "authentication failed"),
        (&address(&server, "other"), sealed.stdout.clone(), "no key is known"),
        (&orders, sealed.stdout[..sealed.stdout.len() / 2].to_owned(), "no JWE"),
    ] {
        refused(&run(&playground, &open, address, &envelope), 2, says, &[TOKEN]);
    }
    let other = run(&playground, &["open", "--context", "b"], &orders, &sealed.stdout);
    refused(&other, 2, "authentication failed", &[TOKEN]);
    assert!(other.stderr.contains("\"kind\":\"authentication-failed\""), "{other}");
    let events = std::fs::read_to_string(playground.path().join("events")).unwrap();
    let kinds: Vec<_> = events
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].clone())
        .collect();
    let expected = ["authentication-failed", "key-unknown", "authentication-failed", "key-unknown"];
    assert_eq!(kinds, expected, "{events}");
    assert!(!events.contains(DATA) && !events.contains(TOKEN), "{events}");
}

#[test]
fn a_private_key_in_openbao_signs_what_its_public_keys_verify() {
    let Some(server) = Server::openbao(false) else { return };
    let playground = playground();
    for (key, kind, algorithm) in
        [("ed", "ed25519", "eddsa"), ("ec", "ecdsa-p256", "es256"), ("rs", "rsa-2048", "ps256")]
    {
        server.bao(false, &["write", &format!("transit/keys/{key}"), &format!("type={kind}")]);
        let address = address(&server, key);
        let pinned = ["--algorithm", algorithm];
        let sign = |more: &[&str]| {
            run(&playground, &[&["sign"][..], &pinned, more].concat(), &address, "paid")
        };
        let by_first = sign(&[]);
        server.bao(false, &["write", "-f", &format!("transit/keys/{key}/rotate")]);
        let jwks = run(&playground, &[&["keyring", "jwks"][..], &pinned].concat(), &address, "");
        assert_eq!(json(&jwks)["keys"].as_array().unwrap().len(), 2, "{jwks}");
        std::fs::write(playground.path().join("jwks"), &jwks.stdout).unwrap();
        // The older version signs until every verifier has the newer one.
        for signed in [&by_first, &sign(&[]), &sign(&["--key-version", "1"])] {
            assert_eq!(signed.code, 0, "{signed}");
            let verified = crypto(&playground, &["verify", "--jwks", "jwks"], &[], &signed.stdout);
            assert_eq!((verified.code, verified.stdout.as_str()), (0, "paid"), "{verified}");
        }
        let other = if algorithm == "ps256" { "es256" } else { "ps256" };
        let wrong = run(&playground, &["sign", "--algorithm", other], &address, "paid");
        refused(&wrong, 2, "cannot be used in this way", &[TOKEN]);
    }
}

#[test]
fn a_token_that_is_wrong_or_may_not_is_refused_and_a_role_that_may_is_not() {
    let Some(server) = Server::openbao(false) else { return };
    server.bao(false, &["write", "-f", "transit/keys/orders"]);
    server.bao(false, &["write", "-f", "transit/keys/other"]);
    server.bao(false, &["auth", "enable", "approle"]);
    let policy = "path \"transit/datakey/plaintext/orders\" { capabilities = [\"update\"] }\n\
                  path \"transit/decrypt/orders\" { capabilities = [\"update\"] }\n";
    let playground = playground();
    std::fs::write(playground.path().join("policy"), policy).unwrap();
    let policy = playground.path().join("policy");
    server.bao(false, &["policy", "write", "orders", &policy.to_string_lossy()]);
    server.bao(false, &["write", "auth/approle/role/orders", "token_policies=orders"]);
    let role = server.bao(false, &["read", "-field=role_id", "auth/approle/role/orders/role-id"]);
    let secret = server
        .bao(false, &["write", "-f", "-field=secret_id", "auth/approle/role/orders/secret-id"]);
    let with_role = |role: &str, secret: &str, key: &str, verb: &str, input: &str| {
        let json = serde_json::json!({ "role_id": role, "secret_id": secret });
        private(&playground, "role", &json.to_string());
        let address = address(&server, key);
        let arguments = [verb, "--kms", &address, "--kms-approle", "role"];
        crypto(&playground, &arguments, &[], input)
    };
    let sealed = with_role(&role, &secret, "orders", "seal", DATA);
    assert_eq!(sealed.code, 0, "{sealed}");
    assert_eq!(with_role(&role, &secret, "orders", "open", &sealed.stdout).stdout, DATA);
    let secrets = [secret.as_str(), TOKEN];
    let other = with_role(&role, &secret, "other", "seal", DATA);
    refused(&other, 2, "does not permit it", &secrets);
    let wrong = with_role(&role, "00000000-0000-0000-0000-000000000000", "orders", "seal", DATA);
    refused(&wrong, 2, "does not permit it", &secrets);
    private(&playground, "token", "another-token");
    let orders = address(&server, "orders");
    let wrong = run(&playground, &["seal"], &orders, DATA);
    refused(&wrong, 2, "does not permit it", &["another-token"]);
    private(&playground, "role", "{\"role_id\": \"x\", \"secret\": \"hidden\"}");
    let wrong =
        crypto(&playground, &["seal", "--kms", &orders, "--kms-approle", "role"], &[], DATA);
    refused(&wrong, 2, "is no role", &["hidden"]);
    let wrong = crypto(&playground, &["seal", "--kms", &orders], &[], DATA);
    refused(&wrong, 2, "--kms-token", &[]);
}

#[test]
fn only_the_pinned_authority_is_trusted() {
    let Some(server) = Server::openbao(true) else { return };
    let Some(other) = Server::openbao(true) else { return };
    server.bao(true, &["write", "-f", "transit/keys/orders"]);
    let playground = playground();
    let address = format!("transit:https://127.0.0.1:{}/transit/orders", server.port);
    let seal = |ca: Option<&Server>| {
        let ca = ca.map(|server| server.ca().unwrap().to_string_lossy().into_owned());
        let pinned: Vec<&str> = ca.iter().flat_map(|ca| ["--kms-ca", ca.as_str()]).collect();
        run(&playground, &[&["seal"][..], &pinned].concat(), &address, DATA)
    };
    assert_eq!(seal(Some(&server)).code, 0, "{}", seal(Some(&server)));
    refused(&seal(Some(&other)), 2, "not trusted", &[TOKEN]);
    refused(&seal(None), 2, "not trusted", &[TOKEN]);
}
