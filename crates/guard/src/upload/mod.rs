//! Files that users send, taken in under names and types that we choose.
//!
//! The size is bounded while the bytes come. The first bytes must be of a kind on the list of what is
//! wanted, and of the kind that was declared; the name under which a file is kept is the SHA-256 of its
//! content and the ending of its kind, so nothing a user wrote becomes a path or an ending. A scanner
//! sees the file before it has a name, and one that fails or does not answer means refused. Magic bytes
//! and searches for scripts tell mistakes and known tricks apart from files, not clever malware: serve
//! what was taken in from another origin, with its kind as type and `nosniff`.
//!
//! ```
//! use ringfence_guard::path::Root;
//! use ringfence_guard::upload::{Intake, Kind};
//!
//! # let place = tempfile::tempdir()?;
//! let store = Root::new(place.path())?;
//! let intake = Intake::new(10 << 20, &[Kind::Text, Kind::Png]);
//! let accepted = intake.receive(&mut "hello".as_bytes(), "text/plain", &store)?;
//! assert_eq!(accepted.name, format!("{}.txt", accepted.sha256));
//! assert!(intake.receive(&mut "hello".as_bytes(), "image/png", &store).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod clamd;
mod hidden;
mod kind;

pub use clamd::{Clamd, LONGEST_CHUNK};
pub use hidden::Note;
pub use kind::Kind;

use crate::path::{PathError, Root};
use crate::temp::Draft;
use hidden::Search;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd as _;

/// Bytes copied at once; the kind is told by the first of them.
const PIECE: usize = 64 << 10;

/// What looks into files.
pub trait Scanner {
    /// Reads a whole file and says what was found in it, `None` for nothing.
    ///
    /// # Errors
    /// Whatever keeps the scanner from an answer: the file is refused then.
    fn scan(&self, content: &mut dyn Read) -> Result<Option<Finding>, ScanError>;
}

/// What a scanner found, by its own name for it, made safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding(String);

impl Finding {
    /// A finding; what is not printable ASCII is left out, and what is longer than 200 characters.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.chars().filter(|letter| (' '..='~').contains(letter)).take(200).collect())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a scanner gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// It cannot be reached, or went away, or took too long.
    #[error("the scanner did not answer")]
    Unreachable(#[source] io::Error),
    /// The file is longer than the scanner takes.
    #[error("the scanner does not take a file so long")]
    TooLong,
    /// It answered that it failed, or something that means nothing.
    #[error("the scanner failed: {0}")]
    Failed(Finding),
}

/// Why an upload was refused. No variant holds its content.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// More bytes than agreed.
    #[error("it is longer than {0} bytes")]
    TooLong(u64),
    /// Nothing.
    #[error("it is empty")]
    Empty,
    /// Of no kind that is wanted, by its bytes.
    #[error("it is of no kind that is accepted")]
    Unwanted,
    /// Declared as something else than its bytes are.
    #[error("it was declared as another kind than {0}, which it is")]
    Declared(&'static str),
    /// Something of another kind is hidden in it.
    #[error("it holds {0}")]
    Hidden(Note),
    /// The scanner found something.
    #[error("the scanner found {0}")]
    Infected(Finding),
    /// The scanner gave no answer.
    #[error("it cannot be scanned")]
    Scanner(#[source] ScanError),
    /// The sender's bytes cannot be read.
    #[error("it cannot be received")]
    Receive(#[source] io::Error),
    /// It cannot be kept.
    #[error("it cannot be stored")]
    Store(#[source] PathError),
}

impl UploadError {
    /// A stable code in kebab-case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "too-long",
            Self::Empty => "empty",
            Self::Unwanted => "unwanted-kind",
            Self::Declared(_) => "declared-otherwise",
            Self::Hidden(_) => "hidden-content",
            Self::Infected(_) => "infected",
            Self::Scanner(_) => "not-scanned",
            Self::Receive(_) => "not-received",
            Self::Store(_) => "not-stored",
        }
    }
}

/// A file that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its name in the store: the hash and the ending of its kind.
    pub name: String,
    /// SHA-256 of its content, in lower-case hex.
    pub sha256: String,
    /// What it is.
    pub kind: Kind,
    /// How long it is.
    pub bytes: u64,
    /// What is remarkable in it, where that is not refused.
    pub notes: Vec<Note>,
    /// Whether the same content was there already.
    pub known: bool,
}

/// What is accepted, and how it is looked at.
pub struct Intake {
    longest: u64,
    wanted: Vec<Kind>,
    tolerates_hidden: bool,
    scanner: Option<Box<dyn Scanner + Send + Sync>>,
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scanner = self.scanner.is_some();
        let mut shown = f.debug_struct("Intake");
        shown.field("longest", &self.longest).field("wanted", &self.wanted);
        shown.field("tolerates_hidden", &self.tolerates_hidden).field("scanner", &scanner).finish()
    }
}

