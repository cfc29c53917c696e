//! Sentences about the network, ways out included.

use super::{Claim, Page, words};
use crate::model::{Environment, Network};
use crate::net::{Endpoint, HostPattern, ListenEndpoint};
use crate::source::Located;
use std::collections::HashSet;
use std::net::IpAddr;

pub(super) fn write(page: &mut Page, net: &Network, env: &Environment) {
    outbound(page, net);
    names(page, net);
    private(page, net);
    page.claim(Claim::NetMetadata, "cannot reach a cloud metadata service by name or address");
    inbound(page, net);
    unix(page, net);
    for grant in &net.connect {
        for reason in ways_out(&grant.value, env) {
            page.way_out(Claim::NetConnect, format!("{}: {reason}", grant.value));
        }
    }
    for grant in &net.udp {
        for reason in ways_out(&grant.value, env) {
            page.way_out(Claim::NetUdp, format!("{} (UDP): {reason}", grant.value));
        }
    }
    if !net.connect.is_empty() {
        page.note(
            Claim::NetInsideConnections,
            "what goes through a granted connection is not seen: another name behind the same address can be asked for",
        );
    }
}

fn outbound(page: &mut Page, net: &Network) {
    page.claim(
        Claim::NetConnect,
        if net.connect.is_empty() {
            "cannot open outbound sockets".to_owned()
        } else {
            format!("cannot open outbound sockets except to {}", words::grants(&net.connect))
        },
    );
    page.claim(
        Claim::NetUdp,
        if net.udp.is_empty() {
            "cannot send datagrams to another host".to_owned()
        } else {
            format!("cannot send datagrams except to {}", words::grants(&net.udp))
        },
    );
}

fn names(page: &mut Page, net: &Network) {
    let mut seen = HashSet::new();
    let grants = net.connect.iter().chain(&net.udp).map(|grant| &grant.value.host);
    let by_name =
        grants.filter(|host| matches!(host, HostPattern::Name(_) | HostPattern::Suffix(_)));
    let names: Vec<String> =
        by_name.map(ToString::to_string).filter(|name| seen.insert(name.clone())).collect();
    page.claim(
        Claim::NetNames,
        if names.is_empty() {
            "cannot look up names".to_owned()
        } else {
            format!("cannot look up names except {}", words::list(names))
        },
    );
}

fn private(page: &mut Page, net: &Network) {
    let fixed = net.hosts.iter().map(|(name, address)| format!("{name} (at {})", address.value));
    let listed = net
        .private
        .iter()
        .filter(|name| !net.hosts.contains_key(&name.value))
        .map(|name| name.value.to_string());
    let names: Vec<String> = fixed.chain(listed).collect();
    let what = "cannot reach private, loopback or link-local addresses by name";
    page.claim(
        Claim::NetPrivateRanges,
        if names.is_empty() {
            what.to_owned()
        } else {
            format!("{what}, except {}", words::list(names))
        },
    );
}

fn inbound(page: &mut Page, net: &Network) {
    let place = |grant: &Located<ListenEndpoint>| {
        let grant = grant.value;
        match (grant.address.is_unspecified(), grant.port) {
            (true, 0) => format!("{} (every address, any port)", grant.address),
            (true, _) => format!("{grant} (every address)"),
            (false, 0) => format!("{} (any port)", grant.address),
            (false, _) => grant.to_string(),
        }
    };
    page.claim(
        Claim::NetListen,
        if net.listen.is_empty() {
            "is not reachable over TCP from outside".to_owned()
        } else {
            let places = words::list(net.listen.iter().map(place));
            format!("is not reachable over TCP from outside except at {places}")
        },
    );
    page.claim(
        Claim::NetListen,
        if net.udp_listen.is_empty() {
            "is not reachable over UDP from outside".to_owned()
        } else {
            let places = words::list(net.udp_listen.iter().map(place));
            format!("is not reachable over UDP from outside except at {places}")
        },
    );
}

/// Sockets of services that start processes or mounts for whoever asks.
const POWERFUL_SOCKETS: [&str; 8] = [
    "buildkitd.sock",
    "containerd.sock",
    "crio.sock",
    "docker.sock",
    "libvirt-sock",
    "podman.sock",
    "snapd.socket",
    "system_bus_socket",
];

fn unix(page: &mut Page, net: &Network) {
    page.claim(
        Claim::NetUnix,
        if net.unix.is_empty() {
            "cannot connect to unix sockets of the host".to_owned()
        } else {
            format!(
                "cannot connect to unix sockets of the host except {}",
                words::grants(&net.unix)
            )
        },
    );
    for grant in &net.unix {
        if controls_host(&grant.value) {
            let text = format!("{}: a way out, it controls the host", words::list([&grant.value]));
            page.way_out(Claim::NetUnix, text);
        }
    }
}

/// Whether this unix socket belongs to a service that starts whatever it is told to.
pub(crate) fn controls_host(path: &str) -> bool {
    POWERFUL_SOCKETS.contains(&words::base_name(path))
}

/// Ports that proxies listen on and hardly anything else does.
const PROXY_PORTS: [u16; 4] = [1080, 3128, 8118, 9050];
/// Ports of name servers: DNS and DNS over TLS.
const NAME_PORTS: [u16; 2] = [53, 853];

/// Why data leaves the boundary through this grant.
/// Why data or control can leave the boundary through a grant.
pub(crate) fn ways_out(grant: &Endpoint, env: &Environment) -> Vec<String> {
    let mut reasons = Vec::new();
    match &grant.host {
        HostPattern::Suffix(suffix) => reasons.push(format!(
            "a wildcard is a way out, each name looked up below {suffix} can carry data to its name server"
        )),
        HostPattern::Cidr(base, prefix) if is_huge(*base, *prefix) => {
            reasons.push("a way out, it covers a large part of the internet".to_owned());
        }
        _ => {}
    }
    if is_proxy(grant, env) {
        let reason = "a proxy is a way out, the service reaches what it reaches";
        reasons.push(reason.to_owned());
    }
    if NAME_PORTS.iter().any(|port| grant.ports.contains(*port)) {
        reasons.push("a name server is a way out, queries carry data anywhere".to_owned());
    }
    reasons
}

/// More than a 256th of the addresses of a family.
const fn is_huge(base: IpAddr, prefix: u8) -> bool {
    prefix < if base.is_ipv4() { 8 } else { 16 }
}

/// The environment names it as a proxy, or it is called one, or it has the port of one.
fn is_proxy(grant: &Endpoint, env: &Environment) -> bool {
    let host = grant.host.to_string();
    let labelled = matches!(&grant.host, HostPattern::Name(name)
        if name.as_str().split(['.', '-', '_']).any(|word| matches!(word, "proxy" | "socks" | "squid")));
    let ported = grant.ports.first == grant.ports.last && PROXY_PORTS.contains(&grant.ports.first);
    let configured = env.set.iter().any(|(name, value)| {
        name.to_ascii_lowercase().ends_with("_proxy")
            && !name.eq_ignore_ascii_case("no_proxy")
            && value.value.to_ascii_lowercase().contains(&format!("{host}:{}", grant.ports))
    });
    labelled || ported || configured
}
