//! What the service is told, and the words for what it is not.

use super::budget::{Bounds, Exceeded};
use super::cache::LONGEST_TTL;
use super::message::{Rcode, Reply, kind};
use ringfence_policy::net::{HostName, Refusal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What the service is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// Addresses as the service sees them, and for how many seconds.
    Addresses(Vec<IpAddr>, u32),
    /// No records, for this reason; `NOERROR` when the name exists.
    Nothing(Rcode),
    /// The name of an address.
    Pointer(HostName),
}

impl Told {
    /// Writes the message, of at most `limit` bytes. Addresses that do not fit are left out: an
    /// address less is better than a second round over a stream.
    pub(super) fn write(
        &self,
        out: &mut Vec<u8>,
        limit: usize,
        echo: (u16, bool),
        question: &[u8],
    ) {
        let rcode = match self {
            Self::Nothing(rcode) => *rcode,
            Self::Addresses(..) | Self::Pointer(_) => Rcode::NOERROR,
        };
        out.clear();
        let mut reply = Reply::begin(out, limit, echo, question, rcode);
        match self {
            Self::Nothing(_) => {}
            Self::Pointer(name) => {
                reply.pointer(name, LONGEST_TTL);
            }
            Self::Addresses(addresses, ttl) => {
                let _ = addresses.iter().all(|address| reply.address(*address, *ttl));
            }
        }
    }
}

/// Answered here, never looked up (RFC 6761, 6.3).
pub(super) fn localhost(kind: u16) -> Told {
    match kind {
        kind::A => Told::Addresses(vec![Ipv4Addr::LOCALHOST.into()], LONGEST_TTL),
        kind::AAAA => Told::Addresses(vec![Ipv6Addr::LOCALHOST.into()], LONGEST_TTL),
        _ => Told::Nothing(Rcode::NOERROR),
    }
}

/// Why records of this type are not looked up: most of them carry text of the owner's choice.
pub(super) fn not_answered(kind: u16) -> Refusal {
    let name = match kind {
        2 => "NS",
        6 => "SOA",
        15 => "MX",
        16 => "TXT",
        33 => "SRV",
        35 => "NAPTR",
        255 => "ANY",
        257 => "CAA",
        _ => "this type",
    };
    let reason = format!("{name} records (type {kind}) are not answered, only addresses are");
    Refusal { reason, missing_grant: None }
}

/// What is said when a bound is reached: one code for what may work later, one for what will not.
pub(super) fn limit(exceeded: Exceeded, bounds: &Bounds) -> (Refusal, Rcode) {
    let Bounds { rate, lookups, wildcard_names, wildcard_length, .. } = bounds;
    let (reason, rcode) = match exceeded {
        Exceeded::Lookups => (format!("more than {lookups} lookups under way"), Rcode::SERVFAIL),
        Exceeded::Rate => (format!("more than {rate} lookups a second"), Rcode::SERVFAIL),
        Exceeded::Names => (
            format!("more than {wildcard_names} names below wildcard grants within an hour"),
            Rcode::NXDOMAIN,
        ),
        Exceeded::Length => (
            format!("more than {wildcard_length} bytes before the suffix of a wildcard grant"),
            Rcode::NXDOMAIN,
        ),
    };
    (Refusal { reason, missing_grant: None }, rcode)
}
