//! The host's `/etc/resolv.conf`, read once at the start (`resolv.conf(5)`).
//!
//! The service's own file has neither a search list nor options; they are applied here, so that
//! the names of the host mean the same inside. Unknown options are ignored, as the C library does.

use ringfence_policy::net::HostName;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

/// Most nameservers used (`MAXNS` of the C library).
const MOST_SERVERS: usize = 3;
/// Most search domains (the historical `MAXDNSRCH`; later ones cost a query each).
const MOST_DOMAINS: usize = 6;
/// The port nameservers listen on.
const PORT: u16 = 53;

/// Where and how names are looked up on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvConf {
    /// Nameservers in file order, at most 3; without any the host's loopback.
    pub servers: Vec<SocketAddr>,
    /// Search domains in file order, at most 6.
    pub search: Vec<HostName>,
    /// A name with at least this many dots is asked as it is first; 0 to 15, default 1.
    pub ndots: usize,
    /// How long one nameserver is waited for; 1 s to 30 s, default 5 s.
    pub timeout: Duration,
    /// How often the list of nameservers is gone through; 1 to 5, default 2.
    pub attempts: u32,
    /// Whether each query starts at another nameserver.
    pub rotate: bool,
}

impl Default for ResolvConf {
    fn default() -> Self {
        Self {
            servers: vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT)],
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
            rotate: false,
        }
    }
}

impl ResolvConf {
    /// Reads the text of the file. Lines that make no sense are skipped.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut conf = Self::default();
        let mut servers = Vec::new();
        for line in text.lines() {
            if line.starts_with(['#', ';']) {
                continue;
            }
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => servers.extend(words.next().and_then(server)),
                // The last of these lines wins.
                Some("search" | "domain") => conf.search = domains(words),
                Some("options") => words.for_each(|word| conf.option(word)),
                _ => {}
            }
        }
        servers.truncate(MOST_SERVERS);
        if !servers.is_empty() {
            conf.servers = servers;
        }
        conf
    }

    fn option(&mut self, word: &str) {
        let number = |text: &str| text.parse::<u32>().ok();
        match word.split_once(':') {
            Some(("ndots", value)) => {
                if let Some(dots) = number(value) {
                    self.ndots = usize::try_from(dots.min(15)).unwrap_or(1);
                }
            }
            Some(("timeout", value)) => {
                if let Some(seconds) = number(value) {
                    self.timeout = Duration::from_secs(seconds.clamp(1, 30).into());
                }
            }
            Some(("attempts", value)) => {
                if let Some(attempts) = number(value) {
                    self.attempts = attempts.clamp(1, 5);
                }
            }
            None if word == "rotate" => self.rotate = true,
            _ => {}
        }
    }

    /// What is asked for `name`, in order: the name itself and the name in each search domain.
    #[must_use]
    pub fn candidates(&self, name: &HostName) -> Vec<HostName> {
        let dots = name.as_str().bytes().filter(|byte| *byte == b'.').count();
        let searched = self
            .search
            .iter()
            .filter_map(|domain| HostName::parse(&format!("{name}.{domain}")).ok());
        if dots >= self.ndots {
            std::iter::once(name.clone()).chain(searched).collect()
        } else {
            searched.chain(std::iter::once(name.clone())).collect()
        }
    }
}

fn domains<'a>(words: impl Iterator<Item = &'a str>) -> Vec<HostName> {
    words.filter_map(|word| HostName::parse(word).ok()).take(MOST_DOMAINS).collect()
}

/// An address, with an interface only as a number: names of interfaces are not looked up.
fn server(word: &str) -> Option<SocketAddr> {
    if let Some((address, scope)) = word.split_once('%') {
        let address = address.parse().ok()?;
        return Some(SocketAddrV6::new(address, PORT, 0, scope.parse().ok()?).into());
    }
    Some(SocketAddr::new(word.parse::<IpAddr>().ok()?, PORT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HostName {
        HostName::parse(text).unwrap()
    }

    fn candidates(conf: &str, host: &str) -> Vec<String> {
        let names = ResolvConf::parse(conf).candidates(&name(host));
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_full_file_is_read() {
        let conf = ResolvConf::parse(
            "# comment\n; another\nnameserver 10.0.0.2\nnameserver fe80::1%2\nnameserver bad\n\
             nameserver ::1\nnameserver 10.0.0.9\ndomain ignored.test\n\
             search corp.example  b.example\noptions ndots:3 timeout:99 attempts:0 rotate edns0\n",
        );
        let servers: Vec<String> = conf.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.0.0.2:53", "[fe80::1%2]:53", "[::1]:53"]);
        assert_eq!(conf.search, [name("corp.example"), name("b.example")]);
        assert_eq!((conf.ndots, conf.timeout.as_secs(), conf.attempts), (3, 30, 1));
        assert!(conf.rotate);
    }

    #[test]
    fn an_empty_file_means_the_loopback_nameserver() {
        assert_eq!(ResolvConf::parse(""), ResolvConf::default());
        assert_eq!(ResolvConf::parse("search .\nnameserver\noptions\n"), ResolvConf::default());
    }

    #[test]
    fn a_name_with_enough_dots_is_asked_as_it_is_first() {
        let conf = "search a.test b.test\n";
        assert_eq!(candidates(conf, "api"), ["api.a.test", "api.b.test", "api"]);
        assert_eq!(candidates(conf, "api.x"), ["api.x", "api.x.a.test", "api.x.b.test"]);
        let conf = "search a.test\noptions ndots:5\n";
        assert_eq!(candidates(conf, "db.prod.svc"), ["db.prod.svc.a.test", "db.prod.svc"]);
    }

    #[test]
    fn a_candidate_that_is_too_long_is_left_out() {
        let long = format!("{}.test", vec!["a".repeat(60); 4].join("."));
        assert_eq!(candidates("search corp.example\n", &long), [long]);
    }
}
