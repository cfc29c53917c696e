//! What an archive is, told by its bytes, and its inflated stream, counted.

use super::{ArchiveError, Limits, Refusal};
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::rc::Rc;

/// Bytes that tell every format: a tar has its mark at 257.
const HEAD: usize = 512;
/// Most memory that one stream may look back into: what `zstd -19` and `--long` up to 27 need less of.
const LARGEST_WINDOW: u64 = 128 << 20;
/// Bytes read at once.
const AHEAD: usize = 128 << 10;

/// The formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A tape archive: POSIX.1-2001 (pax), ustar, GNU.
    Tar,
    /// The same in gzip (RFC 1952), of one or more members.
    TarGzip,
    /// The same in Zstandard (RFC 8878), of one or more frames.
    TarZstd,
    /// PKWARE's, with entries stored or deflated.
    Zip,
}

impl Format {
    /// Its usual ending.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tar => "tar",
            Self::TarGzip => "tar.gz",
            Self::TarZstd => "tar.zst",
            Self::Zip => "zip",
        }
    }
}

/// How a tar is compressed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

/// Looks at the first bytes; the name of the file does not count.
pub(super) fn detect<A: Read + Seek>(
    archive: &mut A,
) -> Result<(Format, Option<Compression>), ArchiveError> {
    let mut head = Vec::with_capacity(HEAD);
    archive.seek(SeekFrom::Start(0)).map_err(ArchiveError::Read)?;
    archive.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(ArchiveError::Read)?;
    archive.seek(SeekFrom::Start(0)).map_err(ArchiveError::Read)?;
    let empty_zip = head.starts_with(b"PK\x05\x06");
    if head.starts_with(b"PK\x03\x04") || empty_zip {
        return Ok((Format::Zip, None));
    }
    if head.starts_with(&[0x1f, 0x8b]) {
        return Ok((Format::TarGzip, Some(Compression::Gzip)));
    }
    let skippable = head.get(1..4) == Some(&[0x2a, 0x4d, 0x18])
        && head.first().is_some_and(|first| first & 0xf0 == 0x50);
    if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || skippable {
        return Ok((Format::TarZstd, Some(Compression::Zstd)));
    }
    if head.get(257..262) == Some(b"ustar") {
        return Ok((Format::Tar, Some(Compression::None)));
    }
    Err(ArchiveError::whole(Refusal::Format))
}

/// The inflated bytes of an archive, bounded as they come.
pub(super) struct Stream<'a> {
    from: Box<dyn Read + 'a>,
    inflated: u64,
    deflated: Rc<Cell<u64>>,
    limits: Limits,
    /// Whether a reader was told that there is no more.
    ended: Rc<Cell<bool>>,
}

impl Stream<'_> {
    /// Whether a reader was told that there is no more.
    pub(super) fn ended(&self) -> Rc<Cell<bool>> {
        Rc::clone(&self.ended)
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(room)?;
        if count == 0 && !room.is_empty() {
            self.ended.set(true);
        }
        self.inflated += count as u64;
        self.limits.check(self.inflated, self.deflated.get()).map_err(io::Error::other)?;
        Ok(count)
    }
}

/// Inflates a tar.
pub(super) fn inflate<'a, A: Read + 'a>(
    archive: A,
    compression: Compression,
    limits: &Limits,
) -> Stream<'a> {
    let deflated = Rc::new(Cell::new(0));
    let counted = Counted { from: archive, count: Rc::clone(&deflated) };
    let counted = BufReader::with_capacity(AHEAD, counted);
    let from: Box<dyn Read + 'a> = match compression {
        Compression::None => Box::new(counted),
        Compression::Gzip => Box::new(MultiGzDecoder::new(counted)),
        Compression::Zstd => Box::new(Frames::new(counted)),
    };
    Stream { from, inflated: 0, deflated, limits: *limits, ended: Rc::default() }
}

/// Counts what is read.
struct Counted<R> {
    from: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(room)?;
        self.count.set(self.count.get() + count as u64);
        Ok(count)
    }
}

/// Zstandard frames one after the other, skippable ones between them, each checksum compared.
struct Frames<R> {
    from: R,
    decoder: FrameDecoder,
    /// Whether a frame has begun and not ended.
    within: bool,
}

impl<R: BufRead> Frames<R> {
    fn new(from: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(LARGEST_WINDOW);
        Self { from, decoder, within: false }
    }

    /// Begins the next frame; false where there is none.
    fn begin(&mut self) -> io::Result<bool> {
        loop {
            if self.from.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.reset(&mut self.from) {
                Ok(()) => {
                    self.within = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let length = u64::from(length);
                    let skipped = io::copy(&mut self.from.by_ref().take(length), &mut io::sink())?;
                    if skipped != length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(FrameDecoderError::ReadFrameHeaderError(_)) => {
                    return Err(io::Error::other(Refusal::Trailing));
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.within && !self.begin()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.from, one).map_err(io::Error::other)?;
            }
            let count = self.decoder.read(room)?;
            if count > 0 || room.is_empty() {
                return Ok(count);
            }
            let written = self.decoder.get_checksum_from_data();
            if written.is_some() && written != self.decoder.get_calculated_checksum() {
                return Err(io::Error::other("a frame's checksum does not fit"));
            }
            self.within = false;
        }
    }
}
