//! `/etc/ld.so.cache`: where glibc's dynamic loader finds a library by name.
//!
//! Only the `glibc-ld.so.cache1.1` form is read (glibc 2.2 and later; `elf/cache.c` and
//! `sysdeps/generic/dl-cache.h` in glibc). A damaged cache is treated as an empty one, as the
//! loader does. Entries for special processors come out together with the plain one: which of
//! them the loader will take is its own decision, so all of them are granted.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const OLD_MAGIC: &[u8] = b"ld.so-1.7.0";
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// `FLAG_ELF_LIBC6` with this machine's bits: `FLAG_X8664_LIB64` or `FLAG_AARCH64_LIB64`.
const WANTED: u32 = if cfg!(target_arch = "aarch64") { 0x0a03 } else { 0x0303 };

/// The text of the cache, indexed by nothing: it holds a few hundred entries.
#[derive(Debug, Default)]
pub(crate) struct LdCache {
    bytes: Vec<u8>,
    start: usize,
    entries: usize,
}

impl LdCache {
    /// Takes the file's bytes; anything but the new format is an empty cache.
    pub(crate) fn parse(bytes: Vec<u8>) -> Self {
        let start = new_format_start(&bytes);
        let header = start.and_then(|start| bytes.get(start..start + HEADER));
        let Some((start, header)) =
            start.zip(header).filter(|(_, header)| header.starts_with(MAGIC))
        else {
            return Self::default();
        };
        let count = u32_at(header, 20).unwrap_or_default() as usize;
        let room = bytes.len().saturating_sub(start + HEADER) / ENTRY;
        if count > room {
            return Self::default();
        }
        Self { bytes, start, entries: count }
    }

    /// Every path the cache has for a library name, in the loader's order.
    pub(crate) fn find(&self, name: &OsStr) -> Vec<PathBuf> {
        let table = self.bytes.get(self.start + HEADER..).unwrap_or_default();
        table
            .chunks_exact(ENTRY)
            .take(self.entries)
            .filter(|entry| u32_at(entry, 0) == Some(WANTED))
            .filter(|entry| self.is_named(entry, name.as_bytes()).unwrap_or(false))
            .filter_map(|entry| self.text(entry, 8))
            .map(|path| PathBuf::from(OsString::from_vec(path.to_vec())))
            .filter(|path| path.is_absolute())
            .collect()
    }

    /// Compares without measuring every name of the table first.
    fn is_named(&self, entry: &[u8], name: &[u8]) -> Option<bool> {
        let offset = u32_at(entry, 4)? as usize;
        let tail = self.bytes.get(self.start.checked_add(offset)?..)?;
        Some(tail.strip_prefix(name)?.first() == Some(&0))
    }

    fn text(&self, entry: &[u8], at: usize) -> Option<&[u8]> {
        let offset = u32_at(entry, at)? as usize;
        let tail = self.bytes.get(self.start.checked_add(offset)?..)?;
        let end = tail.iter().take(4096).position(|byte| *byte == 0)?;
        tail.get(..end)
    }
}

/// The new format stands alone or behind the old one, aligned to 8 bytes.
fn new_format_start(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(OLD_MAGIC) {
        return Some(0);
    }
    let count = u32_at(bytes, 12)? as usize;
    count.checked_mul(12)?.checked_add(16 + 7).map(|end| end & !7)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: &[(u32, &str, &str)]) -> Vec<u8> {
        let mut strings = Vec::new();
        let mut table = Vec::new();
        let strings_at = HEADER + entries.len() * ENTRY;
        for (flags, name, path) in entries {
            let key = strings_at + strings.len();
            strings.extend(name.bytes().chain([0]));
            let value = strings_at + strings.len();
            strings.extend(path.bytes().chain([0]));
            table.extend(flags.to_le_bytes());
            table.extend(u32::try_from(key).unwrap().to_le_bytes());
            table.extend(u32::try_from(value).unwrap().to_le_bytes());
            table.extend([0; 12]);
        }
        let mut bytes = MAGIC.to_vec();
        bytes.extend(u32::try_from(entries.len()).unwrap().to_le_bytes());
        bytes.resize(HEADER, 0);
        bytes.extend(table);
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn every_variant_for_this_machine_is_found_and_no_other() {
        let bytes = cache(&[
            (WANTED, "libz.so.1", "/lib/glibc-hwcaps/x86-64-v3/libz.so.1"),
            (WANTED, "libz.so.1", "/lib/libz.so.1"),
            (0x0003, "libz.so.1", "/lib32/libz.so.1"),
            (WANTED, "libz.so.12", "/lib/libz.so.12"),
        ]);
        let found = LdCache::parse(bytes).find(OsStr::new("libz.so.1"));
        assert_eq!(
            found,
            [
                PathBuf::from("/lib/glibc-hwcaps/x86-64-v3/libz.so.1"),
                PathBuf::from("/lib/libz.so.1")
            ]
        );
    }

    #[test]
    fn a_damaged_cache_finds_nothing_and_never_panics() {
        let good = cache(&[(WANTED, "libz.so.1", "/lib/libz.so.1")]);
        for end in 0..good.len() {
            let _ = LdCache::parse(good[..end].to_vec()).find(OsStr::new("libz.so.1"));
        }
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] = 0xff;
            let _ = LdCache::parse(bytes).find(OsStr::new("libz.so.1"));
        }
        assert!(LdCache::parse(b"something else".to_vec()).find(OsStr::new("x")).is_empty());
    }
}
