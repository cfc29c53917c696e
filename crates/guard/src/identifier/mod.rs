//! Identifiers that users send, each as a type of its own.
//!
//! A type says what letters it has, and only those: letters of other scripts that look the same
//! (Unicode's confusables), invisible ones and forms that compose are not in any alphabet here, so
//! nothing has to be compared with them. Each is accepted in its one canonical form and never changed, so
//! two different texts are two different identifiers. A pattern is a set of letters and two lengths: it
//! is read once from left to right and cannot backtrack.

mod kinds;
mod number;
mod pattern;

pub use kinds::{Domain, Slug, Ulid, UserId, Username, Uuid};
pub use number::IntegerId;
pub use pattern::{Pattern, PatternError};

use crate::event::{Kind, Refusal};

/// Why a text is no identifier. Nothing of the text is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Shorter or longer than it may be, in bytes.
    #[error("it has not from {least} to {most} characters")]
    Length {
        /// The least.
        least: usize,
        /// The most.
        most: usize,
    },
    /// A letter that is not ASCII: it may look like one that is.
    #[error("it holds a character that is not ASCII, at {0}")]
    NotAscii(usize),
    /// A letter that is not in the alphabet.
    #[error("it holds a character that is not accepted, at {0}")]
    Letter(usize),
    /// The letters are right and the form is not.
    #[error("{0}")]
    Form(&'static str),
}

impl IdentifierError {
    /// The stable name of the rule in kebab case.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Length { .. } => "length",
            Self::NotAscii(_) => "not-ascii",
            Self::Letter(_) => "letter",
            Self::Form(_) => "form",
        }
    }

    /// The event of this refusal of `text`.
    #[must_use]
    pub fn refusal(self, text: &str) -> Refusal {
        Refusal::new(Kind::Identifier, self.rule(), text.as_bytes())
    }
}

#[cfg(test)]
mod tests;
