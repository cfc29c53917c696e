//! `[net]`: where it listens, what it connects to.

use super::super::facts::Setting;
use super::super::page::{Ground, Item, Page, quote};
use super::endpoint::{self, Options};
use super::environment::{Known, Variables};
use super::{Ground as Given, accepted};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Words before `_PORT` that mean the service's own port.
const OWN: [&str; 11] = [
    "ADMIN",
    "APP",
    "HEALTH",
    "HTTP",
    "HTTPS",
    "LISTEN",
    "MANAGEMENT",
    "METRICS",
    "SERVER",
    "SERVICE",
    "WEB",
];
/// Endings of names that only a private network answers.
const PRIVATE: [&str; 9] = [
    ".cluster.local",
    ".corp",
    ".home.arpa",
    ".internal",
    ".intranet",
    ".lan",
    ".local",
    ".private",
    ".svc",
];
/// Variables whose URL is the service's own, or somebody's who visits it.
const NOT_REACHED: [&str; 12] = [
    "ALLOWED", "APP_URL", "BASE_URL", "CALLBACK", "CORS", "FRONTEND", "HOMEPAGE", "OWN_URL",
    "PUBLIC", "REDIRECT", "SELF", "SITE_URL",
];

/// The lists of the section.
#[derive(Default)]
pub(crate) struct Network {
    listen: Vec<Item>,
    connect: Vec<Item>,
    udp: Vec<Item>,
    udp_listen: Vec<Item>,
    private: Vec<Item>,
}

pub(crate) fn decide(given: &mut Given<'_>, variables: &Variables) -> Network {
    let mut network = Network::default();
    let options = Options::read(given.start.arguments());
    listen(given, variables, &options, &mut network);
    asked(given, &mut network);
    for (name, known) in &variables.known {
        from_value(name, known, given, &mut network);
    }
    samples(given, variables, &mut network);
    hosts(given, variables, &mut network);
    arguments(given, &options, &mut network);
    neighbours(given, &mut network);
    network.listen = accepted("net", "listen", network.listen, given.facts);
    network.udp_listen = accepted("net", "udp-listen", network.udp_listen, given.facts);
    network.connect = accepted("net", "connect", network.connect, given.facts);
    network.udp = accepted("net", "udp", network.udp, given.facts);
    private(&mut network);
    network.private = accepted("net", "private", network.private, given.facts);
    network
}

pub(crate) fn write(page: &mut Page, network: &Network) {
    page.section("net");
    let none = "no port is named, and a listener without a grant is reached by the service alone";
    page.list("listen", &network.listen, none);
    page.list("connect", &network.connect, "nothing names a host that it connects to");
    page.list("udp", &network.udp, "");
    page.list("udp-listen", &network.udp_listen, "");
    page.list("private", &network.private, "");
}

/// The address of this machine it shall listen at: one that is named, else loopback.
fn own_address(given: &Given<'_>, variables: &Variables, options: &Options) -> Option<IpAddr> {
    let service = service_word(given);
    let names = ["HOST", "BIND", "BIND_ADDRESS", "LISTEN_HOST", "LISTEN_ADDRESS", "SERVER_HOST"];
    let own = names.map(str::to_owned).into_iter();
    let own = own.chain([format!("{service}_HOST"), format!("{service}_HOSTNAME")]);
    let values =
        own.filter_map(|name| variables.known.get(&name)).map(|one| one.value.expose().clone());
    let argument = options.first(&["host", "address", "hostname", "bind", "addr"]);
    let all: Vec<String> = argument.into_iter().chain(values).collect();
    let address = |text: &String| {
        if text == "localhost" { Some(IpAddr::from([127, 0, 0, 1])) } else { text.parse().ok() }
    };
    all.iter().find_map(address).filter(|address: &IpAddr| !address.is_unspecified())
}

/// `orders` as `ORDERS`, for variables such as `ORDERS_PORT`.
fn service_word(given: &Given<'_>) -> String {
    let name = given.facts.names.first().map(|name| name.value.clone()).unwrap_or_default();
    let own = name.rsplit('/').next().unwrap_or_default().to_ascii_uppercase();
    let word = own.replace(['-', '.'], "_");
    // The program of a package has its own name, as in `actual-server`.
    if word.is_empty() { "SERVICE".to_owned() } else { word }
}

