//! One file as text, or why not.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::path::Path;

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Not an ordinary file: opening it could wait for ever or do something.
    #[error("it is not an ordinary file")]
    Kind,
    /// Larger than what is asked for.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// Not UTF-8 from this line on, counted from 1.
    #[error("line {0} is not UTF-8 text")]
    NotText(usize),
    /// A byte order mark at its start, which its readers choke on.
    #[error("it begins with a byte order mark")]
    ByteOrderMark,
    /// The system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Reads an ordinary file of at most `most` bytes. A link to one is followed.
///
/// # Errors
/// [`ReadError`], without the path.
pub fn bytes(path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
    // Looked at before it is opened: opening a pipe waits, opening a device may do something.
    check(&fs::metadata(path)?, most)?;
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    check(&metadata, most)?;
    // One more, so that the end is seen without more room.
    let expected = usize::try_from(metadata.len()).map_or(0, |bytes| bytes.saturating_add(1));
    let mut bytes = Vec::with_capacity(expected);
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(ReadError::TooLarge(most)) } else { Ok(bytes) }
}

/// Reads an ordinary text file of at most `most` bytes.
///
/// # Errors
/// [`ReadError`]; a byte order mark is one, because what reads the file in earnest may not skip it.
pub fn text(path: &Path, most: u64) -> Result<String, ReadError> {
    let text = String::from_utf8(bytes(path, most)?).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        ReadError::NotText(1 + bytes.iter().take(good).filter(|byte| **byte == b'\n').count())
    })?;
    if text.starts_with('\u{feff}') { Err(ReadError::ByteOrderMark) } else { Ok(text) }
}

fn check(metadata: &Metadata, most: u64) -> Result<(), ReadError> {
    if !metadata.is_file() {
        return Err(ReadError::Kind);
    }
    if metadata.len() > most { Err(ReadError::TooLarge(most)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plain_text_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            text(&path, 16).map_err(|error| error.to_string())
        };
        assert_eq!(file("a", b"ok\n").as_deref(), Ok("ok\n"));
        assert_eq!(file("b", b"a\nb\n\xff").unwrap_err(), "line 3 is not UTF-8 text");
        assert_eq!(file("c", b"\xef\xbb\xbf{}").unwrap_err(), "it begins with a byte order mark");
        assert_eq!(file("d", &[b'a'; 17]).unwrap_err(), "it is larger than 16 bytes");
        let error = text(Path::new("/dev/zero"), 16).unwrap_err();
        assert_eq!(error.to_string(), "it is not an ordinary file");
        assert!(matches!(text(folder.path(), 16), Err(ReadError::Kind)));
    }
}
