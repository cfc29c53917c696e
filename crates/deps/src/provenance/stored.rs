//! What a registry said, kept in a folder: fetched once, judged later without a network.
//!
//! The folder is as good as whoever may write to it: signatures and attestations in it are verified like
//! those that come from a registry, but that there are none is only somebody's word.

use super::bundle::{self, LARGEST};
use super::{Source, Told};
use crate::evidence::is_name;
use ringfence_project::walk;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of files, one for each release.
#[derive(Debug)]
pub struct Stored {
    folder: PathBuf,
}

impl Stored {
    /// What lies in a folder.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    /// The file of a release: `@scope/name` 1.0.0 is in `@scope%2fname@1.0.0.json`.
    fn file(&self, name: &str, version: &str) -> Option<PathBuf> {
        let number = |byte: u8| byte.is_ascii_alphanumeric() || b".-+".contains(&byte);
        let fits = is_name(name) && version.len() <= 256 && version.bytes().all(number);
        fits.then(|| self.folder.join(format!("{}@{version}.json", name.replace('/', "%2f"))))
    }

    /// Keeps what was said.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn keep(&self, told: &Told) -> io::Result<()> {
        let Some(path) = self.file(&told.name, &told.version) else {
            return Err(io::Error::other("a name or version that is none"));
        };
        fs::create_dir_all(&self.folder)?;
        let mut text = serde_json::to_string_pretty(told)?;
        text.push('\n');
        let half = path.with_extension(format!("{}.tmp", std::process::id()));
        fs::write(&half, text)?;
        fs::rename(half, path)
    }
}

impl Source for Stored {
    fn told(&self, name: &str, version: &str) -> Result<Told, String> {
        let path = self.file(name, version).ok_or("its name or version is none")?;
        if !path.is_file() {
            return Err("the folder has nothing of it".to_owned());
        }
        // Twice the size of an answer: written for people, it is larger.
        let bytes = walk::bytes(&path, 2 * LARGEST).map_err(|error| error.to_string())?;
        let mut told: Told = serde_json::from_slice(&bytes)
            .map_err(|error| format!("the folder's file of it is not understood: {error}"))?;
        if told.name != name || told.version != version {
            return Err("the folder's file of it is of another package".to_owned());
        }
        told.attestations = told.attestations.map(bundle::bounded).transpose()?;
        Ok(told)
    }
}
