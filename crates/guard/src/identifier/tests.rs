//! Identifiers as they are, and texts that look like them.

use super::*;
use proptest::prelude::*;

type Parse = fn(&str) -> Result<String, IdentifierError>;

/// Every kind that is a text, with two that are accepted.
const KINDS: [(&str, Parse, [&str; 2]); 7] = [
    ("slug", |text| Slug::parse(text).map(String::from), ["a", "blue-t-shirt-2"]),
    ("user id", |text| UserId::parse(text).map(String::from), ["a_-", "User_42"]),
    ("username", |text| Username::parse(text).map(String::from), ["ada", "ada.l_9"]),
    (
        "uuid",
        |text| Uuid::parse(text).map(String::from),
        ["00000000-0000-0000-0000-000000000000", "018f3d6e-7b1c-7c3e-9d5a-0123456789ab"],
    ),
    (
        "ulid",
        |text| Ulid::parse(text).map(String::from),
        ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"],
    ),
    ("domain", |text| Domain::parse(text).map(String::from), ["example.com", "a-b.c3.example"]),
    ("integer", |text| IntegerId::parse(text).map(|id| id.to_string()), ["1", "9007199254740991"]),
];

#[test]
fn identifiers_are_accepted_as_they_are_and_look_alikes_are_not() {
    for (kind, parse, accepted) in KINDS {
        for text in accepted {
            assert_eq!(parse(text).as_deref(), Ok(text), "{kind}");
            // Cyrillic, fullwidth and combining letters, invisible ones, line ends, NUL.
            for more in [
                "\u{430}", "\u{ff41}", "a\u{301}", "\u{200b}", "\u{202e}", "\n", "\0", " ",
                "\u{661}",
            ] {
                parse(&format!("{text}{more}")).unwrap_err();
                parse(&format!("{more}{text}")).unwrap_err();
            }
        }
        for text in
            ["", " ", "../a", "a/b", "a\\b", "<a>", "' or 1=1", "$gt", "%61bc", &"a".repeat(2000)]
        {
            assert!(parse(text).is_err(), "{kind}: {text}");
        }
    }
}

#[test]
fn each_kind_refuses_what_is_almost_one() {
    let refused = [
        ("slug", &["-a", "a-", "a--b", "A", "a_b", "a.b"][..]),
        ("user id", &["ab", "a.b", "a b"]),
        ("username", &["ab", "1ada", "Ada", "ada_", "_ada", "a..b", "a._b", "a-b"]),
        (
            "uuid",
            &[
                "018F3D6E-7B1C-7C3E-9D5A-0123456789AB",
                "{018f3d6e-7b1c-7c3e-9d5a-0123456789ab}",
                "018f3d6e7b1c7c3e9d5a0123456789ab",
                "018f3d6e7-b1c-7c3e-9d5a-0123456789ab",
                "018f3d6e-7b1c-7c3e-9d5a-0123456789ag",
            ],
        ),
        (
            "ulid",
            &[
                "01arz3ndektsv4rrffq69g5fav",
                "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
                "01ARZ3NDEKTSV4RRFFQ69G5FAI",
                "01ARZ3NDEKTSV4RRFFQ69G5FAU",
                "01ARZ3NDEKTSV4RRFFQ69G5FA",
            ],
        ),
        (
            "domain",
            &[
                "com",
                "example.com.",
                ".example.com",
                "a..com",
                "-a.com",
                "a-.com",
                "a_b.com",
                "A.com",
                "127.0.0.1",
                "a.1",
                "xn--80ak6aa92e.com",
                "a.xn--p1ai",
                "a.c",
                "a b.com",
                "[::1]",
            ],
        ),
        (
            "integer",
            &["0", "01", "-1", "+1", "1.0", "1e3", "9007199254740992", "99999999999999999999"],
        ),
    ];
    for (kind, texts) in refused {
        let (_, parse, _) = KINDS.into_iter().find(|(name, ..)| *name == kind).unwrap();
        for text in texts {
            assert!(parse(text).is_err(), "{kind}: {text}");
        }
    }
}

#[test]
fn a_refusal_says_where_and_not_what() {
    assert_eq!(UserId::parse("abc\u{430}"), Err(IdentifierError::NotAscii(3)));
    assert_eq!(UserId::parse("ab!c"), Err(IdentifierError::Letter(2)));
    assert_eq!(UserId::parse("ab"), Err(IdentifierError::Length { least: 3, most: 64 }));
    let error = UserId::parse("hunter2!").unwrap_err();
    let refusal = error.refusal("hunter2!");
    assert!(!format!("{error} {refusal:?}").contains("hunter2"));
}

#[test]
fn they_are_checked_on_their_way_out_of_json() {
    assert_eq!(serde_json::from_str::<Slug>("\"a-b\"").unwrap().as_str(), "a-b");
    serde_json::from_str::<Slug>("\"a--b\"").unwrap_err();
    assert_eq!(serde_json::from_str::<IntegerId>("7").unwrap().value(), 7);
    serde_json::from_str::<IntegerId>("0").unwrap_err();
    serde_json::from_str::<IntegerId>("\"7\"").unwrap_err();
}

#[test]
fn a_pattern_that_makes_no_sense_is_none() {
    for alphabet in ["", "z-a", "a-\u{e9}", " ", "a\n"] {
        assert_eq!(Pattern::new(alphabet, 1, 2), Err(PatternError::Alphabet), "{alphabet}");
    }
    for (least, most) in [(0, 1), (2, 1), (1, 1025)] {
        assert_eq!(Pattern::new("a", least, most), Err(PatternError::Lengths));
    }
    let dashes = Pattern::new("-a", 1, 3).unwrap();
    assert_eq!(dashes.check("a-a"), Ok("a-a"));
    assert_eq!(Pattern::new("a-", 1, 3).unwrap().check("a-a"), Ok("a-a"));
}

proptest! {
    #[test]
    fn any_text_is_an_identifier_as_it_is_or_none(
        text in prop_oneof![any::<String>(), "[a-zA-Z0-9_.-]{0,40}"],
    ) {
        for (kind, parse, _) in KINDS {
            if let Ok(read) = parse(&text) {
                prop_assert_eq!(&read, &text, "{}", kind);
                prop_assert!(read.is_ascii() && !read.is_empty());
                prop_assert!(!read.contains(['/', '\\', '%', '<', '"', '\'', ' ']));
            }
        }
    }
}
