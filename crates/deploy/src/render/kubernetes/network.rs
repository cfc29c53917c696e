//! Who may be talked to: the Service for the listeners and the NetworkPolicy, both ways.
//!
//! A NetworkPolicy knows addresses and ports, no names: for a name its ports are opened to every
//! address that the name may resolve to, without metadata services, and the notes say so. Cluster
//! networks that do not implement NetworkPolicy enforce none of it.

use super::entry::only_loopback;
use super::{labels, metadata};
use crate::render::{Note, Order};
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use ringfence_policy::net::{Endpoint, HostName, HostPattern, PortRange};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Never reached through a wide range: metadata and link-local addresses.
const NEVER_V4: [&str; 4] =
    ["169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"];
const NEVER_V6: [&str; 5] =
    ["fe80::/10", "fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128", "fd00:42::42/128"];
/// Not reached through a name that is not in `net.private`.
const PRIVATE_V4: [&str; 4] = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"];
const PRIVATE_V6: [&str; 1] = ["fc00::/7"];

/// A port that the pod opens to others.
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) number: u16,
    pub(crate) protocol: &'static str,
    /// On loopback in the boundary: opened to the namespace alone.
    loopback: bool,
}

/// The listeners that others reach. One on loopback beside others stays inside of the pod; where all
/// are on loopback they are opened to the namespace, because nothing else would reach the service.
pub(crate) fn ports(order: &Order<'_>) -> Vec<Port> {
    let net = &order.boundary.net;
    let outward = only_loopback(order);
    let mut ports: Vec<Port> = Vec::new();
    for (listeners, protocol) in [(&net.listen, "TCP"), (&net.udp_listen, "UDP")] {
        for listener in listeners {
            let (address, number) = (listener.value.address, listener.value.port);
            let known = ports.iter().any(|port| (port.number, port.protocol) == (number, protocol));
            if number == 0 || known || address.is_loopback() && !outward {
                continue;
            }
            let name = format!("{}-{number}", protocol.to_lowercase());
            ports.push(Port { name, number, protocol, loopback: address.is_loopback() });
        }
    }
    ports
}

pub(super) fn service(order: &Order<'_>) -> Option<Service> {
    let ports: Vec<ServicePort> = ports(order)
        .into_iter()
        .map(|port| ServicePort {
            port: port.number.into(),
            target_port: Some(IntOrString::String(port.name.clone())),
            name: Some(port.name),
            protocol: Some(port.protocol.to_owned()),
            ..ServicePort::default()
        })
        .collect();
    if ports.is_empty() {
        return None;
    }
    Some(Service {
        metadata: metadata(order),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".to_owned()),
            selector: Some(labels(order)),
            ports: Some(ports),
            ..ServiceSpec::default()
        }),
        status: None,
    })
}

pub(super) fn policy(order: &Order<'_>, notes: &mut Vec<Note>) -> NetworkPolicy {
    NetworkPolicy {
        metadata: metadata(order),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some(labels(order)),
                ..LabelSelector::default()
            }),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: Some(ingress(order, notes)),
            egress: Some(egress(order, notes)),
        }),
    }
}

fn ingress(order: &Order<'_>, notes: &mut Vec<Note>) -> Vec<NetworkPolicyIngressRule> {
    let net = &order.boundary.net;
    let opened = ports(order);
    for listener in net.listen.iter().chain(&net.udp_listen) {
        let (address, number) = (listener.value.address, listener.value.port);
        let carried = if number == 0 {
            "an ephemeral port stays inside of the pod".to_owned()
        } else if !address.is_loopback() {
            continue;
        } else if opened.iter().any(|port| port.number == number) {
            format!(
                "nothing outside of a pod reaches its loopback address: port {number} is opened to the pods of the \
                 namespace {} and to no others; an ingress controller needs a rule of its own",
                order.name()
            )
        } else {
            "stays inside of the pod".to_owned()
        };
        notes.push(Note { grant: format!("net.listen \"{}\"", listener.value), carried });
    }
    let rule = |loopback: bool| {
        let ports: Vec<NetworkPolicyPort> = opened
            .iter()
            .filter(|port| port.loopback == loopback)
            .map(|port| network_port(port.protocol, port.number, port.number))
            .collect();
        let from = loopback.then(|| {
            vec![NetworkPolicyPeer {
                pod_selector: Some(LabelSelector::default()),
                ..NetworkPolicyPeer::default()
            }]
        });
        (!ports.is_empty()).then_some(NetworkPolicyIngressRule { from, ports: Some(ports) })
    };
    [rule(false), rule(true)].into_iter().flatten().collect()
}

