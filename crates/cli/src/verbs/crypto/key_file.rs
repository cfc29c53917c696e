//! Files that hold one key of 32 bytes, and files that are kept beside it.

use crate::error::{CommandError, Kind};
use ringfence_crypto::envelope::Key;
use ringfence_crypto::{Secret, random};
use ringfence_policy::display::hex;
use ringfence_project::whole;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Bytes of a key.
const LENGTH: usize = 32;
/// Most bytes of any file that is read here.
const LONGEST: u64 = 16 << 20;

/// The option of commands that need the key under which others lie.
#[derive(Debug, clap::Args)]
pub(super) struct KeyOption {
    /// A file with the key that protects the others: 32 bytes, or 64 hexadecimal digits. It belongs
    /// somewhere else than what it protects
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    key: PathBuf,
}

impl KeyOption {
    /// Reads the key.
    pub(super) fn read(&self) -> Result<Secret, CommandError> {
        read_key(&self.key)
    }

    /// Reads the key, or makes one where no file is; says whether it did.
    pub(super) fn read_or_make(&self) -> Result<(Secret, bool), CommandError> {
        if std::fs::symlink_metadata(&self.key).is_ok() {
            return Ok((self.read()?, false));
        }
        let bytes: [u8; LENGTH] = random::bytes()
            .map_err(|error| CommandError::new(Kind::Internal, "no key").caused_by(&error))?;
        let text = hex(&bytes) + "\n";
        match create(&self.key, text.as_bytes()) {
            // Somebody else made one meanwhile, and what they print is under theirs.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                Ok((self.read()?, false))
            }
            made => {
                made.map_err(|error| unwritten(&self.key, &error))?;
                Ok((Secret::new(bytes.to_vec()), true))
            }
        }
    }

    /// Where it lies.
    pub(super) fn path(&self) -> &Path {
        &self.key
    }
}

/// Reads a key.
pub(super) fn read_key(path: &Path) -> Result<Secret, CommandError> {
    let bytes = read_private(path)?;
    decode(&bytes).ok_or_else(|| {
        let message = format!("{} is no key", path.display());
        let hint = "a key has 32 bytes, or 64 hexadecimal digits";
        CommandError::new(Kind::Source, message).hint(hint)
    })
}

/// Reads a file that nobody but its owner may read.
pub(super) fn read_private(path: &Path) -> Result<Secret, CommandError> {
    let bytes = Secret::new(read(path)?);
    refuse_others(path)?;
    Ok(bytes)
}

/// The key for envelopes around other keys.
pub(super) fn wrapping(secret: &Secret) -> Result<Key, CommandError> {
    Key::new("wrap", secret, 0)
        .map_err(|error| CommandError::new(Kind::Internal, "no key").caused_by(&error))
}

/// Reads a file of text.
pub(in crate::verbs) fn read_text(path: &Path) -> Result<String, CommandError> {
    String::from_utf8(read(path)?).map_err(|_| {
        CommandError::new(Kind::Source, format!("{} is not UTF-8 text", path.display()))
    })
}

/// Replaces a file that nobody but its owner may read.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    whole::write(path, bytes, Some(whole::PRIVATE)).map_err(|error| unwritten(path, &error))
}

/// Makes a file that nobody but its owner may read, where there is nothing yet.
pub(super) fn create(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    whole::create(path, bytes, Some(whole::PRIVATE))
}

/// A file is not written.
pub(super) fn unwritten(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::new(Kind::Output, format!("cannot write {}", path.display()))
        .caused_by(error)
        .hint("what was there before is still there")
}

fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let cannot = |error: &std::io::Error| {
        CommandError::new(Kind::Source, format!("cannot read {}", path.display())).caused_by(error)
    };
    let found = std::fs::metadata(path).map_err(|error| cannot(&error))?;
    if !found.is_file() || found.len() > LONGEST {
        let message = format!("{} is no ordinary file of at most 16 MiB", path.display());
        return Err(CommandError::new(Kind::Source, message));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| cannot(&error))?;
    file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    Ok(bytes)
}

/// A key that others can read is no key.
#[cfg(unix)]
fn refuse_others(path: &Path) -> Result<(), CommandError> {
    use std::os::unix::fs::MetadataExt as _;
    const OTHERS: u32 = 0o077;
    let mode = std::fs::metadata(path).map_or(0, |found| found.mode());
    if mode & OTHERS == 0 {
        return Ok(());
    }
    let message = format!("{} may be read by others: mode {:04o}", path.display(), mode & 0o7777);
    Err(CommandError::new(Kind::Source, message).hint(format!("chmod 600 {}", path.display())))
}

#[cfg(not(unix))]
fn refuse_others(_path: &Path) -> Result<(), CommandError> {
    Ok(())
}

/// 32 bytes as they are, or 64 digits on a line.
fn decode(bytes: &Secret) -> Option<Secret> {
    if bytes.len() == LENGTH {
        return Some(bytes.clone());
    }
    let digits = super::line(bytes.expose());
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?);
    let key: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
    key.filter(|key| key.len() == LENGTH).map(Secret::new)
}
