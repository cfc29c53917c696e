//! Webhooks of each sender, as they are sent and as attackers change them.

use super::*;
use proptest::prelude::*;

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

#[test]
fn the_examples_that_slack_and_github_publish_verify() {
    // https://docs.slack.dev/authentication/verifying-requests-from-slack
    let body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let headers = [
        ("X-Slack-Request-Timestamp", "1531420618"),
        (
            "X-Slack-Signature",
            "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        ),
    ];
    let verifier =
        Verifier::new(Scheme::Slack, vec![secret("8f742231b10e8888abcd99yyyzzz85a5")]).unwrap();
    verifier.verify(&Headers::new(&headers), body, &Memory::new(1), 1_531_420_618).unwrap();
    // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    let headers = [(
        "X-Hub-Signature-256",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    )];
    let secrets = vec![secret("It's a Secret to Everybody")];
    let verifier = Verifier::new(Scheme::GitHub, secrets).unwrap();
    verifier.verify(&Headers::new(&headers), b"Hello, World!", &Memory::new(1), NOW).unwrap();
}

#[test]
fn a_message_without_a_time_is_remembered_for_a_day_and_one_with_a_time_while_it_is_recent() {
    let verifier = |scheme| Verifier::new(scheme, vec![secret("0123456789abcdef")]).unwrap();
    let at = |scheme, sent, now, seen: &Memory| {
        let headers = signed(scheme, sent, b"{}");
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        verifier(scheme).verify(&Headers::new(&headers), b"{}", seen, now).map(drop)
    };
    let seen = Memory::new(10);
    assert_eq!(at(Scheme::GitHub, 0, NOW, &seen), Ok(()));
    assert_eq!(at(Scheme::GitHub, 0, NOW + 86_399, &seen), Err(WebhookError::Replayed));
    assert_eq!(at(Scheme::GitHub, 0, NOW + 86_400, &seen), Ok(()));
    // Sent by a clock that is ahead, it is recent for longest: nowhere in between is it accepted again.
    assert_eq!(at(Scheme::Slack, NOW + 300, NOW, &seen), Ok(()));
    for later in [1, 300, 599, 600] {
        let again = at(Scheme::Slack, NOW + 300, NOW + later, &seen);
        assert_eq!(again, Err(WebhookError::Replayed), "{later}");
    }
    assert_eq!(at(Scheme::Slack, NOW + 300, NOW + 601, &seen), Err(WebhookError::Time(301)));
}

#[test]
fn two_at_once_are_never_both_the_first() {
    let (seen, barrier) = (Memory::new(1000), std::sync::Barrier::new(4));
    let firsts: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    (0..200).filter(|at| seen.first(&format!("{at}"), 9, 0) == Ok(true)).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(firsts, 200);
}

#[test]
fn a_public_key_counts_for_its_own_signatures_alone() {
    // Not Ed25519: what a key says of its signatures is the caller's; here only who asks it what.
    let key = |own: u8| -> Arc<dyn PublicKey> {
        Arc::new(move |message: &[u8], signature: &[u8; 64]| {
            *signature == [own ^ u8::try_from(message.len()).unwrap(); 64]
        })
    };
    let signer = |message: &[u8]| Some([7 ^ u8::try_from(message.len()).unwrap(); 64]);
    let headers = sign_asymmetric(&signer, "msg_1", NOW, b"{}").unwrap();
    let verify = |verifier: Verifier, body: &[u8]| {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        verifier.verify(&Headers::new(&headers), body, &Memory::new(1), NOW).map(drop)
    };
    assert_eq!(verify(Verifier::asymmetric(vec![key(1), key(7)]).unwrap(), b"{}"), Ok(()));
    let other = Verifier::asymmetric(vec![key(1)]).unwrap();
    assert_eq!(verify(other.clone(), b"{}"), Err(WebhookError::Signature));
    // A verifier with secrets takes no signature of a key, and the other way round.
    let secrets = Verifier::new(Scheme::Standard, vec![secret("0123456789abcdef")]).unwrap();
    assert_eq!(verify(secrets, b"{}"), Err(WebhookError::Signature));
    let shared = signed(Scheme::Standard, NOW, b"{}");
    let shared: Vec<_> = shared.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let refused = other.verify(&Headers::new(&shared), b"{}", &Memory::new(1), NOW);
    assert_eq!(refused, Err(WebhookError::Signature));
    assert_eq!(public_key("whpk_AAAA"), Err(WebhookError::Secret));
    assert_eq!(public_key(&format!("whpk_{}=", "A".repeat(43))), Ok([0; 32]));
    Verifier::asymmetric(Vec::new()).unwrap_err();
}

#[test]
fn a_refusal_is_told_without_the_body() {
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    let watch = Watch::by(move |refusal: &Refusal| list.lock().unwrap().push(refusal.clone()));
    let verifier = Verifier::new(Scheme::Stripe, vec![secret("0123456789abcdef")]).unwrap();
    let refused = verifier.watched_by(watch).verify(
        &Headers::new(&[("stripe-signature", "t=1,v1=00")]),
        b"card=4242424242424242",
        &Memory::new(1),
        NOW,
    );
    assert_eq!(refused, Err(WebhookError::Signature));
    let told = told.lock().unwrap();
    assert_eq!((told[0].rule(), told[0].size(), told[0].sample()), ("signature", 21, "*=*"));
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_no_other_body_does(
        body in proptest::collection::vec(any::<u8>(), 0..64),
        other in proptest::collection::vec(any::<u8>(), 0..64),
        now in 1_u64..=u64::from(u32::MAX),
    ) {
        for scheme in ALL {
            let headers = signed(scheme, now, &body);
            let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
            let verifier = Verifier::new(scheme, vec![secret("0123456789abcdef")]).unwrap();
            let verify = |body: &[u8]| {
                verifier.verify(&Headers::new(&headers), body, &Memory::new(1), now).map(drop)
            };
            prop_assert_eq!(verify(&body), Ok(()));
            prop_assert_eq!(verify(&other).is_ok(), body == other);
        }
    }

    #[test]
    fn any_header_is_read_or_refused_without_being_repeated(
        value in prop_oneof![any::<String>(), "(v1a?|t|v0|sha256)[=,][0-9a-zA-Z+/=,. ]{0,60}"],
    ) {
        let names = [
            "webhook-id", "webhook-timestamp", "webhook-signature", "stripe-signature",
            "x-hub-signature-256", "x-slack-request-timestamp", "x-slack-signature",
        ];
        for scheme in ALL {
            for odd in names {
                let headers = names.map(|name| match name {
                    name if name == odd => (name, value.as_str()),
                    "webhook-id" => (name, "msg_1"),
                    "webhook-timestamp" | "x-slack-request-timestamp" => (name, "1"),
                    name => (name, "v1,AAAA"),
                });
                let verifier = Verifier::new(scheme, vec![secret("0123456789abcdef")]).unwrap();
                let refused = verifier.verify(&Headers::new(&headers), b"", &Memory::new(1), 1);
                let shown = format!("{:?}", refused.unwrap_err());
                prop_assert!(value.len() < 6 || !shown.contains(&value));
            }
        }
    }
}
