//! Datagrams between the service and the host's network, carried one by one.
//!
//! A datagram socket of the host can send anywhere, so the service never gets one. It sends inside
//! its own network, where every address is local; sockets of this process take what is sent to a
//! granted port, decide by the address it was sent to, and pass it on from a connected socket of
//! the host. Answers come back from the very address the service sent to. Datagrams to a port that
//! no grant names find no socket: the service gets `ECONNREFUSED`, as from a closed port.
//!
//! - A granted outbound port is taken inside on every address. A bind of the service to that port
//!   fails with `EADDRINUSE`: the relay wins, because it was there first.
//! - The same port cannot be granted in `net.udp` and `net.udp-listen`: both need it inside.
//! - Datagrams may be lost, doubled by nobody, and reordered between flows. IP options, TOS, ECN and
//!   "do not fragment" are not carried, nor are ICMP errors from the outside.
//! - What is inside a datagram is not seen.

mod flows;
mod inbound;
mod outbound;

pub(super) use inbound::Inbound;
pub(super) use outbound::Outbound;

use ringfence_policy::model::Network;
use ringfence_sys::Errno;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Makes sockets in the service's network.
pub trait InsideSockets: Send {
    /// An unbound UDP socket of the service's network.
    ///
    /// # Errors
    /// There can be no more of them, or the process that makes them is gone.
    fn udp(&self, ipv6: bool) -> std::io::Result<OwnedFd>;
}

/// Bounds of the relay.
#[derive(Debug, Clone, Copy)]
pub struct RelayBounds {
    /// Outbound flows: pairs of a socket of the service and a destination.
    pub outbound: usize,
    /// Inbound flows: peers.
    pub inbound: usize,
    /// Ports of outbound grants, ranges counted in full.
    pub ports: usize,
    /// A flow without a datagram for this long is closed.
    pub idle: Duration,
    /// The ports are another relay's, which serves the same network: this one takes none.
    pub elsewhere: bool,
}

impl Default for RelayBounds {
    fn default() -> Self {
        let idle = Duration::from_mins(1);
        Self { outbound: 256, inbound: 256, ports: 64, idle, elsewhere: false }
    }
}

/// Why the relay cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// A socket of the service's network cannot be had.
    #[error("cannot make a socket inside the boundary for net.udp port {0}")]
    Inside(u16, #[source] std::io::Error),
    /// The address of a listener cannot be bound on the host.
    #[error("cannot listen for datagrams on {0}")]
    Listen(SocketAddr, #[source] std::io::Error),
    /// A listener with a port that is chosen later.
    #[error("net.udp-listen needs a port: {0}")]
    NoPort(SocketAddr),
    /// One port in both directions.
    #[error("port is in both net.udp and net.udp-listen: {0}")]
    PortTwice(u16),
    /// The ranges of `net.udp` are too wide.
    #[error("net.udp grants {0} ports, and at most {1} can be relayed")]
    TooManyPorts(usize, usize),
}

/// Whether the datagram grants of a boundary can be relayed, before anything is started.
///
/// # Errors
/// More ports than the bounds allow, a listener without a port, or a port in both directions.
pub fn check(network: &Network, bounds: &RelayBounds) -> Result<(), RelayError> {
    let ports: BTreeSet<u16> = outbound::ports(network).into_iter().map(|(port, _)| port).collect();
    if ports.len() > bounds.ports {
        return Err(RelayError::TooManyPorts(ports.len(), bounds.ports));
    }
    for listen in &network.udp_listen {
        let port = listen.value.port;
        if port == 0 {
            return Err(RelayError::NoPort(SocketAddr::new(listen.value.address, port)));
        }
        if ports.contains(&port) {
            return Err(RelayError::PortTwice(port));
        }
    }
    Ok(())
}

impl From<RelayError> for Errno {
    fn from(error: RelayError) -> Self {
        match error {
            RelayError::Inside(_, io) | RelayError::Listen(_, io) => io.into(),
            RelayError::NoPort(_) | RelayError::PortTwice(_) => Self(libc::EINVAL),
            RelayError::TooManyPorts(..) => Self(libc::E2BIG),
        }
    }
}

/// Most datagrams taken from one socket before the others have their turn.
const TURN: usize = 64;
