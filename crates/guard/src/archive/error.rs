//! Why an archive was not extracted.

use crate::path::PathError;
use std::fmt::{self, Write as _};
use std::io;

/// Longest name that is shown, in characters.
const LONGEST_SHOWN: usize = 120;

/// Bytes of an archive as they can be shown: printable ASCII, the rest escaped, cut when they are long.
#[derive(Clone, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut shown = String::new();
        let mut left = LONGEST_SHOWN;
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                if left == 0 {
                    shown.push_str("...");
                    return Self(shown);
                }
                left -= 1;
                match character {
                    ' '..='~' => shown.push(character),
                    other => shown.extend(other.escape_unicode()),
                }
            }
            for byte in chunk.invalid() {
                left = left.saturating_sub(1);
                let _ = write!(shown, "\\x{byte:02x}");
            }
        }
        Self(shown)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why an archive was not extracted.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive breaks a rule: it is never extracted, however often one tries.
    #[error("{}{reason}", place(.entry.as_ref()))]
    Refused {
        /// The entry that broke it.
        entry: Option<Shown>,
        /// The rule.
        reason: Refusal,
    },
    /// The archive cannot be read from where it lies.
    #[error("the archive cannot be read")]
    Read(#[source] io::Error),
    /// The destination is there and is no empty folder, or cannot be one.
    #[error("the destination {0}")]
    Destination(&'static str),
    /// Beside the destination nothing can be made.
    #[error("the destination's parent cannot be used")]
    Parent(#[source] PathError),
    /// An entry cannot be written: no space, no permission.
    #[error("entry `{entry}` cannot be written")]
    Write {
        /// The entry.
        entry: Shown,
        /// What the system said.
        #[source]
        source: PathError,
    },
    /// Everything was written, and cannot be put in its place.
    #[error("what was extracted cannot be put in its place")]
    Commit(#[source] PathError),
}

impl ArchiveError {
    /// A stable code in kebab-case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused { reason, .. } => reason.code(),
            Self::Read(_) => "unreadable",
            Self::Destination(_) => "destination",
            Self::Parent(_) => "parent",
            Self::Write { .. } => "write",
            Self::Commit(_) => "commit",
        }
    }

    /// A refusal that names no entry.
    pub(super) const fn whole(reason: Refusal) -> Self {
        Self::Refused { entry: None, reason }
    }

    pub(super) fn of(entry: &[u8], reason: Refusal) -> Self {
        Self::Refused { entry: Some(Shown::new(entry)), reason }
    }

    /// What a parser or an inflater said: a refusal of ours that came up through it, an error of the
    /// system, or that the bytes are wrong.
    pub(super) fn read(error: io::Error) -> Self {
        if let Some(reason) = error.get_ref().and_then(|inner| inner.downcast_ref::<Refusal>()) {
            return Self::whole(reason.clone());
        }
        if error.raw_os_error().is_some() {
            return Self::Read(error);
        }
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::whole(Refusal::Truncated);
        }
        Self::whole(Refusal::Malformed(Shown::new(error.to_string().as_bytes())))
    }

    /// Names the entry where none is named.
    pub(super) fn in_entry(self, name: &[u8]) -> Self {
        match self {
            Self::Refused { entry: None, reason } => Self::of(name, reason),
            other => other,
        }
    }
}

fn place(entry: Option<&Shown>) -> String {
    entry.map(|entry| format!("entry `{entry}`: ")).unwrap_or_default()
}

/// The rule that an archive breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is none of the four formats.
    #[error("it is no zip, tar, tar.gz or tar.zst")]
    Format,
    /// It ends too early.
    #[error("the archive is cut off")]
    Truncated,
    /// Bytes follow its end.
    #[error("bytes follow the end of the archive")]
    Trailing,
    /// A parser refused it.
    #[error("it is malformed: {0}")]
    Malformed(Shown),
    /// The path is none below a folder, or means something else elsewhere.
    #[error("its path is refused: {0}")]
    Path(&'static str),
    /// The path is not UTF-8, or not marked as such where readers would guess.
    #[error("its path is {0}")]
    Encoding(&'static str),
    /// A symbolic or hard link.
    #[error("it is a {0} link")]
    Link(&'static str),
    /// Neither a file nor a folder.
    #[error("it is a {0}")]
    Special(&'static str),
    /// An extension that changes what an entry is, and is not supported.
    #[error("it uses {0}")]
    Extension(&'static str),
    /// The path is there twice.
    #[error("its path is there twice")]
    Duplicate,
    /// Two paths are one where case or composition do not count.
    #[error("its path is also `{0}` where case and composition do not count")]
    Collision(Shown),
    /// A file lies where a folder is needed, or the other way round.
    #[error("`{0}` is both a file and a folder")]
    Kind(Shown),
    /// More files and folders than agreed.
    #[error("the archive has more than {0} entries")]
    Entries(u64),
    /// More bytes than agreed, inflated.
    #[error("the archive inflates to more than {0} bytes")]
    Bytes(u64),
    /// It inflates by more than agreed.
    #[error("the archive inflates to more than {0} times its size")]
    Ratio(u64),
    /// Deeper than agreed.
    #[error("its path is deeper than {0} names")]
    Depth(usize),
    /// Nothing is left of a file's path.
    #[error("nothing is left of its path")]
    Stripped,
    /// Encrypted entries.
    #[error("it is encrypted")]
    Encrypted,
    /// Another method than stored or deflated.
    #[error("it is compressed by an unsupported method")]
    Method,
    /// Parts of a zip overlap, or belong to no entry.
    #[error("the archive's layout is ambiguous: {0}")]
    Layout(&'static str),
    /// Two headers of one entry disagree.
    #[error("its headers disagree: {0}")]
    Headers(Shown),
}

impl Refusal {
    /// A stable code in kebab-case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Truncated => "truncated",
            Self::Trailing => "trailing-bytes",
            Self::Malformed(_) => "malformed",
            Self::Path(_) => "path",
            Self::Encoding(_) => "encoding",
            Self::Link(_) => "link",
            Self::Special(_) => "special-file",
            Self::Extension(_) => "extension",
            Self::Duplicate => "duplicate",
            Self::Collision(_) => "collision",
            Self::Kind(_) => "file-and-folder",
            Self::Entries(_) => "too-many-entries",
            Self::Bytes(_) => "too-many-bytes",
            Self::Ratio(_) => "ratio",
            Self::Depth(_) => "too-deep",
            Self::Stripped => "nothing-left",
            Self::Encrypted => "encrypted",
            Self::Method => "method",
            Self::Layout(_) => "layout",
            Self::Headers(_) => "headers-disagree",
        }
    }
}
