//! Zip archives, whose two tables of contents must tell the same.

mod content;
mod end;

use super::gate::{Claimed, Gate};
use super::{ArchiveError, Limits, Refusal, Shown};
use content::Content;
use end::{End, UTF8};
use std::io::{self, Read, Seek, SeekFrom};
use zip::result::ZipError;
use zip::{CompressionMethod, HasZipMetadata as _, System, ZipArchive};

/// Bytes of a local header before its name.
const LOCAL: u64 = 30;
/// Where its flags are.
const LOCAL_FLAGS: usize = 6;
/// The flag that says that a data descriptor follows.
const DESCRIBED: u16 = 1 << 3;
/// Lengths that what follows an entry's data may have: checksum and two sizes of 4 or 8 bytes, with a
/// mark or without.
const DESCRIPTORS: [u64; 4] = [12, 16, 20, 24];
/// The kind of a file in the upper half of its attributes, as Unix writes it.
const KIND: u32 = 0o170_000;

/// Walks through a zip.
pub(super) fn walk<A: Read + Seek>(
    archive: &mut A,
    limits: &Limits,
    gate: &mut Gate<'_>,
) -> Result<(), ArchiveError> {
    let end = End::read(archive, limits)?;
    let mut zip = ZipArchive::new(&mut *archive).map_err(told)?;
    let Layout { descriptors, flagged } = check_layout(&mut zip, &end)?;
    for index in 0..zip.len() {
        member(&mut zip, index, &end, limits, gate)?;
    }
    drop(zip);
    flagged.iter().try_for_each(|flags| flags.check(archive))?;
    descriptors.iter().try_for_each(|descriptor| descriptor.check(archive))
}

/// What is left to be held against the bytes of the archive.
struct Layout {
    descriptors: Vec<Descriptor>,
    flagged: Vec<Flags>,
}

/// Flags of an entry as the table of contents has them, and where its own header is.
struct Flags {
    at: u64,
    central: u16,
}

impl Flags {
    /// They decide how the name is read and what follows the data: two answers are two archives.
    fn check<A: Read + Seek>(&self, archive: &mut A) -> Result<(), ArchiveError> {
        let mut header = [0; LOCAL_FLAGS + 2];
        archive.seek(SeekFrom::Start(self.at)).map_err(ArchiveError::read)?;
        archive.read_exact(&mut header).map_err(ArchiveError::read)?;
        let local = u16::from_le_bytes([header[LOCAL_FLAGS], header[LOCAL_FLAGS + 1]]);
        if (local ^ self.central) & (UTF8 | DESCRIBED) == 0 {
            return Ok(());
        }
        Err(ArchiveError::whole(Refusal::Headers(Shown::new(b"flags"))))
    }
}

/// What follows an entry's data, and what it must say.
struct Descriptor {
    at: u64,
    length: u64,
    said: Said,
}

/// Checksum, length and length after inflating, as the table of contents has them.
type Said = (u32, u64, u64);

impl Descriptor {
    /// Who reads from the front believes it, and who reads from the end does not see it.
    fn check<A: Read + Seek>(&self, archive: &mut A) -> Result<(), ArchiveError> {
        let (crc, deflated, bytes) = self.said;
        let mut said = Vec::with_capacity(24);
        if matches!(self.length, 16 | 24) {
            said.extend_from_slice(b"PK\x07\x08");
        }
        said.extend_from_slice(&crc.to_le_bytes());
        for number in [deflated, bytes] {
            let wide = number.to_le_bytes();
            said.extend_from_slice(if self.length < 20 { &wide[..4] } else { &wide });
        }
        let mut found = vec![0; said.len()];
        archive.seek(SeekFrom::Start(self.at)).map_err(ArchiveError::read)?;
        archive.read_exact(&mut found).map_err(ArchiveError::read)?;
        if found == said {
            return Ok(());
        }
        Err(ArchiveError::whole(Refusal::Headers(Shown::new(b"a data descriptor"))))
    }
}

/// Every byte belongs to one entry or to the table of contents, and both tables agree.
fn check_layout<A: Read + Seek>(
    zip: &mut ZipArchive<A>,
    end: &End,
) -> Result<Layout, ArchiveError> {
    let ambiguous = |why| Err(ArchiveError::whole(Refusal::Layout(why)));
    if zip.has_duplicate_names() {
        return Err(ArchiveError::whole(Refusal::Duplicate));
    }
    let same = zip.offset() == 0
        && zip.central_directory_start() == end.start
        && zip.len() as u64 == end.entries
        && zip.comment().len() as u64 == end.comment;
    if !same {
        return ambiguous("its end can be read in two ways");
    }
    let mut at = 0;
    let mut parts = Vec::with_capacity(zip.len());
    let mut flagged = Vec::with_capacity(zip.len());
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(told)?;
        let data = entry.data_start().unwrap_or(entry.header_start());
        let behind = data.checked_add(entry.compressed_size());
        let Some(behind) = behind.filter(|_| data >= entry.header_start() + LOCAL) else {
            return ambiguous("an entry has no place");
        };
        let (disk, central) = end.place(entry.central_header_start());
        if disk != 0 {
            return ambiguous("an entry lies on another disk");
        }
        flagged.push(Flags { at: entry.header_start(), central });
        let said = (entry.crc32(), entry.compressed_size(), entry.size());
        let described = entry.get_metadata().is_using_data_descriptor().then_some(said);
        parts.push((entry.header_start(), behind, described));
    }
    parts.sort_unstable();
    let mut described = None;
    let mut descriptors = Vec::new();
    for (from, to, next) in parts.into_iter().chain([(end.start, end.start, None)]) {
        let Some(gap) = u64::checked_sub(from, at) else {
            return ambiguous("entries overlap");
        };
        match described {
            None if gap == 0 => {}
            Some(_) if gap == 0 => return ambiguous("a data descriptor is missing"),
            Some(said) if DESCRIPTORS.contains(&gap) => {
                descriptors.push(Descriptor { at, length: gap, said });
            }
            _ => return ambiguous("bytes belong to no entry"),
        }
        (at, described) = (to, next);
    }
    zip.validate_header_consistency().map_err(|error| match told(error) {
        ArchiveError::Refused { reason: Refusal::Malformed(why), entry } => {
            ArchiveError::Refused { entry, reason: Refusal::Headers(why) }
        }
        other => other,
    })?;
    Ok(Layout { descriptors, flagged })
}

