//! Tape archives, header by header.
//!
//! The parser hands out raw headers; long names and extended headers are put together here, so that
//! none is bigger than it needs to be and two of them never compete for one entry.

use super::gate::{Claimed, Gate};
use super::pax::{self, Extended};
use super::source::Stream;
use super::{ArchiveError, Refusal, Shown};
use crate::path::LONGEST_PATH;
use std::io::Read;
use tar::{Archive, EntryType};

/// Headers that describe the next entry, one after the other: a name, a link, an extended header.
const MOST_BEFORE: usize = 8;

/// What was said about the next entry.
#[derive(Default)]
struct Pending {
    /// GNU's long name.
    name: Option<Vec<u8>>,
    extended: Option<Extended>,
    headers: usize,
}

/// Walks through a tape.
pub(super) fn walk(stream: Stream<'_>, gate: &mut Gate<'_>) -> Result<(), ArchiveError> {
    let ended = stream.ended();
    let mut archive = Archive::new(stream);
    let mut pending = Pending::default();
    for entry in archive.entries().map_err(ArchiveError::read)?.raw(true) {
        let mut entry = entry.map_err(|error| match ArchiveError::read(error) {
            // The parser has words of its own for half a header.
            ArchiveError::Refused { reason: Refusal::Malformed(_), entry } if ended.get() => {
                ArchiveError::Refused { reason: Refusal::Truncated, entry }
            }
            other => other,
        })?;
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader => {
                describe(&mut pending, kind, &mut entry)?;
            }
            EntryType::XGlobalHeader => {
                let text = small(&mut entry, pax::LONGEST)?;
                pax::read(&text, true).map_err(ArchiveError::whole)?;
            }
            _ => {
                let described = std::mem::take(&mut pending);
                member(&mut entry, described, gate)?;
            }
        }
    }
    if pending.headers > 0 || ended.get() {
        return Err(ArchiveError::whole(Refusal::Truncated));
    }
    behind(archive.into_inner())
}

/// A header that describes the entry behind it.
fn describe(
    pending: &mut Pending,
    kind: EntryType,
    entry: &mut tar::Entry<'_, Stream<'_>>,
) -> Result<(), ArchiveError> {
    pending.headers += 1;
    let twice = || {
        let why = Refusal::Extension("two headers that describe one entry");
        Err(ArchiveError::whole(why))
    };
    match kind {
        EntryType::XHeader => {
            let text = small(entry, pax::LONGEST)?;
            let extended = pax::read(&text, false).map_err(ArchiveError::whole)?;
            if pending.extended.replace(extended).is_some() || pending.headers > MOST_BEFORE {
                return twice();
            }
        }
        EntryType::GNULongName => {
            let mut name = small(entry, LONGEST_PATH as u64 + 2)?;
            // It ends with a NUL; any other is part of it, and refused as such.
            if name.last() == Some(&0) {
                name.pop();
            }
            if pending.name.replace(name).is_some() || pending.headers > MOST_BEFORE {
                return twice();
            }
        }
        // A link is refused whatever it points to.
        _ => return Err(ArchiveError::whole(Refusal::Link("long"))),
    }
    Ok(())
}

/// All of a short entry.
fn small(entry: &mut tar::Entry<'_, Stream<'_>>, longest: u64) -> Result<Vec<u8>, ArchiveError> {
    let size = entry.header().entry_size().map_err(ArchiveError::read)?;
    if size > longest {
        return Err(ArchiveError::whole(Refusal::Extension("a header that is too long")));
    }
    let mut text = Vec::new();
    entry.read_to_end(&mut text).map_err(ArchiveError::read)?;
    if text.len() as u64 != size {
        return Err(ArchiveError::whole(Refusal::Truncated));
    }
    Ok(text)
}

/// A file, a folder, or something that is refused.
fn member(
    entry: &mut tar::Entry<'_, Stream<'_>>,
    described: Pending,
    gate: &mut Gate<'_>,
) -> Result<(), ArchiveError> {
    let extended = described.extended.unwrap_or_default();
    // Also where another header gives the name: a reader that does not know that one takes this.
    let own = header_name(entry.header())?;
    let name = match (described.name, extended.path) {
        (Some(_), Some(_)) => {
            let why = Refusal::Extension("two headers that describe one entry");
            return Err(ArchiveError::whole(why));
        }
        (Some(name), None) | (None, Some(name)) => name,
        (None, None) => own,
    };
    let told = |reason| Err(ArchiveError::of(&name, reason));
    let header = entry.header();
    // Neither: one reader takes the second half of its name for its beginning, another does not.
    if header.as_ustar().is_none() && header.as_gnu().is_none() {
        return told(Refusal::Malformed(Shown::new(b"a header of neither POSIX nor GNU")));
    }
    let kind = header.entry_type();
    if let Some(refused) = refusal(kind) {
        return told(refused);
    }
    if extended.link {
        return told(Refusal::Link("described"));
    }
    let size = header.entry_size().map_err(ArchiveError::read);
    let size = size.map_err(|error| error.in_entry(&name))?;
    if extended.size.is_some_and(|said| said != size) {
        return told(Refusal::Headers(Shown::new(b"two sizes")));
    }
    let folder = kind.is_dir();
    if folder && size != 0 {
        return told(Refusal::Headers(Shown::new(b"a folder with content")));
    }
    if !folder && name.ends_with(b"/") {
        return told(Refusal::Path("a file's path ends with a slash"));
    }
    let mode = header.mode().map_err(ArchiveError::read);
    let executable = mode.map_err(|error| error.in_entry(&name))? & 0o100 != 0;
    gate.pass(&Claimed { name: &name, folder, bytes: size, executable }, entry)
}

/// Why an entry of this kind is refused.
fn refusal(kind: EntryType) -> Option<Refusal> {
    Some(match kind {
        EntryType::Regular | EntryType::Directory => return None,
        EntryType::Link => Refusal::Link("hard"),
        EntryType::Symlink => Refusal::Link("symbolic"),
        EntryType::Char => Refusal::Special("character device"),
        EntryType::Block => Refusal::Special("block device"),
        EntryType::Fifo => Refusal::Special("FIFO"),
        EntryType::GNUSparse => Refusal::Extension("GNU's sparse files"),
        EntryType::Continuous => Refusal::Special("contiguous file"),
        _ => Refusal::Special("entry of a kind of its own"),
    })
}

/// The name in the header itself. What lies behind its first NUL is not read by anybody, so it must
/// be nothing.
fn header_name(header: &tar::Header) -> Result<Vec<u8>, ArchiveError> {
    let name = header.path_bytes().into_owned();
    let prefix = header.as_ustar().map(|header| header.prefix.as_slice()).unwrap_or_default();
    if [header.as_old().name.as_slice(), prefix].into_iter().any(is_hiding) {
        return Err(ArchiveError::of(&name, Refusal::Path("it holds a NUL")));
    }
    Ok(name)
}

/// Whether something lies behind the first NUL of a field.
fn is_hiding(field: &[u8]) -> bool {
    field.iter().skip_while(|byte| **byte != 0).any(|byte| *byte != 0)
}

/// Behind the end of a tape is padding of zeros, and nothing else.
fn behind(mut stream: Stream<'_>) -> Result<(), ArchiveError> {
    let mut room = vec![0; 64 << 10];
    loop {
        let count = stream.read(&mut room).map_err(ArchiveError::read)?;
        if count == 0 {
            return Ok(());
        }
        if room.iter().take(count).any(|byte| *byte != 0) {
            return Err(ArchiveError::whole(Refusal::Trailing));
        }
    }
}
