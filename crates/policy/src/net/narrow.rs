//! Taking network grants back while the service runs.
//!
//! A grant that lies wholly in what is dropped goes; of one that is broader, what is dropped is cut
//! out by an entry that beats every grant. Nothing here ever widens: the decisions ask the cuts
//! after the grants. A listener on every address cannot be cut for one of them, because its socket
//! takes what comes to any.

use super::{
    Endpoint, HostName, HostPattern, ListenEndpoint, PortRange, Refusal, Target, Transport,
};
use crate::display;
use crate::model::Network;
use crate::paths;
use crate::source::Located;
use std::net::SocketAddr;

/// Most cuts into grants of one transport.
const MOST_CUTS: usize = 1024;

/// What was cut out of broader grants; it beats them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cuts {
    /// Outbound TCP.
    pub connect: Vec<Endpoint>,
    /// Outbound UDP.
    pub udp: Vec<Endpoint>,
    /// Grants that went as a whole: they decide nothing, and let refusals say what has become of
    /// them. Never more than the file has.
    pub whole: Whole,
}

/// Grants that were taken back as they stood in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Whole {
    /// Outbound traffic.
    pub outbound: Vec<(Transport, Endpoint)>,
    /// Listeners.
    pub listen: Vec<(Transport, ListenEndpoint)>,
    /// Unix sockets, absolute.
    pub unix: Vec<String>,
}

/// Why nothing can be dropped as it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NarrowError {
    /// A part of a listener on every address.
    #[error("{grant} takes connections to every address and cannot be dropped for {asked} alone")]
    PartOfListener {
        /// The grant.
        grant: String,
        /// What was asked.
        asked: SocketAddr,
    },
    /// The bound on cuts is reached.
    #[error("{MOST_CUTS} parts of grants were dropped already: drop whole grants")]
    TooMany,
}

impl Network {
    /// Takes back outbound grants: those at `target`, or all. Answers each grant or part of one
    /// that is gone now; none when nothing that was still granted matches.
    ///
    /// # Errors
    /// [`NarrowError::TooMany`]; then nothing has changed.
    pub fn drop_outbound(
        &mut self,
        transport: Transport,
        target: Option<&Target>,
    ) -> Result<Vec<String>, NarrowError> {
        let key = transport.outbound_key();
        let (grants, cuts) = match transport {
            Transport::Tcp => (&mut self.connect, &mut self.cuts.connect),
            Transport::Udp => (&mut self.udp, &mut self.cuts.udp),
        };
        let whole = &mut self.cuts.whole.outbound;
        let shown = |value: &Endpoint| format!("{key} \"{value}\"");
        let mut goes = |grant: Located<Endpoint>| {
            let shown = shown(&grant.value);
            whole.push((transport, grant.value));
            shown
        };
        let Some(target) = target else {
            return Ok(grants.drain(..).map(goes).collect());
        };
        let asked = Endpoint { host: target.host.clone(), ports: target.ports() };
        if cuts.iter().any(|cut| cut.contains(&asked)) {
            return Ok(Vec::new());
        }
        let partly = grants.iter().any(|g| g.value.overlaps(&asked) && !asked.contains(&g.value));
        if partly && cuts.len() >= MOST_CUTS {
            return Err(NarrowError::TooMany);
        }
        let inside = grants.extract_if(.., |grant| asked.contains(&grant.value));
        let mut gone: Vec<String> = inside.map(&mut goes).collect();
        if partly {
            cuts.retain(|cut| !asked.contains(cut));
            gone.push(shown(&asked));
            cuts.push(asked);
        }
        Ok(gone)
    }

    /// Takes back listeners: those at `address` (port 0: at every port of it), or all.
    ///
    /// # Errors
    /// The address is part of a listener on every address; then nothing has changed.
    pub fn drop_listen(
        &mut self,
        transport: Transport,
        address: Option<SocketAddr>,
    ) -> Result<Vec<String>, NarrowError> {
        let key = transport.listen_key();
        let grants = match transport {
            Transport::Tcp => &mut self.listen,
            Transport::Udp => &mut self.udp_listen,
        };
        let at = |grant: &ListenEndpoint, asked: SocketAddr| {
            asked.port() == grant.port || asked.port() == 0
        };
        if let Some(asked) = address
            && !asked.ip().is_unspecified()
            && let Some(any) = grants.iter().find(|g| {
                g.value.address.is_unspecified()
                    && g.value.address.is_ipv4() == asked.is_ipv4()
                    && at(&g.value, asked)
            })
        {
            let grant = format!("{key} \"{}\"", any.value);
            return Err(NarrowError::PartOfListener { grant, asked });
        }
        let meant = |grant: &mut Located<ListenEndpoint>| {
            address.is_none_or(|asked| grant.value.address == asked.ip() && at(&grant.value, asked))
        };
        let gone = grants.extract_if(.., meant).map(|grant| {
            self.cuts.whole.listen.push((transport, grant.value));
            format!("{key} \"{}\"", grant.value)
        });
        Ok(gone.collect())
    }

