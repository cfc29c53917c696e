//! How much a package may be.

/// How much a tarball may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the tarball.
    pub packed: u64,
    /// Bytes of all that is in it.
    pub bytes: u64,
    /// Entries of any kind.
    pub entries: usize,
    /// Times its own size that it may unpack to, beyond the first 16 MiB.
    pub ratio: u64,
}

/// What is too small to be a bomb, whatever its ratio.
pub(super) const HARMLESS: u64 = 16 << 20;

impl Default for Limits {
    /// 512 `MiB` packed, 1 `GiB` and 200,000 entries unpacked, 200 times its size.
    fn default() -> Self {
        Self { packed: 512 << 20, bytes: 1 << 30, entries: 200_000, ratio: 200 }
    }
}
