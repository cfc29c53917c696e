//! Authorities for development.

use super::site::*;
use crate::Secret;
use crate::tls::judge::judge;
use crate::tls::{Authority, AuthorityError, Certificate, Expected, LEAF_DAYS, Purpose, Trust};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn read(pem: &str) -> Certificate {
    Certificate::read(&CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap()
}

#[test]
fn what_it_issues_is_in_order_and_trusted_where_it_is_pinned() {
    let authority = Authority::create(&names(&["api.internal", "10.1.2.3"])).unwrap();
    let own = read(authority.certificate_pem());
    assert!(own.authority && own.self_signed);
    let asked = names(&["localhost", "x.test", "api.internal", "127.0.0.1", "::1", "10.1.2.3"]);
    let issued = authority.issue(&asked, Purpose::Server).unwrap();
    let leaf = read(&issued.certificate_pem);
    assert_eq!(leaf.names, asked);
    assert_eq!((leaf.not_after - leaf.not_before + 1) / 86_400, LEAF_DAYS);
    assert_eq!((leaf.server_auth, leaf.client_auth), (Some(true), Some(false)));
    let trust = Trust::pinned(authority.certificate_pem().as_bytes()).unwrap();
    for name in asked {
        let expected = Expected {
            name: Some(name.clone()),
            trust: Some(trust.clone()),
            ..Expected::default()
        };
        let judged = judge(std::slice::from_ref(&leaf), &expected);
        assert_eq!((codes(&judged.findings), judged.trusted), (vec![], Some(true)), "{name}");
    }
}

#[test]
fn it_issues_for_its_names_only() {
    let authority = Authority::create(&names(&["api.internal"])).unwrap();
    for name in ["localhost", "a.localhost", "*.shop.test", "a.b.test", "api.internal", "127.9.9.9"]
    {
        assert!(authority.may_issue(name), "{name}");
        authority.issue(&names(&[name]), Purpose::Server).unwrap();
    }
    for name in ["example.com", "internal", "xapi.internal", "nottest", "128.0.0.1", "::2"] {
        assert!(!authority.may_issue(name), "{name}");
        let refused = authority.issue(&names(&[name]), Purpose::Server).unwrap_err();
        assert_eq!(refused, AuthorityError::Forbidden(name.to_owned()));
    }
    for name in ["", "a..test", "a b.test", "-a.test", "ä.test", "*", "*.test", "a.*.test"] {
        let refused = authority.issue(&names(&[name]), Purpose::Server).unwrap_err();
        assert!(
            matches!(refused, AuthorityError::Name(_) | AuthorityError::Forbidden(_)),
            "{name}"
        );
    }
    assert_eq!(authority.issue(&[], Purpose::Server).unwrap_err(), AuthorityError::Names);
}

#[test]
fn it_is_taken_up_with_its_own_key_only() {
    let one = Authority::create(&[]).unwrap();
    let two = Authority::create(&[]).unwrap();
    let again = Authority::read(one.certificate_pem(), &one.key_pem()).unwrap();
    let leaf = again.issue(&names(&["a.test"]), Purpose::Client).unwrap();
    let leaf = read(&leaf.certificate_pem);
    assert!(leaf.is_signed_by(&read(one.certificate_pem())));
    assert_eq!(leaf.client_auth, Some(true));
    Authority::read(one.certificate_pem(), &two.key_pem()).unwrap_err();
    Authority::read("", &one.key_pem()).unwrap_err();
    Authority::read(one.certificate_pem(), &Secret::new(Vec::new())).unwrap_err();
    let unconstrained = root("root");
    let key = Secret::new(unconstrained.key().serialize_pem().into_bytes());
    let refused = Authority::read(&unconstrained.pem(), &key).unwrap_err();
    assert_eq!(refused, AuthorityError::Kept("it is not constrained to names".to_owned()));
}
