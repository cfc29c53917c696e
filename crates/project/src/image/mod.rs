//! Archives of container images, layer by layer.
//!
//! Read are what `docker save` writes, OCI layouts as a tar, and a root file system as a tar (as
//! `docker export` writes it, compressed with gzip or not). Layers are read as a stream, so an image
//! of gigabytes needs no more memory than the names of its files; what a stranger could make
//! endless is bounded. Digests are not checked: this tells what an archive holds, not who made it.

mod archive;
mod config;
mod layer;
mod tape;
#[cfg(test)]
mod tests;

pub use config::Config;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Entries in all layers together.
pub const MAX_ENTRIES: u64 = 4_000_000;
/// Bytes of all names together: what is kept in memory.
pub const MAX_NAMES: u64 = 512 * 1024 * 1024;
/// Unpacked bytes of all layers together.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024 * 1024;
/// Layers of one image.
pub const MAX_LAYERS: usize = 1024;
/// Bytes of one description (manifest, index, configuration), and of one file that is looked into.
pub const MAX_TEXT: u64 = 32 * 1024 * 1024;

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link and its text.
    Symlink(String),
    /// Another name of a file, by its path without the first slash.
    Hardlink(String),
    /// A device, pipe or socket.
    Special,
}

/// One entry of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path without the first slash, with no `.` and `..` in it.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Permission bits with set-user-id, set-group-id and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Bytes of a regular file.
    pub size: u64,
    /// Number of its layer, from 0, the lowest first.
    pub layer: usize,
}

/// Who is shown every entry of every layer, what a later layer takes away included.
pub trait Visitor {
    /// How many bytes of the content are wanted, from its start; at most [`MAX_TEXT`] are given.
    fn wanted(&mut self, entry: &Entry) -> u64;
    /// An entry with the content that was wanted.
    fn visit(&mut self, entry: &Entry, content: &[u8]);
}

/// An image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Layers from the lowest, by their names in the archive.
    pub layers: Vec<String>,
    /// How it is started; `None` for a plain root file system.
    pub config: Option<Config>,
    /// What a container sees, by path.
    pub tree: BTreeMap<String, Entry>,
}

/// Why an archive cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// A tar archive of something else.
    #[error(
        "it is neither an image as `docker save` writes it, nor an OCI layout, nor a root file system"
    )]
    NotAnImage,
    /// No tar archive.
    #[error("it is not a tar archive")]
    NotTar,
    /// A compressed archive of layers, in which nothing can be looked up.
    #[error("it is a compressed archive of an image: unpack it with gunzip first")]
    Compressed,
    /// A compression that is not read.
    #[error("{0} is compressed in a way that is not read here: only gzip is")]
    Compression(String),
    /// It ends too early.
    #[error("it ends in the middle of {0}")]
    Truncated(String),
    /// Several images in one archive.
    #[error("it holds {0} images: save one alone")]
    Several(usize),
    /// A file that the description names is not there.
    #[error("{0} is named in it and is not there")]
    Missing(String),
    /// A description cannot be read.
    #[error("{what} cannot be read: {why}")]
    Description {
        /// Which file of the archive.
        what: String,
        /// Why.
        why: String,
    },
    /// A path that leads out of the image.
    #[error("a path in {0} leads out of it")]
    Path(String),
    /// One of the bounds.
    #[error("it is too large: more than {0}")]
    TooLarge(&'static str),
    /// The file itself cannot be read.
    #[error("reading it failed: {0}")]
    Io(#[from] io::Error),
}

/// Reads an archive; the visitor sees each entry in the order of the layers.
///
/// # Errors
/// [`ImageError`].
pub fn read(path: &Path, visitor: &mut dyn Visitor) -> Result<Image, ImageError> {
    archive::read(path, visitor)
}

impl Image {
    /// Everything below a folder, itself not included.
    pub fn below<'a>(&'a self, folder: &str) -> impl Iterator<Item = &'a Entry> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let from = prefix.clone();
        self.tree
            .range(from..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .map(|(_, entry)| entry)
    }
}
