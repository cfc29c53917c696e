//! The end of a zip, read before anything else.
//!
//! A parser searches for the end from behind, and two parsers may find two of them. Here there is one:
//! the record whose comment reaches exactly to the end of the file, with no other before it that would
//! do. It also says how long the table of contents is, before memory is taken for it.

use super::super::{ArchiveError, Limits, Refusal};
use std::io::{Read, Seek, SeekFrom};

/// Bytes of the record without its comment.
const RECORD: usize = 22;
/// Longest comment.
const LONGEST_COMMENT: u64 = 0xffff;
/// Bytes of the record that says where the other of the long format is.
const LOCATOR: usize = 20;
/// Bytes of the record of the long format.
const LONG_RECORD: usize = 56;
/// Bytes of one entry in the table without its name, and what its name and extra fields may take.
const ENTRY: u64 = 46;
const LONGEST_ENTRY: u64 = 4096;
/// Where the disk and the flags of an entry lie, and the one that says UTF-8.
const DISK: usize = 34;
const FLAGS: usize = 8;
pub(super) const UTF8: u16 = 1 << 11;

/// What the end says.
pub(super) struct End {
    /// Entries in the table.
    pub(super) entries: u64,
    /// Where the table begins.
    pub(super) start: u64,
    /// Length of the archive.
    pub(super) length: u64,
    /// Length of the comment.
    pub(super) comment: u64,
    /// The table itself.
    table: Vec<u8>,
}

impl End {
    pub(super) fn read<A: Read + Seek>(
        archive: &mut A,
        limits: &Limits,
    ) -> Result<Self, ArchiveError> {
        let length = archive.seek(SeekFrom::End(0)).map_err(ArchiveError::Read)?;
        let longest = RECORD as u64 + LONGEST_COMMENT + LOCATOR as u64;
        let from = length.saturating_sub(longest);
        let tail = read_at(archive, from, length - from)?;
        let at = find(&tail)?;
        let record = tail.get(at..).unwrap_or_default();
        let comment = (record.len() - RECORD) as u64;
        let mut behind = from + at as u64;
        let (mut entries, mut size, mut start) = (
            u64::from(short(record, 10)),
            u64::from(word(record, 12)),
            u64::from(word(record, 16)),
        );
        let one_disk = short(record, 4) == 0 && short(record, 6) == 0;
        let whole = u64::from(short(record, 8)) == entries;
        let locator = at.checked_sub(LOCATOR).and_then(|at| tail.get(at..));
        if let Some(locator) = locator.filter(|locator| locator.starts_with(b"PK\x06\x07")) {
            let long_at = long(locator, 8);
            let record = read_at(archive, long_at, LONG_RECORD as u64)?;
            let ends = long_at.checked_add(12).and_then(|at| at.checked_add(long(&record, 4)));
            if !record.starts_with(b"PK\x06\x06") || ends != Some(behind - LOCATOR as u64) {
                return Err(ambiguous("the record of its long format is elsewhere"));
            }
            behind = long_at;
            (entries, size, start) = (long(&record, 32), long(&record, 40), long(&record, 48));
        } else if entries == 0xffff || size == 0xffff_ffff || start == 0xffff_ffff {
            return Err(ambiguous("the record of its long format is missing"));
        }
        if !one_disk || !whole || start.checked_add(size) != Some(behind) {
            return Err(ambiguous("its table of contents is not where its end says"));
        }
        if entries > limits.entries {
            return Err(ArchiveError::whole(Refusal::Entries(limits.entries)));
        }
        if size > entries.saturating_mul(ENTRY + LONGEST_ENTRY) {
            return Err(ambiguous("its table of contents is longer than its entries"));
        }
        let table = read_at(archive, start, size)?;
        archive.seek(SeekFrom::Start(0)).map_err(ArchiveError::Read)?;
        Ok(Self { entries, start, length, comment, table })
    }

    /// Whether the entry at this place of the table has a name marked as UTF-8.
    pub(super) fn is_utf8(&self, header: u64) -> bool {
        self.place(header).1 & UTF8 != 0
    }

    /// Disk and flags of the entry at this place of the table.
    pub(super) fn place(&self, header: u64) -> (u16, u16) {
        let at = header.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let entry = at.and_then(|at| self.table.get(at..)).unwrap_or_default();
        if !entry.starts_with(b"PK\x01\x02") {
            return (0, 0);
        }
        (short(entry, DISK), short(entry, FLAGS))
    }
}

/// The one record that reaches to the end of the file.
fn find(tail: &[u8]) -> Result<usize, ArchiveError> {
    let marks = tail.windows(4).enumerate().filter(|(_, window)| window == b"PK\x05\x06");
    let mut fits = marks.map(|(at, _)| at).filter(|at| {
        let record = tail.get(*at..).unwrap_or_default();
        record.len() >= RECORD && record.len() - RECORD == usize::from(short(record, 20))
    });
    match (fits.next(), fits.next()) {
        (Some(at), None) => Ok(at),
        (Some(_), Some(_)) => Err(ambiguous("it has two ends")),
        (None, _) if tail.windows(4).any(|window| window == b"PK\x05\x06") => {
            Err(ArchiveError::whole(Refusal::Trailing))
        }
        (None, _) => Err(ArchiveError::whole(Refusal::Truncated)),
    }
}

fn read_at<A: Read + Seek>(archive: &mut A, at: u64, length: u64) -> Result<Vec<u8>, ArchiveError> {
    let mut bytes = Vec::new();
    archive.seek(SeekFrom::Start(at)).map_err(ArchiveError::Read)?;
    archive.take(length).read_to_end(&mut bytes).map_err(ArchiveError::Read)?;
    if bytes.len() as u64 != length {
        return Err(ArchiveError::whole(Refusal::Truncated));
    }
    Ok(bytes)
}

fn ambiguous(why: &'static str) -> ArchiveError {
    ArchiveError::whole(Refusal::Layout(why))
}

/// Numbers with the lowest byte first; 0 where there is none.
fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or([0; N])
}

fn short(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(number(bytes, at))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(number(bytes, at))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(number(bytes, at))
}