    /// Takes back unix sockets: the one at this absolute path, or all.
    pub fn drop_unix(&mut self, path: Option<&str>) -> Vec<String> {
        let path = path.map(paths::normal);
        let meant = |grant: &mut Located<String>| {
            path.as_ref().is_none_or(|path| paths::normal(&grant.value) == *path)
        };
        let gone = self.unix.extract_if(.., meant).map(|grant| {
            self.cuts.whole.unix.push(paths::normal(&grant.value));
            format!("net.unix \"{}\"", display::quoted(&grant.value))
        });
        gone.collect()
    }

    /// Is all of `target` granted? Without ports: is any port of its host?
    ///
    /// # Errors
    /// No grant holds all of it, or a part of it was dropped.
    pub fn covers(&self, transport: Transport, target: &Target) -> Result<(), Refusal> {
        if let Some(ports) = target.ports
            && ports.first == ports.last
        {
            match &target.host {
                HostPattern::Name(name) => {
                    return self.connect_name(transport, name, ports.first).map(drop);
                }
                HostPattern::Address(address) => {
                    let to = SocketAddr::new(*address, ports.first);
                    return self.connect_address(transport, to).map(drop);
                }
                HostPattern::Cidr(..) | HostPattern::Suffix(_) => {}
            }
        }
        let (grants, cuts) = match transport {
            Transport::Tcp => (&self.connect, &self.cuts.connect),
            Transport::Udp => (&self.udp, &self.cuts.udp),
        };
        let holding = grants.iter().filter(|grant| grant.value.host.contains(&target.host));
        let granted = match target.ports {
            None => holding.clone().any(|g| has_left(g.value.ports, &target.host, cuts)),
            Some(ports) => {
                let asked = Endpoint { host: target.host.clone(), ports };
                holding.clone().any(|grant| grant.value.contains(&asked))
                    && !cuts.iter().any(|cut| cut.overlaps(&asked))
            }
        };
        if granted {
            return Ok(());
        }
        let meant = |gone: &&Endpoint| match target.ports {
            None => gone.host.contains(&target.host),
            Some(ports) => gone.contains(&Endpoint { host: target.host.clone(), ports }),
        };
        if let Some(gone) = self.dropped(transport).find(meant) {
            return Err(Refusal::dropped(gone));
        }
        let key = transport.outbound_key();
        let reason = format!("no grant in {key} holds {target}");
        Err(match target.ports {
            None => Refusal::never(format!("{reason}; it is granted with the port")),
            Some(_) => Refusal::missing(reason, key, &target.to_string()),
        })
    }

    /// Parts of grants, and grants, that were taken back.
    fn dropped(&self, transport: Transport) -> impl Iterator<Item = &Endpoint> {
        let cuts = match transport {
            Transport::Tcp => &self.cuts.connect,
            Transport::Udp => &self.cuts.udp,
        };
        let whole = self.cuts.whole.outbound.iter().filter(move |(of, _)| *of == transport);
        cuts.iter().chain(whole.map(|(_, gone)| gone))
    }

    /// Why a name may not be looked up: what granted it was taken back, or nothing ever did.
    #[must_use]
    pub fn unnamed(&self, name: &HostName) -> Refusal {
        let mut dropped = self.dropped(Transport::Tcp).chain(self.dropped(Transport::Udp));
        if let Some(gone) = dropped.find(|gone| gone.host.covers_name(name)) {
            return Refusal::dropped(gone);
        }
        let reason = format!("no grant names {name}");
        if name.is_metadata() {
            return Refusal::never(reason);
        }
        // A lookup does not tell the port, so there is no line that could be pasted.
        Refusal::never(format!("{reason}; it is granted with the port"))
    }

