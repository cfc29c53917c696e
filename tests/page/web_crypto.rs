//! What the crate seals and signs, opened and verified by Web Crypto in a browser and in every Node,
//! and back.

use crate::browser::Browser;
use crate::opened::nodes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ringfence_crypto::Secret;
use ringfence_crypto::envelope::{self, Key};
use ringfence_crypto::signature::{self, Algorithm, Jwk, KeySet, SigningKey, VerifyingKey, Window};
use ringfence_tests::{command, workspace};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

const MODULE: &str = "crates/node/npm/browser.mjs";
const SUITE: &str = include_str!("web_crypto.mjs");
const ENVELOPE: &str = "ERR_RINGFENCE_ENVELOPE";
const SIGNATURE: &str = "ERR_RINGFENCE_SIGNATURE";

/// What is given to the module, what must come out, and the keys for the way back.
struct Vectors {
    given: Value,
    expected: BTreeMap<String, Value>,
    key: Key,
}

/// Collects vectors, each with what must come of it.
#[derive(Default)]
struct Collected {
    envelopes: Vec<Value>,
    signed: Vec<Value>,
    sets: Vec<Value>,
    expected: BTreeMap<String, Value>,
}

impl Collected {
    fn envelope(&mut self, name: &str, envelope: &str, context: &str, result: Value) {
        self.envelopes.push(json!({ "name": name, "envelope": envelope, "context": context }));
        assert!(self.expected.insert(name.to_owned(), result).is_none(), "{name}");
    }

    fn signed(&mut self, name: &str, jws: &str, result: Value) {
        self.signed.push(json!({ "name": name, "jws": jws }));
        assert!(self.expected.insert(name.to_owned(), result).is_none(), "{name}");
    }

    fn set(&mut self, name: &str, jwks: &Value, result: Value) {
        self.sets.push(json!({ "name": name, "jwks": jwks.to_string() }));
        assert!(self.expected.insert(name.to_owned(), result).is_none(), "{name}");
    }
}

fn payload(bytes: &[u8]) -> Value {
    json!({ "payload": BASE64.encode(bytes) })
}

fn code(front: &str, rest: &str) -> Value {
    json!({ "code": format!("{front}_{rest}") })
}

/// A text with another header in front.
fn with_header(text: &str, header: &str) -> String {
    let (_, rest) = text.split_once('.').unwrap();
    format!("{}.{rest}", BASE64.encode(header))
}

fn vectors() -> Vectors {
    let raw = vec![7; 32];
    let key = Key::new("a", &Secret::new(raw.clone()), 0).unwrap();
    let mut all = Collected::default();
    envelopes(&mut all, &key);
    let keys: Vec<SigningKey> = Algorithm::ALL
        .iter()
        .map(|algorithm| SigningKey::generate(*algorithm, algorithm.name()).unwrap())
        .collect();
    signatures(&mut all, &keys);
    let jwks: Vec<Value> = keys
        .iter()
        .map(|key| serde_json::to_value(key.public().unwrap().to_jwk()).unwrap())
        .collect();
    sets(&mut all, &jwks);
    let invalid = json!({ "code": "ERR_RINGFENCE_INVALID_ARGUMENT" });
    all.expected.insert("a key that is no bytes".to_owned(), invalid.clone());
    all.expected.insert("keys that are none".to_owned(), invalid);
    all.expected.insert("a short key".to_owned(), code(ENVELOPE, "KEY"));
    let given = json!({
        "keys": [{ "kid": "a", "raw": BASE64.encode(&raw) }, { "kid": "b", "raw": BASE64.encode([8; 32]) }],
        "jwks": { "keys": jwks },
        "envelopes": all.envelopes,
        "signed": all.signed,
        "sets": all.sets,
    });
    Vectors { given, expected: all.expected, key }
}

