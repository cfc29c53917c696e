//! Readers of crate `guard`, but for those that have a file of their own kind to read.

use ringfence_guard::header::{self, Headers, Source, TrustedProxies, parse_forwarded};
use ringfence_guard::identifier::{Domain, IntegerId, Slug, Ulid, UserId, Username, Uuid};
use ringfence_guard::json;
use ringfence_guard::merge::safe_merge;
use ringfence_guard::path::RelativePath;
use ringfence_guard::query::Declared;
use ringfence_guard::webhook::{self, Memory, Scheme, Verifier, WebhookSecret};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr};

/// The seeds were signed then, in seconds since 1970.
const NOW: u64 = 1_760_000_000;

/// Headers of a request, a line for each: what is accepted has one form, and nobody behind a trusted
/// proxy is another.
pub fn header(bytes: &[u8]) {
    let lines = bytes.split(|byte| *byte == b'\n').map(|line| {
        let at = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        (&line[..at], line.get(at + 1..).unwrap_or_default())
    });
    let limits = header::Limits::default();
    let read = match Headers::check(lines.clone(), &limits) {
        Ok(read) => read,
        Err(error) => return says_nothing(&error),
    };
    assert_eq!(Headers::check(read.iter(), &limits).as_ref(), Ok(&read));
    for line in read.all("forwarded") {
        assert!(parse_forwarded(line).is_none_or(|hops| (1..=64).contains(&hops.len())));
    }
    let proxy = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    let client = IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9));
    for (source, name, own) in [
        (Source::XForwardedFor, "x-forwarded-for", &b"9.9.9.9"[..]),
        (Source::Forwarded, "forwarded", b"for=9.9.9.9"),
    ] {
        let trusted = TrustedProxies::new(source, "10.0.0.0/8".parse().into_iter().collect());
        // What the proxy appends, as it does where it keeps lines apart.
        let with = read.iter().map(|(n, v)| (n.as_bytes(), v)).chain([(name.as_bytes(), own)]);
        let Ok(with) = Headers::check(with, &limits) else { continue };
        match trusted.client(proxy, &with) {
            Ok(found) => assert_eq!(found, client),
            Err(error) => says_nothing(&error),
        }
        assert_eq!(trusted.client(client, &with), Ok(client));
    }
}

/// An identifier of any kind is the text that was sent, and cannot be part of anything else.
pub fn identifier(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let read = [
        Domain::parse(&text).map(String::from),
        IntegerId::parse(&text).map(|id| id.to_string()),
        Slug::parse(&text).map(String::from),
        Ulid::parse(&text).map(String::from),
        UserId::parse(&text).map(String::from),
        Username::parse(&text).map(String::from),
        Uuid::parse(&text).map(String::from),
    ];
    for found in read {
        match found {
            Ok(found) => {
                assert_eq!(found, text);
                let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
                assert!(!found.is_empty() && found.bytes().all(plain));
                assert!(RelativePath::parse(&found).is_ok() || found.len() < 64, "{found}");
            }
            Err(error) => says_nothing(&error),
        }
    }
}

/// A JSON text: both readers agree, what is accepted means the same elsewhere and can be merged.
pub fn json(bytes: &[u8]) {
    let limits = json::Limits { bytes: 4096, ..json::Limits::default() };
    let (read, checked) = (json::read(bytes, &limits), json::check(bytes, &limits));
    match read {
        Ok((value, facts)) => {
            assert_eq!(checked, Ok(facts));
            assert_eq!(
                serde_json::from_slice::<serde_json::Value>(bytes).ok(),
                Some(value.clone())
            );
            let written = value.to_string();
            let again = json::parse(written.as_bytes(), &json::Limits::default());
            assert_eq!(again.as_ref(), Ok(&value));
            let mut merged = value.clone();
            assert_eq!(safe_merge(&mut merged, value.clone()), Ok(()));
            assert_eq!(merged, value);
        }
        Err(error) => {
            says_nothing(&error);
            assert!(!error.refusal(bytes).sample().contains("hunter2"));
            assert_eq!(checked, Err(error));
        }
    }
    let _ = json::check_content_type(&String::from_utf8_lossy(bytes));
}

/// A path that a user names stays below its folder and is written in one way.
pub fn path(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match RelativePath::parse(&text) {
        Ok(path) => {
            assert_eq!(path.as_str(), text);
            assert!(path.names().all(|name| !["", ".", ".."].contains(&name)));
            let normal = |part| matches!(part, std::path::Component::Normal(_));
            assert!(path.as_path().components().all(normal));
        }
        Err(error) => says_nothing(&error),
    }
}

/// A query: what is accepted is declared, and means the same in its one form.
pub fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let declared = Declared::new().single("page", 8).repeated("tag", 3, 16).single("q", 100);
    match declared.read(&text) {
        Ok(query) => {
            assert!(query.all("page").len() <= 1 && query.all("tag").len() <= 3);
            let canonical = query.to_canonical();
            assert_eq!(declared.read(&canonical).map(|query| query.to_canonical()), Ok(canonical));
        }
        Err(error) => {
            says_nothing(&error);
            assert!(!error.refusal(&text).sample().contains("hunter2"));
        }
    }
    let arrays = Declared::new().array("ids", 4, 8).ignoring_others();
    assert!(
        arrays.read(&text).is_ok_and(|query| query.all("ids").len() <= 4)
            || arrays.read(&text).is_err()
    );
}

/// A webhook, its headers in front of an empty line: what is accepted was signed, and once.
pub fn webhook(bytes: &[u8]) {
    let at = bytes.windows(2).position(|two| two == b"\n\n").unwrap_or(bytes.len());
    let head = String::from_utf8_lossy(&bytes[..at]);
    let body = bytes.get(at + 2..).unwrap_or_default();
    let headers: Vec<_> = head.lines().filter_map(|line| line.split_once(": ")).collect();
    let headers = webhook::Headers::new(&headers);
    for scheme in [Scheme::Standard, Scheme::Stripe, Scheme::GitHub, Scheme::Slack] {
        let secret = WebhookSecret::new(b"0123456789abcdef");
        let verifier = secret.and_then(|secret| Verifier::new(scheme, vec![secret]));
        let verifier =
            verifier.unwrap_or_else(|error| panic!("a secret of 16 bytes is one: {error}"));
        let seen = Memory::new(2);
        match verifier.verify(&headers, body, &seen, NOW) {
            Ok(_) => {
                assert_eq!(body, b"{\"token\":\"hunter2\"}");
                let again = verifier.verify(&headers, body, &seen, NOW);
                assert_eq!(again, Err(webhook::WebhookError::Replayed));
            }
            Err(error) => says_nothing(&error),
        }
    }
}

/// An error that can be shown anywhere.
fn says_nothing(error: &(impl Debug + ToString)) {
    let shown = format!("{} {error:?}", error.to_string());
    assert!(!shown.contains("hunter2"), "{shown}");
}