    /// The refusal of a name that was granted at this port once and dropped.
    #[must_use]
    pub fn name_dropped(
        &self,
        transport: Transport,
        name: &HostName,
        port: u16,
    ) -> Option<Refusal> {
        self.was_cut(transport, port, |host| host.covers_name(name))
    }

    /// The refusal of a connection that was granted once and dropped.
    #[must_use]
    pub fn address_dropped(&self, transport: Transport, to: SocketAddr) -> Option<Refusal> {
        self.was_cut(transport, to.port(), |host| host.covers_address(to.ip()))
    }

    /// The refusal of a listener that was granted once, at this address and port, and dropped.
    #[must_use]
    pub fn listen_dropped(&self, transport: Transport, asked: SocketAddr) -> Option<Refusal> {
        let at = |grant: &ListenEndpoint| {
            let any = grant.address.is_unspecified() || asked.ip().is_unspecified();
            grant.port == asked.port() && (any || grant.address == asked.ip())
        };
        let mut whole = self.cuts.whole.listen.iter();
        let (_, gone) = whole.find(|(of, grant)| *of == transport && at(grant))?;
        Some(Refusal::dropped(gone))
    }

    /// The ports at which a name is granted, without what was dropped.
    #[must_use]
    pub fn open_ports(&self, transport: Transport, name: &HostName) -> Vec<PortRange> {
        let (grants, cuts) = match transport {
            Transport::Tcp => (&self.connect, &self.cuts.connect),
            Transport::Udp => (&self.udp, &self.cuts.udp),
        };
        let granted = grants.iter().filter(|grant| grant.value.host.covers_name(name));
        let mut open: Vec<PortRange> = granted.map(|grant| grant.value.ports).collect();
        for cut in cuts.iter().filter(|cut| cut.host.covers_name(name)) {
            open = open.into_iter().flat_map(|range| without(range, cut.ports)).flatten().collect();
        }
        open
    }

    /// The refusal of what was granted once and dropped.
    pub(super) fn was_cut(
        &self,
        transport: Transport,
        port: u16,
        covers: impl Fn(&HostPattern) -> bool,
    ) -> Option<Refusal> {
        let mut dropped = self.dropped(transport);
        let gone = dropped.find(|gone| gone.ports.contains(port) && covers(&gone.host))?;
        Some(Refusal::dropped(gone))
    }

    /// Whether a grant leaves any port of a name.
    pub(super) fn leaves(
        &self,
        grant: &Endpoint,
        host: &HostPattern,
        transport: Transport,
    ) -> bool {
        let cuts = match transport {
            Transport::Tcp => &self.cuts.connect,
            Transport::Udp => &self.cuts.udp,
        };
        has_left(grant.ports, host, cuts)
    }
}

/// What is left of a range below and above another.
fn without(range: PortRange, cut: PortRange) -> [Option<PortRange>; 2] {
    if range.last < cut.first || cut.last < range.first {
        return [Some(range), None];
    }
    let below = (range.first < cut.first).then(|| PortRange { last: cut.first - 1, ..range });
    let above = (cut.last < range.last).then(|| PortRange { first: cut.last + 1, ..range });
    [below, above]
}

/// Whether cuts that hold all of `host` leave any of these ports.
fn has_left(ports: PortRange, host: &HostPattern, cuts: &[Endpoint]) -> bool {
    let mut port = ports.first;
    while let Some(cut) =
        cuts.iter().find(|cut| cut.ports.contains(port) && cut.host.contains(host))
    {
        match cut.ports.last.checked_add(1) {
            Some(next) if next <= ports.last => port = next,
            _ => return false,
        }
    }
    true
}

impl Endpoint {
    /// Whether every host and port of `other` is in this one.
    fn contains(&self, other: &Self) -> bool {
        self.host.contains(&other.host)
            && self.ports.first <= other.ports.first
            && other.ports.last <= self.ports.last
    }

    /// Whether any host and port is in both.
    fn overlaps(&self, other: &Self) -> bool {
        // Suffixes and ranges of addresses lie in each other or apart.
        (self.host.contains(&other.host) || other.host.contains(&self.host))
            && self.ports.first <= other.ports.last
            && other.ports.first <= self.ports.last
    }
}