fn listen(given: &mut Given<'_>, variables: &Variables, options: &Options, network: &mut Network) {
    let own = own_address(given, variables, options);
    let address = own.unwrap_or_else(|| IpAddr::from([127, 0, 0, 1]));
    let at = |port: u16| match address {
        IpAddr::V4(v4) => quote(&format!("{v4}:{port}")),
        IpAddr::V6(v6) => quote(&format!("[{v6}]:{port}")),
    };
    let ground = |named: String| {
        let keeps = if own.is_some() { "" } else { "; 127.0.0.1 keeps it on this machine" };
        Ground::guess(format!("{named}{keeps}"))
    };
    let mut ports: BTreeMap<(u16, bool), Ground> = BTreeMap::new();
    for port in &given.facts.ports {
        let number = (port.value.number, port.value.udp);
        ports.entry(number).or_insert_with(|| ground(format!("{} opens this port", port.origin)));
    }
    let service = service_word(given);
    for (name, known) in &variables.known {
        let prefix = name.strip_suffix("PORT").map(|prefix| prefix.trim_end_matches('_'));
        let is_own = prefix.is_some_and(|prefix| {
            let ours =
                OWN.contains(&prefix) || prefix == service || is_local_pair(prefix, own, variables);
            prefix.is_empty() || ours
        });
        if let (true, Ok(port)) = (is_own, known.value.expose().parse::<u16>()) {
            let named = format!("{name} at {} is this port", known.origin);
            ports.entry((port, false)).or_insert_with(|| ground(named));
        }
    }
    let argument = options.first(&["port", "p"]).and_then(|port| port.parse::<u16>().ok());
    for port in argument.into_iter().chain(options.listeners()) {
        ports
            .entry((port, false))
            .or_insert_with(|| ground("an argument of the command is this port".to_owned()));
    }
    if ports.is_empty() {
        for (port, origin) in &given.seen.ports {
            ports.insert((*port, false), ground(format!("{origin} has this port")));
        }
    }
    for ((port, udp), ground) in ports.into_iter().filter(|((port, _), _)| *port > 0) {
        let list = if udp { &mut network.udp_listen } else { &mut network.listen };
        list.push(Item { toml: at(port), ground });
    }
}

/// `X_HOSTNAME` and `X_PORT` of a service that is told where to listen.
fn is_local_pair(prefix: &str, own: Option<IpAddr>, variables: &Variables) -> bool {
    let host = variables.known.get(&format!("{prefix}_HOSTNAME"));
    let address = host.and_then(|host| host.value.expose().parse::<IpAddr>().ok());
    address.is_some_and(|address| {
        address.is_unspecified() || Some(address) == own || address.is_loopback()
    })
}

/// What a command with permission flags meant by its hosts.
fn asked(given: &mut Given<'_>, network: &mut Network) {
    for command in given.facts.permissions.clone() {
        for host in command.value.permission.meant("--allow-net") {
            let ground = Ground::From(command.origin.clone(), "--allow-net".to_owned());
            match endpoint::host_and_port(host) {
                Some(endpoint) => network.connect.push(Item::text(&endpoint, ground)),
                None => given.facts.note(format!(
                    "{}: --allow-net={} names no port: write host and port into net.connect",
                    command.origin,
                    ringfence_policy::display::quoted(host)
                )),
            }
        }
    }
}

/// Hosts in the values of example files, where no other file has the variable.
fn samples(given: &mut Given<'_>, variables: &Variables, network: &mut Network) {
    for sample in std::mem::take(&mut given.facts.samples) {
        let Setting { name, value: Some(value), .. } = sample.value else { continue };
        if !variables.known.contains_key(&name) {
            let known = Known { value, origin: sample.origin, fixed: false };
            from_value(&name, &known, given, network);
        }
    }
}

