//! The manual's boundary checklist for input: identifiers, unknown fields, query strings, headers.

use ringfence_guard::event::{Refusal, Watch};
use ringfence_guard::header::{
    HeaderError, Headers, Limits as HeaderLimits, Source, TrustedProxies,
};
use ringfence_guard::identifier::{IdentifierError, UserId};
use ringfence_guard::json::{Limits, parse, parse_as};
use ringfence_guard::merge::safe_merge;
use ringfence_guard::query::Declared;
use serde_json::json;
use std::sync::{Arc, Mutex};

#[test]
fn line_360_to_367_a_user_id_is_a_type_of_three_to_sixty_four_stated_letters() {
    for text in ["abc", "user_42", "A-Z", &"a".repeat(64)] {
        assert_eq!(UserId::parse(text).unwrap().as_str(), text);
    }
    for text in
        ["", "ab", &"a".repeat(65), "a b", "a/b", "../a", "abc\n", "abc\u{430}", "a\u{200b}bc"]
    {
        UserId::parse(text).unwrap_err();
    }
    // What passes is a value of the type, and of nothing else: JSON of another kind is none.
    serde_json::from_value::<UserId>(json!("user_42")).unwrap();
    for other in [json!(42), json!(["user_42"]), json!(null), json!({ "length": 7 })] {
        serde_json::from_value::<UserId>(other).unwrap_err();
    }
    assert_eq!(UserId::parse("user!"), Err(IdentifierError::Letter(4)));
}

#[test]
fn line_371_unknown_fields_are_refused_and_not_repeated() {
    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    struct Order {
        id: u32,
    }
    let read = |text: &str| parse_as::<Order>(text.as_bytes(), &Limits::default());
    assert_eq!(read(r#"{"id": 7}"#).unwrap().id, 7);
    let refused = read(r#"{"id": 7, "hunter2": true}"#).unwrap_err();
    assert_eq!((refused.rule(), refused.to_string().as_str()), ("shape", "a field is not known"));
}

#[test]
fn line_371_what_passed_is_merged_without_reaching_a_prototype() {
    let mut defaults = json!({ "mail": { "daily": false, "weekly": true } });
    let sent = parse(br#"{"mail": {"daily": true}}"#, &Limits::default()).unwrap();
    safe_merge(&mut defaults, sent).unwrap();
    assert_eq!(defaults, json!({ "mail": { "daily": true, "weekly": true } }));
    let before = defaults.clone();
    safe_merge(&mut defaults, json!({ "constructor": { "prototype": { "admin": true } } }))
        .unwrap_err();
    assert_eq!(defaults, before);
}

#[test]
fn line_372_arrays_repeated_keys_and_coercion_in_a_query_are_what_was_declared() {
    let declared = Declared::new().single("page", 5).repeated("tag", 3, 20).array("ids", 3, 8);
    let query = declared.read("page=2&tag=a&tag=b&ids[]=7").unwrap();
    assert_eq!(query.integer("page", 1..=99), Ok(Some(2)));
    assert_eq!((query.all("tag").len(), query.all("ids").len()), (2, 1));
    for (text, rule) in [
        ("page=1&page=2", "repeated-key"),
        ("page[]=1", "brackets"),
        ("page[$ne]=1", "brackets"),
        ("tag=1&tag=2&tag=3&tag=4", "repeated-key"),
        ("__proto__[admin]=1", "brackets"),
        ("admin=1", "unknown-key"),
    ] {
        assert_eq!(declared.read(text).unwrap_err().rule(), rule, "{text}");
    }
    for text in ["page=1e1", "page=0x1", "page=%201", "page=true", "page="] {
        declared.read(text).unwrap().integer("page", 1..=99).unwrap_err();
    }
}

#[test]
fn line_373_headers_have_a_size_one_casing_and_proxies_that_are_trusted_by_address() {
    let check =
        |sent: &[(&str, &str)]| Headers::check(sent.iter().copied(), &HeaderLimits::default());
    let headers =
        check(&[("HOST", "a.example"), ("X-Forwarded-For", "127.0.0.1, 203.0.113.9")]).unwrap();
    assert_eq!(headers.one("host"), Some("a.example"));
    let long = "a".repeat(8193);
    assert_eq!(check(&[("a", &long)]), Err(HeaderError::ValueLength(8192)));
    assert_eq!(check(&[("Host", "a"), ("hOST", "b")]), Err(HeaderError::Twice("host")));
    let proxies = TrustedProxies::new(Source::XForwardedFor, vec!["10.0.0.0/8".parse().unwrap()]);
    let client = |peer: &str| proxies.client(peer.parse().unwrap(), &headers).unwrap().to_string();
    assert_eq!(client("10.0.0.1"), "203.0.113.9", "what the proxy wrote, not what the client did");
    assert_eq!(client("198.51.100.7"), "198.51.100.7", "nobody trusted wrote it");
}

#[test]
fn line_368_to_376_refused_input_is_an_event_without_a_value() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    let watch = Watch::by(move |refusal: &Refusal| {
        list.lock().unwrap().push(refusal.to_json_line("2026-01-02T03:04:05.678Z", "orders"));
    });
    Declared::new().watched_by(watch.clone()).read("password=hunter2").unwrap_err();
    let body = br#"{"password": "hunter2", "password": "hunter2"}"#;
    let error = parse(body, &Limits::default()).unwrap_err();
    watch.tell(|| error.refusal(body).from_source("198.51.100.7"));
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 2);
    for line in told.iter() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&event["kind"], &event["layer"]), (&json!("denial"), &json!("guard")));
        assert!(event["size"].as_u64().is_some_and(|size| size > 10));
        assert!(!line.contains("hunter2") && !line.contains("password"), "{line}");
    }
}
