//! Files of every kind, and what is no such file.

use super::site::*;
use crate::tls::{Code, Expected, FileError, Item, LARGEST, examine, items};
use rcgen::{CertificateParams, KeyPair};

fn found(bytes: &[u8]) -> Vec<Code> {
    codes(&examine(&items(bytes).unwrap(), &Expected::default()).0)
}

#[test]
fn a_chain_with_its_key_is_held_together() {
    let root = root("root");
    let leaf = issue(&root, &server(&["shop.test"]));
    let other = KeyPair::generate().unwrap();
    let chain = pem("CERTIFICATE", &leaf.der) + &root.pem();
    assert_eq!(found(chain.as_bytes()), []);
    let with = |key: &KeyPair| (chain.clone() + &key.serialize_pem()).into_bytes();
    assert_eq!(found(&with(&leaf.key)), []);
    assert_eq!(found(&with(&other)), [Code::KeyMismatch]);
    let all = items(&with(&leaf.key)).unwrap();
    let shown = serde_json::to_string(&all).unwrap();
    assert!(shown.contains(r#""kind":"private-key","key":{"kind":"EC P-256","bits":256}"#));
    let key = leaf.key.serialize_pem();
    let secret = key.lines().nth(1).unwrap();
    assert!(!shown.contains(secret) && !format!("{all:?}").contains(secret));
    let wrong = root.pem() + &pem("CERTIFICATE", &leaf.der);
    assert!(found(wrong.as_bytes()).contains(&Code::WrongOrder));
}

#[test]
fn each_kind_is_known_in_pem_and_in_der() {
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::new(vec!["shop.test".to_owned()]).unwrap();
    let request = request.serialize_request(&key).unwrap();
    let leaf = self_signed(&server(&["shop.test"]));
    for bytes in [request.pem().unwrap().into_bytes(), request.der().to_vec()] {
        let all = items(&bytes).unwrap();
        let [Item::Request { names, signed: true, key, .. }] = all.as_slice() else {
            panic!("{all:?}")
        };
        assert_eq!((names.as_slice(), key.bits), (&["shop.test".to_owned()][..], 256));
    }
    for bytes in [pem("CERTIFICATE", &leaf.der).into_bytes(), leaf.der.to_vec()] {
        assert!(matches!(items(&bytes).unwrap().as_slice(), [Item::Certificate(_)]));
    }
    for bytes in [key.serialize_pem().into_bytes(), key.serialize_der()] {
        let all = items(&bytes).unwrap();
        let [Item::PrivateKey { key: Some(found), encrypted: false, .. }] = all.as_slice() else {
            panic!("{all:?}")
        };
        assert_eq!(found.kind, "EC P-256");
    }
    let public = key.public_key_pem();
    assert!(matches!(items(public.as_bytes()).unwrap().as_slice(), [Item::PublicKey { .. }]));
    let encrypted = pem("ENCRYPTED PRIVATE KEY", &[0x30, 0]);
    let all = items(encrypted.as_bytes()).unwrap();
    assert!(matches!(all.as_slice(), [Item::PrivateKey { encrypted: true, key: None, .. }]));
    let older = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                 DEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let all = items(older.as_bytes()).unwrap();
    assert!(matches!(all.as_slice(), [Item::PrivateKey { encrypted: true, .. }]), "{all:?}");
    // What `openssl pkcs12 -export` begins with.
    let pkcs12 = [
        0x30, 0x82, 0x0a, 0x11, 2, 1, 3, 0x30, 0x82, 0x09, 0xd7, 6, 9, 0x2a, 0x86, 0x48, 0x86,
        0xf7, 0x0d, 1, 7, 1,
    ];
    assert!(matches!(items(&pkcs12).unwrap().as_slice(), [Item::Pkcs12]));
}

#[test]
fn what_is_no_such_file_is_refused() {
    for bytes in [&b""[..], b"hello", &[0x30, 0x82], &[0; 100], "schlüssel".as_bytes()] {
        assert_eq!(items(bytes).unwrap_err(), FileError::Unknown, "{bytes:?}");
    }
    assert_eq!(items(&vec![b'a'; LARGEST + 1]).unwrap_err(), FileError::TooLarge);
    let many = pem("OTHER", b"x").repeat(2001);
    assert_eq!(items(many.as_bytes()).unwrap_err(), FileError::TooMany);
}

#[test]
fn damaged_parts_are_told_and_the_rest_is_read() {
    let leaf = self_signed(&server(&["shop.test"]));
    let good = pem("CERTIFICATE", &leaf.der);
    let damaged = pem("CERTIFICATE", &leaf.der[..100]) + &good;
    let expected = [Code::UnreadableCertificate, Code::SelfSigned];
    assert_eq!(found(damaged.as_bytes()), expected);
    // Every byte in turn is another one, and every beginning is the whole.
    for at in 0..leaf.der.len() {
        let _ = items(&leaf.der[..at]);
        for change in [0x01, 0x20, 0x55, 0x80, 0xff] {
            let mut other = leaf.der.to_vec();
            other[at] ^= change;
            let _ = items(&other).map(|all| examine(&all, &Expected::default()));
        }
    }
}

#[test]
fn weak_keys_and_broken_hashes_are_named() {
    // Made by `openssl req -x509 -newkey rsa:1024 -sha1` for a hundred years, with a name, no authority.
    let weak = include_bytes!("weak.pem");
    let all = items(weak).unwrap();
    let [Item::Certificate(certificate)] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((certificate.key.kind.as_str(), certificate.key.bits), ("RSA", 1024));
    assert_eq!(certificate.signature, "RSA with SHA-1");
    let found = found(weak);
    for code in [Code::WeakKey, Code::WeakSignature, Code::LongValidity] {
        assert!(found.contains(&code), "{found:?}");
    }
}

#[test]
fn a_bundle_of_authorities_is_looked_at_one_by_one() {
    let (one, two) = (root("one"), root("two"));
    assert_eq!(found((one.pem() + &two.pem()).as_bytes()), []);
    let mut params = authority("old");
    dated(&mut params, -30, -1);
    let old = rcgen::CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    assert_eq!(found((one.pem() + &old.pem()).as_bytes()), [Code::Expired]);
}
