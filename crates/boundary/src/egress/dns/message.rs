//! DNS messages (RFC 1035), as little of them as a stub needs.
//!
//! The parser is our own and not hickory-proto's: the other side of it is a hostile service, and
//! all that is ever taken from it is one name and one type. A name lives in a fixed array, nothing
//! is allocated from a length the service chose, compression is refused in questions and may only
//! point backwards in answers, and there is no code for the dozens of record types that are refused
//! anyway. A test holds it against hickory-proto. Whether a name may be asked is decided elsewhere.

use ringfence_policy::net::HostName;
use std::net::IpAddr;
use std::ops::Range;

/// Longest query that is looked at, in bytes; room for a name and an EDNS record.
pub(super) const LONGEST_QUERY: usize = 1232;
/// Longest answer over UDP to a client that is taken not to know EDNS (RFC 1035, 4.2.1).
pub(super) const LONGEST_UDP: usize = 512;
/// Bytes of a message header.
pub(super) const HEADER: usize = 12;

/// Longest name in wire form (RFC 1035, 2.3.4).
const LONGEST_NAME: usize = 255;
/// Most compression pointers followed in one name.
const MOST_POINTERS: usize = 16;

/// Record types this resolver knows by name (the IANA registry has the rest).
pub(super) mod kind {
    /// IPv4 address.
    pub(crate) const A: u16 = 1;
    /// Another name for the owner.
    pub(crate) const CNAME: u16 = 5;
    /// The name of an address.
    pub(crate) const PTR: u16 = 12;
    /// IPv6 address.
    pub(crate) const AAAA: u16 = 28;
    /// Service binding (RFC 9460).
    pub(crate) const SVCB: u16 = 64;
    /// Service binding of HTTPS (RFC 9460).
    pub(crate) const HTTPS: u16 = 65;
}

/// The Internet class.
pub(super) const CLASS_IN: u16 = 1;

/// Response codes (RFC 1035, 4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rcode(pub(super) u8);

impl Rcode {
    pub(super) const NOERROR: Self = Self(0);
    pub(super) const FORMERR: Self = Self(1);
    pub(super) const SERVFAIL: Self = Self(2);
    pub(super) const NXDOMAIN: Self = Self(3);
    pub(super) const NOTIMP: Self = Self(4);
    pub(super) const REFUSED: Self = Self(5);
}

/// A name in wire form, lower-cased and uncompressed, so that equal names are equal bytes.
#[derive(Clone, Copy)]
pub(super) struct WireName {
    bytes: [u8; LONGEST_NAME],
    length: u8,
}

