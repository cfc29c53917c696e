//! Archives by the byte.

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use std::io::Write as _;

/// A header of a tape in the form of GNU or POSIX, with its checksum.
pub(super) fn header(name: &[u8], kind: u8, size: u64, mode: u32) -> Vec<u8> {
    let mut header = vec![0_u8; 512];
    let name = &name[..name.len().min(100)];
    header[..name.len()].copy_from_slice(name);
    header[100..108].copy_from_slice(format!("{mode:07o}\0").as_bytes());
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    sealed(header)
}

/// The same with a checksum that fits.
pub(super) fn sealed(mut header: Vec<u8>) -> Vec<u8> {
    header[148..156].fill(b' ');
    let sum: u32 = header[..512].iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// A header and its content, padded.
pub(super) fn entry(name: &[u8], kind: u8, content: &[u8]) -> Vec<u8> {
    padded(header(name, kind, content.len() as u64, 0o644), content)
}

/// A header, then content with its padding.
pub(super) fn padded(mut header: Vec<u8>, content: &[u8]) -> Vec<u8> {
    header.extend_from_slice(content);
    header.resize(header.len().next_multiple_of(512), 0);
    header
}

/// A link to somewhere.
pub(super) fn link(name: &[u8], kind: u8, to: &[u8]) -> Vec<u8> {
    let mut header = header(name, kind, 0, 0o777);
    header[157..157 + to.len()].copy_from_slice(to);
    sealed(header)
}

/// An extended header.
pub(super) fn extended(kind: u8, records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = Vec::new();
    for (key, value) in records {
        let bare = key.len() + value.len() + 3;
        let digits = (1..6).find(|n| (bare + n).to_string().len() == *n).unwrap();
        write!(text, "{} {key}=", bare + digits).unwrap();
        text.extend_from_slice(value);
        text.push(b'\n');
    }
    entry(b"PaxHeaders/x", kind, &text)
}

/// A whole tape.
pub(super) fn tape(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut tape = entries.concat();
    tape.extend_from_slice(&[0; 1024]);
    tape
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An entry of a zip, with everything that can be wrong in it.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    /// The name in the local header, where it is another.
    pub(super) local_name: Option<Vec<u8>>,
    pub(super) flags: u16,
    pub(super) local_flags: Option<u16>,
    pub(super) method: u16,
    pub(super) local_method: Option<u16>,
    pub(super) data: Vec<u8>,
    pub(super) crc: u32,
    pub(super) size: u32,
    pub(super) local_size: Option<u32>,
    pub(super) made_by: u16,
    pub(super) attributes: u32,
    pub(super) extra: Vec<u8>,
    /// Where the table says it is, where that is not true.
    pub(super) at: Option<u32>,
}

impl Member {
    /// A deflated file that Unix made.
    pub(super) fn file(name: &str, content: &[u8]) -> Self {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        Self {
            name: name.as_bytes().to_vec(),
            local_name: None,
            flags: 1 << 11,
            local_flags: None,
            method: 8,
            local_method: None,
            data: deflate(content),
            crc: crc.sum(),
            size: u32::try_from(content.len()).unwrap(),
            local_size: None,
            made_by: 0x0314,
            attributes: 0o100_644 << 16,
            extra: Vec::new(),
            at: None,
        }
    }

    /// A stored file.
    pub(super) fn stored(name: &str, content: &[u8]) -> Self {
        Self { method: 0, data: content.to_vec(), ..Self::file(name, content) }
    }

    pub(super) fn folder(name: &str) -> Self {
        Self { attributes: 0o040_755 << 16, ..Self::stored(name, b"") }
    }

    pub(super) fn with_mode(mut self, mode: u32) -> Self {
        self.attributes = mode << 16;
        self
    }

    fn local(&self) -> Vec<u8> {
        let name = self.local_name.as_ref().unwrap_or(&self.name);
        let flags = self.local_flags.unwrap_or(self.flags);
        let described = flags & 8 != 0;
        let number = |number: u32| if described { 0 } else { number };
        let packed = u32::try_from(self.data.len()).unwrap();
        let mut bytes = b"PK\x03\x04\x14\0".to_vec();
        bytes.extend_from_slice(&flags.to_le_bytes());
        bytes.extend_from_slice(&self.local_method.unwrap_or(self.method).to_le_bytes());
        bytes.extend_from_slice(&[0, 0, 0x21, 0]);
        for field in [self.crc, packed, self.local_size.unwrap_or(self.size)] {
            bytes.extend_from_slice(&number(field).to_le_bytes());
        }
        bytes.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&u16::try_from(self.extra.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(&self.extra);
        bytes.extend_from_slice(&self.data);
        if described {
            bytes.extend_from_slice(b"PK\x07\x08");
            for field in [self.crc, packed, self.size] {
                bytes.extend_from_slice(&field.to_le_bytes());
            }
        }
        bytes
    }

    fn central(&self, at: u32) -> Vec<u8> {
        let mut bytes = b"PK\x01\x02".to_vec();
        bytes.extend_from_slice(&self.made_by.to_le_bytes());
        bytes.extend_from_slice(&[20, 0]);
        bytes.extend_from_slice(&self.flags.to_le_bytes());
        bytes.extend_from_slice(&self.method.to_le_bytes());
        bytes.extend_from_slice(&[0, 0, 0x21, 0]);
        for field in [self.crc, u32::try_from(self.data.len()).unwrap(), self.size] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.extend_from_slice(&u16::try_from(self.name.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&u16::try_from(self.extra.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&[0; 6]);
        bytes.extend_from_slice(&self.attributes.to_le_bytes());
        bytes.extend_from_slice(&self.at.unwrap_or(at).to_le_bytes());
        bytes.extend_from_slice(&self.name);
        bytes.extend_from_slice(&self.extra);
        bytes
    }
}

/// A whole zip.
pub(super) fn zip(members: &[Member]) -> Vec<u8> {
    let (mut bytes, mut table) = (Vec::new(), Vec::new());
    for member in members {
        let at = u32::try_from(bytes.len()).unwrap();
        bytes.extend(member.local());
        table.extend(member.central(at));
    }
    closed(bytes, &table, members.len(), b"")
}

/// Entries, a table of contents, and an end.
pub(super) fn closed(mut bytes: Vec<u8>, table: &[u8], count: usize, comment: &[u8]) -> Vec<u8> {
    let at = u32::try_from(bytes.len()).unwrap();
    bytes.extend_from_slice(table);
    bytes.extend(end(count, table.len(), at, comment));
    bytes
}

pub(super) fn end(count: usize, size: usize, at: u32, comment: &[u8]) -> Vec<u8> {
    let count = u16::try_from(count).unwrap();
    let mut bytes = b"PK\x05\x06\0\0\0\0".to_vec();
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&u32::try_from(size).unwrap().to_le_bytes());
    bytes.extend_from_slice(&at.to_le_bytes());
    bytes.extend_from_slice(&u16::try_from(comment.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(comment);
    bytes
}

/// The local part of an entry and its line in the table.
pub(super) fn parts(member: &Member, at: u32) -> (Vec<u8>, Vec<u8>) {
    (member.local(), member.central(at))
}
