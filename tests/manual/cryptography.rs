//! Cryptography: the manual's own code makes what is read here, and what is refused.

use crate::has_node;
use ringfence_crypto::envelope::{EnvelopeError, Key, open, open_manual, seal};
use ringfence_crypto::{Secret, random};
use ringfence_tests::command::{Playground, Run, other};
use serde_json::Value;
use std::io::Write as _;
use std::process::Stdio;

/// Lines 199 to 224 of the manual.
const PASSWORDS: &str = include_str!("snippets/password-hashing.mjs");
/// Lines 234 to 258 of the manual.
const ENVELOPES: &str = include_str!("snippets/aead-encryption.mjs");

/// `ringfence crypto` with something on its standard input.
fn crypto(playground: &Playground, arguments: &[&str], input: &str) -> Run {
    let mut command = playground.command();
    command.arg("crypto").args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Whoever refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// What a program beside the manual's snippet prints in Node.
fn in_node(snippet: &str, program: &str) -> String {
    let playground = Playground::new().with("snippet.mjs", snippet).with("main.mjs", program);
    let output = other("node").arg(playground.path().join("main.mjs")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn line_192_and_230_a_password_is_stored_with_its_algorithm_and_parameters() {
    let playground = Playground::new();
    let hash = ["password", "hash", "--stdin"];
    let (one, two) =
        (crypto(&playground, &hash, "hunter2\n"), crypto(&playground, &hash, "hunter2\n"));
    assert!(one.stdout.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
    assert_ne!(one.stdout, two.stdout, "each has a salt of its own");
    let verify = ["password", "verify", "--stdin"];
    let run = crypto(&playground, &verify, &format!("hunter2\n{}", one.stdout));
    assert_eq!((run.code, run.stdout.as_str()), (0, "matches\n"));
    let run = crypto(&playground, &verify, &format!("hunter3\n{}", one.stdout));
    assert_eq!((run.code, run.stdout.as_str()), (1, "does not match\n"));
    let weak = crypto(&playground, &["password", "hash", "--stdin", "--memory", "7"], "x\n");
    assert_eq!(weak.code, 2, "{weak}");
}

#[test]
fn line_193_a_token_is_kept_as_a_keyed_hash_and_can_be_revoked() {
    let playground = Playground::new();
    let place = ["--store", "tokens.json", "--key", "key"];
    let issue = [&["token", "issue", "--prefix", "orders"][..], &place].concat();
    let issued = crypto(&playground, &issue, "");
    assert_eq!(issued.code, 0, "{issued}");
    let token = issued.stdout.trim();
    let kept = std::fs::read_to_string(playground.path().join("tokens.json")).unwrap();
    assert!(token.starts_with("orders_") && !kept.contains(token), "{kept}");
    assert!(!kept.contains(token.trim_start_matches("orders_")), "{kept}");
    let verify = [&["token", "verify", "--stdin"][..], &place].concat();
    assert_eq!(crypto(&playground, &verify, token).code, 0);
    let id = issued.stderr.lines().find_map(|line| line.strip_prefix("id ")).unwrap();
    let revoke = ["token", "revoke", "--store", "tokens.json", id];
    assert_eq!(crypto(&playground, &revoke, "").code, 0);
    let refused = crypto(&playground, &verify, token);
    assert!(refused.code == 1 && refused.stdout.contains("it was revoked"), "{refused}");
}

#[test]
fn line_198_to_231_a_hash_that_the_manual_made_in_node_matches_and_asks_to_be_made_again() {
    if !has_node() {
        return;
    }
    let program = "import { hashPassword, verifyPassword } from './snippet.mjs';
const stored = await hashPassword('correct horse');
if (!(await verifyPassword('correct horse', stored))) throw new Error('the control');
console.log(stored);
";
    let stored = in_node(PASSWORDS, program);
    assert!(stored.starts_with("scrypt$32768$8$1$"), "{stored}");
    let playground = Playground::new();
    let verify = ["password", "verify", "--stdin"];
    let run = crypto(&playground, &verify, &format!("correct horse\n{stored}\n"));
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.starts_with("matches; hash it again"), "{run}");
    let run = crypto(&playground, &verify, &format!("wrong horse\n{stored}\n"));
    assert_eq!((run.code, run.stdout.as_str()), (1, "does not match\n"));
    // What a stored hash asks for is bounded, whoever wrote it into the table.
    let greedy = stored.replace("$32768$", "$1073741824$");
    assert_eq!(crypto(&playground, &verify, &format!("correct horse\n{greedy}\n")).code, 2);
}

#[test]
fn line_233_to_267_an_envelope_that_the_manual_sealed_in_node_opens_whole_or_not_at_all() {
    if !has_node() {
        return;
    }
    let program = "import { encryptJson, decryptJson } from './snippet.mjs';
const key = Buffer.alloc(32, 7);
const envelope = encryptJson(key, { amount: 10 }, 'orders/17');
if (decryptJson(key, envelope, 'orders/17').amount !== 10) throw new Error('the control');
console.log(JSON.stringify(envelope));
";
    let envelope = in_node(ENVELOPES, program);
    let key = Key::new("manual", &Secret::new(vec![7; 32]), 0).unwrap();
    let opened = open_manual(&key, b"orders/17", &envelope).unwrap();
    assert_eq!(opened.expose(), br#"{"amount":10}"#);
    let refused = |context: &[u8], text: &str| open_manual(&key, context, text).unwrap_err();
    assert!(matches!(refused(b"orders/18", &envelope), EnvelopeError::Authentication));
    let mut parts: Value = serde_json::from_str(&envelope).unwrap();
    parts["tag"] = "AAAA".into();
    assert!(matches!(refused(b"orders/17", &parts.to_string()), EnvelopeError::Malformed(_)));
    parts["tag"] = "AAAAAAAAAAAAAAAAAAAAAA==".into();
    assert!(matches!(refused(b"orders/17", &parts.to_string()), EnvelopeError::Authentication));
    // What came out is sealed anew in the form that names its key.
    let sealed = seal(&key, b"orders/17", opened.expose()).unwrap();
    let again = open(&[&key], b"orders/17", &sealed).unwrap();
    assert_eq!(again.expose(), opened.expose());
}

#[test]
fn line_262_to_267_nonces_are_not_chosen_and_a_failure_gives_nothing_out() {
    let playground = Playground::new();
    let place = ["--keyring", "ring.json", "--key", "key"];
    let with = |verb: &[&'static str]| [verb, &place].concat();
    let create = with(&["keyring", "create", "--name", "data", "--kind", "a256gcm"]);
    let created = crypto(&playground, &create, "");
    assert!(created.stderr.contains("keep it away from the keyring"), "{created}");
    let seal = with(&["seal", "--context", "orders/17"]);
    let (one, two) = (crypto(&playground, &seal, "hunter2"), crypto(&playground, &seal, "hunter2"));
    assert!(one.code == 0 && one.stdout != two.stdout, "{one}{two}");
    let open = crypto(&playground, &with(&["open", "--context", "orders/17"]), &one.stdout);
    assert_eq!((open.code, open.stdout.as_str()), (0, "hunter2"));
    let other = crypto(&playground, &with(&["open", "--context", "orders/18"]), &one.stdout);
    assert_eq!((other.code, other.stdout.as_str()), (2, ""), "{other}");
    assert!(other.stderr.contains("authentication failed"), "{other}");
    // The ring alone opens nothing.
    let ring = std::fs::read_to_string(playground.path().join("ring.json")).unwrap();
    let key = std::fs::read_to_string(playground.path().join("key")).unwrap();
    assert!(!ring.contains(key.trim()));
}

#[test]
fn line_304_and_457_a_key_is_not_retired_while_what_it_signed_may_be_valid() {
    let playground = Playground::new();
    let place = ["--keyring", "ring.json", "--key", "key"];
    let with = |verb: &[&'static str]| [verb, &place].concat();
    let create = with(&["keyring", "create", "--name", "jwt", "--kind", "eddsa"]);
    assert_eq!(crypto(&playground, &create, "").stdout, "in use: jwt-1\n");
    let signed = crypto(&playground, &with(&["sign", "--type", "JWT"]), r#"{"sub":"ann"}"#).stdout;
    let verify = ["verify", "--keyring", "ring.json"];
    assert_eq!(crypto(&playground, &verify, &signed).stdout, r#"{"sub":"ann"}"#);

    let rotate = with(&["keyring", "rotate"]);
    let published = crypto(&playground, &rotate, "");
    assert!(published.stdout.starts_with("published: jwt-2\n"), "{published}");
    let early = crypto(&playground, &rotate, "");
    assert!(early.code == 2 && early.stderr.contains("hint: possible in"), "{early}");
    let retire = ["keyring", "retire", "--keyring", "ring.json", "jwt-1"];
    assert_eq!(crypto(&playground, &retire, "").code, 2, "it signs still");
    // Both are published, each under its kid, and the older one verifies on.
    let set = crypto(&playground, &["keyring", "jwks", "--keyring", "ring.json"], "").stdout;
    let set: Value = serde_json::from_str(&set).unwrap();
    let kids: Vec<&Value> = set["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
    assert_eq!(kids, ["jwt-1", "jwt-2"]);
    assert_eq!(crypto(&playground, &verify, &signed).code, 0);
    let forged = crypto(&playground, &verify, &signed.replacen('.', "A.", 1));
    assert_ne!(forged.code, 0, "{forged}");
}

#[test]
fn line_313_no_secret_is_taken_as_an_argument() {
    let playground = Playground::new();
    for arguments in [
        &["password", "hash", "--stdin", "hunter2"][..],
        &["password", "hash", "hunter2"],
        &["password", "verify", "--stdin", "--password", "hunter2"],
        &["token", "verify", "--store", "s", "--key", "k", "--token", "hunter2", "--stdin"],
    ] {
        let run = crypto(&playground, arguments, "");
        assert_eq!(run.code, 2, "{run}");
    }
}

#[test]
fn line_191_identifiers_have_the_entropy_that_was_asked_for() {
    let many: std::collections::BTreeSet<_> =
        (0..1000).map(|_| random::uuid_v4().unwrap()).collect();
    assert_eq!(many.len(), 1000);
    assert!(random::token(128).unwrap().len() >= 22, "128 bits in base64url");
}
