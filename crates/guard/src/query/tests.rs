//! Queries as they are sent and as attackers change them.

use super::*;
use crate::event::Watch;
use proptest::prelude::*;
use std::sync::{Arc, Mutex};

fn declared() -> Declared {
    let declared = Declared::new().single("page", 8).repeated("tag", 3, 16).single("q", 100);
    declared.array("ids", 3, 8)
}

fn rule(query: &str) -> &'static str {
    declared().read(query).unwrap_err().rule()
}

#[test]
fn declared_keys_are_read_and_their_escapes_resolved_once() {
    let query =
        declared().read("page=2&tag=a&tag=b+c%2Bd&q=%C3%A9%3b&&ids[]=1&ids%5B%5D=2").unwrap();
    assert_eq!((query.one("page"), query.one("q")), (Some("2"), Some("é;")));
    assert_eq!(query.all("tag"), ["a", "b c+d"]);
    assert_eq!(query.all("ids"), ["1", "2"]);
    assert_eq!(query.one("none"), None);
    assert_eq!(declared().read("ids[0]=a&ids[1]=b").unwrap().all("ids"), ["a", "b"]);
    assert_eq!(declared().read("").unwrap(), Query::default());
    assert_eq!(declared().read("q").unwrap().one("q"), Some(""));
    assert_eq!(query.required("x").unwrap_err().rule(), "missing-key");
}

#[test]
fn what_was_not_declared_is_refused() {
    for (query, name) in [
        ("x=1", "unknown-key"),
        ("PAGE=1", "unknown-key"),
        ("page=1&page=2", "repeated-key"),
        ("page=1&%70age=2", "repeated-key"),
        ("tag=1&tag=2&tag=3&tag=4", "repeated-key"),
        ("page=123456789", "value-too-long"),
        ("page[]=1", "brackets"),
        ("page[0]=1", "brackets"),
        ("page[$gt]=", "brackets"),
        ("page%5B%24gt%5D=", "brackets"),
        ("tag[]=1", "brackets"),
        ("ids=1", "brackets"),
        ("ids[1]=1", "brackets"),
        ("ids[0]=1&ids[0]=2", "brackets"),
        ("ids[0]=1&ids[2]=2", "brackets"),
        ("ids[]=1&ids[0]=2", "brackets"),
        ("ids[00]=1", "brackets"),
        ("ids[99999]=1", "brackets"),
        ("ids[0][a]=1", "brackets"),
        ("ids]=1", "brackets"),
        ("ids[=1", "brackets"),
        ("x[]=1", "brackets"),
        ("__proto__=1", "prototype-name"),
        ("%5f_proto__=1", "prototype-name"),
        ("__proto__[admin]=1", "brackets"),
        ("q[__proto__]=1", "prototype-name"),
        ("constructor[]=1", "prototype-name"),
        ("page=1;q=2", "semicolon"),
        ("q=a b", "unescaped-byte"),
        ("q=a#b", "unescaped-byte"),
        ("q=é", "unescaped-byte"),
        ("q=a\0", "unescaped-byte"),
        ("q=%", "bad-escape"),
        ("q=%4", "bad-escape"),
        ("q=%zz", "bad-escape"),
        ("q=%u0041", "bad-escape"),
        ("q=%ff", "bad-escape"),
        ("q=%c0%af", "bad-escape"),
        ("q=%00", "control-character"),
        ("q=%0d%0aSet-Cookie:x", "control-character"),
    ] {
        assert_eq!(rule(query), name, "{query}");
    }
    assert_eq!(rule(&"&x".repeat(5000)), "too-long");
    let many = Declared::new().repeated("a", 1000, 1).read(&"a&".repeat(101)).unwrap_err();
    assert_eq!(many, QueryError::TooMany(100));
    let ignoring = declared().ignoring_others();
    assert_eq!(ignoring.read("utm=1&page=3").unwrap().one("page"), Some("3"));
    assert_eq!(ignoring.read("__proto__=1"), Err(QueryError::Prototype));
    assert_eq!(ignoring.read("a[b]=1"), Err(QueryError::Brackets));
    let strict = declared().with_plus(Plus::Refused);
    assert_eq!(strict.read("q=a+b"), Err(QueryError::Plus));
    assert_eq!(strict.read("q=a%2bb").unwrap().one("q"), Some("a+b"));
}

#[test]
fn what_is_escaped_twice_is_told_or_refused() {
    let query = declared().read("q=%252e%252e%252f&page=100%25").unwrap();
    assert_eq!((query.one("q"), query.one("page")), (Some("%2e%2e%2f"), Some("100%")));
    assert_eq!(query.escaped_twice(), ["q"]);
    let refused = declared().refusing_escaped_twice().read("q=%252e").unwrap_err();
    assert_eq!(refused, QueryError::Twice { key: "q".to_owned() });
}

#[test]
fn types_are_those_of_the_receiver() {
    let read = |query: &str| declared().read(query).unwrap();
    assert_eq!(read("page=-5").integer("page", -9..=9), Ok(Some(-5)));
    assert_eq!(read("").integer("page", -9..=9), Ok(None));
    for text in ["", "1e3", "0x10", "+5", "%205", "05", "-0", "5.0", "9999", "NaN", "%D9%A1"] {
        read(&format!("page={text}")).integer("page", 0..=1000).unwrap_err();
    }
    assert_eq!(read("q=true").flag("q"), Ok(Some(true)));
    read("q=1").flag("q").unwrap_err();
    assert_eq!(read("q=asc").choice("q", &["asc", "desc"]), Ok(Some("asc")));
    read("q=Asc").choice("q", &["asc", "desc"]).unwrap_err();
}

#[test]
fn a_refusal_is_told_without_what_was_sent() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let list = Arc::clone(&told);
    let watch =
        Watch::by(move |refusal: &Refusal| list.lock().unwrap().push(refusal.sample().to_owned()));
    declared().watched_by(watch).read("token=hunter2&page=1").unwrap_err();
    assert_eq!(*told.lock().unwrap(), ["*=*&*=*"]);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_never_repeated(
        text in prop_oneof![any::<String>(), r"[a-z=&%+;\[\]0-9]{0,60}"],
    ) {
        let declared = declared();
        match declared.read(&text) {
            Ok(read) => {
                // What is accepted has one form, and that form is accepted as the same.
                let canonical = read.to_canonical();
                if read.all("ids").is_empty() {
                    let again = declared.read(&canonical).unwrap();
                    prop_assert_eq!(again.to_canonical(), canonical);
                }
            }
            Err(error) => {
                let secret = format!("{text}&hunter2=hunter2;");
                let shown = declared.read(&secret).unwrap_err();
                let shown = format!("{shown} {shown:?} {error}");
                prop_assert!(!shown.contains("hunter2"));
            }
        }
    }

    #[test]
    fn every_value_comes_through_as_it_was_escaped(value in "[^\\p{Cc}]{0,20}") {
        let mut query = String::from("q=");
        escape(&mut query, &value);
        let read = declared().read(&query).unwrap();
        prop_assert_eq!(read.one("q"), Some(value.as_str()));
    }
}
