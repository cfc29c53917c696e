//! `net`: names rather than addresses, and ports exactly.
//!
//! The kernel tells addresses, Node tells names. A connection gets the names that led to its address;
//! where Node also told the port, those alone. What nobody named stays an address.

use super::why::who;
use super::{Drafting, Facts, Note, Proposed, Value, Why};
use crate::record::{Capability, ConnectSeen, Record, Transport};
use ringfence_policy::address::{self, Class};
use ringfence_policy::net;
use ringfence_policy::net::HostName;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

pub(super) fn draft(drafting: &mut Drafting<'_>) {
    let record = drafting.record;
    let mut wanted: BTreeMap<(Transport, Host, u16), Why> = BTreeMap::new();
    for ((transport, to), seen) in &record.connects {
        connection(drafting, &mut wanted, *transport, *to, seen);
    }
    unreached(drafting, &mut wanted);
    looked_up_alone(drafting, &wanted);
    for ((transport, host, port), why) in wanted {
        outbound(drafting, transport, &host, port, why);
    }
    for ((transport, address), seen) in &record.listens {
        let why = || Why::at(seen.at, 1);
        match transport {
            Transport::Tcp if seen.listening => listener(drafting, *transport, *address, why()),
            Transport::Udp => listener(drafting, *transport, *address, why()),
            Transport::Tcp => {}
        }
    }
}

/// Whom a connection was for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Host {
    Address(IpAddr),
    Name(HostName),
}

type Wanted = BTreeMap<(Transport, Host, u16), Why>;

fn want(wanted: &mut Wanted, transport: Transport, host: Host, port: u16, why: &Why) {
    match wanted.get_mut(&(transport, host.clone(), port)) {
        Some(known) => known.join(why),
        None => {
            wanted.insert((transport, host, port), why.clone());
        }
    }
}

fn connection(
    drafting: &mut Drafting<'_>,
    wanted: &mut Wanted,
    transport: Transport,
    to: SocketAddr,
    seen: &ConnectSeen,
) {
    let address = address::destination(to.ip());
    // Port 0 is how the C library asks which addresses can be reached.
    if seen.own || to.port() == 0 || is_resolver(drafting.record, to) {
        return;
    }
    if address::is_metadata(address) {
        return note_metadata(drafting, &address.to_string());
    }
    let why = Why::at(seen.at, seen.times);
    for host in hosts_of(drafting, transport, address, to.port()) {
        let mut why = why.clone();
        for resource in told_as(drafting.record, transport, &host, to.port()) {
            why.asked_for(drafting.record, capability(transport), resource);
        }
        want(wanted, transport, host, to.port(), &why);
    }
}

const fn capability(transport: Transport) -> Capability {
    match transport {
        Transport::Tcp => Capability::Connect,
        Transport::Udp => Capability::Udp,
    }
}

/// Whom a connection was for: the names that led to its address, and the address itself where it was
/// written out. Where Node told of this port, only what it told.
fn hosts_of(
    drafting: &Drafting<'_>,
    transport: Transport,
    address: IpAddr,
    port: u16,
) -> BTreeSet<Host> {
    let record = drafting.record;
    let names = names_of(drafting, address);
    let mut hosts: BTreeSet<Host> = names.into_iter().map(Host::Name).collect();
    hosts.insert(Host::Address(address));
    let told = |host: &Host| !told_as(record, transport, host, port).is_empty();
    if hosts.iter().any(told) {
        hosts.retain(told);
        return hosts;
    }
    // What is no Node looks names up where only the question is seen.
    if hosts.len() == 1 && !address.is_loopback() {
        hosts.extend(unanswered(record).into_iter().map(Host::Name));
    }
    if hosts.len() > 1 {
        hosts.remove(&Host::Address(address));
    }
    hosts
}

