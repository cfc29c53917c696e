//! The archive, entry by entry.
//!
//! `tar` reads headers; long names and attributes are followed here, because it would take names of any
//! length into memory.

use super::facts::program;
use super::limits::HARMLESS;
use super::{LeftOut, Limits, Manifest, Member, Tarball, TarballError};
use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha512};
use std::io::{self, Read};
use tar::{Archive, Entry, EntryType};

/// Longest manifest that is read, in bytes: its values take many times as much.
const MANIFEST: usize = 4 << 20;
/// Beginning of other files that is looked at, in bytes.
const HEAD: usize = 64;
/// Bytes that are hashed at once.
const PIECE: usize = 32 << 10;
/// Longest name or set of attributes, in bytes.
const LONGEST: u64 = 64 << 10;

pub(super) fn read(bytes: &[u8], limits: Limits) -> Result<Tarball, TarballError> {
    let packed = bytes.len() as u64;
    if packed > limits.packed {
        return Err(TarballError::Bytes(limits.packed));
    }
    let most = HARMLESS.max(packed.saturating_mul(limits.ratio));
    let is_dense = most < limits.bytes;
    let left = most.min(limits.bytes);
    let source: Box<dyn Read + '_> = if bytes.starts_with(&[0x1f, 0x8b]) {
        Box::new(MultiGzDecoder::new(bytes))
    } else {
        Box::new(bytes)
    };
    let mut bounded = Bounded { source, left, full: false };
    let tarball = entries(&mut bounded, limits);
    if bounded.full {
        return Err(if is_dense {
            TarballError::Ratio(limits.ratio)
        } else {
            TarballError::Bytes(limits.bytes)
        });
    }
    tarball
}

/// A stream that ends with an error where it is longer than it may be.
struct Bounded<'a> {
    source: Box<dyn Read + 'a>,
    left: u64,
    full: bool,
}

impl Read for Bounded<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(room)?;
        let Some(left) = self.left.checked_sub(read as u64) else {
            self.full = true;
            return Err(io::Error::other("too long"));
        };
        self.left = left;
        Ok(read)
    }
}

/// What an entry for its successor said.
#[derive(Default)]
struct Ahead {
    path: Option<Vec<u8>>,
    size: Option<u64>,
}

fn entries(bounded: &mut Bounded<'_>, limits: Limits) -> Result<Tarball, TarballError> {
    let broken = |error: io::Error| TarballError::Archive(error.to_string());
    let mut tarball =
        Tarball { files: Vec::new(), manifest: Manifest::default(), left_out: Vec::new() };
    let mut archive = Archive::new(&mut *bounded);
    let mut ahead = Ahead::default();
    let (mut buffer, mut count, mut has_manifest) = (Vec::new(), 0_usize, false);
    for entry in archive.entries().map_err(broken)?.raw(true) {
        let mut entry = entry.map_err(broken)?;
        count += 1;
        if count > limits.entries {
            return Err(TarballError::Entries(limits.entries));
        }
        match entry.header().entry_type() {
            EntryType::GNULongName => {
                let name = attribute(&mut entry)?;
                let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
                ahead.path = Some(name[..end].to_vec());
            }
            EntryType::XHeader => ahead.take_attributes(&attribute(&mut entry)?),
            EntryType::GNULongLink | EntryType::XGlobalHeader => drop(attribute(&mut entry)?),
            kind => {
                let Ahead { path, size } = std::mem::take(&mut ahead);
                if size.is_some_and(|size| size != entry.size()) {
                    let why = "an attribute gives an entry another size";
                    return Err(TarballError::Archive(why.to_owned()));
                }
                let name = path.unwrap_or_else(|| entry.path_bytes().into_owned());
                let Some(path) = tarball.taken(&name, kind) else { continue };
                let kept = if path == "package.json" { MANIFEST } else { HEAD };
                let file = member(path, kept, &mut entry, &mut buffer).map_err(broken)?;
                if file.path == "package.json" {
                    let is_whole = file.size == buffer.len() as u64;
                    tarball.manifest = if is_whole { Manifest::read(&buffer) } else { long() };
                    has_manifest = true;
                }
                tarball.files.push(file);
            }
        }
    }
    if !has_manifest {
        tarball.manifest.problem = Some("it has no package.json");
    }
    // What follows the end of the archive must still be a whole gzip stream.
    io::copy(bounded, &mut io::sink()).map_err(broken)?;
    if count == 0 {
        return Err(TarballError::Archive("there is no entry in it".to_owned()));
    }
    Ok(tarball)
}

fn attribute(entry: &mut Entry<'_, &mut Bounded<'_>>) -> Result<Vec<u8>, TarballError> {
    if entry.size() > LONGEST {
        return Err(TarballError::Archive(format!("a name is longer than {LONGEST} bytes")));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).map_err(|error| TarballError::Archive(error.to_string()))?;
    Ok(bytes)
}

impl Ahead {
    fn take_attributes(&mut self, bytes: &[u8]) {
        for attribute in tar::PaxExtensions::new(bytes).flatten() {
            match attribute.key_bytes() {
                b"path" => self.path = Some(attribute.value_bytes().to_vec()),
                b"size" => self.size = attribute.value().ok().and_then(|text| text.parse().ok()),
                _ => {}
            }
        }
    }
}

impl Tarball {
    /// Where an install puts an entry; `None` for folders and for what it leaves out, which is told.
    fn taken(&mut self, name: &[u8], kind: EntryType) -> Option<String> {
        let shown = String::from_utf8_lossy(name);
        let why = match kind {
            EntryType::Regular | EntryType::Continuous if !shown.ends_with('/') => None,
            EntryType::Regular | EntryType::Continuous | EntryType::Directory => return None,
            EntryType::Symlink => Some("a symbolic link"),
            EntryType::Link => Some("a hard link"),
            _ => Some("a device, a pipe or something unknown"),
        };
        // The first folder has any name, as npm takes it.
        let (_, inside) = shown.split_once('/')?;
        let parts: Vec<&str> =
            inside.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        let why = why.or_else(|| match () {
            () if std::str::from_utf8(name).is_err() => Some("its name is not UTF-8"),
            () if parts.contains(&"..") => Some("its name leads outside"),
            () if inside.contains('\0') => Some("its name has a zero byte"),
            () => None,
        });
        if let Some(why) = why {
            self.left_out.push(LeftOut { name: shown.into_owned(), why });
            return None;
        }
        (!parts.is_empty()).then(|| parts.join("/"))
    }
}

/// The manifest that nobody reads.
fn long() -> Manifest {
    Manifest { problem: Some("its package.json is longer than 4 MiB"), ..Manifest::default() }
}

/// Reads a file piece by piece: as much of its beginning as is kept is in `buffer` afterwards.
fn member(
    path: String,
    kept: usize,
    entry: &mut Entry<'_, &mut Bounded<'_>>,
    buffer: &mut Vec<u8>,
) -> io::Result<Member> {
    buffer.clear();
    let (mut hasher, mut size) = (Sha512::new(), 0_u64);
    let mut piece = vec![0; PIECE];
    loop {
        let read = entry.read(&mut piece)?;
        let Some(bytes) = piece.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        size += read as u64;
        let room = kept.saturating_sub(buffer.len()).min(read);
        buffer.extend_from_slice(&bytes[..room]);
    }
    let executable = entry.header().mode().unwrap_or_default() & 0o111 != 0;
    let program = program(buffer);
    Ok(Member { path, size, hash: hasher.finalize().into(), executable, program })
}
