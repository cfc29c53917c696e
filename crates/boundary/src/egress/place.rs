//! Where a connection goes: to the host's network, to the service's own listeners, or nowhere.
//!
//! The decision is made from values alone (the address as it was copied, the names that were
//! handed out, the grants); nothing is looked up at this moment, so nothing can be rebound between
//! the decision and the connection.

use super::shared::Shared;
use ringfence_policy::model::DnsMode;
use ringfence_policy::net::{HostFacts, HostName, Refusal, Transport};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where a connection goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// To this address in the host's network; the name it was asked for by, if any.
    Host(SocketAddr, Option<HostName>),
    /// Into the private network, to the address as it was asked.
    Inside,
    /// Nowhere.
    Refused(Refusal),
}

/// Decides where a connection to `asked` goes. Loopback that no grant covers is [`Place::Inside`]:
/// whether something listens there is the caller's to find out.
pub(super) fn place(shared: &Shared, transport: Transport, asked: SocketAddr) -> Place {
    let to = canonical(asked);
    if is_handed_out(to.ip()) {
        return synthetic(shared, transport, to);
    }
    let network = shared.network();
    let literal = network.connect_address(transport, to);
    if literal.is_ok() {
        return Place::Host(to, None);
    }
    if network.dns == DnsMode::Real {
        match named(shared, transport, to) {
            Ok(name) => return Place::Host(to, Some(name)),
            Err(Some(dropped)) => return Place::Refused(dropped),
            Err(None) => {}
        }
    }
    match literal {
        _ if to.ip().is_loopback() => Place::Inside,
        Err(refusal) => Place::Refused(refusal),
        Ok(_) => Place::Host(to, None),
    }
}

/// An address that only this boundary's resolver gives out.
fn synthetic(shared: &Shared, transport: Transport, to: SocketAddr) -> Place {
    let found = shared.names.lock().ok().and_then(|mut names| names.lookup(to.ip()));
    let Some((name, real)) = found else {
        return Place::Refused(Refusal {
            reason: format!("{} was never handed out by the resolver of this boundary", to.ip()),
            missing_grant: None,
        });
    };
    match shared.network().connect_name(transport, &name, to.port()) {
        Ok(_) => Place::Host(SocketAddr::new(real, to.port()), Some(name)),
        Err(refusal) => Place::Refused(refusal),
    }
}

/// A granted name that resolved to this address, or the refusal of one that was dropped.
fn named(
    shared: &Shared,
    transport: Transport,
    to: SocketAddr,
) -> Result<HostName, Option<Refusal>> {
    let names = shared.names.lock().map_err(|_| None)?.names_of(to.ip());
    let network = shared.network();
    let mut dropped = None;
    for name in names {
        if network.connect_name(transport, &name, to.port()).is_ok() {
            return Ok(name);
        }
        dropped = dropped.or_else(|| network.name_dropped(transport, &name, to.port()));
    }
    Err(dropped)
}

/// The address as the kernel would take it: mapped IPv4 is IPv4, the unspecified address is
/// loopback (`connect(2)` on Linux).
pub(super) fn canonical(asked: SocketAddr) -> SocketAddr {
    let ip = match asked.ip() {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4),
        v4 @ IpAddr::V4(_) => v4,
    };
    let ip = match ip {
        IpAddr::V4(v4) if v4.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(v6) if v6.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    };
    SocketAddr::new(ip, asked.port())
}

/// Whether a connection to this address ends on this host.
pub(super) fn stays_here(host: &HostFacts, ip: IpAddr) -> bool {
    ip.is_loopback() || host.own_addresses.contains(&ip)
}

/// Whether an address lies in the ranges that synthetic addresses come from.
pub(super) fn is_handed_out(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.octets()[0] == 198 && v4.octets()[1] & 0xfe == 18,
        IpAddr::V6(v6) => v6.segments()[..4] == [0xfd52, 0x6e67, 0, 0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_loopback_is_loopback() {
        for asked in ["127.0.0.1:80", "0.0.0.0:80", "[::ffff:127.0.0.1]:80", "[::ffff:0.0.0.0]:80"]
        {
            let asked: SocketAddr = asked.parse().unwrap();
            assert_eq!(canonical(asked), "127.0.0.1:80".parse().unwrap(), "{asked}");
        }
        assert_eq!(canonical("[::]:80".parse().unwrap()), "[::1]:80".parse().unwrap());
    }

    #[test]
    fn only_loopback_and_addresses_of_this_host_stay_here() {
        let own = ["203.0.114.9".parse().unwrap(), "2001:db8::9".parse().unwrap()];
        let host = HostFacts { own_addresses: own.to_vec() };
        for (ip, here) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("203.0.114.9", true),
            ("2001:db8::9", true),
            ("203.0.114.10", false),
            ("10.0.0.1", false),
            ("169.254.169.254", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(stays_here(&host, ip.parse().unwrap()), here, "{ip}");
        }
    }

    #[test]
    fn synthetic_ranges_end_where_they_end() {
        for (ip, inside) in [
            ("198.17.255.255", false),
            ("198.18.0.0", true),
            ("198.19.255.255", true),
            ("198.20.0.0", false),
            ("fd52:6e67::1", true),
            ("fd52:6e67:0:1::1", false),
        ] {
            assert_eq!(is_handed_out(ip.parse().unwrap()), inside, "{ip}");
        }
    }
}
