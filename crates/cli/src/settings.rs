//! Which boundary file a verb works on, and its text.
//!
//! The file is the one `--config` names, else the first `ringfence.toml` in the current folder or
//! above it. It is read once: what was hashed is what was parsed. Anything but an ordinary file of
//! a sane size is refused before a byte is read, so that a pipe or a device can neither stall a
//! start nor feed it without end.

use crate::error::{CommandError, Kind};
use std::fs::{File, FileType, Metadata};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Name that is looked for.
pub(crate) const FILE_NAME: &str = "ringfence.toml";

/// Largest boundary file, in bytes. The longest one worth reviewing is far below this.
pub(crate) const MAX_SIZE: u64 = 1024 * 1024;

/// The option every verb that reads a boundary file has.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigOption {
    /// The boundary file; without it, ringfence.toml in this folder or above
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
}

/// A boundary file as text.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path as it should be shown.
    pub(crate) path: PathBuf,
    /// Contents.
    pub(crate) text: String,
}

impl ConfigOption {
    /// Finds and reads the boundary file.
    pub(crate) fn read(&self) -> Result<Source, CommandError> {
        let path = match &self.config {
            Some(path) => path.clone(),
            None => search()?,
        };
        source(path)
    }

    /// The boundary file where there is one, else the path of the one that could be made.
    #[cfg_attr(
        not(any(target_os = "linux", feature = "deps")),
        expect(dead_code, reason = "files are learnt on Linux")
    )]
    pub(crate) fn find(&self) -> Result<Result<Source, PathBuf>, CommandError> {
        let path = match &self.config {
            Some(path) => path.clone(),
            None => nearest(&here()?).unwrap_or_else(|| FILE_NAME.into()),
        };
        match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Err(path)),
            _ => source(path).map(Ok),
        }
    }
}

/// Reads the boundary file, or another text a person wrote, at `path`.
pub(crate) fn source(path: PathBuf) -> Result<Source, CommandError> {
    let text = read(&path)?;
    Ok(Source { path, text })
}

fn here() -> Result<PathBuf, CommandError> {
    std::env::current_dir().map_err(|error| {
        CommandError::new(Kind::Source, "cannot tell which folder this is")
            .caused_by(&error)
            .hint("name the boundary file with --config FILE")
    })
}

/// The first boundary file from a folder upwards, relative where it lies in the folder itself.
fn nearest(here: &Path) -> Option<PathBuf> {
    let mut candidates = here.ancestors().map(|folder| folder.join(FILE_NAME));
    // A link that leads nowhere is found too: skipping it would silently use another file.
    let found = candidates.find(|candidate| std::fs::symlink_metadata(candidate).is_ok())?;
    Some(found.strip_prefix(here).map(Path::to_path_buf).unwrap_or(found))
}

/// The first boundary file from the current folder upwards.
fn search() -> Result<PathBuf, CommandError> {
    let here = here()?;
    if let Some(found) = nearest(&here) {
        return Ok(found);
    }
    Err(CommandError::new(Kind::Source, format!("no {FILE_NAME} in {} or above", here.display()))
        .hint("name the boundary file with --config FILE")
        .hint("`ringfence init` writes a first one from the project"))
}

/// Reads an ordinary file of at most [`MAX_SIZE`] bytes of UTF-8.
fn read(path: &Path) -> Result<String, CommandError> {
    let cannot = |error: &io::Error| unreadable(path, error);
    // Looked at before it is opened: opening a device may already do something.
    let found = std::fs::metadata(path).map_err(|error| cannot(&error))?;
    check_kind(path, &found)?;
    let file = open(path).map_err(|error| cannot(&error))?;
    let opened = file.metadata().map_err(|error| cannot(&error))?;
    check_kind(path, &opened)?;
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(too_large(path));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
        CommandError::new(
            Kind::Configuration,
            format!("{}:{line}: the file is not UTF-8 text", path.display()),
        )
        .hint("save it as UTF-8 without a byte order mark")
    })
}

/// Opens without ever waiting for the other end of a pipe.
fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NONBLOCK | libc::O_NOCTTY,
    );
    options.open(path)
}

fn check_kind(path: &Path, metadata: &Metadata) -> Result<(), CommandError> {
    if !metadata.is_file() {
        let kind = kind_name(metadata.file_type());
        let refused = CommandError::new(
            Kind::Source,
            format!("{} is {kind}, not a boundary file", path.display()),
        );
        return Err(if metadata.is_dir() {
            refused.hint(format!("name the file in it: {}", path.join(FILE_NAME).display()))
        } else {
            refused.hint("copy its contents into an ordinary file and name that")
        });
    }
    if metadata.len() > MAX_SIZE { Err(too_large(path)) } else { Ok(()) }
}

/// The error for a file beyond [`MAX_SIZE`].
pub(crate) fn too_large(path: &Path) -> CommandError {
    CommandError::new(Kind::Source, format!("{} is larger than 1 MiB", path.display()))
        .hint("a boundary file is a few dozen lines: is this the right file?")
}

fn kind_name(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if kind.is_dir() { "a folder" } else { "something else" }
}

fn unreadable(path: &Path, error: &io::Error) -> CommandError {
    let wrong =
        CommandError::new(Kind::Source, format!("cannot read {}", path.display())).caused_by(error);
    match error.kind() {
        io::ErrorKind::NotFound if std::fs::symlink_metadata(path).is_ok() => {
            wrong.hint("it is a symbolic link that leads nowhere: mend or remove it")
        }
        io::ErrorKind::NotFound => wrong.hint("check the path"),
        io::ErrorKind::PermissionDenied => {
            wrong.hint("let the user who starts ringfence read the file and enter its folders")
        }
        #[cfg(unix)]
        _ if error.raw_os_error() == Some(libc::ELOOP) => {
            wrong.hint("its symbolic links lead in a circle: point one of them at the file")
        }
        _ => wrong.hint("check the disk and the file's folder"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_refused_before_it_is_read() {
        let error = read(Path::new("/dev/zero")).unwrap_err();
        assert_eq!(error.message(), "/dev/zero is a device, not a boundary file");
    }

    #[test]
    fn a_folder_is_refused() {
        let error = read(Path::new("/")).unwrap_err();
        assert_eq!(error.message(), "/ is a folder, not a boundary file");
    }
}
