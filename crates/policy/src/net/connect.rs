//! Decisions about names and outbound traffic.

use super::{Endpoint, HostFacts, HostName, HostPattern, PortRange, Refusal, Transport};
use crate::address::{self, Class};
use crate::model::Network;
use crate::source::Located;
use std::net::{IpAddr, SocketAddr};

impl Network {
    /// May this name be looked up at all? True when any connect or udp grant names it.
    #[must_use]
    pub fn may_resolve(&self, name: &HostName) -> bool {
        let host = HostPattern::Name(name.clone());
        [Transport::Tcp, Transport::Udp].into_iter().any(|transport| {
            let mut named = self.outbound(transport).iter();
            named.any(|g| g.value.host.covers_name(name) && self.leaves(&g.value, &host, transport))
        })
    }

    /// May `name`, having resolved to `address`, be used at that address?
    ///
    /// A name that `net.hosts` fixes is accepted at that address only.
    ///
    /// # Errors
    /// Names without a grant and metadata addresses always; every address that is not public, and
    /// the host's own addresses, unless `net.private` lists the name or `net.hosts` fixes the address.
    pub fn accept_answer(
        &self,
        name: &HostName,
        address: IpAddr,
        host: &HostFacts,
    ) -> Result<(), Refusal> {
        if !self.may_resolve(name) {
            return Err(self.unnamed(name));
        }
        let address = address::fold(address);
        let class = Class::of(address);
        if class == Class::Metadata {
            return Err(never_metadata(&format!("{name} resolves to {address}, which")));
        }
        if let Some(fixed) = self.hosts.get(name) {
            return if address::fold(fixed.value) == address {
                Ok(())
            } else {
                let fixed = fixed.value;
                Err(Refusal::never(format!("net.hosts fixes {name} at {fixed}, not {address}")))
            };
        }
        let kind = if is_own(address, host) {
            "an address of this host"
        } else if class == Class::Public {
            return Ok(());
        } else {
            class.words()
        };
        if self.private.iter().any(|private| private.value == *name) {
            return Ok(());
        }
        let reason = format!("{name} resolves to {address}, which is {kind}");
        Err(Refusal::missing(reason, "net.private", name.as_str()))
    }

    /// May the service connect to `port` of `name`?
    ///
    /// # Errors
    /// No grant names it at that port.
    pub fn connect_name(
        &self,
        transport: Transport,
        name: &HostName,
        port: u16,
    ) -> Result<&Located<Endpoint>, Refusal> {
        let grants = self.outbound(transport);
        let named = |grant: &&Located<Endpoint>| grant.value.host.covers_name(name);
        let exact = |grant: &&Located<Endpoint>| matches!(grant.value.host, HostPattern::Name(_));
        let open = |grant: &&Located<Endpoint>| grant.value.ports.contains(port);
        let fitting = || grants.iter().filter(named).filter(open);
        if let Some(grant) = fitting().find(exact).or_else(|| fitting().next()) {
            let cut = self.was_cut(transport, port, |host| host.covers_name(name));
            return cut.map_or(Ok(grant), Err);
        }
        if let Some(refusal) = self.was_cut(transport, port, |host| host.covers_name(name)) {
            return Err(refusal);
        }
        let key = transport.outbound_key();
        let reason = match ports_of(grants.iter().filter(named)) {
            Some(ports) => format!("{name} is granted at port {ports}, not {port}"),
            None => format!("no grant in {key} names {name}"),
        };
        if port == 0 || name.is_metadata() || name.is_localhost() {
            return Err(Refusal::never(reason));
        }
        Err(Refusal::missing(reason, key, &format!("{name}:{port}")))
    }

