//! A tar archive as a stream of headers and contents.
//!
//! Headers are read with `tar`; the stream itself is walked here, because names and attributes of
//! unlimited length would otherwise be taken into memory.

use super::{Entry, ImageError, Kind};
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom};

/// Longest name or set of attributes, in bytes.
const LONGEST: u64 = 64 * 1024;
/// Size of a block.
const BLOCK: usize = 512;

/// Something that is read from front to back.
pub(super) trait Input: Read {
    /// Passes over bytes without looking at them.
    fn pass(&mut self, bytes: u64) -> io::Result<()>;
}

/// A file, in which passing over costs nothing.
pub(super) struct Seekable<R>(pub(super) R);

impl<R: Read> Read for Seekable<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room)
    }
}

impl<R: Read + Seek> Input for Seekable<R> {
    fn pass(&mut self, bytes: u64) -> io::Result<()> {
        let bytes = i64::try_from(bytes).map_err(io::Error::other)?;
        self.0.seek(SeekFrom::Current(bytes)).map(|_| ())
    }
}

/// A stream, which is read to its end.
pub(super) struct Stream<R>(pub(super) R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room)
    }
}

impl<R: Read> Input for Stream<R> {
    fn pass(&mut self, bytes: u64) -> io::Result<()> {
        let passed = io::copy(&mut (&mut self.0).take(bytes), &mut io::sink())?;
        if passed == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

/// An archive that is being read.
pub(super) struct Tape<R> {
    input: R,
    /// For messages.
    name: String,
    /// Offset of the next byte.
    pub(super) offset: u64,
    /// Content of the current entry that was not read yet, and what fills its last block.
    content: u64,
    filling: u64,
    first: bool,
}

impl<R: Input> Tape<R> {
    pub(super) fn new(input: R, name: &str) -> Self {
        Self { input, name: name.to_owned(), offset: 0, content: 0, filling: 0, first: true }
    }

    fn broken(&self, error: io::Error) -> ImageError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => ImageError::Truncated(self.name.clone()),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                ImageError::Description { what: self.name.clone(), why: error.to_string() }
            }
            _ => ImageError::Io(error),
        }
    }

    /// The next entry; its content can be read until the one after it is asked for.
    pub(super) fn next(&mut self, layer: usize) -> Result<Option<Entry>, ImageError> {
        let (mut long_path, mut long_link, mut attributes) = (None, None, BTreeMap::new());
        loop {
            let Some(header) = self.header()? else { return Ok(None) };
            let size = header.entry_size().map_err(|error| self.broken(error))?;
            match header.entry_type().as_byte() {
                b'L' => long_path = Some(self.text(size)?),
                b'K' => long_link = Some(self.text(size)?),
                b'x' => attributes = pax(&self.text(size)?),
                // Attributes for all that follows; none of them matters here.
                b'g' => drop(self.text(size)?),
                b'S' => {
                    let why = "files with holes are not read".to_owned();
                    return Err(ImageError::Description { what: self.name.clone(), why });
                }
                _ => {
                    let size = match attributes.get("size") {
                        Some(size) => size.parse().map_err(|_| self.bad("size"))?,
                        None => size,
                    };
                    let path = attributes.remove("path").or(long_path);
                    let link = attributes.remove("linkpath").or(long_link);
                    return self.entry(&header, size, path, link, layer).map(Some);
                }
            }
        }
    }

    fn entry(
        &mut self,
        header: &tar::Header,
        size: u64,
        path: Option<String>,
        link: Option<String>,
        layer: usize,
    ) -> Result<Entry, ImageError> {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let path = path.unwrap_or_else(|| lossy(&header.path_bytes()));
        let link = link.or_else(|| header.link_name_bytes().map(|bytes| lossy(&bytes)));
        let link = link.unwrap_or_default();
        let kind = match header.entry_type().as_byte() {
            b'1' => Kind::Hardlink(self.inside(&link)?),
            b'2' => Kind::Symlink(link),
            b'3' | b'4' | b'6' => Kind::Special,
            b'5' => Kind::Directory,
            _ if path.ends_with('/') => Kind::Directory,
            _ => Kind::File,
        };
        // Only a file has a content, whatever the header of something else says.
        let size = if kind == Kind::File { size } else { 0 };
        self.expect(size);
        Ok(Entry {
            path: self.inside(&path)?,
            mode: header.mode().map_err(|_| self.bad("mode"))? & 0o7777,
            uid: header.uid().unwrap_or_default(),
            gid: header.gid().unwrap_or_default(),
            kind,
            size,
            layer,
        })
    }

    fn bad(&self, what: &str) -> ImageError {
        ImageError::Description { what: self.name.clone(), why: format!("a {what} is no number") }
    }

    /// A path without its first slash and without `.`; none may lead upwards.
    fn inside(&self, path: &str) -> Result<String, ImageError> {
        let mut parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
        let mut clean = String::with_capacity(path.len());
        if parts.clone().any(|part| part == "..") {
            return Err(ImageError::Path(self.name.clone()));
        }
        if let Some(first) = parts.next() {
            clean.push_str(first);
        }
        for part in parts {
            clean.push('/');
            clean.push_str(part);
        }
        Ok(clean)
    }

    fn expect(&mut self, size: u64) {
        self.content = size;
        self.filling = size.wrapping_neg() % BLOCK as u64;
    }

    /// Up to `most` bytes from the start of the content.
    pub(super) fn content(&mut self, most: u64) -> Result<Vec<u8>, ImageError> {
        let wanted = self.content.min(most);
        let mut bytes = Vec::new();
        let read = (&mut self.input).take(wanted).read_to_end(&mut bytes);
        read.map_err(|error| self.broken(error))?;
        if bytes.len() as u64 != wanted {
            return Err(ImageError::Truncated(self.name.clone()));
        }
        self.content -= wanted;
        self.offset += wanted;
        Ok(bytes)
    }

    /// What belongs to a header and is no entry: a long name, attributes.
    fn text(&mut self, size: u64) -> Result<String, ImageError> {
        if size > LONGEST {
            return Err(ImageError::TooLarge("64 KiB in one name"));
        }
        self.expect(size);
        let bytes = self.content(size)?;
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        Ok(String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned())
    }

    /// The next header; `None` at the end.
    fn header(&mut self) -> Result<Option<tar::Header>, ImageError> {
        let rest = self.content.checked_add(self.filling).ok_or(ImageError::TooLarge("a file"))?;
        if rest > 0 {
            self.input.pass(rest).map_err(|error| self.broken(error))?;
            self.offset = self.offset.saturating_add(rest);
            self.expect(0);
        }
        let mut block = [0; BLOCK];
        let mut filled = 0;
        while filled < BLOCK {
            let room = block.get_mut(filled..).unwrap_or_default();
            match self.input.read(room).map_err(|error| self.broken(error))? {
                0 => break,
                read => filled += read,
            }
        }
        self.offset += filled as u64;
        let first = std::mem::replace(&mut self.first, false);
        match filled {
            0 if first => return Err(ImageError::NotTar),
            // Some writers leave out the two empty blocks at the end.
            0 => return Ok(None),
            BLOCK => {}
            _ if first => return Err(ImageError::NotTar),
            _ => return Err(ImageError::Truncated(self.name.clone())),
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let header = tar::Header::from_byte_slice(&block).clone();
        if header.cksum().ok() == Some(sum(&block)) {
            return Ok(Some(header));
        }
        if first {
            return Err(ImageError::NotTar);
        }
        let why = "the check sum of an entry is wrong".to_owned();
        Err(ImageError::Description { what: self.name.clone(), why })
    }
}

/// The sum of a header, its own field counted as blanks.
fn sum(block: &[u8; BLOCK]) -> u32 {
    let field = 148..156;
    let byte = |(at, byte): (usize, &u8)| if field.contains(&at) { 32 } else { u32::from(*byte) };
    block.iter().enumerate().map(byte).sum()
}

/// Attributes in the form `LENGTH KEY=VALUE\n`.
fn pax(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for line in text.lines() {
        if let Some((key, value)) = line.split_once(' ').and_then(|(_, pair)| pair.split_once('='))
        {
            all.insert(key.to_owned(), value.to_owned());
        }
    }
    all
}
