//! The one door through which every entry of every format goes.

use super::names::{Added, Names};
use super::{ArchiveError, Format, Limits, Refusal, Summary};
use crate::path::RelativePath;
use std::io::{self, Read};

/// An entry that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where it goes, below the destination.
    pub path: &'a RelativePath,
    /// A folder; else a plain file.
    pub folder: bool,
    /// Bytes of a file, as the archive has it; more are never read.
    pub bytes: u64,
    /// Whether it may be executed, the only thing that is taken from its mode.
    pub executable: bool,
}

/// Where entries go.
pub(super) trait Sink {
    /// Makes a folder; the one above it is there.
    fn folder(&mut self, path: &RelativePath) -> Result<(), ArchiveError>;

    /// Makes a file; the folder it is in is there. Returns how many bytes there were.
    fn file(&mut self, entry: &Entry<'_>, content: &mut dyn Read) -> Result<u64, ArchiveError>;
}

/// What an archive says of an entry.
pub(super) struct Claimed<'a> {
    pub(super) name: &'a [u8],
    pub(super) folder: bool,
    pub(super) bytes: u64,
    pub(super) executable: bool,
}

/// Checks entries and hands them on.
pub(super) struct Gate<'a> {
    limits: &'a Limits,
    strip: usize,
    names: Names,
    sink: &'a mut dyn Sink,
    each: &'a mut dyn FnMut(&Entry<'_>),
    files: u64,
    bytes: u64,
}

impl<'a> Gate<'a> {
    pub(super) fn new(
        limits: &'a Limits,
        strip: usize,
        sink: &'a mut dyn Sink,
        each: &'a mut dyn FnMut(&Entry<'_>),
    ) -> Self {
        Self { limits, strip, names: Names::new(limits.entries), sink, each, files: 0, bytes: 0 }
    }

    /// Checks an entry and makes it.
    pub(super) fn pass(
        &mut self,
        claimed: &Claimed<'_>,
        content: &mut dyn Read,
    ) -> Result<(), ArchiveError> {
        let told = |reason| ArchiveError::of(claimed.name, reason);
        let Some(path) = path(claimed, self.strip).map_err(told)? else { return Ok(()) };
        if path.names().count() > self.limits.depth {
            return Err(told(Refusal::Depth(self.limits.depth)));
        }
        let bytes = self.bytes.saturating_add(claimed.bytes);
        if bytes > self.limits.bytes {
            return Err(told(Refusal::Bytes(self.limits.bytes)));
        }
        let folders = match self.names.add(&path, claimed.folder).map_err(told)? {
            Added::Known => return Ok(()),
            Added::New { folders } => folders,
        };
        self.above(&path, folders).map_err(|error| error.in_entry(claimed.name))?;
        let (folder, executable) = (claimed.folder, claimed.executable && !claimed.folder);
        let entry = Entry { path: &path, folder, bytes: claimed.bytes, executable };
        (self.each)(&entry);
        if folder {
            return self.sink.folder(&path);
        }
        let made = self.sink.file(&entry, content);
        let made = made.map_err(|error| error.in_entry(claimed.name))?;
        if made != claimed.bytes {
            return Err(told(Refusal::Truncated));
        }
        self.files += 1;
        self.bytes = bytes;
        Ok(())
    }

    /// Makes the folders above a path that are new: the last ones.
    fn above(&mut self, path: &RelativePath, new: usize) -> Result<(), ArchiveError> {
        let slashes: Vec<usize> = path.as_str().match_indices('/').map(|(at, _)| at).collect();
        for at in slashes.iter().skip(slashes.len().saturating_sub(new)) {
            let above = path.as_str().get(..*at).unwrap_or_default();
            let above = RelativePath::parse(above).map_err(|_| {
                ArchiveError::of(above.as_bytes(), Refusal::Path("it cannot be divided"))
            })?;
            self.sink.folder(&above)?;
        }
        Ok(())
    }

    /// Bytes in files so far.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn summary(&self, format: Format) -> Summary {
        let folders = self.names.folders();
        Summary { format, files: self.files, folders, bytes: self.bytes }
    }
}

/// The path of an entry; `None` for the destination itself.
fn path(claimed: &Claimed<'_>, strip: usize) -> Result<Option<RelativePath>, Refusal> {
    let text = std::str::from_utf8(claimed.name).map_err(|_| Refusal::Encoding("not UTF-8"))?;
    // `tar c .` writes `./` before every path; nothing else of the kind is accepted.
    let mut text = text.strip_prefix("./").unwrap_or(text);
    if claimed.folder {
        text = text.strip_suffix('/').unwrap_or(text);
        if matches!(text, "" | ".") && matches!(claimed.name, b"." | b"./") {
            return Ok(None);
        }
    }
    let path = parse(text)?;
    if strip == 0 {
        return Ok(Some(path));
    }
    match path.as_str().splitn(strip + 1, '/').nth(strip) {
        Some(rest) => parse(rest).map(Some),
        None if claimed.folder => Ok(None),
        None => Err(Refusal::Stripped),
    }
}

fn parse(text: &str) -> Result<RelativePath, Refusal> {
    RelativePath::parse(text).map_err(|error| match error {
        crate::path::PathError::Refused(why) => Refusal::Path(why),
        _ => Refusal::Path("it is no path"),
    })
}

/// Entries are read and forgotten.
pub(super) struct Nowhere {
    room: Vec<u8>,
}

impl Default for Nowhere {
    fn default() -> Self {
        Self { room: vec![0; super::stage::PIECE] }
    }
}

impl Sink for Nowhere {
    fn folder(&mut self, _: &RelativePath) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn file(&mut self, entry: &Entry<'_>, content: &mut dyn Read) -> Result<u64, ArchiveError> {
        let _ = entry;
        super::stage::copy(content, &mut self.room, &mut |_| Ok(()))
    }
}

/// Entries are handed to somebody, and nothing is made of them.
pub(super) struct Reader<'a> {
    pub(super) each: &'a mut dyn FnMut(&Entry<'_>, &mut dyn Read) -> io::Result<()>,
}

impl Sink for Reader<'_> {
    fn folder(&mut self, _: &RelativePath) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn file(&mut self, entry: &Entry<'_>, content: &mut dyn Read) -> Result<u64, ArchiveError> {
        let mut counted = Counted { from: content, count: 0 };
        (self.each)(entry, &mut counted).map_err(ArchiveError::read)?;
        io::copy(&mut counted, &mut io::sink()).map_err(ArchiveError::read)?;
        Ok(counted.count)
    }
}

/// How much was read.
struct Counted<'a> {
    from: &'a mut dyn Read,
    count: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(room)?;
        self.count += count as u64;
        Ok(count)
    }
}
