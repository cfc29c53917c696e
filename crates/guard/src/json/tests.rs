//! JSON as it is sent and as attackers change it; and whatever text there may be.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn refused(text: &str) -> String {
    let why = parse(text.as_bytes(), &Limits::default()).unwrap_err();
    assert_eq!(check(text.as_bytes(), &Limits::default()), Err(why.clone()), "both agree");
    why.to_string()
}

fn rule(text: &[u8], limits: &Limits) -> &'static str {
    parse(text, limits).unwrap_err().rule()
}

#[test]
fn plain_json_is_read_as_it_is() {
    let text = r#"{"a":[1,-2.5,true,null,"x\u00e9"],"b":{"c":{}},"1e3":18446744073709551615}"#;
    let (value, facts) = read(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(value, serde_json::from_str::<Value>(text).unwrap());
    assert_eq!(facts, Facts { values: 10, depth: 3, inexact: 1 });
    assert_eq!(check(text.as_bytes(), &Limits::default()), Ok(facts));
    assert_eq!(parse(b" 1 ", &Limits::default()).unwrap(), json!(1));
}

#[test]
fn names_twice_and_names_of_prototypes_are_refused_at_any_depth_however_written() {
    for text in [r#"{"a":1,"a":2}"#, r#"{"a":1,"\u0061":2}"#, r#"[{"x":{"a":1,"b":2,"a":3}}]"#] {
        assert!(refused(text).starts_with("a name is there twice"), "{}", refused(text));
    }
    let many = (0..100).map(|at| format!("\"n{at}\":0,")).collect::<Vec<_>>().concat();
    parse(format!("{{{many}\"n\":0}}").as_bytes(), &Limits::default()).unwrap();
    refused(&format!("{{{many}\"n99\":0}}"));
    for text in [
        r#"{"__proto__":{"admin":true}}"#,
        r#"{"\u005f_proto__":{}}"#,
        r#"{"a":[{"constructor":{"prototype":{"admin":true}}}]}"#,
        r#"{"prototype":1}"#,
    ] {
        assert!(refused(text).contains("prototype"), "{}", refused(text));
    }
}

#[test]
fn what_is_too_long_too_deep_or_too_much_is_refused_and_never_repeated() {
    let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
    assert!(refused(&deep).starts_with("it is deeper than 32 (line 1"), "{}", refused(&deep));
    parse(format!("{}{}", "[".repeat(32), "]".repeat(32)).as_bytes(), &Limits::default()).unwrap();
    assert!(refused(&"[".repeat(200_000)).starts_with("it is deeper than 32"));
    let many = format!("[{}0]", "0,".repeat(100_000));
    assert!(refused(&many).starts_with("it has more than 100000 values"));
    let limits = Limits { bytes: 4, ..Limits::default() };
    assert_eq!(parse(b"12345", &limits), Err(JsonError::TooLong { limit: 4 }));
    for text in ["", "{", "hunter2", "{\"hunter2\":}", "1 2", "\"hunter2", "[1,]", "\u{feff}{}"] {
        assert!(!refused(text).contains("hunter2"), "{}", refused(text));
    }
}

#[test]
fn every_limit_is_one_of_its_own() {
    let usual = Limits::default();
    let at = |limits| {
        parse(br#"{"ab":["xyz",{"c":1}]}"#, &limits).map(drop).map_err(|error| error.rule())
    };
    assert_eq!(
        at(Limits { depth: 3, values: 5, items: 2, members: 1, name: 2, string: 3, ..usual }),
        Ok(())
    );
    assert_eq!(at(Limits { depth: 2, ..usual }), Err("too-deep"));
    assert_eq!(at(Limits { values: 4, ..usual }), Err("too-many-values"));
    assert_eq!(at(Limits { items: 1, ..usual }), Err("too-many-items"));
    assert_eq!(at(Limits { members: 0, ..usual }), Err("too-many-members"));
    assert_eq!(at(Limits { name: 1, ..usual }), Err("name-too-long"));
    assert_eq!(at(Limits { string: 2, ..usual }), Err("string-too-long"));
}

#[test]
fn each_way_of_being_no_json_has_its_name() {
    let usual = Limits::default();
    for (text, name) in [
        (&b"\xef\xbb\xbf{}"[..], "byte-order-mark"),
        (b"\xff\xfe{\0}\0", "byte-order-mark"),
        (b"\"\xff\"", "not-utf-8"),
        (b"\"\xed\xa0\x80\"", "not-utf-8"),
        (b"\"\xc0\xaf\"", "not-utf-8"),
        (br#""\ud800""#, "lone-surrogate"),
        (br#""\ud800x""#, "lone-surrogate"),
        (br#""\udc00""#, "lone-surrogate"),
        (br#""\ud800\ud800""#, "lone-surrogate"),
        (br#"{"\udfff":1}"#, "lone-surrogate"),
        (b"\"\n\"", "control-character"),
        (b"\"\0\"", "control-character"),
        (b"1e999", "number-out-of-range"),
        (b"-1e999", "number-out-of-range"),
        (b"{} x", "trailing-data"),
        (b"{}\0", "trailing-data"),
        (b"{}{}", "trailing-data"),
        (b"", "truncated"),
        (b"[1", "truncated"),
        (b"\"a", "truncated"),
        (b"{a:1}", "no-json"),
        (b"[1,]", "no-json"),
        (b"01", "no-json"),
        (b"+1", "no-json"),
        (b".5", "no-json"),
        (b"0x10", "no-json"),
        (b"NaN", "no-json"),
        (b"'a'", "no-json"),
        (b"/* */ 1", "no-json"),
        (b"\"\\x41\"", "no-json"),
    ] {
        let found = rule(text, &usual);
        // A number that goes on after it ended is either.
        let either = name == "no-json" && found == "trailing-data";
        assert!(found == name || either, "{}: {found}, not {name}", text.escape_ascii());
    }
    assert_eq!(parse(br#""\ud83d\ude00""#, &usual).unwrap(), json!("\u{1f600}"));
}

#[test]
fn numbers_that_a_double_does_not_hold_exactly_are_told_or_refused() {
    let strict = Limits { numbers: Numbers::Refused, ..Limits::default() };
    for text in ["9007199254740991", "-9007199254740991", "0.1", "-0", "1e15", "1.5e-300"] {
        assert_eq!(check(text.as_bytes(), &strict).unwrap().inexact, 0, "{text}");
    }
    for text in [
        "9007199254740992",
        "9007199254740993",
        "-9007199254740993",
        "18446744073709551616",
        "123456789012345678901234567890",
        "1e16",
        "9007199254740993.0",
    ] {
        assert_eq!(check(text.as_bytes(), &Limits::default()).unwrap().inexact, 1, "{text}");
        assert_eq!(rule(text.as_bytes(), &strict), "inexact-number", "{text}");
    }
}

#[test]
fn a_refusal_is_an_event_without_what_was_read() {
    let text = br#"{"password":"hunter2","password":"hunter3"}"#;
    let refusal = parse(text, &Limits::default()).unwrap_err().refusal(text);
    assert_eq!((refusal.rule(), refusal.size()), ("duplicate-name", 43));
    assert!(!refusal.sample().contains("hunter"), "{}", refusal.sample());
}

/// Values of JSON, without names that are refused.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            proptest::collection::btree_map("[a-z\u{e9}\"\\\\]{0,4}", inner, 0..8)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_accepted_is_what_was_written(value in values()) {
        let text = value.to_string();
        let (read, facts) = read(text.as_bytes(), &Limits::default()).unwrap();
        prop_assert_eq!(&read, &value);
        prop_assert_eq!(check(text.as_bytes(), &Limits::default()), Ok(facts));
        // Written again it is the same text: nothing has two readings.
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn bytes_of_any_kind_are_read_or_refused_without_being_repeated(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let (parsed, checked) = (parse(&bytes, &Limits::default()), check(&bytes, &Limits::default()));
        prop_assert_eq!(parsed.is_ok(), checked.is_ok());
        if let Ok(value) = parsed {
            prop_assert_eq!(value, serde_json::from_slice::<Value>(&bytes).unwrap());
        }
    }

    #[test]
    fn texts_that_look_like_json_hold_no_secret_in_their_errors(
        before in r#"[\[\]{}:,"0-9a-z\\ ]{0,20}"#, after in r#"[\[\]{}:,"0-9a-z\\ ]{0,20}"#,
    ) {
        let text = format!("{before}Hunter2Hunter2{after}");
        if let Err(error) = parse(text.as_bytes(), &Limits::default()) {
            let shown = format!("{error} {error:?} {}", error.refusal(text.as_bytes()).sample());
            prop_assert!(!shown.contains("Hunter2"), "{}", shown);
        }
    }
}
