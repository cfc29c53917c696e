//! Each fault of a chain by itself: named, and gone in the control.

use super::site::*;
use crate::tls::judge::judge;
use crate::tls::{Certificate, Code, Expected, Pin, Trust};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use std::time::Duration;

fn expected(trust: Option<Trust>) -> Expected {
    Expected { name: Some("shop.test".to_owned()), trust, ..Expected::default() }
}

fn read(root: &Issuing) -> Certificate {
    Certificate::read(root.der()).unwrap()
}

fn judged(params: &CertificateParams) -> Vec<Code> {
    let root = root("root");
    let leaf = issue(&root, params);
    codes(&judge(&[leaf.certificate()], &expected(Some(only(&root)))).findings)
}

#[test]
fn a_certificate_in_order_has_no_finding() {
    assert_eq!(judged(&server(&["shop.test"])), []);
    assert_eq!(judged(&server(&["other.test", "127.0.0.1", "shop.test"])), []);
    let mut silent = server(&["shop.test"]);
    silent.extended_key_usages.clear();
    assert_eq!(judged(&silent), []);
}

#[test]
fn each_fault_of_a_server_certificate_is_named() {
    let with = |change: fn(&mut CertificateParams)| {
        let mut params = server(&["shop.test"]);
        change(&mut params);
        judged(&params)
    };
    assert_eq!(with(|params| dated(params, -30, -1)), [Code::Expired]);
    assert_eq!(with(|params| dated(params, 1, 30)), [Code::NotYetValid]);
    assert_eq!(with(|params| dated(params, -1, 826)), [Code::LongValidity]);
    assert_eq!(with(|params| dated(params, -1, 823)), []);
    let client = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };
    assert_eq!(with(client), [Code::MissingServerAuth]);
    assert_eq!(judged(&server(&["other.test", "*.shop.test"])), [Code::NameMismatch]);
    let authority = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    };
    assert_eq!(with(authority), [Code::AuthorityAsServer]);
    let mut common = server(&[]);
    common.distinguished_name.push(DnType::CommonName, "shop.test");
    assert_eq!(judged(&common), [Code::CommonNameOnly]);
    assert_eq!(judged(&server(&[])), [Code::NameMismatch]);
}