/// URLs and `host:port` in the value of a variable. An environment file has another value in every
/// place, so its hosts are guesses; credentials are not copied.
fn from_value(name: &str, known: &Known, given: &mut Given<'_>, network: &mut Network) {
    let about = |word: &&str| name == *word || name.split('_').any(|part| part == *word);
    if name == "ORIGIN" || NOT_REACHED.iter().any(about) {
        return;
    }
    let found = endpoint::in_value(known.value.expose());
    for endpoint in found.endpoints {
        let ground = if known.fixed {
            Ground::From(known.origin.clone(), name.to_owned())
        } else {
            Ground::guess(format!("{name} at {} names it", known.origin))
        };
        network.connect.push(Item::text(&endpoint, ground));
    }
    if let Some(missing) = found.unknown {
        given.facts.note(format!("{}: {name}: {missing}", known.origin));
    }
}

/// `REDIS_HOST` and `REDIS_PORT`, `PGHOST` and `PGPORT`.
fn hosts(given: &mut Given<'_>, variables: &Variables, network: &mut Network) {
    let service = service_word(given);
    for (name, known) in &variables.known {
        let prefix = name.strip_suffix("HOSTNAME").or_else(|| name.strip_suffix("HOST"));
        let Some(prefix) = prefix else { continue };
        let word = prefix.trim_end_matches('_');
        let value = known.value.expose();
        if word.is_empty() || word == service || OWN.contains(&word) || value.contains([':', '/']) {
            continue;
        }
        if name.ends_with("HOSTNAME") && is_local_pair(word, None, variables) {
            continue;
        }
        let port = variables.known.get(&format!("{prefix}PORT"));
        let port = port.and_then(|port| port.value.expose().parse::<u16>().ok());
        let usual = endpoint::usual_port(word);
        match port.or(usual) {
            Some(number) => {
                let ground = if port.is_some() {
                    Ground::From(known.origin.clone(), name.clone())
                } else {
                    Ground::guess(format!(
                        "{name} at {} names the host, and this is the usual port",
                        known.origin
                    ))
                };
                let udp = ["STATSD", "DD_AGENT", "SYSLOG"].contains(&word);
                let list = if udp { &mut network.udp } else { &mut network.connect };
                list.push(Item::text(&endpoint::at(value, number), ground));
            }
            None => given.facts.note(format!(
                "{}: {name} names a host and nothing names its port: write both into net.connect",
                known.origin
            )),
        }
    }
}

/// `--redis-host` and `--redis-port`, and URLs in arguments.
fn arguments(given: &mut Given<'_>, options: &Options, network: &mut Network) {
    let origin = given.start.origin.clone();
    for (host, port) in options.pairs() {
        let ground = Ground::From(origin.clone(), "an argument of the command".to_owned());
        network.connect.push(Item::text(&endpoint::at(&host, port), ground));
    }
    for endpoint in options.urls() {
        let ground = Ground::From(origin.clone(), "an argument of the command".to_owned());
        network.connect.push(Item::text(&endpoint, ground));
    }
}

/// Services it is started after, where nothing else names them.
fn neighbours(given: &mut Given<'_>, network: &mut Network) {
    for neighbour in &given.facts.neighbours {
        let host = format!("\"{}:", neighbour.value.name);
        let known = network.connect.iter().any(|item| item.toml.starts_with(&host));
        let Some(port) = neighbour.value.port.filter(|_| !known) else { continue };
        let because = format!("{} waits for it, and it answers at this port", neighbour.origin);
        let endpoint = endpoint::at(&neighbour.value.name, port);
        network.connect.push(Item::text(&endpoint, Ground::guess(because)));
    }
}

/// Names that only a private network answers.
fn private(network: &mut Network) {
    for item in network.connect.iter().chain(&network.udp) {
        let Some((host, _)) = item.toml.trim_matches('"').rsplit_once(':') else { continue };
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        let host = host.to_ascii_lowercase();
        let inside = !host.contains('.') || PRIVATE.iter().any(|ending| host.ends_with(ending));
        if inside && !address && !host.contains(['*', '/', '[']) {
            let because = "such a name mostly has an address of a private network";
            network.private.push(Item::text(&host, Ground::guess(because)));
        }
    }
}