impl Intake {
    /// Files of these kinds and of at most so many bytes.
    #[must_use]
    pub fn new(longest: u64, wanted: &[Kind]) -> Self {
        Self { longest, wanted: wanted.to_vec(), tolerates_hidden: false, scanner: None }
    }

    /// Notes what is hidden in a file instead of refusing it: for a caller who encodes pictures anew.
    #[must_use]
    pub const fn with_hidden_noted(mut self) -> Self {
        self.tolerates_hidden = true;
        self
    }

    /// Asks a scanner about every file.
    #[must_use]
    pub fn with_scanner(mut self, scanner: impl Scanner + Send + Sync + 'static) -> Self {
        self.scanner = Some(Box::new(scanner));
        self
    }

    /// Takes a file in: reads it to its end, and keeps it in `store` when all is well. `declared` is
    /// the media type the sender gave; parameters in it are passed over.
    ///
    /// # Errors
    /// [`UploadError`]; nothing is in the store then.
    pub fn receive(
        &self,
        content: &mut dyn Read,
        declared: &str,
        store: &Root,
    ) -> Result<Accepted, UploadError> {
        let mut receiving = self.begin(declared, store)?;
        let mut room = vec![0; PIECE];
        loop {
            match fill(content, &mut room)? {
                0 => return self.finish(receiving),
                count => self.take(&mut receiving, room.get(..count).unwrap_or_default())?,
            }
        }
    }

    /// Begins to take in a file whose bytes come piece by piece: [`Self::take`] each, then
    /// [`Self::finish`]. Dropped before that, nothing is in the store.
    ///
    /// # Errors
    /// [`UploadError::Store`].
    pub fn begin(&self, declared: &str, store: &Root) -> Result<Receiving, UploadError> {
        let draft = Draft::new_at(store.as_fd()).map_err(UploadError::Store)?;
        Ok(Receiving {
            draft,
            declared: declared.to_owned(),
            head: Vec::new(),
            known: None,
            bytes: 0,
        })
    }

    /// Takes the next bytes: counts, hashes and looks, all in one pass.
    ///
    /// # Errors
    /// [`UploadError`]; the rest need not be received then.
    pub fn take(&self, receiving: &mut Receiving, piece: &[u8]) -> Result<(), UploadError> {
        if receiving.known.is_some() {
            return self.look(receiving, piece);
        }
        // What it is, its beginning tells, in however small pieces that comes.
        let missing = PIECE.saturating_sub(receiving.head.len()).min(piece.len());
        let (beginning, rest) = piece.split_at_checked(missing).unwrap_or((piece, &[]));
        receiving.head.extend_from_slice(beginning);
        if receiving.head.len() >= PIECE {
            self.begun(receiving)?;
        }
        if rest.is_empty() { Ok(()) } else { self.look(receiving, rest) }
    }

