//! Which addresses and ports.
//!
//! A unit knows addresses and no names, and its packet filters look at every packet of the unit's
//! processes, those on `ringfence run`'s own loopback inside too: around it ports are not limited,
//! because private listeners and the resolver inside have ports of their own.

use super::{Settings, quoted};
use crate::render::{Entry, Order, RenderError, Target};
use ringfence_policy::model::Boundary;
use ringfence_policy::net::{Endpoint, HostPattern};
use ringfence_policy::source::Located;
use std::fmt::Write as _;

/// Families, addresses and ports.
pub(super) fn network(unit: &mut Settings, order: &Order<'_>, entry: Entry) {
    let boundary = order.boundary;
    match entry {
        Entry::Ringfence => {
            let families = "AF_UNIX AF_INET AF_INET6 AF_NETLINK";
            let comment = "AF_NETLINK: interfaces of the inside, and to make sure that a revoked socket is gone";
            unit.said("RestrictAddressFamilies", families, comment);
        }
        Entry::Node => {
            let comment = "AF_NETLINK: the C library lists interfaces with it";
            unit.said("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK", comment);
            ports(unit, boundary);
        }
    }
    if let Some(addresses) = addresses(boundary, entry) {
        unit.add("IPAddressDeny", "any");
        unit.add("IPAddressAllow", addresses.join(" "));
    } else {
        let metadata: Vec<&str> =
            METADATA.into_iter().filter(|_| !granted_link_local(boundary)).collect();
        let comment = "names are granted, which a unit cannot say; addresses that hand out credentials of a cloud are never granted";
        if !metadata.is_empty() {
            unit.said("IPAddressDeny", metadata.join(" "), comment);
        }
    }
}

/// Metadata services of clouds.
const METADATA: [&str; 2] = ["169.254.0.0/16", "fd00:ec2::254/128"];

fn granted_link_local(boundary: &Boundary) -> bool {
    outbound(boundary).any(|endpoint| match &endpoint.value.host {
        HostPattern::Address(address) | HostPattern::Cidr(address, _) => {
            address.to_string().starts_with("169.254.")
        }
        HostPattern::Name(_) | HostPattern::Suffix(_) => false,
    })
}

fn outbound(boundary: &Boundary) -> impl Iterator<Item = &Located<Endpoint>> {
    boundary.net.connect.iter().chain(&boundary.net.udp)
}

/// Every address the service may speak with; `None` where a grant is a name, or anybody may come in,
/// or the filter would hit the inside of `ringfence run`.
pub(super) fn addresses(boundary: &Boundary, entry: Entry) -> Option<Vec<String>> {
    let net = &boundary.net;
    let inbound = |address: std::net::IpAddr| address.is_loopback();
    let listeners = net.listen.iter().chain(&net.udp_listen);
    if !listeners.clone().all(|at| inbound(at.value.address)) {
        return None;
    }
    let mut addresses = vec!["localhost".to_owned()];
    if entry == Entry::Ringfence && outbound(boundary).next().is_some() {
        // What names are answered with inside; no packet with such an address leaves it.
        addresses.push("198.18.0.0/15".to_owned());
    }
    for endpoint in outbound(boundary) {
        let address = match &endpoint.value.host {
            HostPattern::Address(address) => address.to_string(),
            HostPattern::Cidr(base, prefix) => format!("{base}/{prefix}"),
            HostPattern::Name(name) => net.hosts.get(name)?.value.to_string(),
            HostPattern::Suffix(_) => return None,
        };
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Some(addresses)
}

/// Ports that may be bound.
fn ports(unit: &mut Settings, boundary: &Boundary) {
    let net = &boundary.net;
    if net.listen.iter().chain(&net.udp_listen).any(|at| at.value.port == 0) {
        return;
    }
    let mut rules: Vec<String> = Vec::new();
    for (transport, list) in [("tcp", &net.listen), ("udp", &net.udp_listen)] {
        for at in list {
            let family = if at.value.address.is_ipv4() { "ipv4" } else { "ipv6" };
            rules.push(format!("{family}:{transport}:{}", at.value.port));
        }
    }
    unit.add("SocketBindDeny", "any");
    for rule in rules {
        unit.add("SocketBindAllow", rule);
    }
}

/// The unit whose sockets the manager opens.
pub(super) fn socket_unit(order: &Order<'_>) -> Result<String, RenderError> {
    let net = &order.boundary.net;
    if net.listen.is_empty() {
        return Err(RenderError::Impossible {
            what: "socket activation needs a listener, and net.listen has none".to_owned(),
            hint: "add the address to net.listen, or leave --socket-activation out".to_owned(),
        });
    }
    let mut text = order.head("# ", Target::Systemd, &[]);
    let _ = writeln!(text, "\n[Unit]\nDescription=Listeners of {}\n\n[Socket]", order.name());
    for at in &net.listen {
        let at = at.value;
        if at.port == 0 {
            return Err(RenderError::Impossible {
                what: "socket activation needs a port, and net.listen grants any".to_owned(),
                hint: "write the port".to_owned(),
            });
        }
        let address = std::net::SocketAddr::new(at.address, at.port).to_string();
        let _ = writeln!(text, "ListenStream={}", quoted(&address)?);
    }
    let _ = writeln!(text, "NoDelay=yes\nFreeBind=no\n\n[Install]\nWantedBy=sockets.target");
    Ok(text)
}
