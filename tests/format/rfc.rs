//! Vectors that specifications and reference implementations print, for what Wycheproof lacks.

use ringfence_crypto::Secret;
use ringfence_crypto::envelope::{self, EnvelopeError, Key};
use ringfence_crypto::password::{Hasher, HasherOptions};
use ringfence_crypto::signature::{self, Jwk, KeySet, SignatureError, VerifyingKey, Window};
use serde_json::{Value, json};

fn verifies(password: &str, stored: &str) -> bool {
    let options = HasherOptions { attempts: None, ..HasherOptions::default() };
    Hasher::new(options).unwrap().verify(password.as_bytes(), stored).unwrap().matches
}

/// `phc-winner-argon2`, `src/test.c`, version 0x13, in the reference implementation's own form. The
/// vector of RFC 9106 section 5.3 has a secret and associated data, which no PHC string carries.
#[test]
fn argon2id_hashes_of_the_reference_implementation_verify() {
    for (password, stored) in [
        (
            "password",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        ),
        (
            "password",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
        ),
        (
            "password",
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        ),
        (
            "password",
            "$argon2id$v=19$m=65536,t=1,p=1$c29tZXNhbHQ$9qWtwbpyPd3vm1rB1GThgPzZ3/ydHL92zKL+15XZypg",
        ),
        (
            "differentpassword",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$C4TWUs9rDEvq7w3+J4umqA32aWKB1+DSiRuBfYxFj94",
        ),
        (
            "password",
            "$argon2id$v=19$m=65536,t=2,p=1$ZGlmZnNhbHQ$vfMrBczELrFdWP0ZsfhWsRPaHppYdP3MVEMIVlqoFBw",
        ),
    ] {
        assert!(verifies(password, stored), "{stored}");
        assert!(!verifies("Password", stored), "{stored}");
    }
}

/// RFC 7914 section 12, the third vector, in both forms that are read. The first two have a salt of 0 and
/// of 4 bytes and the last needs 1024 MiB: all three are refused before anything is computed.
#[test]
fn scrypt_hashes_of_rfc_7914_verify() {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
    let key = bytes(
        "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2\
         d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887",
    );
    let padded = (STANDARD.encode("SodiumChloride"), STANDARD.encode(&key));
    let plain = (STANDARD_NO_PAD.encode("SodiumChloride"), STANDARD_NO_PAD.encode(&key));
    for stored in [
        format!("scrypt$16384$8$1${}${}", padded.0, padded.1),
        format!("$scrypt$ln=14,r=8,p=1${}${}", plain.0, plain.1),
    ] {
        assert!(verifies("pleaseletmein", &stored), "{stored}");
        assert!(!verifies("pleaseletmeout", &stored), "{stored}");
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    let pairs = (0..digits.len()).step_by(2);
    pairs.map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn verify(jwk: Value, jws: &str) -> Result<signature::Verified, SignatureError> {
    let mut jwk = jwk;
    jwk["kid"] = "vector".into();
    let jwk: Jwk = serde_json::from_value(jwk).unwrap();
    let mut keys = KeySet::new();
    keys.add(VerifyingKey::from_jwk(&jwk)?, Window::default())?;
    signature::verify(&keys, jws, 0)
}

/// RFC 8037 appendix A.4.
#[test]
fn the_ed25519_signature_of_rfc_8037_verifies() {
    let jwk = json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    let jws = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
        hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    assert_eq!(verify(jwk.clone(), jws).unwrap().payload, b"Example of Ed25519 signing");
    let other = jws.replacen("RXh", "Rxh", 1);
    assert_eq!(verify(jwk, &other), Err(SignatureError::Authentication));
}

/// RFC 7515 appendix A.3.
#[test]
fn the_p_256_signature_of_rfc_7515_verifies() {
    let jwk = json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let jws = "eyJhbGciOiJFUzI1NiJ9.\
        eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
        cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
        DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA\
        pmWQxfKTUJqPP3-Kg6NU1Q";
    assert!(verify(jwk, jws).unwrap().payload.starts_with(b"{\"iss\":\"joe\""));
}

/// RFC 7515 appendix A.5: `none` has no key that it could be verified with.
#[test]
fn the_unsecured_text_of_rfc_7515_never_verifies() {
    let jwk = json!({
        "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    });
    let jws = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
        cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
    assert_eq!(verify(jwk, jws), Err(SignatureError::Algorithm));
}

/// RFC 7520 section 5.6 seals with `dir` and A128GCM: the form is right and the algorithm is not.
#[test]
fn direct_encryption_of_rfc_7520_is_another_algorithm() {
    use base64::Engine as _;
    let header = json!({
        "alg": "dir", "kid": "77c7e2b8-6e13-45cf-8672-617b5b45243a", "enc": "A128GCM",
    });
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(header.to_string());
    let jwe = format!("{header}..refa467QzzKx6QAB.AAAA.vbb32Xvllea2OtmHAdccRQ");
    let kid = "77c7e2b8-6e13-45cf-8672-617b5b45243a";
    let key = Key::new(kid, &Secret::new(vec![1; 32]), 0).unwrap();
    assert_eq!(envelope::open(&[&key], b"", &jwe).unwrap_err(), EnvelopeError::Algorithm);
}