impl WireName {
    /// The wire form of a checked name.
    pub(super) fn of(name: &HostName) -> Self {
        let mut wire = Self { bytes: [0; LONGEST_NAME], length: 0 };
        // A checked name has at most 253 characters in labels of at most 63, so all of it fits.
        for label in name.as_str().split('.') {
            let _ = wire.push_label(label.as_bytes());
        }
        let _ = wire.push(&[0]);
        wire
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    /// The labels joined with dots, or nothing if a label holds what no host name has.
    pub(super) fn to_host(self) -> Option<HostName> {
        let mut text = String::with_capacity(LONGEST_NAME);
        for label in self.labels() {
            if label.iter().any(|byte| *byte == b'.' || !byte.is_ascii()) {
                return None;
            }
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(std::str::from_utf8(label).ok()?);
        }
        HostName::parse(&text).ok()
    }

    /// As text for a message: whatever is not printable is replaced.
    pub(super) fn shown(&self) -> String {
        let mut text = String::new();
        for label in self.labels() {
            if !text.is_empty() {
                text.push('.');
            }
            let plain = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' };
            text.extend(label.iter().map(plain));
        }
        if text.is_empty() { ".".to_owned() } else { text }
    }

    pub(super) fn labels(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.as_bytes();
        std::iter::from_fn(move || {
            let (length, tail) = rest.split_first()?;
            let (label, tail) = tail.split_at_checked(usize::from(*length))?;
            rest = tail;
            (!label.is_empty()).then_some(label)
        })
    }

    /// The address a name below `in-addr.arpa` or `ip6.arpa` stands for (RFC 1035, RFC 3596).
    pub(super) fn reverse_address(&self) -> Option<IpAddr> {
        let labels: Vec<&[u8]> = self.labels().take(35).collect();
        match labels.as_slice() {
            [digits @ .., b"in-addr", b"arpa"] if digits.len() == 4 => {
                let mut octets = [0_u8; 4];
                for (octet, label) in octets.iter_mut().rev().zip(digits) {
                    *octet = std::str::from_utf8(label).ok()?.parse().ok()?;
                }
                Some(octets.into())
            }
            [digits @ .., b"ip6", b"arpa"] if digits.len() == 32 => {
                let mut bits = 0_u128;
                for label in digits.iter().rev() {
                    let text = std::str::from_utf8(label).ok().filter(|text| text.len() == 1)?;
                    bits = bits << 4 | u128::from_str_radix(text, 16).ok()?;
                }
                Some(IpAddr::V6(bits.into()))
            }
            _ => None,
        }
    }

    fn push_label(&mut self, label: &[u8]) -> Option<()> {
        let length = u8::try_from(label.len()).ok().filter(|length| *length < 64)?;
        self.push(&[length])?;
        let start = usize::from(self.length);
        self.push(label)?;
        self.bytes.get_mut(start..start + label.len())?.make_ascii_lowercase();
        Some(())
    }

    fn push(&mut self, bytes: &[u8]) -> Option<()> {
        let start = usize::from(self.length);
        let end = start + bytes.len();
        self.bytes.get_mut(start..end)?.copy_from_slice(bytes);
        self.length = u8::try_from(end).ok()?;
        Some(())
    }
}

impl PartialEq for WireName {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for WireName {}

impl std::fmt::Debug for WireName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

/// Whether compression is allowed in a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    /// Pointers to earlier bytes are followed.
    Allow,
    /// A pointer is an error.
    Refuse,
}

/// Reads the name at `at`; answers it and where the message goes on.
pub(super) fn read_name(
    message: &[u8],
    at: usize,
    compression: Compression,
) -> Option<(WireName, usize)> {
    let mut name = WireName { bytes: [0; LONGEST_NAME], length: 0 };
    let mut position = at;
    let mut after = None;
    let mut earliest = at;
    for _ in 0..=MOST_POINTERS {
        loop {
            let length = *message.get(position)?;
            match length {
                0 => {
                    name.push(&[0])?;
                    return Some((name, after.unwrap_or(position + 1)));
                }
                1..=63 => {
                    let start = position + 1;
                    position = start + usize::from(length);
                    name.push_label(message.get(start..position)?)?;
                }
                0xc0.. if compression == Compression::Allow => break,
                _ => return None,
            }
        }
        let target = usize::from(read_u16(message, position)? & 0x3fff);
        after.get_or_insert(position + 2);
        // Each pointer must lead before everything read so far, so the walk always ends.
        if target >= earliest {
            return None;
        }
        earliest = target;
        position = target;
    }
    None
}

pub(super) fn read_u16(message: &[u8], at: usize) -> Option<u16> {
    let bytes = message.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

pub(super) fn read_u32(message: &[u8], at: usize) -> Option<u32> {
    let bytes = message.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// A question of the service.
#[derive(Debug, Clone)]
pub(super) struct Query {
    /// Chosen by the client, echoed.
    pub(super) id: u16,
    /// Echoed.
    pub(super) recursion_desired: bool,
    pub(super) name: WireName,
    /// Record type.
    pub(super) kind: u16,
    pub(super) class: u16,
    /// Where the question is in the message; it is echoed byte by byte.
    pub(super) question: Range<usize>,
}

/// Why a message is not a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejected {
    /// Not answered: too short, or itself a response (answering those makes loops).
    Silently,
    /// Answered with this code and the message's id.
    With(u16, Rcode),
}

/// Reads a query: a standard query with exactly one question and no other records but additional
/// ones, which are not looked at.
///
/// # Errors
/// Anything else.
pub(super) fn parse_query(message: &[u8]) -> Result<Query, Rejected> {
    let header = (message.len() <= LONGEST_QUERY).then(|| message.get(..HEADER)).flatten();
    let Some([id_high, id_low, flags, _, counts @ ..]) = header else {
        return Err(Rejected::Silently);
    };
    let id = u16::from_be_bytes([*id_high, *id_low]);
    if flags & 0x80 != 0 {
        return Err(Rejected::Silently);
    }
    if flags & 0x78 != 0 {
        return Err(Rejected::With(id, Rcode::NOTIMP));
    }
    let malformed = Rejected::With(id, Rcode::FORMERR);
    if !matches!(counts, [0, 1, 0, 0, 0, 0, 0, _]) {
        return Err(malformed);
    }
    let (name, at) = read_name(message, HEADER, Compression::Refuse).ok_or(malformed)?;
    let kind = read_u16(message, at).ok_or(malformed)?;
    let class = read_u16(message, at + 2).ok_or(malformed)?;
    let recursion_desired = flags & 1 != 0;
    Ok(Query { id, recursion_desired, name, kind, class, question: HEADER..at + 4 })
}

/// A query of our own: one question, recursion desired, nothing else.
pub(super) fn write_query(out: &mut Vec<u8>, id: u16, name: &WireName, kind: u16) {
    out.clear();
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&CLASS_IN.to_be_bytes());
}

/// An answer to the service while it is written.
#[derive(Debug)]
pub(super) struct Reply<'a> {
    out: &'a mut Vec<u8>,
    /// Where the message starts in `out`.
    start: usize,
    limit: usize,
}