fn egress(order: &Order<'_>, notes: &mut Vec<Note>) -> Vec<NetworkPolicyEgressRule> {
    let net = &order.boundary.net;
    let mut rules: Vec<NetworkPolicyEgressRule> = Vec::new();
    let mut named = false;
    for (grants, protocol, key) in
        [(&net.connect, "TCP", "net.connect"), (&net.udp, "UDP", "net.udp")]
    {
        for grant in grants {
            let grant = &grant.value;
            let is_name = matches!(grant.host, HostPattern::Name(_) | HostPattern::Suffix(_));
            named |= is_name;
            let to = peers(order, grant);
            if let Some(carried) = carried(order, grant, to.is_empty()) {
                notes.push(Note { grant: format!("{key} \"{grant}\""), carried });
            }
            if to.is_empty() {
                continue;
            }
            let PortRange { first, last } = grant.ports;
            let port = network_port(protocol, first, last);
            match rules.iter_mut().find(|rule| rule.to.as_ref() == Some(&to)) {
                Some(rule) => rule.ports.get_or_insert_default().push(port),
                None => {
                    rules.push(NetworkPolicyEgressRule { ports: Some(vec![port]), to: Some(to) });
                }
            }
        }
    }
    for rule in &mut rules {
        if let Some(ports) = &mut rule.ports {
            let mut seen = Vec::new();
            ports.retain(|port| {
                !seen.contains(port) && {
                    seen.push(port.clone());
                    true
                }
            });
        }
    }
    if named {
        rules.insert(0, resolver());
    }
    rules
}

/// The cluster's own resolver, by the labels that every distribution gives it.
fn resolver() -> NetworkPolicyEgressRule {
    let selector = |key: &str, value: &str| LabelSelector {
        match_labels: Some(BTreeMap::from([(key.to_owned(), value.to_owned())])),
        ..LabelSelector::default()
    };
    NetworkPolicyEgressRule {
        ports: Some(vec![network_port("UDP", 53, 53), network_port("TCP", 53, 53)]),
        to: Some(vec![NetworkPolicyPeer {
            namespace_selector: Some(selector("kubernetes.io/metadata.name", "kube-system")),
            pod_selector: Some(selector("k8s-app", "kube-dns")),
            ip_block: None,
        }]),
    }
}

fn network_port(protocol: &str, first: u16, last: u16) -> NetworkPolicyPort {
    NetworkPolicyPort {
        protocol: Some(protocol.to_owned()),
        port: Some(IntOrString::Int(first.into())),
        end_port: (last > first).then(|| last.into()),
    }
}

/// Where a grant leads, as far as a NetworkPolicy can say; nowhere for the pod's own loopback.
fn peers(order: &Order<'_>, grant: &Endpoint) -> Vec<NetworkPolicyPeer> {
    let whole = |address: IpAddr| {
        let length = if address.is_ipv4() { 32 } else { 128 };
        vec![block(format!("{address}/{length}"), Vec::new())]
    };
    match &grant.host {
        HostPattern::Address(address) if address.is_loopback() => Vec::new(),
        HostPattern::Address(address) => whole(*address),
        HostPattern::Cidr(base, length) => {
            let cidr = format!("{base}/{length}");
            let never: &[&str] = if base.is_ipv4() { &NEVER_V4 } else { &NEVER_V6 };
            let within = never
                .iter()
                .filter(|range| contains(&cidr, range))
                .map(|range| (*range).to_owned());
            let except = within.collect();
            vec![block(cidr, except)]
        }
        HostPattern::Name(name) | HostPattern::Suffix(name) => {
            let fixed = order.boundary.net.hosts.get(name).map(|address| address.value);
            match fixed.filter(|address| !address.is_loopback()) {
                Some(address) if matches!(grant.host, HostPattern::Name(_)) => whole(address),
                _ => anywhere(is_private(order, name)),
            }
        }
    }
}

