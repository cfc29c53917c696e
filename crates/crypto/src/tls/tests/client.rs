//! Clients that trust one authority: what they accept, and everything next to it that they do not.

use super::site::*;
use crate::Secret;
use crate::tls::{Authority, Client, ClientError, Pin, Purpose, Reloading, TrustError};
use rcgen::ExtendedKeyUsagePurpose;
use std::fs;
use std::time::Duration;

#[test]
fn one_authority_is_trusted_and_no_other() {
    let (mine, other) = (root("mine"), root("other"));
    let leaf = issue(&mine, &server(&["shop.test"]));
    let server = Server::tls(Setup::of(&[&leaf.der]), &leaf.key, 4);
    let ask = |root, name| greeted(&server, client(root).build().unwrap(), name);
    assert_eq!(ask(&mine, "shop.test").unwrap(), "hello");
    assert!(ask(&other, "shop.test").unwrap_err().contains("UnknownIssuer"));
    assert!(ask(&mine, "bank.test").unwrap_err().contains("not valid for name"));
    assert_eq!(ask(&mine, "shop.test").unwrap(), "hello");
}

#[test]
fn a_client_shows_its_certificate_to_who_asks() {
    let root = root("root");
    let leaf = issue(&root, &server(&["shop.test"]));
    let mut params = server(&["worker.test"]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let mine = issue(&root, &params);
    let mut setup = Setup::of(&[&leaf.der]);
    setup.clients = Some(root.der().clone());
    let server = Server::tls(setup, &leaf.key, 2);
    let pem = pem("CERTIFICATE", &mine.der);
    let key = Secret::new(mine.key.serialize_pem().into_bytes());
    let with = client(&root).identity(pem.as_bytes(), &key).unwrap().build().unwrap();
    assert_eq!(greeted(&server, with, "shop.test").unwrap(), "hello");
    let without = client(&root).build().unwrap();
    greeted(&server, without, "shop.test").unwrap_err();
}

#[test]
fn a_pin_is_one_more_condition() {
    let root = root("root");
    let leaf = issue(&root, &server(&["shop.test"]));
    let other = issue(&root, &server(&["shop.test"]));
    let stranger = super::site::root("stranger");
    let server = Server::tls(Setup::of(&[&leaf.der, root.der()]), &leaf.key, 5);
    let pin = Pin::of(&leaf.certificate());
    let wrong = Pin::of(&other.certificate());
    let ask = |client: Client| greeted(&server, client.build().unwrap(), "shop.test");
    ask(client(&root).pin(pin.clone())).unwrap();
    ask(client(&root).pin(wrong.clone()).pin(pin.clone())).unwrap();
    ask(client(&root).pin(wrong)).unwrap_err();
    // Neither the key of what was sent along, nor a pin in the place of verification.
    let sent_along = crate::tls::Certificate::read(root.der()).unwrap();
    ask(client(&root).pin(Pin::of(&sent_along))).unwrap_err();
    ask(client(&stranger).pin(pin)).unwrap_err();
}

#[test]
fn old_versions_are_refused() {
    let root = root("root");
    let leaf = issue(&root, &server(&["shop.test"]));
    let mut setup = Setup::of(&[&leaf.der]);
    setup.versions = ONLY_12;
    let server = Server::tls(setup, &leaf.key, 2);
    greeted(&server, client(&root).build().unwrap(), "shop.test").unwrap();
    greeted(&server, client(&root).only_tls13().build().unwrap(), "shop.test").unwrap_err();
}

#[test]
fn what_is_no_identity_is_refused_without_telling_the_key() {
    let authority = Authority::create(&[]).unwrap();
    let ca = authority.certificate_pem();
    let issue = || authority.issue(&["a.test".to_owned()], Purpose::Client).unwrap();
    let (one, two) = (issue(), issue());
    let pinned = || Client::pinned(ca.as_bytes()).unwrap();
    let mixed = pinned().identity(one.certificate_pem.as_bytes(), &two.key_pem).unwrap();
    assert!(matches!(mixed.build().unwrap_err(), ClientError::Identity(_)));
    assert!(!format!("{mixed:?}").contains("PRIVATE"));
    let bad = pinned().identity(b"x", &one.key_pem).unwrap_err();
    assert_eq!(bad, ClientError::Certificate);
    let bad = pinned().identity(one.certificate_pem.as_bytes(), &Secret::new(b"x".to_vec()));
    assert_eq!(bad.unwrap_err(), ClientError::Key);
    let none = Client::pinned(b"").unwrap_err();
    assert_eq!(none, ClientError::Trust(TrustError::Empty));
    let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(Client::pinned(damaged).unwrap_err(), ClientError::Trust(TrustError::Malformed(0)));
}

#[test]
fn files_that_change_are_read_again_and_only_whole_ones_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let authority = Authority::create(&[]).unwrap();
    let issue = || authority.issue(&["a.test".to_owned()], Purpose::Client).unwrap();
    let (one, two) = (issue(), issue());
    // As everybody should: written beside, then moved into place.
    let put = |name: &str, bytes: &[u8]| {
        fs::write(at("new"), bytes).unwrap();
        fs::rename(at("new"), at(name)).unwrap();
    };
    put("ca.pem", authority.certificate_pem().as_bytes());
    put("cert.pem", one.certificate_pem.as_bytes());
    put("key.pem", one.key_pem.expose());
    let identity = (at("cert.pem"), at("key.pem"));
    let identity = Some((identity.0.as_path(), identity.1.as_path()));
    let client = Reloading::open(&at("ca.pem"), identity, Vec::new(), Duration::ZERO).unwrap();
    let first = client.config();
    assert!(std::sync::Arc::ptr_eq(&first, &client.config()), "nothing changed");

    put("cert.pem", two.certificate_pem.as_bytes());
    assert!(std::sync::Arc::ptr_eq(&first, &client.config()), "half of a pair is not taken");
    assert!(matches!(client.failed(), Some(ClientError::Identity(_))));
    put("key.pem", two.key_pem.expose());
    let second = client.config();
    assert!(!std::sync::Arc::ptr_eq(&first, &second) && client.failed().is_none());

    fs::remove_file(at("ca.pem")).unwrap();
    assert!(std::sync::Arc::ptr_eq(&second, &client.config()));
    assert!(matches!(client.failed(), Some(ClientError::File { .. })));
    let missing = Reloading::open(&at("ca.pem"), None, Vec::new(), Duration::ZERO);
    assert!(matches!(missing.unwrap_err(), ClientError::File { .. }));
}
