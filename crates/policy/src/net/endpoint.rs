//! Reading and writing `host:port`.
//!
//! The mistakes people make here are known: URLs, missing ports, wildcards for everything, several
//! hosts in one string as Node's flags seem to take them. Each is named, with the line to write.

use super::connect::network_of;
use super::{Endpoint, HostName, HostPattern, ListenEndpoint, PortRange};
use crate::address::{self, Class};
use crate::diagnostic::{Code, Problem};
use crate::display::quoted;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

impl Endpoint {
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        refuse_other_forms(text, Form::Outbound)?;
        let (host, ports) = split(text, Form::Outbound)?;
        let host = parse_host(text, host)?;
        Ok(Self { host, ports: PortRange::parse(text, ports)? })
    }
}

impl ListenEndpoint {
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        refuse_other_forms(text, Form::Listener)?;
        let (host, port) = split(text, Form::Listener)?;
        let address = listen_address(text, host, port)?;
        if port.contains('-') {
            return Err(Problem::with_value(Code::BadPort, "a listener has one port", text)
                .hint("write one entry for each port; port 0 grants any ephemeral port"));
        }
        Ok(Self { address, port: parse_port(text, port)? })
    }
}

impl PortRange {
    fn parse(text: &str, ports: &str) -> Result<Self, Problem> {
        if ports == "*" {
            return Err(Problem::with_value(Code::Wildcard, "a port cannot be a wildcard", text)
                .hint("write the ports, such as 443 or 8000-8010"));
        }
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let range = Self { first: parse_port(text, first)?, last: parse_port(text, last)? };
        if range.first == 0 {
            return Err(Problem::with_value(Code::BadPort, "port 0 cannot be connected to", text)
                .hint("write a port from 1 to 65535"));
        }
        if range.first > range.last {
            return Err(Problem::with_value(Code::BadPort, "port range runs backwards", text)
                .hint(format!("write {}-{}", range.last, range.first)));
        }
        Ok(range)
    }
}

/// Entries of a list in one string that are repeated as they should be written.
const MOST_QUOTED: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Listener,
    Outbound,
}

impl Form {
    const fn example(self) -> &'static str {
        match self {
            Self::Listener => "\"127.0.0.1:8080\"",
            Self::Outbound => "\"api.internal:443\"",
        }
    }
}

/// Things that are no `host:port` at all, each with what to write instead.
fn refuse_other_forms(text: &str, form: Form) -> Result<(), Problem> {
    let example = form.example();
    if text.trim().is_empty() {
        return Err(
            Problem::new(Code::BadHost, "the entry is empty").hint(format!("write {example}"))
        );
    }
    if text.contains(',') {
        let entries: Vec<String> = text
            .split(',')
            .take(MOST_QUOTED)
            .map(|entry| format!("\"{}\"", quoted(entry.trim())))
            .collect();
        return Err(Problem::with_value(Code::CommaList, "several entries in one string", text)
            .hint(format!("write one string for each: {}", entries.join(", "))));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let what = "a URL where host and port belong";
        // Connection strings hold passwords, and messages end up in logs.
        let problem = if rest.contains('@') {
            Problem::new(Code::Url, what).hidden()
        } else {
            Problem::with_value(Code::Url, what, text)
        };
        return Err(match from_url(scheme, rest) {
            Some(entry) => problem.hint(format!("write \"{}\"", quoted(&entry))),
            None => problem.hint(format!("write host and port only, such as {example}")),
        });
    }
    if text.starts_with(['/', '.']) {
        return Err(Problem::with_value(Code::BadHost, "a path where a host belongs", text)
            .hint("unix sockets are granted in net.unix"));
    }
    if text.chars().any(char::is_whitespace) {
        return Err(Problem::with_value(Code::BadHost, "white space in host and port", text)
            .hint(format!("write {example}")));
    }
    Ok(())
}

/// `host:port` of a URL without its scheme; `None` when the port is not known.
fn from_url(scheme: &str, rest: &str) -> Option<String> {
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.is_empty() {
        return None;
    }
    let port = match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "amqp" => 5672,
        "amqps" => 5671,
        "mongodb" => 27017,
        "mysql" => 3306,
        "nats" => 4222,
        "postgres" | "postgresql" => 5432,
        "redis" | "rediss" => 6379,
        _ => 0,
    };
    let named = host.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
    match (named, port) {
        (true, _) => Some(host.to_owned()),
        (false, 0) => None,
        (false, port) => Some(format!("{host}:{port}")),
    }
}

