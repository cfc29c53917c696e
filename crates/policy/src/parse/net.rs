//! `[net]`: what a service may reach and where it may listen.

use super::section::{Report, Section, duplicate, string, wrong_type};
use crate::address::{self, Class};
use crate::diagnostic::{Code, Problem};
use crate::display::quoted;
use crate::model::{DnsMode, Network};
use crate::net::{Cuts, Endpoint, HostName, ListenEndpoint};
use crate::paths;
use crate::source::Located;
use std::collections::BTreeMap;
use std::net::IpAddr;

const OUTBOUND: &str = "\"api.internal:443\"";
const LISTENER: &str = "\"127.0.0.1:8080\"";

pub(super) fn read(report: &mut Report, section: &Section<'_>) -> Network {
    let written = ToString::to_string;
    let outbound = |report: &mut Report, key| {
        section.list(report, key, OUTBOUND, Endpoint::parse, Endpoint::to_string)
    };
    let listeners = |report: &mut Report, key| {
        section.list(report, key, LISTENER, ListenEndpoint::parse, ListenEndpoint::to_string)
    };
    Network {
        connect: outbound(report, "connect"),
        listen: listeners(report, "listen"),
        udp: outbound(report, "udp"),
        udp_listen: listeners(report, "udp-listen"),
        unix: section.list(report, "unix", "\"/run/app.sock\"", unix, |path| paths::normal(path)),
        private: section.list(report, "private", "\"api.internal\"", host_name, written),
        hosts: hosts(report, section),
        dns: dns(report, section),
        cuts: Cuts::default(),
    }
}

fn unix(text: &str) -> Result<String, Problem> {
    if text.starts_with('@') {
        return Err(Problem::with_value(Code::BadPath, "abstract sockets cannot be granted", text)
            .hint("they stay inside the boundary: write the path of a socket"));
    }
    let path = text.strip_prefix("unix:").map(|path| path.trim_start_matches("//"));
    if let Some(path) = path {
        return Err(Problem::with_value(Code::Url, "a URL where a path belongs", text)
            .hint(format!("write \"{}\"", quoted(path))));
    }
    paths::grant(text)
}

/// A name without a port, for `private` and `hosts`.
fn host_name(text: &str) -> Result<HostName, Problem> {
    let problem = |what: &str| Problem::with_value(Code::BadHost, what, text);
    if text.contains('*') {
        return Err(Problem::with_value(Code::Wildcard, "a name is listed as it is", text)
            .hint("write each name that may resolve to a private address"));
    }
    if text.contains("://") || text.contains('/') {
        return Err(Problem::with_value(Code::Url, "a URL or range where a name belongs", text)
            .hint("write the name alone, such as \"api.internal\""));
    }
    if text.contains(':') && text.parse::<IpAddr>().is_err() {
        return Err(problem("a port where only a name belongs").hint("leave the port out"));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Err(problem("an address where a name belongs")
            .hint("addresses are granted in net.connect, private ones too"));
    }
    let name =
        HostName::parse(text).map_err(|error| problem(&error.to_string()).hint(error.hint()))?;
    if name.is_metadata() {
        return Err(metadata(text));
    }
    Ok(name)
}

fn metadata(text: &str) -> Problem {
    Problem::with_value(Code::MetadataAddress, "cloud metadata is never granted", text)
        .hint("give the service what it needs as a secret: [secrets.NAME]")
}

fn hosts(report: &mut Report, section: &Section<'_>) -> BTreeMap<HostName, Located<IpAddr>> {
    let mut hosts = BTreeMap::new();
    let Some(table) = section.table(report, "hosts") else { return hosts };
    for (key, value) in table.entries() {
        let name = report.keep(&key.span, host_name(key.value));
        let Some(text) =
            string(report, format_args!("net.hosts.{}", quoted(key.value)), value, "\"127.0.0.1\"")
        else {
            continue;
        };
        let address = report.keep(&text.span, fixed_address(text.value));
        let (Some(name), Some(address)) = (name, address) else { continue };
        if hosts.insert(name, Located::new(address, text.span)).is_some() {
            report.push(key.span, duplicate("net.hosts", key.value));
        }
    }
    hosts
}

fn fixed_address(text: &str) -> Result<IpAddr, Problem> {
    let problem = |what: &str| Problem::with_value(Code::BadAddress, what, text);
    let address: IpAddr = text.parse().map_err(|_| {
        let hint = "write an address without a port, such as \"127.0.0.1\"";
        problem("not a literal address").hint(hint)
    })?;
    if address::fold(address) != address {
        let hint = format!("write {}", address::fold(address));
        return Err(problem("an IPv4 address in IPv6 form").hint(hint));
    }
    match Class::of(address) {
        Class::Metadata => Err(metadata(text)),
        Class::Broadcast | Class::Multicast | Class::Unspecified => {
            Err(problem("not the address of one host").hint("write \"127.0.0.1\" for this host"))
        }
        _ => Ok(address),
    }
}

fn dns(report: &mut Report, section: &Section<'_>) -> DnsMode {
    let Some(value) = section.raw("dns") else { return DnsMode::default() };
    let hint = "write dns = \"synthetic\" or dns = \"real\"";
    match value.get_ref().as_str() {
        Some("synthetic") => DnsMode::Synthetic,
        Some("real") => DnsMode::Real,
        Some(text) => {
            let what = "`net.dns` is \"synthetic\" or \"real\", not";
            report.push(value.span(), Problem::with_value(Code::BadName, what, text).hint(hint));
            DnsMode::default()
        }
        None => {
            report
                .push(value.span(), wrong_type("net.dns", "a string", value.get_ref()).hint(hint));
            DnsMode::default()
        }
    }
}
