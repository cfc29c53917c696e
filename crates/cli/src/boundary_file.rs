//! A boundary file, read and parsed: where every verb that works on one begins.

use crate::error::{CommandError, Kind};
use crate::mistake::Mistake;
use crate::settings::{ConfigOption, Source};
use ringfence_policy::Diagnostic;
use ringfence_policy::display::hex;
use ringfence_policy::model::Boundary;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// A boundary and the text it was read from.
#[derive(Debug)]
pub(crate) struct BoundaryFile {
    /// Path and text.
    pub(crate) source: Source,
    /// What it says.
    pub(crate) boundary: Boundary,
}

impl BoundaryFile {
    /// Finds, reads and parses the file a verb works on.
    pub(crate) fn load(option: &ConfigOption) -> Result<Self, CommandError> {
        Self::of(option.read()?)
    }

    /// Parses a file that was read.
    pub(crate) fn of(source: Source) -> Result<Self, CommandError> {
        match ringfence_policy::parse(&source.path.to_string_lossy(), &source.text) {
            Ok(boundary) => Ok(Self { source, boundary }),
            Err(diagnostics) => Err(mistaken(&source.path, diagnostics)),
        }
    }

    /// The folder paths in the file count from, without symbolic links.
    pub(crate) fn folder(&self) -> Result<PathBuf, CommandError> {
        folder_of(&self.source.path)
    }

    /// The file's own name.
    pub(crate) fn name(&self) -> String {
        self.source.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// SHA-256 of the text in lower-case hexadecimal.
    pub(crate) fn hash(&self) -> String {
        hex(&Sha256::digest(&self.source.text))
    }
}

/// Everything that is wrong with a boundary file.
pub(crate) fn mistaken(path: &Path, diagnostics: Vec<Diagnostic>) -> CommandError {
    let mistakes = diagnostics.into_iter().map(Mistake::from).collect();
    CommandError::mistaken(Kind::Configuration, path, mistakes)
}

/// The folder a boundary file lies in, without symbolic links.
pub(crate) fn folder_of(path: &Path) -> Result<PathBuf, CommandError> {
    let real = path.canonicalize().map_err(|error| {
        let message = format!("cannot find the folder of {}", path.display());
        CommandError::new(Kind::Source, message).caused_by(&error)
    })?;
    Ok(real.parent().unwrap_or(Path::new("/")).to_path_buf())
}
