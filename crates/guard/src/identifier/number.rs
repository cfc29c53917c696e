//! Identifiers that are numbers.

use super::IdentifierError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A number from 1 to 2^53 - 1, which JavaScript holds exactly: decimal digits, no sign, no zeros in
/// front. In JSON it is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct IntegerId(u64);

impl IntegerId {
    /// The largest.
    pub const MOST: u64 = (1 << 53) - 1;

    /// Reads what a user sent.
    ///
    /// # Errors
    /// [`IdentifierError`].
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        if !(1..=16).contains(&text.len()) {
            return Err(IdentifierError::Length { least: 1, most: 16 });
        }
        if let Some(at) = text.bytes().position(|byte| !byte.is_ascii_digit()) {
            let ascii = text.is_ascii();
            return Err(if ascii {
                IdentifierError::Letter(at)
            } else {
                IdentifierError::NotAscii(at)
            });
        }
        if text.starts_with('0') {
            return Err(IdentifierError::Form("it is 0 or has zeros in front"));
        }
        // Sixteen digits are within 64 bits.
        Self::try_from(text.parse::<u64>().unwrap_or(u64::MAX))
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for IntegerId {
    type Error = IdentifierError;

    fn try_from(value: u64) -> Result<Self, IdentifierError> {
        match value {
            1..=Self::MOST => Ok(Self(value)),
            0 => Err(IdentifierError::Form("it is 0 or has zeros in front")),
            _ => Err(IdentifierError::Form("it is too large")),
        }
    }
}

impl From<IntegerId> for u64 {
    fn from(id: IntegerId) -> Self {
        id.0
    }
}

impl FromStr for IntegerId {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        Self::parse(text)
    }
}

impl fmt::Display for IntegerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
