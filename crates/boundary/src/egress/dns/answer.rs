//! What an upstream nameserver answered.
//!
//! An answer counts only if it echoes our id and our question. Aliases are followed within the
//! answer and nowhere else, and of all records only addresses of the type that was asked are taken.
//! Whether an address may be used is decided afterwards, by the policy.

use super::message::{
    CLASS_IN, Compression, HEADER, Rcode, WireName, kind, read_name, read_u16, read_u32,
};
use std::net::IpAddr;

/// Most addresses taken from one answer.
pub(super) const MOST_ADDRESSES: usize = 16;
/// Most records looked at in one answer.
const MOST_RECORDS: u16 = 256;
/// Longest chain of aliases.
const LONGEST_CHAIN: usize = 16;

/// A usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) rcode: Rcode,
    /// More than fits: to be asked again over TCP.
    pub(super) truncated: bool,
    /// In the nameserver's order, each once.
    pub(super) addresses: Vec<IpAddr>,
    /// Least time to live along the chain, in seconds.
    pub(super) ttl: u32,
}

/// Why an answer is not usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unusable {
    /// Another id or question: not an answer to us, perhaps a forged one.
    Foreign,
    /// An answer to us that cannot be read.
    Malformed,
}

/// Reads the answer to the query with this id, name and type.
///
/// # Errors
/// It is not one, or not readable.
pub(super) fn parse_answer(
    message: &[u8],
    id: u16,
    name: &WireName,
    kind: u16,
) -> Result<Answer, Unusable> {
    let at = check_question(message, id, name, kind).ok_or(Unusable::Foreign)?;
    let flags = read_u16(message, 2).unwrap_or_default();
    let rcode = Rcode(flags.to_be_bytes()[1] & 0x0f);
    let mut answer =
        Answer { rcode, truncated: flags & 0x0200 != 0, addresses: Vec::new(), ttl: u32::MAX };
    if rcode == Rcode::NOERROR && !answer.truncated {
        let count = read_u16(message, 6).unwrap_or_default();
        if count > MOST_RECORDS {
            return Err(Unusable::Malformed);
        }
        follow(message, at, count, (*name, kind), &mut answer).ok_or(Unusable::Malformed)?;
    }
    Ok(answer)
}

/// Checks that this is a response to our question and answers where the records start.
fn check_question(message: &[u8], id: u16, name: &WireName, kind: u16) -> Option<usize> {
    let response = message.get(2)? & 0xf8 == 0x80;
    if !response || read_u16(message, 0)? != id || read_u16(message, 4)? != 1 {
        return None;
    }
    let (asked, at) = read_name(message, HEADER, Compression::Refuse)?;
    let same =
        asked == *name && read_u16(message, at)? == kind && read_u16(message, at + 2)? == CLASS_IN;
    same.then_some(at + 4)
}

/// One record.
struct Record<'a> {
    owner: WireName,
    kind: u16,
    class: u16,
    ttl: u32,
    data: &'a [u8],
    data_at: usize,
}

/// Walks along aliases, from the name asked for, to the addresses.
fn follow(
    message: &[u8],
    start: usize,
    count: u16,
    (mut name, kind): (WireName, u16),
    answer: &mut Answer,
) -> Option<()> {
    for _ in 0..LONGEST_CHAIN {
        let mut alias = None;
        let mut at = start;
        for _ in 0..count {
            let record = read_record(message, at)?;
            at = record.data_at + record.data.len();
            if record.class != CLASS_IN || record.owner != name {
                continue;
            }
            if record.kind == kind {
                let address = address(kind, record.data)?;
                if answer.addresses.len() < MOST_ADDRESSES && !answer.addresses.contains(&address) {
                    answer.addresses.push(address);
                }
                answer.ttl = answer.ttl.min(record.ttl);
            } else if record.kind == self::kind::CNAME {
                let target = read_name(message, record.data_at, Compression::Allow)?.0;
                alias = Some((target, record.ttl));
            }
        }
        match alias {
            Some((target, ttl)) if answer.addresses.is_empty() => {
                answer.ttl = answer.ttl.min(ttl);
                name = target;
            }
            _ => return Some(()),
        }
    }
    None
}

fn read_record(message: &[u8], at: usize) -> Option<Record<'_>> {
    let (owner, at) = read_name(message, at, Compression::Allow)?;
    let length = usize::from(read_u16(message, at + 8)?);
    let data_at = at + 10;
    Some(Record {
        owner,
        kind: read_u16(message, at)?,
        class: read_u16(message, at + 2)?,
        // The highest bit set means zero (RFC 2181, 8).
        ttl: read_u32(message, at + 4).map(|ttl| if ttl >> 31 == 1 { 0 } else { ttl })?,
        data: message.get(data_at..data_at + length)?,
        data_at,
    })
}

fn address(kind: u16, data: &[u8]) -> Option<IpAddr> {
    if kind == self::kind::A {
        <[u8; 4]>::try_from(data).ok().map(IpAddr::from)
    } else {
        <[u8; 16]>::try_from(data).ok().map(IpAddr::from)
    }
}

#[cfg(test)]
mod tests;
