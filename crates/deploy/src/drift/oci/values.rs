//! Values of a bundle as Rust's own.

use ringfence_project::json::{Json, Placed};

/// The strings of a list, with their lines.
pub(super) fn strings(list: Option<&Placed<Json>>) -> Vec<(&str, usize)> {
    let items = list.map(|list| list.value.items()).unwrap_or_default();
    items.iter().filter_map(|item| Some((item.value.as_str()?, item.line))).collect()
}

/// The numbers of a list, with their lines.
pub(super) fn numbers(list: Option<&Placed<Json>>) -> Vec<(i128, usize)> {
    let items = list.map(|list| list.value.items()).unwrap_or_default();
    items.iter().filter_map(|item| Some((number(item)?, item.line))).collect()
}

/// A whole number.
pub(super) fn number(value: &Placed<Json>) -> Option<i128> {
    match &value.value {
        Json::Number(text) => text.parse().ok(),
        _ => None,
    }
}

/// A string of an object, empty when it is not there.
pub(super) fn text<'a>(value: &'a Placed<Json>, key: &str) -> &'a str {
    value.value.key(key).and_then(|value| value.value.as_str()).unwrap_or_default()
}

/// The size of a memory file system: bytes, or with `k`, `m` or `g`.
pub(super) fn size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}
