//! Addresses that are known without asking: `net.hosts` and the host's `/etc/hosts`.
//!
//! Only granted names are kept, so the rest of the host's file is never seen by the service.

use ringfence_policy::model::Network;
use ringfence_policy::net::HostName;
use std::collections::HashMap;
use std::net::IpAddr;

/// Most addresses kept for one name.
pub(super) const MOST_ADDRESSES: usize = 16;

/// Known addresses of granted names.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    addresses: HashMap<HostName, Vec<IpAddr>>,
}

impl Hosts {
    /// `file` is the text of `/etc/hosts` (`hosts(5)`); what `net.hosts` fixes replaces it. A name is
    /// kept when `wanted` says so.
    pub(super) fn new(network: &Network, file: &str, wanted: impl Fn(&HostName) -> bool) -> Self {
        let mut addresses: HashMap<HostName, Vec<IpAddr>> = HashMap::new();
        for line in file.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_ascii_whitespace();
            let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else { continue };
            for name in words.filter_map(|word| HostName::parse(word).ok()).filter(&wanted) {
                let known = addresses.entry(name).or_default();
                if known.len() < MOST_ADDRESSES && !known.contains(&address) {
                    known.push(address);
                }
            }
        }
        for (name, address) in &network.hosts {
            addresses.insert(name.clone(), vec![address.value]);
        }
        Self { addresses }
    }

    /// The addresses of both families, if the name is known at all.
    pub(super) fn find(&self, name: &HostName) -> Option<&[IpAddr]> {
        self.addresses.get(name).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::source::Located;

    #[test]
    fn granted_names_are_known_and_the_boundary_wins_over_the_file() {
        let name = |text: &str| HostName::parse(text).unwrap();
        let mut network = Network::default();
        let fixed = Located::new("127.0.0.9".parse().unwrap(), 0..0);
        network.hosts.insert(name("fixed.test"), fixed);
        let file = "10.0.0.1 api.test API.test other.test # fixed.test\n10.0.0.2 fixed.test\n\
                    ::1 api.test\nnonsense api.test\n\n10.0.0.1\tapi.test\n";
        let hosts = Hosts::new(&network, file, |name| name.as_str() != "other.test");
        let find = |text: &str| {
            let found = hosts.find(&name(text))?;
            Some(found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(find("api.test").as_deref(), Some("10.0.0.1 ::1"));
        assert_eq!(find("fixed.test").as_deref(), Some("127.0.0.9"));
        assert_eq!(find("other.test"), None);
    }
}