    /// Judges all of it, asks the scanner, and gives it its name in the store.
    ///
    /// # Errors
    /// [`UploadError`]; nothing is in the store then.
    pub fn finish(&self, mut receiving: Receiving) -> Result<Accepted, UploadError> {
        self.begun(&mut receiving)?;
        let Receiving { mut draft, known: Some(known), bytes, .. } = receiving else {
            return Err(UploadError::Empty);
        };
        let notes = known.search.finish().map_err(|_| UploadError::Unwanted)?;
        let hidden = notes.iter().find(|note| note.is_hidden() && !self.tolerates_hidden);
        if let Some(hidden) = hidden {
            return Err(UploadError::Hidden(*hidden));
        }
        self.scan(&mut draft)?;
        let sha256 = hex(&known.hash.finalize());
        let name = format!("{sha256}.{}", known.kind.extension());
        let known_already = match draft.persist_new(&name) {
            Ok(()) => false,
            // The name is the content's: it is there already.
            Err(PathError::Exists) => true,
            Err(error) => return Err(UploadError::Store(error)),
        };
        Ok(Accepted { name, sha256, kind: known.kind, bytes, notes, known: known_already })
    }

    fn scan(&self, draft: &mut Draft) -> Result<(), UploadError> {
        let Some(scanner) = &self.scanner else { return Ok(()) };
        draft.seek(SeekFrom::Start(0)).map_err(|error| UploadError::Store(PathError::Io(error)))?;
        match scanner.scan(draft).map_err(UploadError::Scanner)? {
            Some(found) => Err(UploadError::Infected(found)),
            None => Ok(()),
        }
    }

    /// Settles what it is, once its beginning is there.
    fn begun(&self, receiving: &mut Receiving) -> Result<(), UploadError> {
        if receiving.known.is_some() {
            return Ok(());
        }
        let head = std::mem::take(&mut receiving.head);
        if head.is_empty() {
            return Err(UploadError::Empty);
        }
        let kind = self.kind(&head, &receiving.declared)?;
        receiving.known = Some(Known { kind, hash: Sha256::new(), search: Search::new(kind) });
        self.look(receiving, &head)
    }

    fn look(&self, receiving: &mut Receiving, piece: &[u8]) -> Result<(), UploadError> {
        receiving.bytes += piece.len() as u64;
        if receiving.bytes > self.longest {
            return Err(UploadError::TooLong(self.longest));
        }
        if let Some(known) = &mut receiving.known {
            known.hash.update(piece);
            known.search.look(piece);
        }
        let written = receiving.draft.write_all(piece);
        written.map_err(|error| UploadError::Store(PathError::Io(error)))
    }

    /// What it is, if that is wanted and was declared.
    fn kind(&self, head: &[u8], declared: &str) -> Result<Kind, UploadError> {
        let found = Kind::sniff(head).ok_or(UploadError::Unwanted)?;
        // Bytes do not tell a table from a letter: among texts the declared one counts.
        let kind = match Kind::declared(declared) {
            Some(declared) if declared == found || (declared.is_text() && found.is_text()) => {
                declared
            }
            _ if !self.wanted.contains(&found) => return Err(UploadError::Unwanted),
            _ => return Err(UploadError::Declared(found.media_type())),
        };
        if self.wanted.contains(&kind) { Ok(kind) } else { Err(UploadError::Unwanted) }
    }
}

/// A file that is being taken in. It has no name yet.
pub struct Receiving {
    draft: Draft,
    declared: String,
    /// Its beginning, until that tells what it is.
    head: Vec<u8>,
    known: Option<Known>,
    bytes: u64,
}

impl fmt::Debug for Receiving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// What is held of a file whose kind is known.
struct Known {
    kind: Kind,
    hash: Sha256,
    search: Search,
}

/// Reads until there is no room or no more.
fn fill(content: &mut dyn Read, room: &mut [u8]) -> Result<usize, UploadError> {
    let mut filled = 0;
    while let Some(rest) = room.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match content.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(UploadError::Receive(error)),
        }
    }
    Ok(filled)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
