//! The network: hosts and ports as sets.

use super::{Change, Changes, Effect};
use crate::model::{Boundary, DnsMode, Network};
use crate::net::{Endpoint, ListenEndpoint, PortRange};
use crate::source::Located;
use crate::{paths, statement};

pub(super) fn compare(changes: &mut Changes, old: &Boundary, new: &Boundary) {
    let (before, after) = (&old.net, &new.net);
    outbound(changes, "net.connect", "connect to", (&before.connect, &after.connect), new);
    outbound(changes, "net.udp", "send datagrams to", (&before.udp, &after.udp), new);
    inbound(changes, "net.listen", "over TCP", &before.listen, &after.listen);
    inbound(changes, "net.udp-listen", "over UDP", &before.udp_listen, &after.udp_listen);
    let words = ["can connect to the unix socket #", "can no longer connect to the unix socket #"];
    let unix = (before.unix.as_slice(), after.unix.as_slice());
    for change in changes.entries("net.unix", unix, |path| paths::normal(path), words) {
        if statement::controls_host(&change.entry) {
            change.ways_out.push("a way out, it controls the host".to_owned());
        }
    }
    names(changes, before, after);
}

fn outbound(
    changes: &mut Changes,
    key: &str,
    verb: &str,
    (old, new): (&[Located<Endpoint>], &[Located<Endpoint>]),
    boundary: &Boundary,
) {
    for grant in new {
        let more = missing(&grant.value, old);
        if more.is_empty() {
            continue;
        }
        let shown = shown(&grant.value, &more);
        let change = changes.push(
            Effect::Widened,
            key,
            &grant.value.to_string(),
            format!("can {verb} {shown}"),
        );
        way_out(change, &grant.value, boundary);
    }
    for grant in old {
        let less = missing(&grant.value, new);
        if !less.is_empty() {
            let shown = shown(&grant.value, &less);
            let sentence = format!("can no longer {verb} {shown}");
            changes.push(Effect::Narrowed, key, &grant.value.to_string(), sentence);
        }
    }
}

fn way_out(change: &mut Change, grant: &Endpoint, boundary: &Boundary) {
    change.ways_out = statement::ways_out(grant, &boundary.env);
}

/// The ports of `grant` that none of `others` grants at all of its hosts.
fn missing(grant: &Endpoint, others: &[Located<Endpoint>]) -> Vec<PortRange> {
    let mut left = vec![grant.ports];
    for other in others.iter().filter(|other| other.value.host.contains(&grant.host)) {
        let taken = other.value.ports;
        left = left.into_iter().flat_map(|range| without(range, taken)).collect();
    }
    left
}

fn without(range: PortRange, taken: PortRange) -> Vec<PortRange> {
    if taken.last < range.first || range.last < taken.first {
        return vec![range];
    }
    let mut left = Vec::new();
    if range.first < taken.first {
        left.push(PortRange { first: range.first, last: taken.first - 1 });
    }
    if taken.last < range.last {
        left.push(PortRange { first: taken.last + 1, last: range.last });
    }
    left
}

fn shown(grant: &Endpoint, ports: &[PortRange]) -> String {
    let each = ports.iter().map(|ports| Endpoint { host: grant.host.clone(), ports: *ports });
    let texts: Vec<String> = each.map(|endpoint| endpoint.to_string()).collect();
    texts.join(" and ")
}

fn inbound(
    changes: &mut Changes,
    key: &str,
    how: &str,
    old: &[Located<ListenEndpoint>],
    new: &[Located<ListenEndpoint>],
) {
    let listens = |at: &ListenEndpoint, grants: &[Located<ListenEndpoint>]| {
        grants.iter().any(|grant| holds(&grant.value, at))
    };
    for grant in new.iter().filter(|grant| !listens(&grant.value, old)) {
        let sentence = format!("can be reached {how} at {}", grant.value);
        let change = changes.push(Effect::Widened, key, &grant.value.to_string(), sentence);
        if grant.value.address.is_unspecified() {
            change.ways_out.push("that is every address of the host".to_owned());
        }
    }
    for grant in old.iter().filter(|grant| !listens(&grant.value, new)) {
        let sentence = format!("can no longer be reached {how} at {}", grant.value);
        changes.push(Effect::Narrowed, key, &grant.value.to_string(), sentence);
    }
}

/// A listener at every address may be at each; port 0 may be any.
fn holds(broad: &ListenEndpoint, narrow: &ListenEndpoint) -> bool {
    let address = broad.address == narrow.address
        || broad.address.is_unspecified() && broad.address.is_ipv4() == narrow.address.is_ipv4();
    address && (broad.port == narrow.port || broad.port == 0)
}

fn names(changes: &mut Changes, old: &Network, new: &Network) {
    let words = [
        "reaches private, loopback and link-local addresses by the name #",
        "reaches no private, loopback or link-local address by the name # any more",
    ];
    let private = (old.private.as_slice(), new.private.as_slice());
    changes.entries("net.private", private, ToString::to_string, words);
    for (name, address) in &new.hosts {
        let at = address.value;
        match old.hosts.get(name) {
            Some(known) if known.value == at => {}
            Some(known) => {
                let sentence = format!("reaches {at} by the name {name}, not {}", known.value);
                changes.push(Effect::Widened, "net.hosts", name.as_str(), sentence);
            }
            None => {
                let sentence = format!("reaches {at} by the name {name}, wherever that is");
                changes.push(Effect::Widened, "net.hosts", name.as_str(), sentence);
            }
        }
    }
    for name in old.hosts.keys().filter(|name| !new.hosts.contains_key(name)) {
        let sentence = format!("has {name} looked up instead of fixed");
        changes.push(Effect::Moved, "net.hosts", name.as_str(), sentence);
    }
    if old.dns != new.dns {
        let (effect, sentence) = match new.dns {
            DnsMode::Real => (
                Effect::Widened,
                "sees real addresses: another host behind the same address can be reached at its ports",
            ),
            DnsMode::Synthetic => {
                (Effect::Narrowed, "sees an address for each name, which leads to that name only")
            }
        };
        changes.push(effect, "net.dns", "", sentence);
    }
}
