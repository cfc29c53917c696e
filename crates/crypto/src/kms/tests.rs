//! Services that hang, that answer nonsense and that lie.

use super::*;
use crate::envelope::{self, EnvelopeError, WrappedKey, Wrapping};
use crate::secret::Secret;
use crate::signature::{Algorithm, SignatureError, Signer, SigningKey};
use crate::text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

const TOKEN: &str = "hvs.very-secret-token";
const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A service on this machine that answers every request in one way; it ends with the test.
fn serve(answer: impl Fn(&str, &[u8]) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some((head, body)) = request(&mut stream) else { continue };
            match answer(&head, &body) {
                Some(answer) => drop(stream.write_all(&answer)),
                // Silent until the other side leaves.
                None => drop(stream.read(&mut [0])),
            }
        }
    });
    address
}

fn request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn http(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// How long a service that answers may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);
/// How long one that does not answer is waited for.
const SHORT: Duration = Duration::from_millis(500);

fn transit(address: SocketAddr) -> Transit {
    transit_within(address, PATIENCE)
}

fn transit_within(address: SocketAddr, deadline: Duration) -> Transit {
    let base = format!("http://{address}");
    let connection = Connection::new(&base, &Trust::System, deadline).unwrap();
    let login = Login::Token(Secret::new(TOKEN.as_bytes().to_vec()));
    Transit::new(connection, "transit", Some("team/a"), login).unwrap()
}

fn aws(address: SocketAddr) -> AwsKms {
    aws_within(address, PATIENCE)
}

fn aws_within(address: SocketAddr, deadline: Duration) -> AwsKms {
    let secret = Secret::new(b"aws-very-secret".to_vec());
    let credentials = Credentials::Keys { id: "AKIDEXAMPLE".to_owned(), secret, session: None };
    let endpoint = format!("http://{address}");
    AwsKms::new("eu-central-1", Some(&endpoint), &Trust::System, deadline, credentials).unwrap()
}

fn generated(transit: &Transit) -> Result<(Secret, WrappedKey), EnvelopeError> {
    TransitKey::new(transit, "orders").unwrap().generate("")
}

fn service_error(result: Result<(Secret, WrappedKey), EnvelopeError>) -> KmsError {
    match result {
        Err(EnvelopeError::Service(error)) => error,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_service_that_hangs_is_waited_for_until_the_deadline_and_no_longer() {
    let silent = serve(|_, _| None);
    let began = Instant::now();
    assert_eq!(service_error(generated(&transit_within(silent, SHORT))), KmsError::Deadline);
    let half = serve(|_, _| Some(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{".to_vec()));
    let error = service_error(generated(&transit(half)));
    assert!(matches!(error, KmsError::Deadline | KmsError::Unreachable(_)), "{error}");
    let key = AwsKey::new(&aws_within(silent, SHORT), ARN).unwrap().generate("").map(drop);
    assert_eq!(key.unwrap_err(), EnvelopeError::Service(KmsError::Deadline));
    assert!(began.elapsed() < Duration::from_mins(1));
    // The near end of a connection: nobody listens there, and nobody else is given the port.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let nobody = taken.local_addr().unwrap();
    let error = service_error(generated(&transit(nobody)));
    assert!(matches!(error, KmsError::Unreachable(_)), "{error}");
}

#[test]
fn answers_that_make_no_sense_or_never_end_are_refused_without_a_word_of_theirs() {
    let plain = |key: &[u8], wrapped: &str| json!({ "data": { "plaintext": STANDARD.encode(key), "ciphertext": wrapped } });
    let ok = |body: &Value| http("200 OK", body.to_string().as_bytes());
    let good = ok(&plain(&[7; 32], "vault:v1:AAAA"));
    let address = serve(move |_, _| Some(good.clone()));
    generated(&transit(address)).unwrap();
    for (answer, expected) in [
        (b"SSH-2.0-OpenSSH\r\n\r\n".to_vec(), "HTTP"),
        (http("200 OK", b"<html>leaked</html>"), "fields"),
        (http("200 OK", b""), "fields"),
        (http("200 OK", b"{\"data\":{}}"), "fields"),
        (ok(&plain(&[7; 16], "vault:v1:AAAA")), "32 bytes"),
        (ok(&plain(&[7; 32], "leaked")), "wrapped key"),
        (ok(&plain(&[7; 32], &format!("vault:v1:{}", "A".repeat(2000)))), "wrapped key"),
        (ok(&json!({ "data": { "plaintext": "leaked*", "ciphertext": "vault:v1:A" } })), "base64"),
        (http("200 OK", &vec![b' '; 2 << 20]), "longer"),
        (http("302 Found", b""), "redirects"),
        (http("403 Forbidden", b"{\"errors\":[\"leaked\"]}"), "permit"),
        (http("404 Not Found", b"{\"errors\":[]}"), "no such key"),
        (http("503 Service Unavailable", b"{\"sealed\":true}"), "sealed"),
        (http("400 Bad Request", b"{\"errors\":[\"leaked\"]}"), "400"),
        (http("500 Internal Server Error", b"leaked"), "500"),
    ] {
        let address = serve(move |_, _| Some(answer.clone()));
        let error = service_error(generated(&transit(address))).to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!error.contains("leaked") && !error.contains(TOKEN), "{error}");
    }
}

#[test]
fn a_redirect_never_takes_the_token_along() {
    let (told, seen) = std::sync::mpsc::channel();
    let thief = serve(move |head, _| {
        told.send(head.to_owned()).unwrap();
        Some(http("200 OK", b"{}"))
    });
    let redirects = serve(move |head, _| {
        assert!(head.contains(TOKEN), "the control: the service itself gets the token");
        assert!(head.contains("x-vault-namespace: team/a"), "{head}");
        let head = format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{thief}/\r\ncontent-length: 0\r\n\r\n"
        );
        Some(head.into_bytes())
    });
    assert_eq!(service_error(generated(&transit(redirects))), KmsError::Redirected);
    assert!(seen.try_recv().is_err(), "nobody was asked there");
}

#[test]
fn what_is_no_wrapped_key_is_not_even_sent() {
    let address = serve(|_, _| unreachable!("nothing is sent"));
    let transit = transit(address);
    let key = TransitKey::new(&transit, "orders").unwrap();
    for bytes in [&b""[..], b"vault:v1:\r\nX", b"other", &[0xff; 40]] {
        let wrapped = WrappedKey { bytes: bytes.to_vec(), sealing: None };
        assert_eq!(key.unwrap(&wrapped, "").unwrap_err(), EnvelopeError::Authentication);
        assert_eq!(key.renew("orders", &wrapped, "").unwrap_err(), EnvelopeError::Authentication);
    }
    for name in ["", "a/b", "../sys", "a?b", ".a", "ä"] {
        assert!(matches!(TransitKey::new(&transit, name), Err(KmsError::Address(_))), "{name}");
    }
    let kms = aws(address);
    for key in ["", "alias/orders", "arn:aws:kms:x:1:alias/orders", "a b"] {
        assert!(matches!(AwsKey::new(&kms, key), Err(KmsError::Address(_))), "{key}");
    }
}

#[test]
fn a_data_key_that_the_service_swaps_does_not_open_the_envelope() {
    let honest = serve(|_, _| {
        let body = json!({ "data": { "plaintext": STANDARD.encode([7; 32]), "ciphertext": "vault:v1:AAAA" } });
        Some(http("200 OK", body.to_string().as_bytes()))
    });
    let lying = serve(|_, _| {
        let body = json!({ "data": { "plaintext": STANDARD.encode([8; 32]) } });
        Some(http("200 OK", body.to_string().as_bytes()))
    });
    let (honest, lying) = (transit(honest), transit(lying));
    let key = TransitKey::new(&honest, "orders").unwrap();
    let envelope = envelope::seal_wrapped(&key, b"row", b"data").unwrap();
    assert_eq!(envelope::open_wrapped(&[&key], b"row", &envelope).unwrap().expose(), b"data");
    let key = TransitKey::new(&lying, "orders").unwrap();
    let refused = envelope::open_wrapped(&[&key], b"row", &envelope).unwrap_err();
    assert_eq!(refused, EnvelopeError::Authentication);
}

/// A transit key of version 1 and 2 whose private halves are here.
fn signing_service(sign_with: usize, mark: &'static str) -> SocketAddr {
    let keys = [1, 2]
        .map(|version| SigningKey::generate(Algorithm::EdDsa, &format!("k-v{version}")).unwrap());
    let public = |key: &SigningKey| {
        let x = key.public().unwrap().to_jwk().x.unwrap();
        json!({ "public_key": STANDARD.encode(text::decode(&x).unwrap()) })
    };
    let described = json!({ "data": {
        "type": "ed25519", "latest_version": 2, "min_decryption_version": 1,
        "keys": { "1": public(&keys[0]), "2": public(&keys[1]) },
    } });
    serve(move |head, body| {
        if head.starts_with("GET /v1/transit/keys/k ") {
            return Some(http("200 OK", described.to_string().as_bytes()));
        }
        assert!(head.starts_with("POST /v1/transit/sign/k "), "{head}");
        let body: Value = serde_json::from_slice(body).unwrap();
        let message = STANDARD.decode(body["input"].as_str().unwrap()).unwrap();
        let signature = STANDARD.encode(keys[sign_with].sign(&message).unwrap());
        let answer = json!({ "data": { "signature": format!("{mark}{signature}") } });
        Some(http("200 OK", answer.to_string().as_bytes()))
    })
}

#[test]
fn a_signature_that_does_not_fit_or_is_another_versions_is_not_handed_out() {
    let transit_of = |sign_with, mark| transit(signing_service(sign_with, mark));
    let honest = transit_of(1, "vault:v2:");
    let signer = TransitSigner::new(&honest, "k", Algorithm::EdDsa, None).unwrap();
    assert_eq!((signer.kid(), signer.jwks().keys.len()), ("k-v2", 2));
    let signature = signer.sign(b"paid").unwrap();
    signer.public().unwrap().verify(b"paid", &signature).unwrap();
    let older = TransitSigner::new(&honest, "k", Algorithm::EdDsa, Some(1)).unwrap();
    assert_eq!(older.kid(), "k-v1");
    for (sign_with, mark, version) in [(0, "vault:v2:", 2), (1, "vault:v1:", 2), (1, "", 2)] {
        let lying = transit_of(sign_with, mark);
        let signer = TransitSigner::new(&lying, "k", Algorithm::EdDsa, Some(version)).unwrap();
        let refused = signer.sign(b"paid").unwrap_err();
        assert!(matches!(refused, SignatureError::Service(KmsError::Answer(_))), "{refused}");
    }
    for (algorithm, version, expected) in [
        (Algorithm::Es256, None, KmsError::Unusable),
        (Algorithm::Ps256, None, KmsError::Unusable),
        (Algorithm::EdDsa, Some(3), KmsError::NotFound),
        (Algorithm::EdDsa, Some(0), KmsError::Unusable),
    ] {
        let refused = TransitSigner::new(&honest, "k", algorithm, version).unwrap_err();
        assert_eq!(refused, expected);
    }
}

/// KMS with one asymmetric key, which really hashes what it signs unless it is told not to.
fn asymmetric(spec: &'static str, usage: &'static str, der: bool) -> SocketAddr {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let point = pair.public_key().as_ref().to_vec();
    let head: &[u8] = &[
        0x30, 0x59, 0x30, 0x13, 0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 0x06, 8, 0x2a, 0x86,
        0x48, 0xce, 0x3d, 3, 1, 7, 0x03, 0x42, 0,
    ];
    let spki = STANDARD.encode([head, &point].concat());
    serve(move |head, body| {
        let body: Value = serde_json::from_slice(body).unwrap();
        assert!(head.contains("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"), "{head}");
        if head.contains("TrentService.GetPublicKey") {
            let answer = json!({
                "KeyId": ARN, "KeyUsage": usage, "KeySpec": spec, "PublicKey": spki,
                "SigningAlgorithms": ["ECDSA_SHA_256"],
            });
            return Some(http("200 OK", answer.to_string().as_bytes()));
        }
        let message = STANDARD.decode(body["Message"].as_str().unwrap()).unwrap();
        let raw = body["MessageType"] == "RAW";
        assert!(if raw { message.len() <= 4096 } else { message.len() == 32 });
        let signature = if raw {
            pair.sign(&SystemRandom::new(), &message).unwrap().as_ref().to_vec()
        } else {
            let digest =
                aws_lc_rs::digest::Digest::import_less_safe(&message, &aws_lc_rs::digest::SHA256);
            pair.sign_digest(&digest.unwrap()).unwrap().as_ref().to_vec()
        };
        let signature = if der { signature } else { vec![1; 64] };
        let answer = json!({
            "KeyId": ARN, "Signature": STANDARD.encode(signature), "SigningAlgorithm": "ECDSA_SHA_256",
        });
        Some(http("200 OK", answer.to_string().as_bytes()))
    })
}

#[test]
fn kms_signs_short_messages_whole_and_long_ones_by_their_hash() {
    let kms = aws(asymmetric("ECC_NIST_P256", "SIGN_VERIFY", true));
    let signer = AwsSigner::new(&kms, ARN, Algorithm::Es256).unwrap();
    assert_eq!(signer.kid(), ARN);
    for length in [0, 4096, 4097, 100_000] {
        let message = vec![b'x'; length];
        let signature = signer.sign(&message).unwrap();
        assert_eq!(signature.len(), 64);
        signer.public().unwrap().verify(&message, &signature).unwrap();
    }
    for algorithm in [Algorithm::EdDsa, Algorithm::Ps256] {
        assert_eq!(AwsSigner::new(&kms, ARN, algorithm).unwrap_err(), KmsError::Unusable);
    }
    for (spec, usage) in [("ECC_NIST_P384", "SIGN_VERIFY"), ("ECC_NIST_P256", "KEY_AGREEMENT")] {
        let kms = aws(asymmetric(spec, usage, true));
        let refused = AwsSigner::new(&kms, ARN, Algorithm::Es256).unwrap_err();
        assert_eq!(refused, KmsError::Unusable);
    }
    let kms = aws(asymmetric("ECC_NIST_P256", "SIGN_VERIFY", false));
    let signer = AwsSigner::new(&kms, ARN, Algorithm::Es256).unwrap();
    let refused = signer.sign(b"x").unwrap_err();
    assert!(matches!(refused, SignatureError::Service(KmsError::Answer(_))), "{refused}");
}

#[test]
fn exceptions_of_kms_are_told_apart_by_their_type_alone() {
    for (status, kind, expected) in [
        ("400 Bad Request", "AccessDeniedException", KmsError::Denied),
        ("400 Bad Request", "com.amazonaws.kms#NotFoundException", KmsError::NotFound),
        ("400 Bad Request", "DisabledException", KmsError::Unusable),
        ("400 Bad Request", "ThrottlingException", KmsError::Busy),
        ("400 Bad Request", "leaked", KmsError::Refused(400)),
        ("500 Internal Server Error", "KMSInternalException", KmsError::Busy),
        ("403 Forbidden", "", KmsError::Denied),
    ] {
        let body = json!({ "__type": kind, "message": "leaked" }).to_string();
        let address = serve(move |_, _| Some(http(status, body.as_bytes())));
        let kms = aws(address);
        let error = service_error(AwsKey::new(&kms, ARN).unwrap().generate(""));
        assert_eq!(error, expected);
        assert!(!error.to_string().contains("leaked"));
    }
    let body = json!({ "__type": "InvalidCiphertextException" }).to_string();
    let kms = aws(serve(move |_, _| Some(http("400 Bad Request", body.as_bytes()))));
    let wrapped = WrappedKey { bytes: vec![1; 100], sealing: None };
    let refused = AwsKey::new(&kms, ARN).unwrap().unwrap(&wrapped, "").unwrap_err();
    assert_eq!(refused, EnvelopeError::Authentication);
}

#[test]
fn a_container_is_asked_for_its_keys_with_the_token_it_was_given() {
    let endpoint = serve(|head, _| {
        assert!(head.starts_with("GET /v2/credentials ") && head.contains("endpoint-token"));
        let body =
            json!({ "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "s", "Token": "session" });
        Some(http("200 OK", body.to_string().as_bytes()))
    });
    let kms = serve(|head, _| {
        assert!(head.contains("x-amz-security-token: session"), "{head}");
        assert!(head.contains(
            "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,"
        ));
        let body = json!({ "KeyId": ARN, "Plaintext": STANDARD.encode([7; 32]), "CiphertextBlob": "AAAA" });
        Some(http("200 OK", body.to_string().as_bytes()))
    });
    let credentials = Credentials::Container {
        uri: format!("http://{endpoint}/v2/credentials"),
        authorization: Some(Secret::new(b"endpoint-token".to_vec())),
    };
    let endpoint = format!("http://{kms}");
    let kms = AwsKms::new("eu-central-1", Some(&endpoint), &Trust::System, PATIENCE, credentials)
        .unwrap();
    AwsKey::new(&kms, ARN).unwrap().generate("bound").unwrap();
}

#[test]
fn a_role_logs_in_once_and_again_when_its_token_has_expired() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    let logins = AtomicUsize::new(0);
    let address = serve(move |head, body| {
        if head.starts_with("POST /v1/auth/approle/login ") {
            let body: Value = serde_json::from_slice(body).unwrap();
            if body["secret_id"] != "right" {
                return Some(http("400 Bad Request", b"{\"errors\":[\"invalid secret id\"]}"));
            }
            let count = logins.fetch_add(1, Ordering::SeqCst) + 1;
            let answer = json!({ "auth": { "client_token": format!("token-{count}") } });
            return Some(http("200 OK", answer.to_string().as_bytes()));
        }
        // The first token has expired by now.
        if head.contains("token-1") {
            return Some(http("403 Forbidden", b"{\"errors\":[\"permission denied\"]}"));
        }
        let answer = json!({ "data": { "plaintext": STANDARD.encode([7; 32]), "ciphertext": "vault:v1:AA" } });
        Some(http("200 OK", answer.to_string().as_bytes()))
    });
    let with = |secret: &str| {
        let base = format!("http://{address}");
        let connection = Connection::new(&base, &Trust::System, PATIENCE).unwrap();
        let secret = Secret::new(secret.as_bytes().to_vec());
        let (mount, role) = ("approle".to_owned(), "orders".to_owned());
        Transit::new(connection, "transit", None, Login::AppRole { mount, role, secret }).unwrap()
    };
    let right = with("right");
    generated(&right).unwrap();
    generated(&right).unwrap();
    let wrong = with("wrong-secret");
    let error = service_error(generated(&wrong));
    assert_eq!(error, KmsError::Denied);
    assert!(!format!("{wrong:?}{error}").contains("wrong-secret"));
}
