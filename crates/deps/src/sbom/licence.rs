//! What packages say of their licence, as a bill may say it.

use spdx::{Expression, ParseMode};

/// A licence as bills tell them apart.
pub(super) enum Licence {
    /// An identifier of the SPDX list.
    Id(&'static str),
    /// An expression of these (SPDX 2.3, annex D).
    Expression(String),
    /// Words that are neither.
    Name(String),
}

impl Licence {
    pub(super) fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        if let Some(known) = spdx::license_id(text) {
            return Some(Self::Id(known.name));
        }
        let name = || Self::Name(text.to_owned());
        // Names and "SEE LICENSE IN file" look like expressions to nobody but a lax reader.
        match Expression::parse_mode(text, ParseMode::STRICT) {
            Ok(_) => Some(Self::Expression(text.to_owned())),
            Err(_) => Some(name()),
        }
    }
}
