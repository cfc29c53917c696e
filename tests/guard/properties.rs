//! The readers of crate `guard` over texts nobody thought of: each keeps the promises it is fuzzed with.

#[path = "../../fuzz/src/entries/guard.rs"]
#[expect(unreachable_pub, reason = "the same file is a library for libFuzzer")]
mod entries;

use proptest::collection::vec;
use proptest::prelude::*;

/// Texts of any kind, and such that look like what is read.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..80),
        any::<String>().prop_map(String::into_bytes),
        "[\\[\\]{}\":,a-z0-9.eE+ \\\\-]{0,60}".prop_map(String::into_bytes),
        "[a-z\\[\\]0-9]{1,6}(=[a-z%0-9+]{0,6})?(&[a-z]{1,4}(=[a-z%0-9+]{0,6})?){0,5}"
            .prop_map(String::into_bytes),
        "([A-Za-z_-]{1,16}: ?[ -~]{0,40}\n){0,5}".prop_map(String::into_bytes),
        "(forwarded|x-forwarded-for): [a-z0-9.:,;=\"\\[\\] _\\\\]{0,60}"
            .prop_map(String::into_bytes),
        "([a-zA-Z0-9._-]{0,9}[/\\\\.:]){0,5}[a-zA-Z0-9._ -]{0,9}".prop_map(String::into_bytes),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn any_text_is_read_or_refused_by_every_reader(text in texts()) {
        entries::header(&text);
        entries::identifier(&text);
        entries::json(&text);
        entries::path(&text);
        entries::query(&text);
        entries::webhook(&text);
    }
}