/// Host and port texts; an IPv6 host comes without its brackets but with a prefix length.
fn split(text: &str, form: Form) -> Result<(&str, &str), Problem> {
    let missing = || {
        let host = text.trim_end_matches(':');
        let hint = match form {
            Form::Listener if text.parse::<u16>().is_ok() => format!("write \"127.0.0.1:{text}\""),
            Form::Outbound if HostName::parse(host).is_ok() => {
                format!("add the port, as in \"{}:443\"", quoted(host))
            }
            _ => format!("write host and port, such as {}", form.example()),
        };
        Problem::with_value(Code::MissingPort, "port is missing", text).hint(hint)
    };
    if let Some(rest) = text.strip_prefix('[') {
        let (host, ports) = rest.split_once(']').ok_or_else(|| {
            Problem::with_value(Code::BadHost, "`]` is missing after the IPv6 address", text)
                .hint("write \"[::1]:443\"")
        })?;
        let ports = ports.strip_prefix(':').ok_or_else(|| {
            if ports.starts_with('/') {
                Problem::with_value(Code::BadHost, "the prefix length stands outside", text)
                    .hint("write it inside the brackets: \"[fd00::/8]:443\"")
            } else {
                missing()
            }
        })?;
        if host.split('/').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_err()) {
            return Err(not_ipv6(text, host));
        }
        return if ports.is_empty() { Err(missing()) } else { Ok((host, ports)) };
    }
    let (host, ports) = text.rsplit_once(':').ok_or_else(missing)?;
    if host.contains(':') {
        return Err(Problem::with_value(Code::BadHost, "IPv6 address without brackets", text)
            .hint(format!("write \"[{}]:{}\"", quoted(host), quoted(ports))));
    }
    if ports.is_empty() { Err(missing()) } else { Ok((host, ports)) }
}

fn not_ipv6(text: &str, host: &str) -> Problem {
    let problem = Problem::with_value(Code::BadHost, "no IPv6 address in the brackets", text);
    if host.contains('%') {
        problem.hint("an interface cannot be part of a grant: leave out what follows `%`")
    } else {
        problem.hint("brackets are for IPv6 only, as in \"[::1]:443\"")
    }
}

pub(super) fn parse_host(text: &str, host: &str) -> Result<HostPattern, Problem> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return outbound_address(text, address).map(HostPattern::Address);
    }
    if let Some((base, prefix)) = host.split_once('/') {
        return parse_cidr(text, base, prefix);
    }
    let suffix = host.strip_prefix("*.");
    if let Some(name) = suffix.or_else(|| (!host.contains('*')).then_some(host)) {
        if name.contains('*') {
            return Err(wildcard(text));
        }
        let name = HostName::parse(name).map_err(|error| {
            Problem::with_value(Code::BadHost, &error.to_string(), text).hint(error.hint())
        })?;
        refuse_special(text, &name)?;
        return Ok(if suffix.is_some() {
            HostPattern::Suffix(name)
        } else {
            HostPattern::Name(name)
        });
    }
    if host == "*" {
        return Err(Problem::with_value(Code::Wildcard, "a grant of every host", text)
            .hint("write the hosts; `ringfence learn` writes those that are used"));
    }
    Err(wildcard(text))
}

fn wildcard(text: &str) -> Problem {
    Problem::with_value(Code::Wildcard, "a wildcard can only be the whole first label", text)
        .hint("write \"*.example.com:443\", or each host")
}

fn refuse_special(text: &str, name: &HostName) -> Result<(), Problem> {
    if name.is_metadata() {
        return Err(metadata(text));
    }
    if name.is_localhost() {
        return Err(Problem::with_value(Code::BadHost, "localhost is not looked up", text).hint(
            "write \"127.0.0.1:PORT\" or \"[::1]:PORT\": programs that connect to localhost arrive there",
        ));
    }
    Ok(())
}

fn metadata(text: &str) -> Problem {
    Problem::with_value(Code::MetadataAddress, "cloud metadata is never granted", text)
        .hint("give the service what it needs as a secret: [secrets.NAME]")
}

fn outbound_address(text: &str, address: IpAddr) -> Result<IpAddr, Problem> {
    if let folded @ IpAddr::V4(v4) = address::fold(address)
        && folded != address
    {
        return Err(Problem::with_value(Code::BadHost, "an IPv4 address in IPv6 form", text)
            .hint(format!("write {v4}: it covers both forms")));
    }
    match Class::of(address) {
        Class::Metadata => Err(metadata(text)),
        Class::Unspecified => {
            Err(Problem::with_value(Code::BadHost, "not an address to connect to", text)
                .hint("write \"127.0.0.1:PORT\" for this host"))
        }
        _ => Ok(address),
    }
}

