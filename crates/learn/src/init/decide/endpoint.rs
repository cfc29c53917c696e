//! Hosts and ports in values and arguments.

use std::net::IpAddr;

/// Ports of schemes.
const SCHEMES: [(&str, u16); 20] = [
    ("amqp", 5672),
    ("amqps", 5671),
    ("grpc", 50051),
    ("http", 80),
    ("https", 443),
    ("kafka", 9092),
    ("ldap", 389),
    ("ldaps", 636),
    ("mariadb", 3306),
    ("mongodb", 27017),
    ("mqtt", 1883),
    ("mqtts", 8883),
    ("mysql", 3306),
    ("nats", 4222),
    ("postgres", 5432),
    ("postgresql", 5432),
    ("redis", 6379),
    ("rediss", 6379),
    ("ws", 80),
    ("wss", 443),
];

/// Usual ports by a word of a variable.
const USUAL: [(&str, u16); 20] = [
    ("AMQP", 5672),
    ("CACHE", 6379),
    ("DATABASE", 5432),
    ("DB", 5432),
    ("DD", 8125),
    ("ELASTICSEARCH", 9200),
    ("KAFKA", 9092),
    ("LDAP", 389),
    ("MARIADB", 3306),
    ("MEMCACHED", 11211),
    ("MONGO", 27017),
    ("MONGODB", 27017),
    ("MYSQL", 3306),
    ("NATS", 4222),
    ("PG", 5432),
    ("POSTGRES", 5432),
    ("RABBITMQ", 5672),
    ("REDIS", 6379),
    ("SMTP", 587),
    ("STATSD", 8125),
];

/// What a value names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) endpoints: Vec<String>,
    /// What cannot be granted as it stands.
    pub(super) unknown: Option<&'static str>,
}

/// The usual port of what a variable is named after.
pub(super) fn usual_port(word: &str) -> Option<u16> {
    let named = |name: &str| word.split('_').any(|part| part == name);
    USUAL.iter().find(|(name, _)| named(name)).map(|(_, port)| *port)
}

/// `host:port` as a grant has it: `localhost` is loopback, IPv6 stands in brackets.
pub(super) fn at(host: &str, port: u16) -> String {
    let host = host.trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(v6)) => format!("[{v6}]:{port}"),
        _ if host.eq_ignore_ascii_case("localhost") => format!("127.0.0.1:{port}"),
        _ => format!("{}:{port}", host.to_ascii_lowercase()),
    }
}

/// `host:port`, or a URL; `None` without a port.
pub(super) fn host_and_port(text: &str) -> Option<String> {
    if text.contains("://") {
        return in_value(text).endpoints.into_iter().next();
    }
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_*".contains(&byte);
    let name = !host.is_empty() && host.bytes().all(plain);
    (name || bracketed).then(|| at(host, port))
}

/// URLs and `host:port`, one or several with commas between them.
pub(super) fn in_value(value: &str) -> Found {
    let mut found = Found::default();
    if value.len() > 4096 || value.contains(char::is_whitespace) {
        return found;
    }
    let Some((scheme, rest)) = value.split_once("://") else {
        let all: Vec<Option<String>> = value.split(',').map(host_and_port).collect();
        // A time, a version or an image's tag has a colon too: a host is a name with a letter or an address.
        let hosts = all.into_iter().collect::<Option<Vec<_>>>().unwrap_or_default();
        found.endpoints = hosts.into_iter().filter(|endpoint| is_host(endpoint)).collect();
        return found;
    };
    if scheme.ends_with("+srv") {
        found.unknown = Some("its hosts are looked up by SRV records: list them in net.connect");
        return found;
    }
    let scheme = scheme.split('+').next().unwrap_or(scheme).to_ascii_lowercase();
    let usual = SCHEMES.iter().find(|(name, _)| *name == scheme).map(|(_, port)| *port);
    // An unescaped slash of a password ends nothing: the last `@` before the query does.
    let before_query = rest.split(['?', '#']).next().unwrap_or(rest);
    let hosts = match before_query.rsplit_once('@') {
        Some((_, hosts)) => hosts,
        None => before_query,
    };
    let hosts = hosts.split('/').next().unwrap_or(hosts);
    for host in hosts.split(',').filter(|host| !host.is_empty()) {
        match (host_and_port(host), usual) {
            (Some(endpoint), _) => found.endpoints.push(endpoint),
            (None, Some(port)) if !host.contains(':') || host.ends_with(']') => {
                found.endpoints.push(at(host, port));
            }
            _ => {
                found.unknown = Some("its port is not known: write host and port into net.connect");
            }
        }
    }
    if matches!(scheme.as_str(), "file" | "sqlite" | "unix" | "data" | "jdbc") {
        return Found::default();
    }
    found
        .endpoints
        .retain(|endpoint| !endpoint.starts_with("0.0.0.0:") && !endpoint.starts_with("[::]:"));
    found
}

