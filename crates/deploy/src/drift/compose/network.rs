//! What reaches the container and what it reaches.

use super::{Judge, Said, items};
use ringfence_policy::net::ListenEndpoint;
use ringfence_policy::source::Located;
use ringfence_project::yaml::Node;
use std::net::IpAddr;

/// A published port, however it is written.
struct Published {
    address: Option<IpAddr>,
    port: String,
    target: String,
    protocol: String,
}

impl Judge<'_> {
    pub(super) fn network(&mut self) {
        let net = &self.order.boundary.net;
        let nothing = net.connect.is_empty()
            && net.udp.is_empty()
            && net.listen.is_empty()
            && net.udp_listen.is_empty();
        self.must_not(
            "host-network",
            "network_mode",
            "every address of the host is open to the service, its loopback too",
            |node| {
                let shown = node.shown();
                shown == "host" || shown.starts_with("container:") || shown.starts_with("service:")
            },
        );
        if nothing {
            let why = "the boundary grants no network at all, and this container has one";
            self.must("open-network", "network_mode", "none", why, |node| {
                // What is said above is not said twice.
                let shown = node.shown();
                shown == "none" || shown == "host" || shown.contains(':')
            });
        } else if net.connect.is_empty() && net.udp.is_empty() {
            self.inward();
        }
        self.ports();
    }

    /// Nothing may be reached: the network has to be one without a way out.
    fn inward(&mut self) {
        self.compared();
        if self.service.get("network_mode").is_some_and(|mode| mode.shown() == "none") {
            return;
        }
        let names: Vec<String> = match self.service.get("networks") {
            Some(node) => match node.as_map() {
                Some(entries) => entries.iter().map(|entry| entry.key.clone()).collect(),
                None => items(node).into_iter().map(Node::shown).collect(),
            },
            None if self.inherits => return,
            None => vec!["default".to_owned()],
        };
        for name in names {
            let network = self.root.path(["networks", name.as_str()]);
            let internal = network
                .and_then(|network| network.get("internal"))
                .and_then(Node::as_bool)
                .unwrap_or_default();
            let masquerade = network.and_then(|network| {
                network.path(["driver_opts", "com.docker.network.bridge.enable_ip_masquerade"])
            });
            if internal || masquerade.is_some_and(|off| off.shown() == "false") {
                continue;
            }
            let said = Said {
                wanted: "enable_ip_masquerade: \"false\", or internal: true",
                found: &name,
                why: "the boundary grants no connection to anywhere, and this network has a way out",
            };
            let line = network.map(Node::line);
            self.weaker("open-network", &format!("networks {name}"), line, said);
        }
    }

    fn ports(&mut self) {
        let Some(node) = self.value("ports") else { return };
        for one in items(node) {
            if one.is_template() {
                self.undecided(one.line(), &format!("port {} is filled in later", one.shown()));
                continue;
            }
            self.compared();
            let Some(published) = read(one) else {
                self.undecided(one.line(), &format!("port {} is not understood", one.shown()));
                continue;
            };
            self.port(&published, one);
        }
    }

    fn port(&mut self, published: &Published, node: &Node) {
        let net = &self.order.boundary.net;
        let grants = if published.protocol == "udp" { &net.udp_listen } else { &net.listen };
        let of_port = |port: &str| -> Vec<&Located<ListenEndpoint>> {
            grants.iter().filter(|grant| grant.value.port.to_string() == port).collect()
        };
        let granted = of_port(&published.target);
        let shown = if node.as_map().is_some() {
            format!("{}:{}", published.port, published.target)
        } else {
            node.shown()
        };
        if granted.is_empty() {
            let said = Said {
                wanted: "a port of net.listen",
                found: &shown,
                why: "others reach a port that the boundary does not open",
            };
            self.weaker("extra-port", "ports", Some(node.line()), said);
            return;
        }
        let address = published.address;
        let wide = granted.iter().all(|grant| match address {
            _ if grant.value.address.is_unspecified() => false,
            None => true,
            Some(address) => address != grant.value.address && !address.is_loopback(),
        });
        if wide {
            let wanted: Vec<String> = granted.iter().map(|grant| grant.value.to_string()).collect();
            let said = Said {
                wanted: &wanted.join(", "),
                found: &shown,
                why: "it is reached at more addresses than the boundary listens at",
            };
            self.weaker("wider-port", "ports", Some(node.line()), said);
        }
    }
}

fn read(node: &Node) -> Option<Published> {
    if node.as_map().is_some() {
        let text = |key: &str| node.get(key).map(Node::shown);
        return Some(Published {
            address: text("host_ip").and_then(|ip| ip.parse().ok()),
            port: text("published").unwrap_or_default(),
            target: text("target")?,
            protocol: text("protocol").unwrap_or_else(|| "tcp".to_owned()),
        });
    }
    let text = node.shown();
    let (text, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
    let (rest, target) = match text.rsplit_once(':') {
        Some((rest, target)) => (Some(rest), target),
        None => (None, text),
    };
    let (address, port) = match rest.map(|rest| rest.rsplit_once(':').unwrap_or(("", rest))) {
        Some((address, port)) => {
            let address = address.trim_start_matches('[').trim_end_matches(']');
            (if address.is_empty() { None } else { Some(address.parse().ok()?) }, port)
        }
        None => (None, ""),
    };
    Some(Published {
        address,
        port: port.to_owned(),
        target: target.to_owned(),
        protocol: protocol.to_owned(),
    })
}