fn parse_cidr(text: &str, base: &str, prefix: &str) -> Result<HostPattern, Problem> {
    let base: IpAddr = base.parse().map_err(|_| {
        Problem::with_value(Code::BadHost, "not an address before the prefix length", text)
            .hint("write \"10.1.0.0/16:5432\"")
    })?;
    let most = if base.is_ipv4() { 32 } else { 128 };
    let digits = prefix.len() <= 3 && prefix.bytes().all(|byte| byte.is_ascii_digit());
    let length = if digits { prefix.parse::<u8>().ok() } else { None };
    let Some((length, network)) =
        length.and_then(|length| Some((length, network_of(base, length)?)))
    else {
        return Err(Problem::with_value(Code::BadHost, "prefix length out of range", text)
            .hint(format!("write a number from 0 to {most}")));
    };
    if network != base {
        return Err(Problem::with_value(Code::BadHost, "address has bits after the prefix", text)
            .hint(format!("the network is {network}/{length}")));
    }
    if u32::from(length) == most {
        return outbound_address(text, base).map(HostPattern::Address);
    }
    if let IpAddr::V6(v6) = base
        && length >= 96
        && v6.to_ipv4_mapped().is_some()
    {
        return Err(Problem::with_value(Code::BadHost, "an IPv4 range in IPv6 form", text)
            .hint("write it as IPv4: it covers both forms"));
    }
    Ok(HostPattern::Cidr(base, length))
}

fn listen_address(text: &str, host: &str, port: &str) -> Result<IpAddr, Problem> {
    if host.is_empty() || host == "*" {
        return Err(Problem::with_value(Code::BadAddress, "a listener needs an address", text)
            .hint(format!("write \"127.0.0.1:{0}\", or \"0.0.0.0:{0}\" for all", quoted(port))));
    }
    let address: IpAddr = host.parse().map_err(|_| {
        let problem = Problem::with_value(Code::BadAddress, "a listener needs an address", text);
        if host.eq_ignore_ascii_case("localhost") {
            problem.hint(format!("write \"127.0.0.1:{}\"", quoted(port)))
        } else {
            problem.hint("write a literal address of this host, such as \"127.0.0.1:8080\"")
        }
    })?;
    if address::fold(address) != address {
        return Err(Problem::with_value(Code::BadAddress, "an IPv4 address in IPv6 form", text)
            .hint(format!("write {}", address::fold(address))));
    }
    if address::is_metadata(address) {
        return Err(metadata(text));
    }
    Ok(address)
}

/// 0 to 65535, in plain decimal digits without a leading zero.
fn parse_port(text: &str, port: &str) -> Result<u16, Problem> {
    let plain =
        port.bytes().all(|byte| byte.is_ascii_digit()) && (port == "0" || !port.starts_with('0'));
    match port.parse::<u16>() {
        Ok(port) if plain => Ok(port),
        _ => Err(Problem::with_value(Code::BadPort, "not a port", text)
            .hint("a port is a number from 1 to 65535")),
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address @ IpAddr::V4(_)) => write!(f, "{address}"),
            Self::Address(address @ IpAddr::V6(_)) => write!(f, "[{address}]"),
            Self::Cidr(base @ IpAddr::V4(_), prefix) => write!(f, "{base}/{prefix}"),
            Self::Cidr(base @ IpAddr::V6(_), prefix) => write!(f, "[{base}/{prefix}]"),
            Self::Name(name) => write!(f, "{name}"),
            Self::Suffix(name) => write!(f, "*.{name}"),
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.ports)
    }
}

