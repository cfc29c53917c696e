//! What packages say of their licence, as a bill may say it.

use spdx::{Expression, ParseMode};

/// A licence as bills tell them apart.
#[derive(Clone, Copy)]
pub(super) enum Licence<'a> {
    /// An identifier of the SPDX list.
    Id(&'static str),
    /// An expression of these (SPDX 2.3, annex D).
    Expression(&'a str),
    /// Words that are neither.
    Name(&'a str),
}

impl<'a> Licence<'a> {
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        if let Some(known) = spdx::license_id(text) {
            return Some(Self::Id(known.name));
        }
        // Names and "SEE LICENSE IN file" look like expressions to nobody but a lax reader.
        match Expression::parse_mode(text, ParseMode::STRICT) {
            Ok(_) => Some(Self::Expression(text)),
            Err(_) => Some(Self::Name(text)),
        }
    }
}