/// Names that were asked for and that Node tells no addresses of; those with a search list behind
/// them are left out.
fn unanswered(record: &Record) -> BTreeSet<HostName> {
    let open = record.queries.keys().filter(|name| !record.resolved.contains_key(*name));
    let searched = |name: &&String| {
        let shorter = |other: &String| name.strip_prefix(other.as_str());
        record.queries.keys().any(|other| shorter(other).is_some_and(|rest| rest.starts_with('.')))
    };
    let names = open.filter(|name| !searched(name)).filter_map(|name| HostName::parse(name).ok());
    names.filter(|name| !name.is_localhost()).collect()
}

/// What Node was asked for that means this host at this port.
fn told_as<'a>(record: &'a Record, transport: Transport, host: &Host, port: u16) -> Vec<&'a str> {
    let means = |text: &str| match host {
        Host::Name(name) => text == name.as_str(),
        Host::Address(address) => {
            let literal = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
            let local = HostName::parse(text).is_ok_and(|name| name.is_localhost());
            literal.is_ok_and(|literal| address::destination(literal) == *address)
                || (local && address.is_loopback())
        }
    };
    let of = record.uses.keys().filter(|(kind, _)| *kind == capability(transport));
    of.filter(|(_, resource)| {
        let split = resource.rsplit_once(':');
        split.is_some_and(|(text, at)| at.parse() == Ok(port) && means(text))
    })
    .map(|(_, resource)| resource.as_str())
    .collect()
}

/// The names that led to an address and that somebody asked for.
fn names_of(drafting: &Drafting<'_>, address: IpAddr) -> BTreeSet<HostName> {
    let record = drafting.record;
    let mut names = BTreeSet::new();
    for (known, led) in &record.names_of {
        if address::destination(*known) == address {
            names.extend(led.iter().filter_map(|name| HostName::parse(name).ok()));
        }
    }
    let fixed = drafting.facts.boundary.map(|boundary| &boundary.net.hosts);
    for (name, at) in fixed.into_iter().flatten() {
        let queried = record.queries.contains_key(name.as_str());
        let told = || {
            let with_port = format!("{name}:");
            record.uses.keys().any(|(kind, resource)| {
                matches!(kind, Capability::Connect | Capability::Udp)
                    && resource.starts_with(&with_port)
            })
        };
        if address::destination(at.value) == address && (queried || told()) {
            names.insert(name.clone());
        }
    }
    names.retain(|name| !name.is_localhost());
    names
}

/// Connections that Node was asked for and that never reached the kernel: the name was not found.
fn unreached(drafting: &mut Drafting<'_>, wanted: &mut Wanted) {
    let record = drafting.record;
    for (capability, resource) in record.uses.keys() {
        if *capability != Capability::Connect {
            continue;
        }
        let Some((host, port)) = resource.rsplit_once(':') else { continue };
        let (Ok(name), Ok(port)) = (HostName::parse(host), port.parse::<u16>()) else { continue };
        if name.is_localhost() || port == 0 {
            continue;
        }
        if name.is_metadata() {
            note_metadata(drafting, name.as_str());
            continue;
        }
        let addresses = record.resolved.get(name.as_str());
        let reached = |address: &IpAddr| {
            let to = |(transport, to): &(Transport, SocketAddr)| {
                *transport == Transport::Tcp
                    && to.port() == port
                    && address::destination(to.ip()) == address::destination(*address)
            };
            record.connects.keys().any(to)
        };
        let fixed = drafting.facts.boundary.and_then(|boundary| boundary.net.hosts.get(&name));
        let fixed = fixed.map(|at| at.value);
        if addresses.into_iter().flatten().chain(&fixed).any(reached) {
            continue;
        }
        let mut why = Why::told();
        why.asked_for(record, Capability::Connect, resource);
        let why = why.remark("no connection was made");
        want(wanted, Transport::Tcp, Host::Name(name), port, &why);
    }
}

