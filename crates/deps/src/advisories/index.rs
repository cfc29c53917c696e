//! The index: advisories by package, in one file.
//!
//! The first line says what it is, how long the rest is and its CRC-32, so that half a file is no
//! index; then comes one line for each package, in the order of the names: the name, a tab, its
//! advisories as JSON. A package is found by halving, and only its own line is parsed: an audit reads
//! a few hundred lines of a file with hundreds of thousands.

use super::{Advisories, Advisory};
use ringfence_policy::display::quoted;
use ringfence_project::whole;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

/// The version of the form.
const FORM: u32 = 1;

/// An index that was read.
#[derive(Debug)]
pub struct Index {
    head: Head,
    bytes: Vec<u8>,
    /// Where the lines begin.
    start: usize,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Head {
    ringfence_advisories: u32,
    entries: usize,
    packages: usize,
    /// When the newest entry was changed, in seconds since 1970.
    newest: i64,
    bytes: usize,
    crc32: u32,
}

/// Why a file is no index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Its first line is another.
    #[error("it is no index of advisories")]
    Form,
    /// A form of another release.
    #[error("it is an index of form {0}, which this release does not read")]
    Version(u32),
    /// It is shorter or longer than it says, or its bytes are others.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// The line of a package is none.
    #[error("the line of {} is not understood", quoted(name))]
    Line {
        /// The package.
        name: String,
    },
}

impl Index {
    /// Reads an index and checks that it is whole.
    ///
    /// # Errors
    /// [`IndexError`].
    pub fn parse(bytes: Vec<u8>) -> Result<Self, IndexError> {
        let end =
            bytes.iter().take(4096).position(|byte| *byte == b'\n').ok_or(IndexError::Form)?;
        let head: Head = serde_json::from_slice(&bytes[..end]).map_err(|_| IndexError::Form)?;
        if head.ringfence_advisories != FORM {
            return Err(IndexError::Version(head.ringfence_advisories));
        }
        let start = end + 1;
        let lines = bytes.get(start..).unwrap_or_default();
        if lines.len() != head.bytes {
            return Err(IndexError::Damaged("it has another length than it says"));
        }
        if crc32fast::hash(lines) != head.crc32 {
            return Err(IndexError::Damaged("its checksum is another"));
        }
        Ok(Self { head, bytes, start })
    }

    /// Advisories in it.
    #[must_use]
    pub const fn entries(&self) -> usize {
        self.head.entries
    }

    /// Packages it knows something about.
    #[must_use]
    pub const fn packages(&self) -> usize {
        self.head.packages
    }

    /// When its newest entry was changed, in seconds since 1970.
    #[must_use]
    pub const fn newest(&self) -> i64 {
        self.head.newest
    }

    /// The advisories about a package; none where nothing is known.
    ///
    /// # Errors
    /// [`IndexError::Line`].
    pub fn of(&self, name: &str) -> Result<Vec<Advisory>, IndexError> {
        let lines = self.bytes.get(self.start..).unwrap_or_default();
        let (mut low, mut high) = (0, lines.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let (from, to) = line_around(lines, middle);
            let line = &lines[from..to];
            let tab = line.iter().position(|byte| *byte == b'\t').unwrap_or(line.len());
            match line[..tab].cmp(name.as_bytes()) {
                std::cmp::Ordering::Less => low = to + 1,
                std::cmp::Ordering::Greater => high = from,
                std::cmp::Ordering::Equal => {
                    let json = line.get(tab + 1..).unwrap_or_default();
                    let read = serde_json::from_slice(json);
                    return read.map_err(|_| IndexError::Line { name: name.to_owned() });
                }
            }
        }
        Ok(Vec::new())
    }

    /// What is known about these packages.
    ///
    /// # Errors
    /// [`IndexError::Line`].
    pub fn about<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Advisories, IndexError> {
        let names: BTreeSet<&str> = names.collect();
        let mut about = Advisories::new();
        for name in names {
            let known = self.of(name)?;
            if !known.is_empty() {
                about.insert(name.to_owned(), known);
            }
        }
        Ok(about)
    }
}

/// Writes the text of an index, whole: whoever reads finds the old one or the new one. The folder is made
/// where it is not there.
///
/// # Errors
/// What the system says; what was there is still there.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    whole::write(path, text.as_bytes(), None)
}

/// The line that holds a byte, without its end.
fn line_around(lines: &[u8], at: usize) -> (usize, usize) {
    let before = lines[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let after =
        lines[at..].iter().position(|byte| *byte == b'\n').map_or(lines.len(), |end| at + end);
    (before, after)
}

/// The text of an index.
pub(super) fn written(advisories: &Advisories, newest: i64) -> String {
    let mut lines = String::new();
    let mut ids = BTreeSet::new();
    for (name, about) in advisories {
        ids.extend(about.iter().map(|advisory| advisory.id.as_str()));
        // Texts and numbers: nothing that JSON could not say.
        let json = serde_json::to_string(about).unwrap_or_default();
        lines.extend([name.as_str(), "\t", json.as_str(), "\n"]);
    }
    let head = Head {
        ringfence_advisories: FORM,
        entries: ids.len(),
        packages: advisories.len(),
        newest,
        bytes: lines.len(),
        crc32: crc32fast::hash(lines.as_bytes()),
    };
    let head = serde_json::to_string(&head).unwrap_or_default();
    format!("{head}\n{lines}")
}
