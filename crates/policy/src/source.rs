//! The text of a boundary file and places in it.

use std::ops::Range;

/// A value and the bytes of the file it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Byte range in the file; empty for defaults.
    pub span: Range<usize>,
}

impl<T> Located<T> {
    /// A value read at `span`.
    pub const fn new(value: T, span: Range<usize>) -> Self {
        Self { value, span }
    }
}