fn envelopes(all: &mut Collected, key: &Key) {
    let large = vec![42; 1 << 20];
    for (name, context, data) in [
        ("no context", "", &b"card 4242"[..]),
        ("a context", "orders/17", b"card 4242"),
        ("a context in Unicode", "bestellung/äöü/\u{1f600}", b"card"),
        ("no data", "", b""),
        ("a mebibyte", "orders/18", &large),
    ] {
        let envelope = envelope::seal(key, context.as_bytes(), data).unwrap();
        all.envelope(name, &envelope, context, payload(data));
    }
    let good = envelope::seal(key, b"orders/17", b"card 4242").unwrap();
    let authentication = code(ENVELOPE, "AUTHENTICATION");
    all.envelope("another context", &good, "orders/18", authentication.clone());
    all.envelope("a context left out", &good, "", authentication.clone());
    let bare = envelope::seal(key, b"", b"x").unwrap();
    all.envelope("a context where none was", &bare, "orders/17", authentication.clone());
    let other = Key::new("c", &Secret::new(vec![9; 32]), 0).unwrap();
    let other = envelope::seal(&other, b"", b"x").unwrap();
    all.envelope("an unknown key", &other, "", code(ENVELOPE, "UNKNOWN_KEY"));
    let same_name = Key::new("a", &Secret::new(vec![9; 32]), 0).unwrap();
    let same_name = envelope::seal(&same_name, b"", b"x").unwrap();
    all.envelope("another key of this name", &same_name, "", authentication.clone());
    // Under another key of the set, which must not be tried.
    let renamed = with_header(&bare, r#"{"alg":"dir","enc":"A256GCM","kid":"b"}"#);
    all.envelope("another kid", &renamed, "", authentication.clone());
    for at in [0, 3] {
        let mut parts: Vec<String> = bare.rsplit('.').map(str::to_owned).collect();
        let part = &mut parts[usize::from(at == 3)];
        let first = if part.starts_with('A') { "B" } else { "A" };
        part.replace_range(..1, first);
        let changed: Vec<&str> = parts.iter().rev().map(String::as_str).collect();
        all.envelope(&format!("changed at {at}"), &changed.join("."), "", authentication.clone());
    }
    refused_headers(all, &bare);
    for (name, text) in [
        ("nothing", String::new()),
        ("four parts", bare.rsplit_once('.').unwrap().0.to_owned()),
        ("six parts", format!("{bare}.AAAA")),
        ("padding", format!("{bare}=")),
        ("a short tag", bare[..bare.len() - 4].to_owned()),
        ("a letter of another alphabet", bare.replacen('.', "+.", 1)),
    ] {
        all.envelope(name, &text, "", code(ENVELOPE, "MALFORMED"));
    }
}

fn refused_headers(all: &mut Collected, bare: &str) {
    for header in [
        r#"{"alg":"none","enc":"A256GCM","kid":"a"}"#,
        r#"{"alg":"A256KW","enc":"A256GCM","kid":"a"}"#,
        r#"{"alg":"dir","enc":"A128GCM","kid":"a"}"#,
    ] {
        all.envelope(header, &with_header(bare, header), "", code(ENVELOPE, "ALGORITHM"));
    }
    for header in [
        r#"{"alg":"dir","enc":"A256GCM"}"#,
        r#"{"alg":"dir","enc":"A256GCM","kid":"a","zip":"DEF"}"#,
        r#"{"alg":"dir","enc":"A256GCM","kid":"a","kid":"b"}"#,
        r#"{"alg":"dir","enc":"A256GCM","kid":"a","\u006bid":"b"}"#,
        r#"{"alg":"dir","enc":"A256GCM","kid":7}"#,
        r#"{"alg":"dir","enc":"A256GCM","kid":"a","crit":["exp"]}"#,
        "[]",
        "null",
        "{",
    ] {
        all.envelope(header, &with_header(bare, header), "", code(ENVELOPE, "MALFORMED"));
    }
}

fn signatures(all: &mut Collected, keys: &[SigningKey]) {
    let wrong = code(SIGNATURE, "AUTHENTICATION");
    for key in keys {
        let name = key.kid();
        let jws = signature::sign(key, Some("JWT"), b"{\"sub\":\"7\"}").unwrap();
        all.signed(name, &jws, payload(b"{\"sub\":\"7\"}"));
        let (front, signed) = jws.rsplit_once('.').unwrap();
        let first = if signed.starts_with('A') { "B" } else { "A" };
        let changed = format!("{front}.{first}{}", &signed[1..]);
        all.signed(&format!("{name}: another signature"), &changed, wrong.clone());
        all.signed(&format!("{name}: no signature"), &format!("{front}."), wrong.clone());
        let (header, _) = front.split_once('.').unwrap();
        let other = format!("{header}.{}.{signed}", BASE64.encode("{\"sub\":\"8\"}"));
        all.signed(&format!("{name}: another payload"), &other, wrong.clone());
        for alg in ["none", "HS256", "RS256", "ES384"] {
            let header = format!(r#"{{"alg":"{alg}","kid":"{name}"}}"#);
            let result = code(SIGNATURE, "ALGORITHM");
            all.signed(&format!("{name}: {alg}"), &with_header(&jws, &header), result);
        }
        let unknown = format!(r#"{{"alg":"{name}","kid":"other"}}"#);
        let result = code(SIGNATURE, "UNKNOWN_KEY");
        all.signed(&format!("{name}: unknown"), &with_header(&jws, &unknown), result.clone());
        let nameless = format!(r#"{{"alg":"{name}"}}"#);
        all.signed(&format!("{name}: nameless"), &with_header(&jws, &nameless), result);
        for more in [r#""crit":["b64"],"b64":false"#, r#""jwk":{}"#, r#""alg":"none""#] {
            let header = format!(r#"{{"alg":"{name}","kid":"{name}",{more}}}"#);
            let result = code(SIGNATURE, "MALFORMED");
            all.signed(&format!("{name}: {more}"), &with_header(&jws, &header), result);
        }
    }
}

fn sets(all: &mut Collected, jwks: &[Value]) {
    let with = |at: usize, name: &str, value: Value| {
        let mut keys = jwks.to_vec();
        keys[at][name] = value;
        json!({ "keys": keys })
    };
    let three = payload(&[3]);
    all.set("as it is", &json!({ "keys": jwks }), three.clone());
    all.set("a curve without a word", &with(0, "alg", Value::Null), code(SIGNATURE, "KEY"));
    let key = code(SIGNATURE, "KEY");
    for (name, set) in [
        ("RSA with PKCS#1", with(2, "alg", json!("RS256"))),
        ("a curve with another algorithm", with(1, "alg", json!("EdDSA"))),
        ("a private key", with(0, "d", json!("AAAA"))),
        ("for encryption", with(0, "use", json!("enc"))),
        ("a short modulus", with(2, "n", json!("AQAB"))),
        ("a point that is none", with(1, "x", json!(BASE64.encode([1; 32])))),
        ("no kid", with(0, "kid", json!(""))),
        ("a symmetric key", with(0, "kty", json!("oct"))),
    ] {
        all.set(name, &set, key.clone());
    }
    let twice = with(1, "kid", jwks[0]["kid"].clone());
    all.set("a name twice", &twice, code(SIGNATURE, "MALFORMED"));
    all.set("no keys", &json!({ "keys": [] }), code(SIGNATURE, "MALFORMED"));
    all.set("no set", &json!([]), code(SIGNATURE, "MALFORMED"));
}

/// Whether all came out as it must, and whether the crate takes what Web Crypto made.
fn hold(place: &str, vectors: &Vectors, answer: &Value) {
    let results = answer["results"].as_object().unwrap_or_else(|| panic!("{place}: {answer}"));
    for (name, expected) in &vectors.expected {
        assert_eq!(results.get(name), Some(expected), "{place}: {name}");
    }
    assert_eq!(results.len(), vectors.expected.len(), "{place}");
    for sealed in answer["sealed"].as_array().unwrap() {
        let context = sealed["context"].as_str().unwrap();
        let envelope = sealed["envelope"].as_str().unwrap();
        let opened = envelope::open(&[&vectors.key], context.as_bytes(), envelope).unwrap();
        assert_eq!(opened.expose(), format!("sealed for {context}").as_bytes(), "{place}");
    }
    let signed = answer["signed"].as_array().unwrap();
    assert_eq!(signed.len(), 3);
    for one in signed {
        let jwk: Jwk = serde_json::from_value(one["jwk"].clone()).unwrap();
        let mut keys = KeySet::new();
        keys.add(VerifyingKey::from_jwk(&jwk).unwrap(), Window::default()).unwrap();
        let verified = signature::verify(&keys, one["jws"].as_str().unwrap(), 0).unwrap();
        assert_eq!(verified.payload, b"signed", "{place}");
    }
}

#[test]
fn every_node_opens_and_verifies_what_the_crate_made_and_back() {
    let vectors = vectors();
    let folder = tempfile::tempdir().unwrap();
    fs::copy(workspace::root().join(MODULE), folder.path().join("browser.mjs")).unwrap();
    fs::write(folder.path().join("suite.mjs"), SUITE).unwrap();
    fs::write(folder.path().join("vectors.json"), vectors.given.to_string()).unwrap();
    let main = "import { readFileSync } from 'node:fs';\n\
                import * as ringfence from './browser.mjs';\n\
                import { run } from './suite.mjs';\n\
                const vectors = JSON.parse(readFileSync('vectors.json', 'utf8'));\n\
                console.log(JSON.stringify(await run(ringfence, vectors)));\n";
    fs::write(folder.path().join("main.mjs"), main).unwrap();
    for node in nodes() {
        let mut command = command::other(node.to_str().unwrap());
        let output = command.current_dir(folder.path()).arg("main.mjs").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        let answer = serde_json::from_slice(&output.stdout);
        let answer = answer.unwrap_or_else(|error| panic!("{}: {error}: {told}", node.display()));
        hold(&node.display().to_string(), &vectors, &answer);
    }
}

#[test]
fn a_browser_opens_and_verifies_what_the_crate_made_and_back() {
    let Some(browser) = Browser::installed() else { return };
    let vectors = vectors();
    let site = Site::open(vectors.given.to_string());
    browser.visit(&site.url);
    let answer = site.answer();
    let answer = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
    hold("browser", &vectors, &answer);
}

/// The page: its picture comes when the answer is there, so that the browser waits for it.
const PAGE: &str = "<!doctype html><meta charset=utf-8><title>x</title>\
    <img src=/wait><script type=module>\
    import * as ringfence from '/browser.mjs';\
    import { run } from '/suite.mjs';\
    let answer;\
    try { answer = JSON.stringify(await run(ringfence, await (await fetch('/vectors')).json())); }\
    catch (error) { answer = String(error.stack); }\
    await fetch('/done', { method: 'POST', body: answer });\
    </script>";

/// A site on loopback, which browsers trust with Web Crypto.
struct Site {
    url: String,
    answer: Arc<(Mutex<Option<String>>, Condvar)>,
}

impl Site {
    fn open(vectors: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let answer: Arc<(Mutex<Option<String>>, Condvar)> = Arc::default();
        let (known, vectors) = (Arc::clone(&answer), Arc::new(vectors));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (known, vectors) = (Arc::clone(&known), Arc::clone(&vectors));
                std::thread::spawn(move || serve(&stream, &vectors, &known));
            }
        });
        Self { url, answer }
    }

    fn answer(&self) -> String {
        let answer = self.answer.0.lock().unwrap().clone();
        answer.expect("the page answered before it was loaded")
    }
}

/// One request, one answer.
fn serve(stream: &TcpStream, vectors: &str, known: &(Mutex<Option<String>>, Condvar)) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    if reader.read_line(&mut first).is_err() {
        return;
    }
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).is_err() || line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let module = || fs::read_to_string(workspace::root().join(Path::new(MODULE))).unwrap();
    let (kind, body) = match path {
        "/" => ("text/html", PAGE.to_owned()),
        "/browser.mjs" => ("text/javascript", module()),
        "/suite.mjs" => ("text/javascript", SUITE.to_owned()),
        "/vectors" => ("application/json", vectors.to_owned()),
        "/done" => {
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            *known.0.lock().unwrap() = Some(String::from_utf8(body).unwrap());
            known.1.notify_all();
            ("text/plain", String::new())
        }
        "/wait" => {
            let answer = known.0.lock().unwrap();
            drop(known.1.wait_while(answer, |answer| answer.is_none()));
            ("text/plain", String::new())
        }
        _ => ("text/plain", String::new()),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
}