impl HostPattern {
    /// Whether every host of `other` is one of this pattern.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Name(name)) => self.covers_name(name),
            (_, Self::Address(address)) => self.covers_address(*address),
            (Self::Suffix(own), Self::Suffix(other)) => own == other || other.is_below(own),
            (Self::Cidr(_, own), Self::Cidr(base, prefix)) => {
                own <= prefix && self.covers_address(*base)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::tests::network;

    const FILE: &str = r#"
        connect = ["*.internal:443", "api.internal:8000-8010", "10.1.0.0/16:5432", "other.test:80"]
        listen = ["127.0.0.1:8080", "0.0.0.0:9090"]
        udp = ["10.1.0.0/16:53"]
        unix = ["/run/a.sock", "/run/b.sock"]
    "#;

    fn target(text: &str) -> Target {
        Target::parse(text).unwrap()
    }

    fn name(text: &str) -> HostName {
        HostName::parse(text).unwrap()
    }

    fn reaches(network: &Network, host: &str, port: u16) -> bool {
        network.connect_name(Transport::Tcp, &name(host), port).is_ok()
    }

    #[test]
    fn a_dropped_grant_is_gone_and_the_others_stay() {
        let mut network = network(FILE);
        let gone = network.drop_outbound(Transport::Tcp, Some(&target("other.test:80"))).unwrap();
        assert_eq!(gone, ["net.connect \"other.test:80\""]);
        assert!(!reaches(&network, "other.test", 80));
        assert!(!network.may_resolve(&name("other.test")));
        assert!(reaches(&network, "api.internal", 443));
        let again = network.drop_outbound(Transport::Tcp, Some(&target("other.test:80"))).unwrap();
        assert!(again.is_empty());
        for (text, said) in [
            ("other.test:80", "other.test:80 was dropped while the service ran"),
            ("other.test", "other.test:80 was dropped while the service ran"),
            ("other.test:81", "no grant in net.connect names other.test"),
        ] {
            let refusal = network.covers(Transport::Tcp, &target(text)).unwrap_err();
            assert_eq!(refusal.reason, said, "{text}");
            assert_eq!(refusal.missing_grant.is_none(), said.contains("dropped"), "{text}");
        }
        let refusal = network.unnamed(&name("other.test"));
        assert_eq!(refusal.reason, "other.test:80 was dropped while the service ran");
        let refusal = network.unnamed(&name("never.test"));
        assert_eq!(refusal.reason, "no grant names never.test; it is granted with the port");
        assert_eq!(refusal.missing_grant, None, "a placeholder is no line to paste");
        let all = network.drop_outbound(Transport::Tcp, None).unwrap();
        assert_eq!(all.len(), 3);
        assert!(network.connect_address(Transport::Udp, "10.1.0.1:53".parse().unwrap()).is_ok());
    }

    #[test]
    fn what_is_narrower_than_a_grant_is_cut_out_of_it() {
        let mut network = network(FILE);
        let gone = network.drop_outbound(Transport::Tcp, Some(&target("api.internal:443")));
        assert_eq!(gone.unwrap(), ["net.connect \"api.internal:443\""]);
        assert!(!reaches(&network, "api.internal", 443));
        assert!(reaches(&network, "b.internal", 443) && reaches(&network, "api.internal", 8000));
        assert!(network.may_resolve(&name("api.internal")));
        let refusal = network.connect_name(Transport::Tcp, &name("api.internal"), 443).unwrap_err();
        assert_eq!(refusal.reason, "api.internal:443 was dropped while the service ran");
        assert_eq!(refusal.missing_grant, None);
        assert!(
            network
                .drop_outbound(Transport::Tcp, Some(&target("api.internal:443")))
                .unwrap()
                .is_empty()
        );
        network.drop_outbound(Transport::Tcp, Some(&target("api.internal"))).unwrap();
        assert!(!reaches(&network, "api.internal", 8000));
        assert!(!network.may_resolve(&name("api.internal")));
        let one = Some(target("10.1.2.3:5432"));
        network.drop_outbound(Transport::Tcp, one.as_ref()).unwrap();
        let to =
            |text: &str| network.connect_address(Transport::Tcp, text.parse().unwrap()).is_ok();
        assert!(!to("10.1.2.3:5432") && to("10.1.2.4:5432"));
    }

    #[test]
    fn a_drop_of_many_hosts_takes_every_grant_in_it() {
        let mut network = network(FILE);
        let gone = network.drop_outbound(Transport::Tcp, Some(&target("*.internal"))).unwrap();
        assert_eq!(
            gone,
            ["net.connect \"*.internal:443\"", "net.connect \"api.internal:8000-8010\""]
        );
        let none = network.drop_outbound(Transport::Tcp, Some(&target("*.deep.test:1"))).unwrap();
        assert!(none.is_empty());
    }

    #[test]
    fn questions_about_many_hosts_are_true_only_of_all() {
        let mut network = network(FILE);
        let covers =
            |network: &Network, text| network.covers(Transport::Tcp, &target(text)).is_ok();
        for (text, all) in [
            ("*.internal:443", true),
            ("*.deep.internal:443", true),
            ("*.test:80", false),
            ("api.internal", true),
            ("other.test", true),
            ("absent.test", false),
            ("api.internal:8000-8010", true),
            ("api.internal:8000-8011", false),
            ("10.1.0.0/16:5432", true),
            ("10.0.0.0/8:5432", false),
            ("10.1.4.0/24", true),
        ] {
            assert_eq!(covers(&network, text), all, "{text}");
        }
        network.drop_outbound(Transport::Tcp, Some(&target("api.internal:443"))).unwrap();
        assert!(!covers(&network, "*.internal:443") && covers(&network, "*.deep.internal:443"));
        assert!(covers(&network, "api.internal"));
        network.drop_outbound(Transport::Tcp, Some(&target("api.internal:8000-8010"))).unwrap();
        assert!(!covers(&network, "api.internal"));
    }

    #[test]
    fn the_ports_of_a_name_are_those_that_no_cut_takes() {
        let mut network = network(FILE);
        let ports = |network: &Network| {
            let open = network.open_ports(Transport::Tcp, &name("api.internal"));
            open.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ports(&network), "443 8000-8010");
        for (dropped, left) in [
            ("api.internal:8003-8004", "443 8000-8002 8005-8010"),
            ("api.internal:1-8000", "8001-8002 8005-8010"),
            ("api.internal:8010", "8001-8002 8005-8009"),
            ("*.internal", ""),
        ] {
            network.drop_outbound(Transport::Tcp, Some(&target(dropped))).unwrap();
            assert_eq!(ports(&network), left, "{dropped}");
        }
    }

    #[test]
    fn listeners_and_unix_sockets_are_dropped_whole() {
        let mut network = network(FILE);
        let at = |text: &str| Some(text.parse().unwrap());
        let part = network.drop_listen(Transport::Tcp, at("127.0.0.1:9090")).unwrap_err();
        assert_eq!(
            part.to_string(),
            "net.listen \"0.0.0.0:9090\" takes connections to every address and cannot be dropped for 127.0.0.1:9090 alone"
        );
        let gone = network.drop_listen(Transport::Tcp, at("127.0.0.1:8080")).unwrap();
        assert_eq!(gone, ["net.listen \"127.0.0.1:8080\""]);
        let refusal = network.listen_dropped(Transport::Tcp, "0.0.0.0:8080".parse().unwrap());
        let said = "127.0.0.1:8080 was dropped while the service ran";
        assert_eq!(refusal.map(|refusal| refusal.reason).as_deref(), Some(said));
        assert_eq!(network.listen_dropped(Transport::Tcp, "0.0.0.0:9090".parse().unwrap()), None);
        assert!(network.drop_listen(Transport::Tcp, at("127.0.0.1:8080")).unwrap().is_empty());
        assert_eq!(network.drop_listen(Transport::Tcp, None).unwrap().len(), 1);
        assert_eq!(network.drop_unix(Some("/run//a.sock")), ["net.unix \"/run/a.sock\""]);
        let refusal = network.may_connect_unix("/run/./a.sock").unwrap_err();
        assert_eq!(refusal, Refusal::dropped("/run/./a.sock"));
        assert_eq!(network.drop_unix(None).len(), 1);
    }

    #[test]
    fn the_number_of_cuts_has_a_bound_and_nothing_changes_beyond_it() {
        let mut network = network(r#"connect = ["*.internal:443"]"#);
        for number in 0..MOST_CUTS {
            let one = target(&format!("n{number}.internal:443"));
            assert_eq!(network.drop_outbound(Transport::Tcp, Some(&one)).unwrap().len(), 1);
        }
        let before = network.cuts.clone();
        let more = network.drop_outbound(Transport::Tcp, Some(&target("more.internal:443")));
        assert_eq!(more, Err(NarrowError::TooMany));
        assert_eq!(network.cuts, before);
        // The whole grant can still go.
        assert_eq!(
            network.drop_outbound(Transport::Tcp, Some(&target("*.internal"))).unwrap().len(),
            1
        );
    }
}