/// A file, a folder, or something that is refused.
fn member<A: Read + Seek>(
    zip: &mut ZipArchive<A>,
    index: usize,
    end: &End,
    limits: &Limits,
    gate: &mut Gate<'_>,
) -> Result<(), ArchiveError> {
    let raw = zip.by_index_raw(index).map_err(told)?;
    let name = raw.name_raw().to_vec();
    let refuse = |reason| Err(ArchiveError::of(&name, reason));
    if raw.encrypted() {
        return refuse(Refusal::Encrypted);
    }
    if !matches!(raw.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
        return refuse(Refusal::Method);
    }
    // Unmarked, it is code page 437 to one reader and UTF-8 to the next; what Unix writes is UTF-8.
    let utf8 = end.is_utf8(raw.central_header_start()) || raw.system() == System::Unix;
    if !name.is_ascii() && !utf8 {
        return refuse(Refusal::Encoding("neither ASCII nor marked as UTF-8"));
    }
    let folder = name.ends_with(b"/");
    let mode = raw.unix_mode().unwrap_or(0);
    // Some readers look at the mode only where Unix wrote it, others wherever there is one.
    let claimed = raw.get_metadata().external_attributes >> 16;
    if let Some(refused) = special(mode).or_else(|| special(claimed)) {
        return refuse(refused);
    }
    match mode & KIND {
        0 | 0o100_000 if !folder => {}
        0 | 0o040_000 if folder => {}
        _ => return refuse(Refusal::Headers(Shown::new(b"a file or a folder"))),
    }
    let (deflated, bytes) = (raw.compressed_size(), raw.size());
    if folder && (bytes != 0 || raw.crc32() != 0) {
        return refuse(Refusal::Headers(Shown::new(b"a folder with content")));
    }
    if raw.compression() == CompressionMethod::Stored && deflated != bytes {
        return refuse(Refusal::Headers(Shown::new(b"two sizes of what is stored")));
    }
    let before = gate.bytes();
    let is_deflated = raw.compression() == CompressionMethod::Deflated;
    let said = (raw.crc32(), bytes);
    let content = Content::new(raw, is_deflated, said);
    let mut content =
        Bounded { from: content, inflated: 0, deflated, before, whole: end.length, limits };
    if folder {
        // Nobody reads it, so that nothing may be in it.
        let read = io::copy(&mut content, &mut io::sink()).map_err(ArchiveError::read);
        read.map_err(|error| error.in_entry(&name))?;
    }
    gate.pass(&Claimed { name: &name, folder, bytes, executable: mode & 0o100 != 0 }, &mut content)
}

/// Why what has this mode is refused, when it is neither a file nor a folder.
fn special(mode: u32) -> Option<Refusal> {
    Some(match mode & KIND {
        0o120_000 => Refusal::Link("symbolic"),
        0o020_000 => Refusal::Special("character device"),
        0o060_000 => Refusal::Special("block device"),
        0o010_000 => Refusal::Special("FIFO"),
        0o140_000 => Refusal::Special("socket"),
        _ => return None,
    })
}

/// The content of an entry, within the ratio, which counts for the entry and for all so far: many small
/// bombs are one.
struct Bounded<'a, R> {
    from: R,
    inflated: u64,
    deflated: u64,
    /// Bytes of the entries before.
    before: u64,
    /// Length of the archive.
    whole: u64,
    limits: &'a Limits,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(room)?;
        self.inflated += count as u64;
        let entry = self.limits.check(self.inflated, self.deflated);
        let all = self.limits.check(self.before + self.inflated, self.whole);
        entry.and(all).map_err(io::Error::other)?;
        Ok(count)
    }
}

/// What the parser said. Errors of the system stay errors of the system.
fn told(error: ZipError) -> ArchiveError {
    match error {
        ZipError::Io(error) => ArchiveError::read(error),
        other => {
            let why = other.to_string();
            ArchiveError::whole(Refusal::Malformed(Shown::new(why.as_bytes())))
        }
    }
}