fn is_private(order: &Order<'_>, name: &HostName) -> bool {
    order.boundary.net.private.iter().any(|known| known.value == *name)
}

fn anywhere(private: bool) -> Vec<NetworkPolicyPeer> {
    let of = |cidr: &str, never: &[&str], private_ranges: &[&str]| {
        let ranges = never.iter().chain(private_ranges.iter().filter(|_| !private));
        // An exception within another one says nothing.
        let mut except: Vec<String> = Vec::new();
        for range in ranges.clone() {
            let covered = ranges.clone().any(|other| other != range && contains(other, range));
            if !covered {
                except.push((*range).to_owned());
            }
        }
        block(cidr.to_owned(), except)
    };
    vec![of("0.0.0.0/0", &NEVER_V4, &PRIVATE_V4), of("::/0", &NEVER_V6, &PRIVATE_V6)]
}

fn block(cidr: String, except: Vec<String>) -> NetworkPolicyPeer {
    NetworkPolicyPeer {
        ip_block: Some(IPBlock { cidr, except: (!except.is_empty()).then_some(except) }),
        ..NetworkPolicyPeer::default()
    }
}

/// Whether every address of `inner` is one of `outer`. What is no range contains nothing.
pub(crate) fn contains(outer: &str, inner: &str) -> bool {
    let parse = |cidr: &str| {
        let (address, length) = cidr.split_once('/')?;
        let address: IpAddr = address.parse().ok()?;
        let length: u32 = length.parse().ok()?;
        let (bits, width) = match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        (length <= width).then_some((bits, length, width))
    };
    let (Some(outer), Some(inner)) = (parse(outer), parse(inner)) else { return false };
    let mask = |bits: u128, length: u32| if length == 0 { 0 } else { bits >> (128 - length) };
    outer.2 == inner.2 && outer.1 <= inner.1 && mask(outer.0, outer.1) == mask(inner.0, outer.1)
}

/// What a NetworkPolicy makes of a grant beyond what it says.
fn carried(order: &Order<'_>, grant: &Endpoint, inside: bool) -> Option<String> {
    if inside {
        return Some(
            "the pod's own loopback address: what listens there must be in the pod".to_owned(),
        );
    }
    let name = match &grant.host {
        HostPattern::Address(_) | HostPattern::Cidr(..) => return None,
        HostPattern::Name(name) | HostPattern::Suffix(name) => name,
    };
    let fixed =
        order.boundary.net.hosts.get(name).is_some_and(|address| !address.value.is_loopback());
    if fixed && matches!(grant.host, HostPattern::Name(_)) {
        return None;
    }
    let reached = if is_private(order, name) {
        "every address but metadata services".to_owned()
    } else {
        format!(
            "every public address (for a service of the cluster put \"{}\" into net.private)",
            name.as_str()
        )
    };
    Some(format!(
        "a NetworkPolicy knows no names: port {} is opened to {reached}; the broker of `--entry ringfence` holds the \
         name, and an egress proxy or a policy of the cluster's network by names can",
        grant.ports
    ))
}

/// The NetworkPolicy as a value, for comparing.
pub(crate) fn wanted_policy(
    order: &Order<'_>,
) -> Result<serde_json::Value, crate::render::RenderError> {
    super::object(&policy(order, &mut Vec::new()))
}