/// Names that were looked up and that nothing was done with: a grant needs a port.
fn looked_up_alone(drafting: &mut Drafting<'_>, wanted: &Wanted) {
    let used = |name: &HostName| {
        wanted.keys().any(|(_, host, _)| matches!(host, Host::Name(used) if used == name))
    };
    let record = drafting.record;
    let asked = record.uses.keys().filter(|(of, _)| *of == Capability::Lookup);
    let asked: BTreeSet<&String> =
        asked.map(|(_, name)| name).chain(record.resolved.keys()).collect();
    for name in asked.into_iter().filter_map(|name| HostName::parse(name).ok()) {
        let granted = drafting.facts.boundary.is_some_and(|known| known.net.may_resolve(&name));
        let own = |address: &IpAddr| {
            let to = |((_, to), seen): (&(Transport, SocketAddr), &ConnectSeen)| {
                seen.own && address::destination(to.ip()) == address::destination(*address)
            };
            record.connects.iter().any(to)
        };
        let itself = record.resolved.get(name.as_str()).is_some_and(|all| all.iter().any(own));
        if !used(&name) && !granted && !itself && !name.is_localhost() && !name.is_metadata() {
            let by = who(drafting, Capability::Lookup, name.as_str());
            drafting.note(Note::finding(
                "looked-up-alone",
                format!("{name} was looked up{by} and not connected to: names are granted with a port, so the look-up alone will be refused until one is"),
            ));
        }
    }
}

/// Whether this is where names are asked for: the service gets a resolver of its own.
fn is_resolver(record: &Record, to: SocketAddr) -> bool {
    to.port() == 53 && record.queries.values().any(|resolvers| resolvers.contains(&to))
}

fn outbound(drafting: &mut Drafting<'_>, transport: Transport, host: &Host, port: u16, why: Why) {
    let facts = drafting.facts;
    let (key, policy) = match transport {
        Transport::Tcp => ("net.connect", net::Transport::Tcp),
        Transport::Udp => ("net.udp", net::Transport::Udp),
    };
    let granted = facts.boundary.and_then(|boundary| {
        let granted = match host {
            Host::Name(name) => boundary.net.connect_name(policy, name, port),
            Host::Address(address) => {
                boundary.net.connect_address(policy, SocketAddr::new(*address, port))
            }
        };
        granted.ok().map(|grant| grant.value.to_string())
    });
    let first = why.first;
    if let Some(grant) = granted {
        already(drafting, key, grant, why);
    } else {
        let value = match host {
            Host::Name(name) => format!("{name}:{port}"),
            Host::Address(address) => SocketAddr::new(*address, port).to_string(),
        };
        if let Host::Address(address) = host {
            note_address(drafting, *address, &value);
        }
        drafting.propose(Proposed::entry(key, value, why));
    }
    if let Host::Name(name) = host {
        private(drafting, name, first);
    }
}

fn already(drafting: &mut Drafting<'_>, key: &'static str, grant: String, why: Why) {
    super::already(drafting, key, Value::Entry(grant), why);
}

/// Names of private addresses must say so, or a name could be pointed at the own network later.
fn private(drafting: &mut Drafting<'_>, name: &HostName, first: Option<u64>) {
    let facts = drafting.facts;
    let Some(addresses) = drafting.record.resolved.get(name.as_str()) else { return };
    let fixed = facts.boundary.and_then(|boundary| boundary.net.hosts.get(name)).is_some();
    let inner = addresses.iter().copied().find(|address| is_inner(facts, *address));
    let Some(address) = inner.filter(|_| !fixed) else { return };
    if address::is_metadata(address) {
        return note_metadata(drafting, &format!("{name}, which is {address},"));
    }
    let why = Why { first, ..Why::told() };
    let class = Class::of(address);
    let what = if class == Class::Public { "an address of this host" } else { class.words() };
    let why = why.remark(format!("it is {what}"));
    let known = facts
        .boundary
        .is_some_and(|boundary| boundary.net.private.iter().any(|private| private.value == *name));
    let again = drafting.draft.proposed.iter().any(|proposed| {
        proposed.key == "net.private"
            && matches!(&proposed.value, Value::Entry(value) if value == name.as_str())
    });
    if known {
        already(drafting, "net.private", name.to_string(), why);
    } else if !again {
        drafting.propose(Proposed::entry("net.private", name.as_str(), why));
    }
}

