//! Lists, sizes and names in sentences.

use crate::display;
use crate::source::Located;
use std::fmt::Display;

/// `a`, `a and b`, `a, b and c`; every part made safe to show.
pub(super) fn list<T: Display>(parts: impl IntoIterator<Item = T>) -> String {
    let parts: Vec<String> =
        parts.into_iter().map(|part| display::untrusted(&part.to_string()).to_string()).collect();
    match parts.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The values of grants, as a list.
pub(super) fn grants<T: Display>(grants: &[Located<T>]) -> String {
    list(grants.iter().map(|grant| &grant.value))
}

/// Bytes in the largest unit that loses nothing.
#[must_use]
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 8] = [
        ("TiB", 1 << 40),
        ("TB", 1_000_000_000_000),
        ("GiB", 1 << 30),
        ("GB", 1_000_000_000),
        ("MiB", 1 << 20),
        ("MB", 1_000_000),
        ("KiB", 1 << 10),
        ("KB", 1000),
    ];
    match UNITS.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} bytes"),
    }
}

/// The last component of a path.
pub(super) fn base_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or(path)
}