#[test]
fn one_fault_does_not_hide_another() {
    let mut params = server(&["other.test"]);
    dated(&mut params, -30, -1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let leaf = self_signed(&params).certificate();
    let found = judge(std::slice::from_ref(&leaf), &expected(Some(only(&root("root"))))).findings;
    let all = [Code::Expired, Code::MissingServerAuth, Code::NameMismatch, Code::SelfSigned];
    assert_eq!(codes(&found), all);
    let (mine, other) = (root("mine"), root("other"));
    let leaf = issue(&mine, &params).certificate();
    let found = judge(&[leaf, read(&mine)], &expected(Some(only(&other)))).findings;
    assert_eq!(codes(&found)[3..], [Code::UnknownIssuer]);
    for finding in found {
        assert!(finding.section.contains("section"), "{finding:?}");
    }
}

#[test]
fn who_signs_himself_is_trusted_only_where_he_is_pinned() {
    let key = KeyPair::generate().unwrap();
    let made = server(&["shop.test"]).self_signed(&key).unwrap();
    let leaf = [Certificate::read(made.der()).unwrap()];
    let judged = judge(&leaf, &expected(Some(only(&root("root")))));
    assert_eq!((codes(&judged.findings), judged.trusted), (vec![Code::SelfSigned], Some(false)));
    let judged = judge(&leaf, &expected(None));
    assert_eq!((codes(&judged.findings), judged.trusted), (vec![Code::SelfSigned], None));
    let pinned = Trust::pinned(made.pem().as_bytes()).unwrap();
    let judged = judge(&leaf, &expected(Some(pinned)));
    assert_eq!((codes(&judged.findings), judged.trusted), (vec![], Some(true)));
}

#[test]
fn a_certificate_that_somebody_else_issued_is_no_authority_for_itself() {
    let root = root("root");
    let leaf = issue(&root, &server(&["shop.test"]));
    let pinned = Trust::pinned(pem("CERTIFICATE", &leaf.der).as_bytes()).unwrap();
    let judged = judge(&[leaf.certificate()], &expected(Some(pinned)));
    assert_eq!(judged.trusted, Some(false), "{:?}", judged.findings);
    assert!(!judged.findings.is_empty());
}

#[test]
fn an_intermediate_that_was_not_sent_is_missed() {
    let root = root("root");
    let middle = below(&root, "middle");
    let leaf = issue(&middle, &server(&["shop.test"])).certificate();
    let all = expected(Some(only(&root)));
    let judged = judge(&[leaf.clone(), read(&middle)], &all);
    assert_eq!((codes(&judged.findings), judged.trusted), (vec![], Some(true)));
    let judged = judge(&[leaf], &all);
    let missing = vec![Code::UnknownIssuer, Code::MissingIntermediate];
    assert_eq!((codes(&judged.findings), judged.trusted), (missing, Some(false)));
}

#[test]
fn another_authority_of_the_same_name_is_another_authority() {
    let (root, other) = (root("root"), root("root"));
    let leaf = issue(&other, &server(&["shop.test"])).certificate();
    let judged = judge(std::slice::from_ref(&leaf), &expected(Some(only(&root))));
    assert_eq!(judged.trusted, Some(false));
    assert_eq!(codes(&judged.findings), [Code::Untrusted]);
    assert!(!leaf.is_signed_by(&read(&root)) && leaf.is_signed_by(&read(&other)));
    let named = super::site::root("elsewhere");
    let judged = judge(&[leaf, read(&other)], &expected(Some(only(&named))));
    assert_eq!(codes(&judged.findings), [Code::UnknownIssuer]);
}

#[test]
fn certificates_out_of_order_are_told_and_still_lead_somewhere() {
    let root = root("root");
    let (upper, lower) = (below(&root, "upper"), KeyPair::generate().unwrap());
    let lower = rcgen::CertifiedIssuer::signed_by(authority("lower"), lower, &upper).unwrap();
    let leaf = issue(&lower, &server(&["shop.test"])).certificate();
    let all = expected(Some(only(&root)));
    let (upper, lower) = (read(&upper), read(&lower));
    let judged = judge(&[leaf.clone(), lower.clone(), upper.clone()], &all);
    assert_eq!((codes(&judged.findings), judged.trusted), (vec![], Some(true)));
    let judged = judge(&[leaf, upper, lower], &all);
    assert!(codes(&judged.findings).iter().all(|code| *code == Code::WrongOrder));
    assert_eq!(judged.trusted, Some(true));
}

#[test]
fn who_may_not_issue_is_no_issuer() {
    let root = root("root");
    let key = KeyPair::generate().unwrap();
    let mut params = server(&["middle.test"]);
    params.distinguished_name.push(DnType::CommonName, "middle");
    let middle = rcgen::CertifiedIssuer::signed_by(params, key, &root).unwrap();
    let leaf = issue(&middle, &server(&["shop.test"])).certificate();
    let judged = judge(&[leaf, read(&middle)], &expected(Some(only(&root))));
    assert_eq!(judged.trusted, Some(false));
    assert!(codes(&judged.findings).contains(&Code::NotAnAuthority), "{:?}", judged.findings);
}

#[test]
fn an_authority_with_constraints_vouches_for_its_names_only() {
    let mut params = authority("constrained");
    params.name_constraints = Some(rcgen::NameConstraints {
        permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("test".to_owned())],
        excluded_subtrees: Vec::new(),
    });
    let key = KeyPair::generate().unwrap();
    let root = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
    for (name, found) in [("shop.test", vec![]), ("shop.example", vec![Code::NameConstraint])] {
        let leaf = issue(&root, &server(&[name])).certificate();
        let expected = Expected { name: Some(name.to_owned()), ..expected(Some(only(&root))) };
        assert_eq!(codes(&judge(&[leaf], &expected).findings), found, "{name}");
    }
}

#[test]
fn a_pin_counts_for_who_signed_and_not_for_what_was_sent_along() {
    let (root, other) = (root("root"), root("other"));
    let leaf = issue(&root, &server(&["shop.test"])).certificate();
    let found = |pin: Pin, chain: &[Certificate]| {
        let expected = Expected { pins: vec![pin], ..expected(Some(only(&root))) };
        let judged = judge(chain, &expected).findings;
        codes(&judged).contains(&Code::PinMismatch)
    };
    let chain = [leaf.clone()];
    assert!(!found(Pin::of(&leaf), &chain));
    assert!(!found(Pin::of(&read(&root)), &chain), "the authority's key may be pinned");
    assert!(found(Pin::of(&read(&other)), &chain));
    let along = [leaf, read(&other)];
    assert!(found(Pin::of(&read(&other)), &along), "anybody can send it along");
}

#[test]
fn an_end_that_is_near_is_told_when_somebody_asks() {
    let root = root("root");
    let mut params = server(&["shop.test"]);
    dated(&mut params, -60, 10);
    let chain = [issue(&root, &params).certificate()];
    let found = |days: u64| {
        let warn = Some(Duration::from_secs(days * 86_400));
        let expected = Expected { warn, ..expected(Some(only(&root))) };
        codes(&judge(&chain, &expected).findings)
    };
    assert_eq!(found(5), []);
    assert_eq!(found(11), [Code::ExpiresSoon]);
}

#[test]
fn pins_are_read_in_every_usual_form_and_no_other() {
    let hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let pin = Pin::read(hash).unwrap();
    for form in [format!("sha256/{hash}"), format!("sha256//{hash}")] {
        assert_eq!(Pin::read(&form).unwrap(), pin);
    }
    assert_eq!(pin.to_string(), format!("sha256/{hash}"));
    for wrong in ["", "sha256/", "sha1/2jmj7l5rSw0yVb/vlWAYkK/YBwk=", &hash[1..], "sha512/x"] {
        Pin::read(wrong).unwrap_err();
    }
}