impl fmt::Display for ListenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", SocketAddr::new(self.address, self.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn what_is_read_is_written_the_same() {
        for text in [
            "api.internal:443",
            "*.example.com:443",
            "10.1.0.0/16:5432",
            "[::1]:80",
            "[fd00::/8]:443",
            "10.0.0.1:1-65535",
            "host:8000-8010",
            "0.0.0.0/0:443",
            "[::/0]:443",
        ] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Endpoint::parse("API.Internal.:443").unwrap().to_string(), "api.internal:443");
        assert_eq!(Endpoint::parse("10.0.0.1/32:80").unwrap().to_string(), "10.0.0.1:80");
        for text in ["127.0.0.1:8080", "[::]:0", "0.0.0.0:443"] {
            assert_eq!(ListenEndpoint::parse(text).unwrap().to_string(), text);
        }
    }

    fn table<T: fmt::Debug>(texts: &[&str], parse: fn(&str) -> Result<T, Problem>) -> String {
        texts.iter().fold(String::new(), |mut table, text| {
            let problem = parse(text).expect_err(text);
            let (code, hint) = (problem.code.id(), problem.hint.unwrap_or_default());
            writeln!(table, "{code}: {}\n    {hint}", problem.message).unwrap();
            table
        })
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of mistakes and their answers")]
    fn every_mistake_in_an_outbound_grant_is_named() {
        insta::assert_snapshot!(table(&[
            "", "a.internal:443,b.internal:443", "https://api.internal/v1", "https://api.internal:8443",
            "ftp://files.internal", "redis://user:pw@redis.internal/0", "/run/x.sock", "api.internal :443", "api.internal",
            "api.internal:", "api.internal:https", "api.internal:0", "api.internal:65536",
            "api.internal:0443", "api.internal:+443", "api.internal:90-80", "api.internal:*", "*:443", "a.*.com:443",
            "*api.internal:443", "*.*.com:443", "::1:443", "[::1:443", "[::1]443", "[::1]", "[a.internal]:443",
            "[fe80::1%eth0]:443", "[fd00::]/8:443", "10.0.0.1/16:80", "10.0.0.0/33:80", "10.0.0.0/x:80", "a.internal/8:80",
            "127.1:80", "0x7f.1:80", "2130706433:80", "b\u{fc}cher.de:443", "under score:1", "a_b!:1", "localhost:5432",
            "169.254.169.254:80", "[fd00:ec2::254]:80", "100.100.100.200/32:80", "[::ffff:169.254.169.254]:80",
            "metadata.google.internal:80", "0.0.0.0:80", "[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.0/104]:80", "*.10.0.0.1:80",
        ], Endpoint::parse), @r#"
        bad-host: the entry is empty
            write "api.internal:443"
        comma-list: several entries in one string: a.internal:443,b.internal:443
            write one string for each: "a.internal:443", "b.internal:443"
        url: a URL where host and port belong: https://api.internal/v1
            write "api.internal:443"
        url: a URL where host and port belong: https://api.internal:8443
            write "api.internal:8443"
        url: a URL where host and port belong: ftp://files.internal
            write host and port only, such as "api.internal:443"
        url: a URL where host and port belong
            write "redis.internal:6379"
        bad-host: a path where a host belongs: /run/x.sock
            unix sockets are granted in net.unix
        bad-host: white space in host and port: api.internal :443
            write "api.internal:443"
        missing-port: port is missing: api.internal
            add the port, as in "api.internal:443"
        missing-port: port is missing: api.internal:
            add the port, as in "api.internal:443"
        bad-port: not a port: api.internal:https
            a port is a number from 1 to 65535
        bad-port: port 0 cannot be connected to: api.internal:0
            write a port from 1 to 65535
        bad-port: not a port: api.internal:65536
            a port is a number from 1 to 65535
        bad-port: not a port: api.internal:0443
            a port is a number from 1 to 65535
        bad-port: not a port: api.internal:+443
            a port is a number from 1 to 65535
        bad-port: port range runs backwards: api.internal:90-80
            write 80-90
        wildcard: a port cannot be a wildcard: api.internal:*
            write the ports, such as 443 or 8000-8010
        wildcard: a grant of every host: *:443
            write the hosts; `ringfence learn` writes those that are used
        wildcard: a wildcard can only be the whole first label: a.*.com:443
            write "*.example.com:443", or each host
        wildcard: a wildcard can only be the whole first label: *api.internal:443
            write "*.example.com:443", or each host
        wildcard: a wildcard can only be the whole first label: *.*.com:443
            write "*.example.com:443", or each host
        bad-host: IPv6 address without brackets: ::1:443
            write "[::1]:443"
        bad-host: `]` is missing after the IPv6 address: [::1:443
            write "[::1]:443"
        missing-port: port is missing: [::1]443
            write host and port, such as "api.internal:443"
        missing-port: port is missing: [::1]
            write host and port, such as "api.internal:443"
        bad-host: no IPv6 address in the brackets: [a.internal]:443
            brackets are for IPv6 only, as in "[::1]:443"
        bad-host: no IPv6 address in the brackets: [fe80::1%eth0]:443
            an interface cannot be part of a grant: leave out what follows `%`
        bad-host: the prefix length stands outside: [fd00::]/8:443
            write it inside the brackets: "[fd00::/8]:443"
        bad-host: address has bits after the prefix: 10.0.0.1/16:80
            the network is 10.0.0.0/16
        bad-host: prefix length out of range: 10.0.0.0/33:80
            write a number from 0 to 32
        bad-host: prefix length out of range: 10.0.0.0/x:80
            write a number from 0 to 32
        bad-host: not an address before the prefix length: a.internal/8:80
            write "10.1.0.0/16:5432"
        bad-host: host name ends in a number, which resolvers read as an address: 127.1:80
            write the address as four decimal numbers, as in 127.0.0.1
        bad-host: host name ends in a number, which resolvers read as an address: 0x7f.1:80
            write the address as four decimal numbers, as in 127.0.0.1
        bad-host: host name ends in a number, which resolvers read as an address: 2130706433:80
            write the address as four decimal numbers, as in 127.0.0.1
        bad-host: host name is not ASCII: b\u{fc}cher.de:443
            write the name in punycode (xn--...), as it is looked up
        bad-host: white space in host and port: under score:1
            write "api.internal:443"
        bad-host: host name has a character that host names cannot have: a_b!:1
            names have letters, digits, hyphens, underscores and dots
        bad-host: localhost is not looked up: localhost:5432
            write "127.0.0.1:PORT" or "[::1]:PORT": programs that connect to localhost arrive there
        metadata-address: cloud metadata is never granted: 169.254.169.254:80
            give the service what it needs as a secret: [secrets.NAME]
        metadata-address: cloud metadata is never granted: [fd00:ec2::254]:80
            give the service what it needs as a secret: [secrets.NAME]
        metadata-address: cloud metadata is never granted: 100.100.100.200/32:80
            give the service what it needs as a secret: [secrets.NAME]
        bad-host: an IPv4 address in IPv6 form: [::ffff:169.254.169.254]:80
            write 169.254.169.254: it covers both forms
        metadata-address: cloud metadata is never granted: metadata.google.internal:80
            give the service what it needs as a secret: [secrets.NAME]
        bad-host: not an address to connect to: 0.0.0.0:80
            write "127.0.0.1:PORT" for this host
        bad-host: an IPv4 address in IPv6 form: [::ffff:10.0.0.1]:80
            write 10.0.0.1: it covers both forms
        bad-host: an IPv4 range in IPv6 form: [::ffff:10.0.0.0/104]:80
            write it as IPv4: it covers both forms
        bad-host: host name ends in a number, which resolvers read as an address: *.10.0.0.1:80
            write the address as four decimal numbers, as in 127.0.0.1
        "#);
    }

    #[test]
    fn every_mistake_in_a_listener_is_named() {
        insta::assert_snapshot!(table(&[
            "8080", ":8080", "*:8080", "localhost:8080", "api.internal:8080", "127.0.0.1",
            "127.0.0.1:8000-8010", "127.0.0.1:99999", "http://127.0.0.1:8080", "::1:8080",
            "[::ffff:127.0.0.1]:80", "169.254.169.254:80", "127.0.0.1:80,127.0.0.1:81",
        ], ListenEndpoint::parse), @r#"
        missing-port: port is missing: 8080
            write "127.0.0.1:8080"
        bad-address: a listener needs an address: :8080
            write "127.0.0.1:8080", or "0.0.0.0:8080" for all
        bad-address: a listener needs an address: *:8080
            write "127.0.0.1:8080", or "0.0.0.0:8080" for all
        bad-address: a listener needs an address: localhost:8080
            write "127.0.0.1:8080"
        bad-address: a listener needs an address: api.internal:8080
            write a literal address of this host, such as "127.0.0.1:8080"
        missing-port: port is missing: 127.0.0.1
            write host and port, such as "127.0.0.1:8080"
        bad-port: a listener has one port: 127.0.0.1:8000-8010
            write one entry for each port; port 0 grants any ephemeral port
        bad-port: not a port: 127.0.0.1:99999
            a port is a number from 1 to 65535
        url: a URL where host and port belong: http://127.0.0.1:8080
            write "127.0.0.1:8080"
        bad-host: IPv6 address without brackets: ::1:8080
            write "[::1]:8080"
        bad-address: an IPv4 address in IPv6 form: [::ffff:127.0.0.1]:80
            write 127.0.0.1
        metadata-address: cloud metadata is never granted: 169.254.169.254:80
            give the service what it needs as a secret: [secrets.NAME]
        comma-list: several entries in one string: 127.0.0.1:80,127.0.0.1:81
            write one string for each: "127.0.0.1:80", "127.0.0.1:81"
        "#);
    }
}