    /// May the service connect to a literal address? IPv4-mapped IPv6 is folded to IPv4 first, and
    /// the unspecified address is loopback, as it is for the kernel.
    ///
    /// # Errors
    /// No address or CIDR grant covers it, or it is a metadata address.
    pub fn connect_address(
        &self,
        transport: Transport,
        to: SocketAddr,
    ) -> Result<&Located<Endpoint>, Refusal> {
        let address = address::destination(to.ip());
        if address::is_metadata(address) {
            return Err(never_metadata(&address.to_string()));
        }
        let grants = self.outbound(transport);
        let covered = |grant: &&Located<Endpoint>| grant.value.host.covers_address(address);
        let covering = grants.iter().filter(covered);
        if let Some(grant) = covering.clone().find(|grant| grant.value.ports.contains(to.port())) {
            let cut = self.was_cut(transport, to.port(), |host| host.covers_address(address));
            return cut.map_or(Ok(grant), Err);
        }
        if let Some(refusal) = self.was_cut(transport, to.port(), |h| h.covers_address(address)) {
            return Err(refusal);
        }
        let key = transport.outbound_key();
        let reason = match ports_of(covering) {
            Some(ports) => format!("{address} is granted at port {ports}, not {}", to.port()),
            None => format!("no address in {key} covers {address}"),
        };
        if to.port() == 0 {
            return Err(Refusal::never(reason));
        }
        Err(Refusal::missing(reason, key, &SocketAddr::new(address, to.port()).to_string()))
    }

    fn outbound(&self, transport: Transport) -> &[Located<Endpoint>] {
        match transport {
            Transport::Tcp => &self.connect,
            Transport::Udp => &self.udp,
        }
    }
}

impl HostPattern {
    /// Whether this pattern grants `name`; addresses grant no name.
    #[must_use]
    pub fn covers_name(&self, name: &HostName) -> bool {
        match self {
            Self::Name(granted) => granted == name,
            Self::Suffix(suffix) => name.is_below(suffix),
            Self::Address(_) | Self::Cidr(..) => false,
        }
    }

    /// Whether this pattern grants the literal `address`; names grant no address.
    #[must_use]
    pub fn covers_address(&self, address: IpAddr) -> bool {
        match self {
            Self::Address(granted) => *granted == address,
            Self::Cidr(base, prefix) => network_of(address, *prefix) == Some(*base),
            Self::Name(_) | Self::Suffix(_) => false,
        }
    }
}

impl PortRange {
    /// Whether `port` lies in the range.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

/// `address` with every bit after `prefix` cleared; `None` when the prefix is too long.
pub(super) fn network_of(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(address) => {
            let host = 32_u32.checked_sub(prefix.into())?;
            let mask = u32::MAX.checked_shl(host).unwrap_or(0);
            Some(IpAddr::V4((u32::from(address) & mask).into()))
        }
        IpAddr::V6(address) => {
            let host = 128_u32.checked_sub(prefix.into())?;
            let mask = u128::MAX.checked_shl(host).unwrap_or(0);
            Some(IpAddr::V6((u128::from(address) & mask).into()))
        }
    }
}

/// The ports of some grants, for a message: `443 or 8000-8010`.
fn ports_of<'a>(grants: impl Iterator<Item = &'a Located<Endpoint>>) -> Option<String> {
    let ports: Vec<String> = grants.map(|grant| grant.value.ports.to_string()).collect();
    (!ports.is_empty()).then(|| ports.join(" or "))
}

fn is_own(address: IpAddr, host: &HostFacts) -> bool {
    let is = |address: IpAddr| host.own_addresses.iter().any(|own| address::fold(*own) == address);
    match address {
        IpAddr::V4(_) => is(address),
        IpAddr::V6(v6) => {
            is(address) || address::carried(v6).into_iter().flatten().any(|v4| is(v4.into()))
        }
    }
}

