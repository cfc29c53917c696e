//! What is in an entry of a zip, inflated here and not by the parser: an inflater stops at the end of
//! its stream, and who does not look further does not see what lies behind it. Every byte that the
//! entry claims belongs to the one stream, and length and checksum are those of the headers.

use super::super::{Refusal, Shown};
use flate2::{Crc, Decompress, FlushDecompress, Status};
use std::io::{self, BufRead, BufReader, Read};

/// The content of one entry.
pub(super) struct Content<R> {
    from: BufReader<R>,
    /// None where the entry is stored.
    inflater: Option<Decompress>,
    checksum: Crc,
    /// Checksum and length that both headers say.
    said: (u32, u64),
    read: u64,
    ended: bool,
}

impl<R: Read> Content<R> {
    /// `from` ends where the compressed bytes of the entry end.
    pub(super) fn new(from: R, deflated: bool, said: (u32, u64)) -> Self {
        let inflater = deflated.then(|| Decompress::new(false));
        let from = BufReader::with_capacity(32 << 10, from);
        Self { from, inflater, checksum: Crc::new(), said, read: 0, ended: false }
    }

    /// The next bytes; none at the end of the stream.
    fn next(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let Some(inflater) = &mut self.inflater else { return self.from.read(room) };
        loop {
            let input = self.from.fill_buf()?;
            let last = input.is_empty();
            let flush = if last { FlushDecompress::Finish } else { FlushDecompress::None };
            let (taken, made) = (inflater.total_in(), inflater.total_out());
            let status = inflater.decompress(input, room, flush);
            let status = status.map_err(|_| malformed(b"its deflate stream is broken"))?;
            let count = usize::try_from(inflater.total_out() - made).unwrap_or(usize::MAX);
            self.from.consume(usize::try_from(inflater.total_in() - taken).unwrap_or(usize::MAX));
            if status == Status::StreamEnd {
                self.ended = true;
            }
            if count > 0 || self.ended {
                return Ok(count);
            }
            if last {
                return Err(malformed(b"its deflate stream has no end"));
            }
        }
    }

    /// At the end: nothing is left over, and everything is as it was said.
    fn check(&mut self) -> io::Result<()> {
        if !self.from.fill_buf()?.is_empty() {
            return Err(malformed(b"bytes lie behind the end of its deflate stream"));
        }
        if self.checksum.sum() != self.said.0 || self.read != self.said.1 {
            return Err(malformed(b"its content has another length or checksum"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if room.is_empty() {
            return Ok(0);
        }
        let count = if self.ended { 0 } else { self.next(room)? };
        let piece = room.get(..count).unwrap_or_default();
        self.checksum.update(piece);
        self.read += count as u64;
        if count == 0 {
            self.ended = true;
            self.check()?;
        } else if self.read > self.said.1 {
            return Err(malformed(b"its content is longer than its headers say"));
        }
        Ok(count)
    }
}

fn malformed(why: &[u8]) -> io::Error {
    io::Error::other(Refusal::Malformed(Shown::new(why)))
}