fn is_host(endpoint: &str) -> bool {
    let Some((host, _)) = endpoint.rsplit_once(':') else { return false };
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    address.map_or_else(
        |_| host.bytes().next().is_some_and(|first| first.is_ascii_alphabetic()),
        |address| !address.is_unspecified(),
    )
}

/// Options of a command: `--name=value`, `--name value`, `-n value`.
#[derive(Debug, Default)]
pub(super) struct Options(Vec<(String, String)>);

impl Options {
    pub(super) fn read(arguments: &[String]) -> Self {
        let mut options = Vec::new();
        let mut rest = arguments.iter().peekable();
        while let Some(word) = rest.next() {
            let Some(name) = word.strip_prefix('-') else { continue };
            let name = name.strip_prefix('-').unwrap_or(name);
            if let Some((name, value)) = name.split_once('=') {
                options.push((name.to_owned(), value.to_owned()));
            } else if let Some(value) = rest.next_if(|next| !next.starts_with('-')) {
                options.push((name.to_owned(), value.clone()));
            }
        }
        Self(options)
    }

    /// The value of the first of these options that is there.
    pub(super) fn first(&self, names: &[&str]) -> Option<String> {
        let asked = |(name, _): &&(String, String)| names.contains(&name.as_str());
        self.0.iter().find(asked).map(|(_, value)| value.clone())
    }

    /// Ports of `--listen tcp://127.0.0.1:80`, `--serve=127.0.0.1:80`, `-l 80`.
    pub(super) fn listeners(&self) -> Vec<u16> {
        let named = self
            .0
            .iter()
            .filter(|(name, _)| ["listen", "serve", "l", "bind"].contains(&name.as_str()));
        let port = |value: &str| value.rsplit(':').next()?.trim_end_matches('/').parse().ok();
        named.filter_map(|(_, value)| port(value)).collect()
    }

    /// `--x-host` with `--x-port`, or with the usual port of `x`.
    pub(super) fn pairs(&self) -> Vec<(String, u16)> {
        let mut pairs = Vec::new();
        for (name, host) in &self.0 {
            let Some(prefix) = name.strip_suffix("-host").filter(|prefix| *prefix != "listen")
            else {
                continue;
            };
            let port = self.first(&[&format!("{prefix}-port")]).and_then(|port| port.parse().ok());
            let usual = usual_port(&prefix.to_ascii_uppercase().replace('-', "_"));
            if let Some(port) = port.or(usual) {
                pairs.push((host.clone(), port));
            }
        }
        pairs
    }

    /// What URLs in options name, but those it listens at.
    pub(super) fn urls(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (name, value) in &self.0 {
            let listens = ["listen", "serve", "l", "bind", "public-url", "base-url", "url"];
            if value.contains("://") && !listens.contains(&name.as_str()) {
                all.extend(in_value(value).endpoints);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_found_in_the_values_people_write() {
        for (value, expected) in [
            ("postgres://u:p@db:5433/x?ssl=1", &["db:5433"][..]),
            ("postgres://u:p/w@db/x", &["db:5432"]),
            ("mongodb://a,b:27018/x", &["a:27017", "b:27018"]),
            ("https://API.internal/v1", &["api.internal:443"]),
            ("redis://[::1]:6379", &["[::1]:6379"]),
            ("http://localhost:3000", &["127.0.0.1:3000"]),
            ("k1:9092,k2:9092", &["k1:9092", "k2:9092"]),
            ("10.0.0.1:80", &["10.0.0.1:80"]),
            ("http://0.0.0.0:80", &[]),
            ("file:///etc/x", &[]),
            ("12:30", &[]),
            ("redis:", &[]),
            ("a b:80", &[]),
            ("https://", &[]),
        ] {
            assert_eq!(in_value(value).endpoints, expected, "{value}");
        }
        assert!(in_value("mongodb+srv://x/y").unknown.is_some());
    }

    #[test]
    fn options_say_where_it_listens_and_connects() {
        let read =
            |text: &str| Options::read(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(read("--listen tcp://127.0.0.1:80 x").listeners(), [80]);
        assert_eq!(read("--serve=127.0.0.1:81 --watch").listeners(), [81]);
        let options = read("--port 82 --redis-host r --redis-port 1 --db-host=d --x http://u.test");
        assert_eq!(options.first(&["port"]).as_deref(), Some("82"));
        assert_eq!(options.pairs(), [("r".to_owned(), 1), ("d".to_owned(), 5432)]);
        assert_eq!(options.urls(), ["u.test:80"]);
    }
}
