//! Reading advisories from where they are published: a folder, a zip, a single file.

use super::index;
use super::osv::{Read as Kept, documents};
use super::{Advisories, Advisory};
use ringfence_guard::archive::{ArchiveError, Extraction, Limits};
use ringfence_policy::display::quoted;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longest document in bytes.
const LONGEST: u64 = 16 << 20;
/// Bounds of a zip: that of all of npm has 250,000 entries and some 700 MiB.
const LIMITS: Limits = Limits { bytes: 16 << 30, entries: 4_000_000, ratio: 200, depth: 16 };
/// How deep folders are looked into.
const DEPTH: usize = 16;

/// Why advisories could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The system says no.
    #[error("cannot read {}", path.display())]
    Read {
        /// What was read.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The zip is not whole, or more than it should be.
    #[error("the archive is refused")]
    Archive(#[source] ArchiveError),
    /// A document is not of OSV's form.
    #[error("{}: {why}", quoted(name))]
    Document {
        /// Where it stood.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// No document was found.
    #[error("no advisory is in it")]
    Empty,
}

/// What was read so far.
#[derive(Debug, Default)]
pub struct Import {
    /// By the name of the advisory: when it was changed, and what is left of it.
    known: HashMap<String, (i64, Vec<(String, Advisory)>)>,
    documents: usize,
    withdrawn: usize,
}

/// What was imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Imported {
    /// Documents that were read.
    pub documents: usize,
    /// Advisories that are in the index.
    pub entries: usize,
    /// Packages they are about.
    pub packages: usize,
    /// Documents that were left out because their authors took them back.
    pub withdrawn: usize,
    /// When the newest was changed, in seconds since 1970.
    pub newest: i64,
}

impl Import {
    /// Reads a folder with documents below it, a zip of documents, or a file with one document or a
    /// list of them.
    ///
    /// # Errors
    /// [`ImportError`]: nothing is left out silently, so one document that is none is an error.
    pub fn read(&mut self, source: &Path) -> Result<(), ImportError> {
        let unreadable = |error| ImportError::Read { path: source.to_owned(), source: error };
        let before = self.documents;
        let kind = fs::metadata(source).map_err(unreadable)?.file_type();
        if kind.is_dir() {
            self.read_folder(source, DEPTH)?;
        } else if !kind.is_file() {
            // Opening a pipe waits, and a device may never end.
            return Err(unreadable(io::Error::other("it is not an ordinary file")));
        } else {
            let mut file = File::open(source).map_err(unreadable)?;
            let mut first = [0; 4];
            let is_zip = file.read_exact(&mut first).is_ok() && first.starts_with(b"PK");
            if is_zip {
                self.read_zip(io::BufReader::new(file))?;
            } else {
                self.read_json(&source.to_string_lossy(), &read(source)?)?;
            }
        }
        if self.documents == before { Err(ImportError::Empty) } else { Ok(()) }
    }

    fn read_folder(&mut self, folder: &Path, depth: usize) -> Result<(), ImportError> {
        let unreadable = |error| ImportError::Read { path: folder.to_owned(), source: error };
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let (path, kind) = (entry.path(), entry.file_type().map_err(unreadable)?);
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if kind.is_dir() && !hidden {
                let deeper = depth.checked_sub(1);
                let deeper = deeper.ok_or_else(|| unreadable(io::Error::other("too deep")))?;
                self.read_folder(&path, deeper)?;
            } else if kind.is_file() && is_document(&path) {
                self.read_json(&path.to_string_lossy(), &read(&path)?)?;
            }
        }
        Ok(())
    }

    fn read_zip(&mut self, archive: impl Read + io::Seek) -> Result<(), ImportError> {
        let mut refused = None;
        let mut text = Vec::new();
        let walked = Extraction::new(LIMITS).read(archive, &mut |entry, content| {
            if refused.is_some() || !is_document(Path::new(entry.path.as_str())) {
                return Ok(());
            }
            text.clear();
            content.take(LONGEST + 1).read_to_end(&mut text)?;
            if let Err(error) = self.read_json(entry.path.as_str(), &text) {
                refused = Some(error);
            }
            Ok(())
        });
        // A damaged archive explains a damaged document, and not the other way round.
        walked.map_err(ImportError::Archive)?;
        refused.map_or(Ok(()), Err)
    }

    /// Reads one document, or a list of them.
    ///
    /// # Errors
    /// [`ImportError::Document`].
    pub fn read_json(&mut self, name: &str, bytes: &[u8]) -> Result<(), ImportError> {
        let wrong = |why: String| ImportError::Document { name: name.to_owned(), why };
        if bytes.len() as u64 > LONGEST {
            return Err(wrong(format!("longer than {LONGEST} bytes")));
        }
        let read = documents(bytes);
        for document in read.map_err(|error| wrong(format!("no advisory of OSV: {error}")))? {
            let read = document.read().map_err(|why| wrong(why.to_owned()))?;
            self.documents += 1;
            self.add(read);
        }
        Ok(())
    }

    /// Of an advisory that is there twice, the newer counts.
    fn add(&mut self, read: Kept) {
        let Kept { id, modified, withdrawn, about } = read;
        if self.known.get(&id).is_some_and(|(known, _)| *known >= modified) {
            return;
        }
        self.withdrawn += usize::from(withdrawn);
        let about = if withdrawn { Vec::new() } else { about };
        self.known.insert(id, (modified, about));
    }

    /// The text of an index, and what is in it.
    #[must_use]
    pub fn into_index(self) -> (String, Imported) {
        let mut advisories = Advisories::new();
        let mut newest = 0;
        let mut entries = 0;
        for (modified, about) in self.known.into_values() {
            if about.is_empty() {
                continue;
            }
            newest = newest.max(modified);
            entries += 1;
            for (name, advisory) in about {
                advisories.entry(name).or_default().push(advisory);
            }
        }
        for about in advisories.values_mut() {
            about.sort_by(|one, two| one.id.cmp(&two.id));
        }
        let imported = Imported {
            documents: self.documents,
            entries,
            packages: advisories.len(),
            withdrawn: self.withdrawn,
            newest,
        };
        (index::written(&advisories, newest), imported)
    }
}

/// Other files may lie beside documents.
fn is_document(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "json")
}

fn read(path: &Path) -> Result<Vec<u8>, ImportError> {
    let mut bytes = Vec::new();
    let done = File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
    done.map_err(|source| ImportError::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}
