//! What broker and supervisor tell each other about requests and drops.
//!
//! The broker decides and the supervisor acts: it alone may stop the service and take mounts away.
//! It is told what was dropped in the terms of the request and narrows its own copy of the grants
//! by it, so what it takes away does not depend on what a broker says is left. Grants of files,
//! secrets and unix sockets are named by their place in the plan, which both have.

use ringfence_policy::model::Network;
use ringfence_policy::net::{NarrowError, Target, Transport};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// Longest packet, in bytes: a request in which every byte is escaped fits.
pub(crate) const LONGEST: usize = 64 * 1024;
/// Most entries of all lists in one part of an order.
pub(crate) const ENTRIES: usize = 500;

/// From the broker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ToSupervisor {
    /// The answer for a caller outside.
    Answer {
        /// Which caller.
        caller: u64,
        /// The packet.
        packet: String,
    },
    /// The boundary was narrowed once more: what went, as `ringfence drop` names it.
    Narrowed(Vec<String>),
    /// Something must go; an order comes in parts.
    Order(Box<Part>),
}

/// From the supervisor.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ToBroker {
    /// A caller outside has gone: nobody waits for an answer.
    Gone {
        /// Which caller.
        caller: u64,
    },
    /// The request of a caller outside.
    Request {
        /// Which caller.
        caller: u64,
        /// The packet.
        packet: String,
    },
    /// An order was carried out, or not.
    Done {
        /// Which order.
        order: u64,
        /// How.
        outcome: Outcome,
    },
}

/// How an order was carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Outcome {
    pub(crate) sockets: usize,
    pub(crate) listeners: usize,
    pub(crate) unix: usize,
    pub(crate) files: usize,
    pub(crate) secrets: usize,
    /// What was not taken away, one clause each; empty when nothing survived.
    pub(crate) survived: Vec<String>,
    /// Nothing was touched, because this start has not what it takes.
    pub(crate) unsupported: bool,
    /// The service was ended for it.
    pub(crate) ended: bool,
}

/// One part of an order; the lists of all parts are one list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Part {
    pub(crate) order: u64,
    /// Nothing follows.
    pub(crate) last: bool,
    /// What was dropped of the network.
    pub(crate) narrowings: Vec<Narrowing>,
    /// TCP sockets of the host must be looked through.
    pub(crate) sockets: bool,
    /// Cookies of sockets that the broker has put in place and that are still granted.
    pub(crate) staying: Vec<u64>,
    /// Cookies of those that are not.
    pub(crate) going: Vec<u64>,
    /// Addresses that were listened at and may not be any more.
    pub(crate) gone: Vec<SocketAddr>,
    /// Addresses that may still be listened at.
    pub(crate) listening: Vec<SocketAddr>,
    /// Real addresses of names that are still granted, and ports there.
    pub(crate) names: Vec<(IpAddr, Vec<(u16, u16)>)>,
    /// Places in the plan.
    pub(crate) unix: Vec<usize>,
    /// Places in the plan.
    pub(crate) files: Vec<usize>,
    /// Places in the plan.
    pub(crate) secrets: Vec<usize>,
}

impl Part {
    /// Adds another part of the same order.
    pub(crate) fn extend(&mut self, other: Self) {
        self.order = other.order;
        self.last = other.last;
        self.sockets |= other.sockets;
        self.narrowings.extend(other.narrowings);
        self.staying.extend(other.staying);
        self.going.extend(other.going);
        self.gone.extend(other.gone);
        self.listening.extend(other.listening);
        self.names.extend(other.names);
        self.unix.extend(other.unix);
        self.files.extend(other.files);
        self.secrets.extend(other.secrets);
    }

    /// The order in parts that fit into packets.
    pub(crate) fn split(mut self) -> Vec<Self> {
        let (order, sockets) = (self.order, self.sockets);
        let mut parts = Vec::new();
        loop {
            let mut part = Self { order, sockets, ..Self::default() };
            let mut room = ENTRIES;
            take(&mut self.narrowings, &mut part.narrowings, &mut room);
            take(&mut self.staying, &mut part.staying, &mut room);
            take(&mut self.going, &mut part.going, &mut room);
            take(&mut self.gone, &mut part.gone, &mut room);
            take(&mut self.listening, &mut part.listening, &mut room);
            take(&mut self.names, &mut part.names, &mut room);
            take(&mut self.unix, &mut part.unix, &mut room);
            take(&mut self.files, &mut part.files, &mut room);
            take(&mut self.secrets, &mut part.secrets, &mut room);
            part.last = room > 0;
            let last = part.last;
            parts.push(part);
            if last {
                return parts;
            }
        }
    }
}

fn take<T>(from: &mut Vec<T>, to: &mut Vec<T>, room: &mut usize) {
    let count = from.len().min(*room);
    to.extend(from.drain(..count));
    *room -= count;
}

/// A drop of network grants, in the terms of the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Narrowing {
    /// Outbound TCP at this target, or all of it.
    Connect(Option<String>),
    /// Listeners at this address, or all, of TCP and UDP.
    Listen(Option<SocketAddr>),
    /// Outbound UDP at this target, or all of it.
    Udp(Option<String>),
    /// The unix socket at this path, or all.
    Unix(Option<String>),
}

impl Narrowing {
    /// Takes back what it names; answers the grants that are gone.
    ///
    /// # Errors
    /// As the policy says; a target that cannot be read counts as none.
    pub(crate) fn apply(&self, network: &mut Network) -> Result<Vec<String>, NarrowError> {
        let outbound = |network: &mut Network, transport, target: &Option<String>| match target {
            None => network.drop_outbound(transport, None),
            Some(text) => match Target::parse(text) {
                Ok(target) => network.drop_outbound(transport, Some(&target)),
                Err(_) => Ok(Vec::new()),
            },
        };
        match self {
            Self::Connect(target) => outbound(network, Transport::Tcp, target),
            Self::Udp(target) => outbound(network, Transport::Udp, target),
            Self::Listen(at) => {
                // Both or none: the second may be refused.
                let mut narrowed = network.clone();
                let mut gone = narrowed.drop_listen(Transport::Tcp, *at)?;
                gone.extend(narrowed.drop_listen(Transport::Udp, *at)?);
                *network = narrowed;
                Ok(gone)
            }
            Self::Unix(path) => Ok(network.drop_unix(path.as_deref())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_in_parts_is_the_order() {
        let whole = Part {
            order: 7,
            sockets: true,
            narrowings: vec![Narrowing::Connect(Some("api.internal:443".to_owned()))],
            staying: (0..1200).collect(),
            names: (0..700_u32)
                .map(|n| (IpAddr::from(n.to_be_bytes()), vec![(1, 65_535)]))
                .collect(),
            unix: vec![1],
            ..Part::default()
        };
        let parts = whole.clone().split();
        assert!(parts.len() > 3);
        let mut joined = Part::default();
        for part in parts {
            let text = serde_json::to_string(&ToSupervisor::Order(Box::new(part))).unwrap();
            assert!(text.len() <= LONGEST, "{}", text.len());
            let ToSupervisor::Order(part) = serde_json::from_str(&text).unwrap() else {
                panic!("an order")
            };
            joined.extend(*part);
        }
        assert_eq!(joined, Part { last: true, ..whole });
    }
}
