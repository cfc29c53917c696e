//! Hosts, ports and addresses of network grants, and the decisions about them.
//!
//! All decisions about sockets and names are made here, from values, so that `run`, `prove`,
//! `explain` and `render` can never disagree. What an address really is (this host's own, the
//! answer of a resolver) is told by the caller.

use crate::source::Located;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A lower-case host name without a trailing dot, checked by the parser (RFC 1123, underscores allowed).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(pub(crate) String);

impl HostName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The host part of an outbound grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// One literal address.
    Address(IpAddr),
    /// A CIDR range: base address with host bits zero, and prefix length.
    Cidr(IpAddr, u8),
    /// Exactly this name.
    Name(HostName),
    /// `*.suffix`: every name below the suffix, not the suffix itself.
    Suffix(HostName),
}

/// An inclusive range of ports, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
}

/// An outbound grant: `host:port`, `*.suffix:port`, `10.1.0.0/16:5432`, `[::1]:80`, `host:8000-8010`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host.
    pub host: HostPattern,
    /// Ports.
    pub ports: PortRange,
}

/// An inbound grant: a literal address and one port; port 0 grants any ephemeral port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenEndpoint {
    /// Address of the host.
    pub address: IpAddr,
    /// Port, inside and outside.
    pub port: u16,
}

/// Transport of a connect decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Why an access is refused, and which grant would allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// One sentence without a period.
    pub reason: String,
    /// The line to add, such as `net.connect = ["api.internal:443"]`; `None` when no grant can allow it.
    pub missing_grant: Option<String>,
}

/// Where a listener goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenPlace {
    /// On the host, at this address (which may be narrower than what was asked).
    Host(SocketAddr),
    /// Inside the boundary only.
    Private,
}

/// Facts about this host that decisions need.
#[derive(Debug, Clone, Default)]
pub struct HostFacts {
    /// Addresses of this host's interfaces.
    pub own_addresses: Vec<IpAddr>,
}

impl crate::model::Network {
    /// May this name be looked up at all? True when any connect or udp grant names it.
    #[must_use]
    pub fn may_resolve(&self, name: &HostName) -> bool {
        let _ = name;
        false
    }

    /// May `name`, having resolved to `address`, be used at that address?
    ///
    /// # Errors
    /// Metadata addresses always; private, loopback, link-local, unspecified, multicast and the
    /// host's own addresses unless `net.private` lists the name or `net.hosts` fixes the address.
    pub fn accept_answer(&self, name: &HostName, address: IpAddr, host: &HostFacts) -> Result<(), Refusal> {
        let _ = (name, address, host);
        Err(Refusal { reason: String::new(), missing_grant: None })
    }

    /// May the service connect to `port` of `name`?
    ///
    /// # Errors
    /// No grant names it.
    pub fn connect_name(&self, transport: Transport, name: &HostName, port: u16) -> Result<&Located<Endpoint>, Refusal> {
        let _ = (transport, name, port);
        Err(Refusal { reason: String::new(), missing_grant: None })
    }

    /// May the service connect to a literal address? IPv4-mapped IPv6 is folded to IPv4 first.
    ///
    /// # Errors
    /// No address or CIDR grant covers it, or it is a metadata address.
    pub fn connect_address(&self, transport: Transport, to: SocketAddr) -> Result<&Located<Endpoint>, Refusal> {
        let _ = (transport, to);
        Err(Refusal { reason: String::new(), missing_grant: None })
    }

    /// Where does a bind to `asked` followed by listen go?
    ///
    /// # Errors
    /// The port is granted at several addresses and the one asked for is none of them.
    pub fn listen(&self, transport: Transport, asked: SocketAddr) -> Result<ListenPlace, Refusal> {
        let _ = (transport, asked);
        Ok(ListenPlace::Private)
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
