//! What a JSON text can be refused for.

use super::JsonError;
use crate::event::{Kind, Refusal};
use std::fmt;

/// The parser's own bound, whatever was agreed.
const DEEPEST: usize = 127;

/// A rule, with the limit where there is one. [`Rule::name`] is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// A mark of byte order before the text (RFC 8259 section 8.1).
    ByteOrderMark,
    /// A control character that is not escaped.
    Control,
    /// Deeper than so many levels.
    Depth(usize),
    /// A name twice in one object: parsers differ in which one counts.
    DuplicateName,
    /// Not UTF-8.
    Encoding,
    /// A whole number that a double does not hold exactly.
    Inexact,
    /// More than so many entries in one array.
    Items(usize),
    /// More than so many members in one object.
    Members(usize),
    /// A name longer than so many bytes.
    NameLength(usize),
    /// A number that no double holds.
    NumberRange,
    /// A name that reaches an object's prototype in JavaScript.
    Prototype,
    /// A text longer than so many bytes.
    StringLength(usize),
    /// Half of a surrogate pair: it is no character, and parsers replace it by different ones.
    Surrogate,
    /// No JSON.
    Syntax,
    /// Something follows the value.
    Trailing,
    /// It ends too early.
    Truncated,
    /// More than so many values altogether.
    Values(usize),
}

impl Rule {
    /// Its stable name in kebab case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByteOrderMark => "byte-order-mark",
            Self::Control => "control-character",
            Self::Depth(_) => "too-deep",
            Self::DuplicateName => "duplicate-name",
            Self::Encoding => "not-utf-8",
            Self::Inexact => "inexact-number",
            Self::Items(_) => "too-many-items",
            Self::Members(_) => "too-many-members",
            Self::NameLength(_) => "name-too-long",
            Self::NumberRange => "number-out-of-range",
            Self::Prototype => "prototype-name",
            Self::StringLength(_) => "string-too-long",
            Self::Surrogate => "lone-surrogate",
            Self::Syntax => "no-json",
            Self::Trailing => "trailing-data",
            Self::Truncated => "truncated",
            Self::Values(_) => "too-many-values",
        }
    }

    /// What the parser itself found wrong, without what it read.
    pub(super) fn of(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let said = |start| text.starts_with(start);
        if error.is_eof() {
            Self::Truncated
        } else if said("lone leading surrogate") || said("unexpected end of hex escape") {
            Self::Surrogate
        } else if said("invalid unicode code point") {
            Self::Encoding
        } else if said("control character") {
            Self::Control
        } else if said("number out of range") {
            Self::NumberRange
        } else if said("recursion limit exceeded") {
            Self::Depth(DEEPEST)
        } else if said("trailing characters") {
            Self::Trailing
        } else {
            Self::Syntax
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByteOrderMark => f.write_str("it begins with a byte order mark"),
            Self::Control => f.write_str("it holds a control character"),
            Self::Depth(most) => write!(f, "it is deeper than {most}"),
            Self::DuplicateName => f.write_str("a name is there twice"),
            Self::Encoding => f.write_str("it is not UTF-8"),
            Self::Inexact => f.write_str("a number is more than a double holds exactly"),
            Self::Items(most) => write!(f, "an array has more than {most} entries"),
            Self::Members(most) => write!(f, "an object has more than {most} members"),
            Self::NameLength(most) => write!(f, "a name is longer than {most} bytes"),
            Self::NumberRange => f.write_str("a number is out of range"),
            Self::Prototype => f.write_str("a name reaches the prototype"),
            Self::StringLength(most) => write!(f, "a text is longer than {most} bytes"),
            Self::Surrogate => f.write_str("it holds half of a surrogate pair"),
            Self::Syntax => f.write_str("it is no JSON"),
            Self::Trailing => f.write_str("something follows the value"),
            Self::Truncated => f.write_str("it ends too early"),
            Self::Values(most) => write!(f, "it has more than {most} values"),
        }
    }
}

impl JsonError {
    /// The stable name of the rule in kebab case.
    #[must_use]
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::ContentType => "content-type",
            Self::TooLong { .. } => "too-long",
            Self::Refused { rule, .. } => rule.name(),
            Self::Shape { .. } => "shape",
        }
    }

    /// The event of this refusal of `text`.
    #[must_use]
    pub fn refusal(&self, text: &[u8]) -> Refusal {
        Refusal::new(Kind::Json, self.rule(), text)
    }
}