impl<'a> Reply<'a> {
    /// Appends an answer with the question echoed; it will not grow beyond `limit` bytes.
    pub(super) fn begin(
        out: &'a mut Vec<u8>,
        limit: usize,
        (id, recursion_desired): (u16, bool),
        question: &[u8],
        rcode: Rcode,
    ) -> Self {
        let start = out.len();
        out.extend_from_slice(&id.to_be_bytes());
        // Response, recursion available.
        out.extend_from_slice(&[0x80 | u8::from(recursion_desired), 0x80 | rcode.0]);
        out.extend_from_slice(&[0, u8::from(!question.is_empty()), 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(question);
        Self { out, start, limit }
    }

    /// Appends an address of the name asked for; false when there is no room.
    pub(super) fn address(&mut self, address: IpAddr, ttl: u32) -> bool {
        match address {
            IpAddr::V4(v4) => self.record(kind::A, ttl, &v4.octets()),
            IpAddr::V6(v6) => self.record(kind::AAAA, ttl, &v6.octets()),
        }
    }

    /// Appends the name of the address asked for; false when there is no room.
    pub(super) fn pointer(&mut self, name: &HostName, ttl: u32) -> bool {
        self.record(kind::PTR, ttl, WireName::of(name).as_bytes())
    }

    fn record(&mut self, kind: u16, ttl: u32, data: &[u8]) -> bool {
        let length = self.out.len() - self.start + 12 + data.len();
        let (Ok(data_length), true) = (u16::try_from(data.len()), length <= self.limit) else {
            return false;
        };
        // The owner is the name of the question, which always starts after the header.
        self.out.extend_from_slice(&[0xc0, HEADER.to_le_bytes()[0]]);
        self.out.extend_from_slice(&kind.to_be_bytes());
        self.out.extend_from_slice(&CLASS_IN.to_be_bytes());
        self.out.extend_from_slice(&ttl.to_be_bytes());
        self.out.extend_from_slice(&data_length.to_be_bytes());
        self.out.extend_from_slice(data);
        // Answers are few: the low byte of their count is enough.
        if let Some(count) = self.out.get_mut(self.start + 7) {
            *count = count.saturating_add(1);
        }
        true
    }
}

#[cfg(test)]
mod tests;
