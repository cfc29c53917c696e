//! Hosts, ports and addresses of network grants, and the decisions about them.
//!
//! All decisions about sockets and names are made here, from values, so that `run`, `prove`,
//! `explain` and `render` can never disagree. What an address really is (this host's own, the
//! answer of a resolver) is told by the caller.

mod connect;
mod endpoint;
mod host;
mod listen;
mod narrow;
mod target;
mod unix;

pub use host::{HostName, HostNameError};
pub use narrow::{Cuts, NarrowError, Whole};
pub use target::{Target, TargetError};

use std::net::{IpAddr, SocketAddr};

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

impl Transport {
    /// The key that grants outbound traffic of this transport.
    #[must_use]
    pub const fn outbound_key(self) -> &'static str {
        match self {
            Self::Tcp => "net.connect",
            Self::Udp => "net.udp",
        }
    }

    /// The key that grants listeners of this transport.
    #[must_use]
    pub const fn listen_key(self) -> &'static str {
        match self {
            Self::Tcp => "net.listen",
            Self::Udp => "net.udp-listen",
        }
    }
}

/// Why an access is refused, and which grant would allow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// One sentence without a period.
    pub reason: String,
    /// The line to add, such as `net.connect = ["api.internal:443"]`; `None` when no grant can allow it.
    pub missing_grant: Option<String>,
}

impl Refusal {
    /// No grant can allow it.
    pub(crate) const fn never(reason: String) -> Self {
        Self { reason, missing_grant: None }
    }

    /// It was granted at the start and taken back since; to grant it again takes a new start.
    #[must_use]
    pub fn dropped(what: impl std::fmt::Display) -> Self {
        Self::never(format!("{what} was dropped while the service ran"))
    }

    /// `key = ["value"]` would allow it. Text that cannot stand in the file as it is, or that hides
    /// what it says, makes no line to paste.
    pub(crate) fn missing(reason: String, key: &str, value: &str) -> Self {
        let plain = value.chars().all(|character| {
            crate::display::is_plain(character) && !matches!(character, '"' | '\\')
        });
        Self { reason, missing_grant: plain.then(|| format!("{key} = [\"{value}\"]")) }
    }
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
