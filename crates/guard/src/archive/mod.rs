//! Archives that somebody else made, unpacked whole or not at all.
//!
//! The crates `tar`, `zip`, `flate2` and `ruzstd` parse; every decision is here. What could mean two
//! things to two readers is refused instead of guessed: a name twice, names that are one on another
//! system, headers that disagree, bytes that no entry owns. Only plain files and folders are made,
//! through [`Root`](crate::path::Root), in a private folder beside the destination that is renamed
//! into its place when everything is on the disk. An archive inside an archive is a file like any
//! other: it is bounded when it is itself extracted. What the files hold is not looked at.
//!
//! ```
//! use ringfence_guard::archive::{Extraction, Limits};
//!
//! # let place = tempfile::tempdir()?;
//! # let upload = std::io::Cursor::new(b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
//! let limits = Limits { bytes: 64 << 20, ..Limits::default() };
//! let into = place.path().join("unpacked");
//! let summary = Extraction::new(limits).extract(upload, &into, &mut |entry| {
//!     println!("{}", entry.path);
//! })?;
//! assert_eq!(summary.files, 0);
//! assert!(into.is_dir());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod gate;
mod limits;
mod names;
mod pax;
mod source;
mod stage;
mod tape;
mod zipped;

pub use error::{ArchiveError, Refusal, Shown};
pub use gate::Entry;
pub use limits::Limits;
pub use source::Format;

use gate::{Gate, Sink};
use std::io::{self, Read, Seek};
use std::path::Path;

/// What was extracted, or would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Told by the first bytes.
    pub format: Format,
    /// Plain files.
    pub files: u64,
    /// Folders, also those that only a path names.
    pub folders: u64,
    /// Bytes in the files.
    pub bytes: u64,
}

/// How archives are extracted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extraction {
    limits: Limits,
    strip: usize,
}

impl Extraction {
    /// An extraction within bounds.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, strip: 0 }
    }

    /// Takes the first names of every path away. A file that has no more is refused.
    #[must_use]
    pub const fn with_strip(mut self, names: usize) -> Self {
        self.strip = names;
        self
    }

    /// Reads all of an archive, checks what an extraction would check, and writes nothing. `each` is
    /// called with every entry before its content is read.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn list<A: Read + Seek>(
        &self,
        archive: A,
        each: &mut dyn FnMut(&Entry<'_>),
    ) -> Result<Summary, ArchiveError> {
        self.walk(archive, &mut gate::Nowhere::default(), each)
    }

    /// Reads all of an archive like [`Self::list`], and hands over the content of every file. What is not
    /// read of it is read afterwards, so that the whole archive is checked.
    ///
    /// # Errors
    /// [`ArchiveError`]. An error of `each` about the archive's bytes is one of the archive.
    pub fn read<A: Read + Seek>(
        &self,
        archive: A,
        each: &mut dyn FnMut(&Entry<'_>, &mut dyn Read) -> io::Result<()>,
    ) -> Result<Summary, ArchiveError> {
        self.walk(archive, &mut gate::Reader { each }, &mut |_| {})
    }

    /// Extracts to `destination`, which must not be there yet, or be an empty folder, whose mode and
    /// owner are kept. Its parent's path is the application's own and is followed as usual. `each` is
    /// called with every entry before it is written.
    ///
    /// On an error nothing is at `destination` that was not there before. A crash leaves a folder of
    /// a name beginning with [`temp::PREFIX`](crate::temp::PREFIX) beside it, which the next
    /// extraction there removes.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn extract<A: Read + Seek>(
        &self,
        archive: A,
        destination: impl AsRef<Path>,
        each: &mut dyn FnMut(&Entry<'_>),
    ) -> Result<Summary, ArchiveError> {
        let mut stage = stage::Stage::new(destination.as_ref())?;
        let summary = self.walk(archive, &mut stage, each)?;
        stage.commit()?;
        Ok(summary)
    }

    fn walk<A: Read + Seek>(
        &self,
        mut archive: A,
        sink: &mut dyn Sink,
        each: &mut dyn FnMut(&Entry<'_>),
    ) -> Result<Summary, ArchiveError> {
        let (format, stream) = source::detect(&mut archive)?;
        let mut gate = Gate::new(&self.limits, self.strip, sink, each);
        match stream {
            None => zipped::walk(&mut archive, &self.limits, &mut gate)?,
            Some(compression) => {
                let stream = source::inflate(archive, compression, &self.limits);
                tape::walk(stream, &mut gate)?;
            }
        }
        Ok(gate.summary(format))
    }
}

/// Lists arbitrary bytes under small bounds: whether what came of it keeps its promises. For fuzzing.
#[doc(hidden)]
#[must_use]
pub fn fuzz_archive(bytes: &[u8]) -> bool {
    let limits = Limits { bytes: 1 << 20, entries: 64, ratio: 50, depth: 8 };
    let mut files = 0_u64;
    let mut kept = true;
    let listed = Extraction::new(limits).list(std::io::Cursor::new(bytes), &mut |entry| {
        kept &= crate::path::RelativePath::parse(entry.path.as_str()).is_ok();
        kept &= entry.path.names().count() <= limits.depth && entry.bytes <= limits.bytes;
        files += u64::from(!entry.folder);
    });
    kept && match listed {
        Ok(summary) => {
            summary.files == files
                && summary.files + summary.folders <= limits.entries
                && summary.bytes <= limits.bytes
        }
        Err(error) => {
            let plain = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            plain(&error.to_string()) && !error.code().is_empty()
        }
    }
}

#[cfg(test)]
mod tests;
