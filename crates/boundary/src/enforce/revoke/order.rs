//! What must go, as values: whoever says it can be another process.
//!
//! A connection stays only when it is shown to be granted still. Which way it was made is told by its
//! cookie: the broker has put every outgoing connection and every listener in place, and what it has
//! not put in place was accepted by such a listener.

use crate::plan::UnixSocket;
use ringfence_policy::model::Network;
use ringfence_policy::net::PortRange;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

/// What must go.
#[derive(Debug, Clone, Default)]
pub(in crate::enforce) struct Order {
    /// TCP sockets of the host's network; `None` leaves all of them alone.
    pub(in crate::enforce) sockets: Option<Cut>,
    /// Unix sockets of the host that may no longer be connected to.
    pub(in crate::enforce) unix: Vec<UnixSocket>,
    /// Paths inside: targets of mounts made for `fs.droppable`.
    pub(in crate::enforce) files: Vec<PathBuf>,
    /// Paths inside: secret files.
    pub(in crate::enforce) secrets: Vec<PathBuf>,
}

/// Which TCP sockets of the host's network must go.
#[derive(Debug, Clone, Default)]
pub(in crate::enforce) struct Cut {
    /// What is still granted; `None` is nothing, so that every socket goes.
    pub(in crate::enforce) remaining: Option<Remaining>,
    /// Cookies of all sockets that the broker has put in place, by connect and by bind, as far as
    /// it knows them; also of those that stay.
    pub(in crate::enforce) injected: Vec<u64>,
    /// Addresses that were listened at and are no longer granted, as the kernel shows them.
    pub(in crate::enforce) gone: Vec<SocketAddr>,
}

/// What is still granted.
#[derive(Debug, Clone)]
pub(in crate::enforce) struct Remaining {
    /// The narrowed grants; asked about literal addresses.
    pub(in crate::enforce) network: Arc<Network>,
    /// Real addresses of names that are still granted, and the ports there.
    pub(in crate::enforce) names: HashMap<IpAddr, Vec<PortRange>>,
    /// Addresses that may still be listened at, as the kernel shows them (with the real port where
    /// any port was granted).
    pub(in crate::enforce) listening: Vec<SocketAddr>,
}
