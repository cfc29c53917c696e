//! What a question about the network, or a drop, is about: hosts, with or without ports.
//!
//! It is written as a grant is, and a host may stand without a port.

use super::endpoint::parse_host;
use super::{Endpoint, HostPattern, PortRange};
use crate::diagnostic::{Code, Problem};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Hosts and ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Hosts.
    pub host: HostPattern,
    /// Ports; absent for all.
    pub ports: Option<PortRange>,
}

/// Why a text names no hosts and ports.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TargetError {
    /// One sentence.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// It is understood, and no grant can ever be for it: a cloud metadata address.
    pub never: bool,
}

impl From<Problem> for TargetError {
    fn from(problem: Problem) -> Self {
        let never = problem.code == Code::MetadataAddress;
        Self { message: problem.message, hint: problem.hint, never }
    }
}

impl Target {
    /// Reads `host`, `host:port`, `host:first-last`, with a host as in a grant: a name, `*.suffix`,
    /// an address or a CIDR range.
    ///
    /// # Errors
    /// Whatever could not be a grant either.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        if let Some(host) = host_alone(text) {
            return Ok(Self { host: parse_host(text, host)?, ports: None });
        }
        let Endpoint { host, ports } = Endpoint::parse(text)?;
        Ok(Self { host, ports: Some(ports) })
    }

    /// The ports, or every port.
    #[must_use]
    pub fn ports(&self) -> PortRange {
        self.ports.unwrap_or(PortRange { first: 1, last: u16::MAX })
    }
}

/// The host of a text without a port; what is malformed is left to the reader of grants.
fn host_alone(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address =
        |host: &str| host.split('/').next().is_some_and(|a| a.parse::<Ipv6Addr>().is_ok());
    if let Some(host) = inside.or(Some(text)).filter(|host| address(host)) {
        return Some(host);
    }
    let plain = !text.is_empty() && !text.contains([',', ':', ' ', '[', ']']);
    let range = text.split_once('/').is_none_or(|(base, _)| base.parse::<IpAddr>().is_ok());
    (plain && range && !text.starts_with(['/', '.'])).then_some(text)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ports {
            Some(ports) => write!(f, "{}:{ports}", self.host),
            None => write!(f, "{}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_with_and_without_ports() {
        for (text, read) in [
            ("api.internal:443", "api.internal:443"),
            ("API.internal.", "api.internal"),
            ("*.internal", "*.internal"),
            ("10.0.0.1", "10.0.0.1"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.0.0.0/8:1-2", "10.0.0.0/8:1-2"),
            ("::1", "[::1]"),
            ("[::1]", "[::1]"),
            ("[::1]:80", "[::1]:80"),
            ("fd00::/8", "[fd00::/8]"),
        ] {
            assert_eq!(Target::parse(text).unwrap().to_string(), read, "{text}");
        }
    }

    #[test]
    fn what_is_no_host_says_what_to_write() {
        let hint = |text| Target::parse(text).unwrap_err().hint.unwrap_or_default();
        assert_eq!(hint("https://api.internal/x"), "write \"api.internal:443\"");
        assert_eq!(hint("a,b"), "write one string for each: \"a\", \"b\"");
        assert_eq!(hint("*"), "write the hosts; `ringfence learn` writes those that are used");
        for text in
            ["", ":80", "host:", "host:0", "host:x", "a b", "[::1", "/run/x", "a/8", "1:2:3"]
        {
            assert!(Target::parse(text).is_err(), "{text}");
        }
        assert!(Target::parse("169.254.169.254:80").unwrap_err().never);
        assert!(Target::parse("metadata.google.internal").unwrap_err().never);
    }
}
