//! How much an archive may be.

use super::Refusal;

/// Bytes that may always be inflated before the ratio counts: a small file of one letter is no bomb.
pub(super) const RATIO_FREE: u64 = 4 << 20;

/// How much an archive may be, counted while it is inflated and never from what it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes after inflating; in a tar with its headers and padding.
    pub bytes: u64,
    /// Files and folders, also folders that only a path names.
    pub entries: u64,
    /// Bytes after inflating for each byte before, from 4 MiB on; in a zip for each entry and for all.
    pub ratio: u64,
    /// Names in a path.
    pub depth: usize,
}

impl Default for Limits {
    /// A gibibyte, 100,000 entries, 100 times, 32 deep.
    fn default() -> Self {
        Self { bytes: 1 << 30, entries: 100_000, ratio: 100, depth: 32 }
    }
}

impl Limits {
    /// Whether so much may come of so little.
    pub(super) const fn check(&self, inflated: u64, deflated: u64) -> Result<(), Refusal> {
        if inflated > self.bytes {
            return Err(Refusal::Bytes(self.bytes));
        }
        if inflated > RATIO_FREE && inflated > deflated.saturating_mul(self.ratio) {
            return Err(Refusal::Ratio(self.ratio));
        }
        Ok(())
    }
}
