//! Webhooks of each sender, as they are sent and as attackers change them.

use super::*;

const NOW: u64 = 1_760_000_000;
const ALL: [Scheme; 4] = [Scheme::Standard, Scheme::Stripe, Scheme::GitHub, Scheme::Slack];

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::new(text.as_bytes()).unwrap()
}

fn signed(scheme: Scheme, now: u64, body: &[u8]) -> Vec<(&'static str, String)> {
    scheme.sign(&secret("0123456789abcdef"), "msg_1", now, body).unwrap()
}

fn verify(
    scheme: Scheme,
    headers: &[(&'static str, String)],
    body: &[u8],
    seen: &Memory,
) -> Result<Accepted, WebhookError> {
    let secrets = vec![secret("another secret, older"), secret("0123456789abcdef")];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Verifier::new(scheme, secrets).unwrap().verify(&Headers::new(&headers), body, seen, NOW)
}

#[test]
fn what_was_signed_under_any_of_the_secrets_is_accepted_once() {
    for scheme in ALL {
        let (headers, seen) = (signed(scheme, NOW, b"{}"), Memory::new(10));
        let accepted = verify(scheme, &headers, b"{}", &seen).unwrap();
        assert_eq!(accepted.sent.is_some(), scheme != Scheme::GitHub);
        assert_eq!(verify(scheme, &headers, b"{}", &seen), Err(WebhookError::Replayed));
        // Standard Webhooks know a message by its id, whatever its body; the others by what is signed.
        let other = verify(scheme, &signed(scheme, NOW, b"{ }"), b"{ }", &seen);
        assert_eq!(other.is_ok(), scheme != Scheme::Standard, "{other:?}");
    }
}

#[test]
fn another_body_secret_or_signature_is_refused_and_not_remembered() {
    for scheme in ALL {
        let (headers, seen) = (signed(scheme, NOW, b"{}"), Memory::new(10));
        let refused = verify(scheme, &headers, b"{} ", &seen).unwrap_err();
        assert_eq!(refused, WebhookError::Signature, "{scheme:?}");
        let forged = scheme.sign(&secret("not the right secret"), "msg_1", NOW, b"{}").unwrap();
        assert_eq!(verify(scheme, &forged, b"{}", &seen), Err(WebhookError::Signature));
        for at in 0..headers.len() {
            let mut other = headers.clone();
            other[at].1.push('0');
            verify(scheme, &other, b"{}", &seen).unwrap_err();
            let (mut missing, mut twice) = (headers.clone(), headers.clone());
            missing.remove(at);
            assert!(matches!(verify(scheme, &missing, b"{}", &seen), Err(WebhookError::Header(_))));
            twice.push(headers[at].clone());
            assert!(matches!(verify(scheme, &twice, b"{}", &seen), Err(WebhookError::Header(_))));
        }
        verify(scheme, &headers, b"{}", &seen).unwrap();
    }
}

#[test]
fn what_is_old_or_from_the_future_is_refused_where_a_time_is_signed() {
    for scheme in ALL.into_iter().filter(|scheme| *scheme != Scheme::GitHub) {
        for (sent, accepted) in
            [(NOW - 301, false), (NOW - 300, true), (NOW + 300, true), (NOW + 301, false)]
        {
            let seen = Memory::new(10);
            let found = verify(scheme, &signed(scheme, sent, b"{}"), b"{}", &seen);
            assert_eq!(found.is_ok(), accepted, "{scheme:?} {sent}: {found:?}");
        }
    }
}

#[test]
fn a_replay_with_more_signatures_in_its_header_is_a_replay() {
    let seen = Memory::new(10);
    let headers = signed(Scheme::Stripe, NOW, b"{}");
    verify(Scheme::Stripe, &headers, b"{}", &seen).unwrap();
    let more = format!("{},v1={}", headers[0].1, "00".repeat(32));
    let refused = verify(Scheme::Stripe, &[("stripe-signature", more)], b"{}", &seen);
    assert_eq!(refused, Err(WebhookError::Replayed));
}

#[test]
fn a_full_memory_accepts_nothing_rather_than_forget() {
    let seen = Memory::new(1);
    assert_eq!(seen.first("a", NOW + 10, NOW), Ok(true));
    assert_eq!(seen.first("b", NOW + 10, NOW), Err(WebhookError::Store));
    assert_eq!(seen.first("b", NOW + 20, NOW + 10), Ok(true));
}

#[test]
fn headers_that_are_none_are_refused() {
    let seen = Memory::new(10);
    let stripe = |value: &str| {
        verify(Scheme::Stripe, &[("Stripe-Signature", value.to_owned())], b"{}", &seen).unwrap_err()
    };
    for value in
        ["", "t=1", "v1=00", "t=,v1=00", "t=01,v1=00", "t=1,t=1,v1=00", "t=1,v1=0", "t=1,v1=zz"]
    {
        assert_eq!(stripe(value), WebhookError::Header("stripe-signature"), "{value}");
    }
    let many = format!("t=1{}", ",v1=00".repeat(9));
    assert_eq!(stripe(&many), WebhookError::Header("stripe-signature"));
    assert_eq!(stripe("t=1,v0=00,v1=00"), WebhookError::Signature);
    WebhookSecret::new(b"short").unwrap_err();
    WebhookSecret::standard("whsec_not base64").unwrap_err();
    Verifier::new(Scheme::Stripe, Vec::new()).unwrap_err();
    Scheme::Standard.sign(&secret("0123456789abcdef"), "a.b", NOW, b"").unwrap_err();
}

#[test]
fn the_example_of_the_standard_webhooks_specification_verifies() {
    // The example secret, id, time and body of its reference libraries.
    let secret = WebhookSecret::standard("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let headers = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ];
    let verifier = Verifier::new(Scheme::Standard, vec![secret]).unwrap();
    let body = br#"{"test": 2432232314}"#;
    let accepted =
        verifier.verify(&Headers::new(&headers), body, &Memory::new(1), 1_614_265_330).unwrap();
    assert_eq!(accepted.id, "msg_p5jXN8AQM9LWM0D4loKWxJek");
}