fn is_inner(facts: &Facts<'_>, address: IpAddr) -> bool {
    Class::of(address) != Class::Public
        || facts.own_addresses.iter().any(|own| address::fold(*own) == address::fold(address))
}

fn listener(drafting: &mut Drafting<'_>, transport: Transport, asked: SocketAddr, mut why: Why) {
    if asked.port() == 0 {
        return;
    }
    let record = drafting.record;
    let address = SocketAddr::new(address::fold(asked.ip()), asked.port());
    let (key, policy) = match transport {
        Transport::Tcp => ("net.listen", net::Transport::Tcp),
        Transport::Udp => ("net.udp-listen", net::Transport::Udp),
    };
    for name in [asked.to_string(), address.to_string(), format!("localhost:{}", asked.port())] {
        why.asked_for(record, Capability::Listen, &name);
    }
    if let Some(grant) = listens_at(drafting.facts, policy, address) {
        let narrow = grant.parse::<SocketAddr>().is_ok_and(|at| at.ip().is_loopback());
        if address.ip().is_unspecified() && narrow {
            let text = format!(
                "the program asked for {asked} and the file grants {grant} alone: others cannot reach it until the file grants the address that they use"
            );
            let line = format!("{key} = [\"{address}\"]");
            drafting.note(Note::hint("listens-wider", text).with([line]));
        }
        return already(drafting, key, grant, why);
    }
    // Who asks whether a port is free, before it listens there, does not reach itself.
    let own = record.connects.iter().any(|((by, to), seen)| {
        *by == transport && seen.own && seen.answered && to.port() == address.port()
    });
    if own && address.ip().is_loopback() {
        let text = format!(
            "{address} was reached by the run itself alone, which needs no grant; if others shall reach it, grant it"
        );
        drafting.note(Note::hint("own-listener", text).with([format!("{key} = [\"{address}\"]")]));
        return;
    }
    if address.ip().is_unspecified() {
        why = why.remark("every address of this host");
    }
    drafting.propose(Proposed::entry(key, address.to_string(), why));
}

/// The grant that a listener gets, when it gets one.
fn listens_at(facts: &Facts<'_>, transport: net::Transport, asked: SocketAddr) -> Option<String> {
    match facts.boundary?.net.listen(transport, asked).ok()? {
        net::ListenPlace::Host(at) => {
            let grants = match transport {
                net::Transport::Tcp => &facts.boundary?.net.listen,
                net::Transport::Udp => &facts.boundary?.net.udp_listen,
            };
            let exact = grants
                .iter()
                .find(|grant| grant.value.port == at.port() && grant.value.address == at.ip());
            let any = || grants.iter().find(|grant| grant.value.port == at.port());
            exact.or_else(any).map(|grant| grant.value.to_string())
        }
        net::ListenPlace::Private => None,
    }
}

fn note_metadata(drafting: &mut Drafting<'_>, what: &str) {
    drafting.note(Note::finding(
        "metadata-asked",
        format!("the run asked the cloud's metadata service ({what}): it is never granted, since it gives out the rights of the machine; give the service what it needs as [secrets.NAME]"),
    ));
}

fn note_address(drafting: &mut Drafting<'_>, address: IpAddr, value: &str) {
    if Class::of(address) == Class::Public {
        drafting.note(Note::hint(
            "address-without-name",
            format!("{value} was reached without a name: addresses change hands, so a name is better where there is one"),
        ));
    }
}