fn never_metadata(subject: &str) -> Refusal {
    Refusal::never(format!("{subject} is a cloud metadata address and never granted"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::tests::network;

    const FILE: &str = r#"
        connect = ["api.internal:443", "*.example.com:443", "*.example.com:8000-8010",
                   "10.1.0.0/16:5432", "[::1]:80", "127.0.0.1:5432", "www.example.com:80",
                   "0.0.0.0/0:9", "[::/0]:9"]
        udp = ["dns.internal:53", "10.0.0.53:53"]
        private = ["api.internal"]
        hosts = { "pinned.example.com" = "127.0.0.1", "public.example.com" = "203.0.114.1" }
    "#;

    fn name(text: &str) -> HostName {
        HostName::parse(text).unwrap()
    }

    fn connect_name(transport: Transport, host: &str, port: u16) -> Result<String, Refusal> {
        let network = network(FILE);
        let grant = network.connect_name(transport, &name(host), port)?;
        Ok(grant.value.to_string())
    }

    fn connect_address(transport: Transport, to: &str) -> Result<String, Refusal> {
        let network = network(FILE);
        let grant = network.connect_address(transport, to.parse().unwrap())?;
        Ok(grant.value.to_string())
    }

    #[test]
    fn a_name_is_granted_at_its_ports_only() {
        use Transport::{Tcp, Udp};
        for (transport, host, port, grant) in [
            (Tcp, "api.internal", 443, Some("api.internal:443")),
            (Tcp, "api.internal", 80, None),
            (Udp, "api.internal", 443, None),
            (Tcp, "x.api.internal", 443, None),
            (Tcp, "a.b.example.com", 443, Some("*.example.com:443")),
            (Tcp, "a.example.com", 8000, Some("*.example.com:8000-8010")),
            (Tcp, "a.example.com", 8010, Some("*.example.com:8000-8010")),
            (Tcp, "a.example.com", 8011, None),
            (Tcp, "example.com", 443, None),
            (Tcp, "www.example.com", 80, Some("www.example.com:80")),
            (Tcp, "www.example.com", 443, Some("*.example.com:443")),
            (Udp, "dns.internal", 53, Some("dns.internal:53")),
            (Tcp, "dns.internal", 53, None),
        ] {
            let granted = connect_name(transport, host, port).ok();
            assert_eq!(granted.as_deref(), grant, "{transport:?} {host}:{port}");
        }
    }

    #[test]
    fn a_refused_name_says_why_and_which_line_is_missing() {
        let refusal = connect_name(Transport::Tcp, "api.internal", 80).unwrap_err();
        assert_eq!(refusal.reason, "api.internal is granted at port 443, not 80");
        assert_eq!(refusal.missing_grant.as_deref(), Some("net.connect = [\"api.internal:80\"]"));
        let refusal = connect_name(Transport::Udp, "evil.test", 53).unwrap_err();
        assert_eq!(refusal.reason, "no grant in net.udp names evil.test");
        assert_eq!(refusal.missing_grant.as_deref(), Some("net.udp = [\"evil.test:53\"]"));
        let refusal = connect_name(Transport::Tcp, "metadata.google.internal", 80).unwrap_err();
        assert_eq!(refusal.missing_grant, None);
    }

    #[test]
    fn a_literal_address_needs_an_address_grant() {
        use Transport::{Tcp, Udp};
        for (transport, to, grant) in [
            (Tcp, "10.1.2.3:5432", Some("10.1.0.0/16:5432")),
            (Tcp, "[::ffff:10.1.2.3]:5432", Some("10.1.0.0/16:5432")),
            (Tcp, "10.1.2.3:5433", None),
            (Tcp, "10.2.0.0:5432", None),
            (Tcp, "[::1]:80", Some("[::1]:80")),
            (Tcp, "[::]:80", Some("[::1]:80")),
            (Tcp, "0.0.0.0:5432", Some("127.0.0.1:5432")),
            (Tcp, "127.0.0.2:5432", None),
            (Udp, "10.0.0.53:53", Some("10.0.0.53:53")),
            (Tcp, "10.0.0.53:53", None),
            (Tcp, "8.8.8.8:9", Some("0.0.0.0/0:9")),
            (Tcp, "[2606::1]:9", Some("[::/0]:9")),
            (Tcp, "169.254.169.254:9", None),
            (Tcp, "[::ffff:169.254.169.254]:9", None),
            (Tcp, "[fd00:ec2::254]:9", None),
            (Tcp, "[64:ff9b::a9fe:a9fe]:9", None),
        ] {
            let granted = connect_address(transport, to).ok();
            assert_eq!(granted.as_deref(), grant, "{transport:?} {to}");
        }
    }

    #[test]
    fn a_refused_address_says_why_and_which_line_is_missing() {
        let refusal = connect_address(Transport::Udp, "[::ffff:1.2.3.4]:80").unwrap_err();
        assert_eq!(refusal.reason, "no address in net.udp covers 1.2.3.4");
        assert_eq!(refusal.missing_grant.as_deref(), Some("net.udp = [\"1.2.3.4:80\"]"));
        let refusal = connect_address(Transport::Tcp, "[2606::1]:80").unwrap_err();
        assert_eq!(refusal.reason, "2606::1 is granted at port 9, not 80");
        assert_eq!(refusal.missing_grant.as_deref(), Some("net.connect = [\"[2606::1]:80\"]"));
        let refusal = connect_address(Transport::Tcp, "169.254.169.254:9").unwrap_err();
        assert_eq!(refusal.reason, "169.254.169.254 is a cloud metadata address and never granted");
        assert_eq!(refusal.missing_grant, None);
    }

    #[test]
    fn only_names_with_a_grant_are_looked_up() {
        let network = network(FILE);
        for (host, looked_up) in [
            ("api.internal", true),
            ("dns.internal", true),
            ("a.example.com", true),
            ("example.com", false),
            ("secret-data.evil.test", false),
            ("internal", false),
        ] {
            assert_eq!(network.may_resolve(&name(host)), looked_up, "{host}");
        }
    }

    #[test]
    fn an_answer_is_used_only_where_it_may_lead() {
        let network = network(FILE);
        let host = HostFacts { own_addresses: vec!["203.0.114.9".parse().unwrap()] };
        for (host_name, address, accepted) in [
            ("www.example.com", "93.184.216.34", true),
            ("www.example.com", "2606:4700::1", true),
            ("www.example.com", "10.0.0.1", false),
            ("www.example.com", "127.0.0.1", false),
            ("www.example.com", "::ffff:127.0.0.1", false),
            ("www.example.com", "0.0.0.0", false),
            ("www.example.com", "::", false),
            ("www.example.com", "100.64.0.1", false),
            ("www.example.com", "198.18.0.1", false),
            ("www.example.com", "192.0.2.1", false),
            ("www.example.com", "224.0.0.1", false),
            ("www.example.com", "255.255.255.255", false),
            ("www.example.com", "fd12::1", false),
            ("www.example.com", "fe80::1", false),
            ("www.example.com", "64:ff9b::a00:1", false),
            ("www.example.com", "64:ff9b::808:808", true),
            ("www.example.com", "2002:7f00:1::", false),
            ("www.example.com", "203.0.114.9", false),
            ("www.example.com", "::ffff:203.0.114.9", false),
            ("www.example.com", "64:ff9b::cb00:7209", false),
            ("api.internal", "10.0.0.1", true),
            ("api.internal", "127.0.0.1", true),
            ("api.internal", "203.0.114.9", true),
            ("api.internal", "169.254.169.254", false),
            ("api.internal", "fd00:ec2::254", false),
            ("pinned.example.com", "127.0.0.1", true),
            ("pinned.example.com", "::ffff:127.0.0.1", true),
            ("pinned.example.com", "127.0.0.2", false),
            ("pinned.example.com", "93.184.216.34", false),
            ("ungranted.test", "93.184.216.34", false),
        ] {
            let decision = network.accept_answer(&name(host_name), address.parse().unwrap(), &host);
            assert_eq!(decision.is_ok(), accepted, "{host_name} at {address}: {decision:?}");
        }
    }

    #[test]
    fn a_refused_answer_says_what_the_address_is() {
        let network = network(FILE);
        let ask = |host: &str, address: &str| {
            network
                .accept_answer(&name(host), address.parse().unwrap(), &HostFacts::default())
                .unwrap_err()
        };
        let refusal = ask("www.example.com", "10.0.0.1");
        assert_eq!(
            refusal.reason,
            "www.example.com resolves to 10.0.0.1, which is a private address"
        );
        assert_eq!(refusal.missing_grant.as_deref(), Some("net.private = [\"www.example.com\"]"));
        let refusal = ask("api.internal", "169.254.169.254");
        assert_eq!(
            refusal.reason,
            "api.internal resolves to 169.254.169.254, which is a cloud metadata address and never granted"
        );
        assert_eq!(refusal.missing_grant, None);
    }

    /// A prefix covers an address exactly when their leading bits agree.
    #[test]
    fn a_range_covers_exactly_its_prefix() {
        let base: IpAddr = "203.77.129.5".parse().unwrap();
        for prefix in 0..=32_u8 {
            let pattern = HostPattern::Cidr(network_of(base, prefix).unwrap(), prefix);
            for bit in 0..32_u32 {
                let IpAddr::V4(v4) = base else { unreachable!() };
                let flipped = IpAddr::V4((u32::from(v4) ^ (1 << (31 - bit))).into());
                assert_eq!(pattern.covers_address(flipped), bit >= u32::from(prefix));
            }
            assert!(!pattern.covers_address("::".parse().unwrap()));
        }
        assert_eq!(network_of(base, 33), None);
        assert_eq!(network_of("::1".parse().unwrap(), 129), None);
        assert_eq!(network_of("ff::1".parse().unwrap(), 0), Some("::".parse().unwrap()));
    }
}
