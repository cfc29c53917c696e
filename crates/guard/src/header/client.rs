//! Which address a request came from, when proxies stand between.

use super::forwarded::{Node, parse_forwarded};
use super::{Cidr, HeaderError, Headers};
use std::net::{IpAddr, Ipv6Addr};

/// Most hops that are walked.
const MOST: usize = 32;

/// Which header the proxies write. The other is never read: a client can send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For`: addresses with commas between, the nearest last.
    XForwardedFor,
}

impl Source {
    const fn name(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::XForwardedFor => "x-forwarded-for",
        }
    }
}

/// Proxies that are believed, by their addresses.
///
/// Each proxy appends the address it was called from. From the right, every address that is a trusted
/// proxy's wrote the one before it; the first that is none is the client's. What stands further left is
/// what the client sent, and means nothing.
///
/// ```
/// use ringfence_guard::header::{Headers, Limits, Source, TrustedProxies};
///
/// let trusted = TrustedProxies::new(Source::XForwardedFor, vec!["10.0.0.0/8".parse()?]);
/// let sent = [("X-Forwarded-For", "127.0.0.1, 203.0.113.9, 10.1.1.1")];
/// let headers = Headers::check(sent, &Limits::default())?;
/// assert_eq!(trusted.client("10.0.0.1".parse()?, &headers)?.to_string(), "203.0.113.9");
/// // Somebody who is no proxy can send what they like.
/// assert_eq!(trusted.client("198.51.100.7".parse()?, &headers)?.to_string(), "198.51.100.7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrustedProxies {
    source: Source,
    ranges: Vec<Cidr>,
}

impl TrustedProxies {
    /// Proxies that write one header and call from these ranges. Without ranges the peer is the client.
    #[must_use]
    pub const fn new(source: Source, ranges: Vec<Cidr>) -> Self {
        Self { source, ranges }
    }

    /// The client's address. `peer` is who the connection is from. When every hop is trusted it is the
    /// leftmost, because then the request began inside.
    ///
    /// # Errors
    /// [`HeaderError::Client`] when an entry that a trusted proxy wrote is no address or hides it, or
    /// there are more than 32.
    pub fn client(&self, peer: IpAddr, headers: &Headers) -> Result<IpAddr, HeaderError> {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return Ok(client);
        }
        let wrong = HeaderError::Client(self.source.name());
        for (walked, entry) in self.entries(headers)?.enumerate() {
            if walked >= MOST {
                return Err(wrong);
            }
            let address = entry.ok_or(wrong)?;
            client = address.to_canonical();
            if !self.trusts(client) {
                return Ok(client);
            }
        }
        Ok(client)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(address))
    }

    /// The addresses of the header from the right; `None` for an entry that is no address.
    fn entries<'a>(
        &self,
        headers: &'a Headers,
    ) -> Result<Box<dyn Iterator<Item = Option<IpAddr>> + 'a>, HeaderError> {
        let name = self.source.name();
        if self.source == Source::XForwardedFor {
            let lines = headers.all(name).rev();
            return Ok(Box::new(
                lines
                    .flat_map(|line| line.rsplit(','))
                    .map(|entry| address(entry.trim_matches([' ', '\t']))),
            ));
        }
        let mut read = Vec::new();
        for line in headers.all(name) {
            read.extend(parse_forwarded(line).ok_or(HeaderError::Client(name))?);
        }
        Ok(Box::new(read.into_iter().rev().map(|element| match element.from {
            Some(Node::Address(address)) => Some(address),
            Some(Node::Hidden) | None => None,
        })))
    }
}

/// An address, IPv6 bare or in brackets, IPv4 and brackets perhaps with a port.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    if let Some(rest) = text.strip_prefix('[') {
        let (inner, port) = rest.split_once(']')?;
        let port = port.strip_prefix(':').map_or(port.is_empty(), is_port);
        return port.then(|| inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6))?;
    }
    match text.split_once(':') {
        Some((address, port)) if !port.contains(':') => {
            is_port(port).then(|| address.parse().ok().map(IpAddr::V4))?
        }
        _ => text.parse().ok(),
    }
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
