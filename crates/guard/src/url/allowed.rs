//! What may be reached, and a URL that may.

use super::address::{Verdict, judge};
use super::{Range, UrlError, metadata};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use url::{Host, Url};

/// Longest URL in bytes.
const LONGEST: usize = 2048;

/// Schemes, hosts and ports that may be reached.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    hosts: BTreeSet<(String, u16)>,
    plain: bool,
    plain_hosts: BTreeSet<(String, u16)>,
    private: BTreeSet<String>,
    ranges: Arc<[Range]>,
}

impl Allowed {
    /// Nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// Also this host at this port; `host` as in a URL, without brackets of IPv6 left out.
    ///
    /// # Errors
    /// [`UrlError::Malformed`] for what is no host.
    pub fn host(mut self, host: &str, port: u16) -> Result<Self, UrlError> {
        let host = Host::parse(host).map_err(|_| UrlError::Malformed)?;
        self.hosts.insert((plain(&host), port));
        Ok(self)
    }

    /// Also `http`, which anybody on the way reads and changes.
    #[must_use]
    pub const fn with_plain_http(mut self) -> Self {
        self.plain = true;
        self
    }

    /// Also this host at this port by `http`, and not by `https`.
    ///
    /// # Errors
    /// [`UrlError::Malformed`] for what is no host.
    pub fn plain_host(mut self, host: &str, port: u16) -> Result<Self, UrlError> {
        let host = Host::parse(host).map_err(|_| UrlError::Malformed)?;
        self.plain_hosts.insert((plain(&host), port));
        Ok(self)
    }

    /// This allowed host may resolve to private addresses; to those of metadata services never.
    ///
    /// # Errors
    /// [`UrlError::Malformed`] for what is no host.
    pub fn private(mut self, host: &str) -> Result<Self, UrlError> {
        let host = Host::parse(host).map_err(|_| UrlError::Malformed)?;
        self.private.insert(plain(&host));
        Ok(self)
    }

    /// Every allowed host may resolve to these private addresses; to those of metadata services never,
    /// also where a range holds one.
    #[must_use]
    pub fn range(mut self, range: Range) -> Self {
        self.ranges = self.ranges.iter().copied().chain([range]).collect();
        self
    }

    /// Reads a URL and judges what can be judged without resolving its host.
    ///
    /// # Errors
    /// [`UrlError`]; none holds the URL.
    pub fn parse(&self, text: &str) -> Result<Outbound, UrlError> {
        if text.len() > LONGEST {
            return Err(UrlError::TooLong);
        }
        let url = Url::parse(text).map_err(|_| UrlError::Malformed)?;
        // Written out, it may be three times as long.
        if url.as_str().len() > LONGEST {
            return Err(UrlError::TooLong);
        }
        if url.scheme() != "https" && !(self.knows_http() && url.scheme() == "http") {
            let allowed = if self.knows_http() { "https or http" } else { "https" };
            let scheme = url.scheme().to_owned();
            return Err(UrlError::Scheme { scheme, allowed: allowed.to_owned() });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        let host = url.host().ok_or(UrlError::Malformed)?.to_owned();
        let port = url.port_or_known_default().ok_or(UrlError::Malformed)?;
        let name = plain(&host);
        if metadata::is_name(&name) {
            return Err(UrlError::Address("metadata service"));
        }
        if !self.reaches(url.scheme() == "https", &name, port) {
            return Err(UrlError::Host);
        }
        let private = self.private.contains(&name);
        let outbound = Outbound { url, name, port, private, ranges: Arc::clone(&self.ranges) };
        if let Some(address) = outbound.literal() {
            outbound.admit(address)?;
        }
        Ok(outbound)
    }

    /// Whether anything is reached by `https`.
    #[cfg(feature = "fetch")]
    pub(crate) fn knows_https(&self) -> bool {
        !self.hosts.is_empty()
    }

    fn knows_http(&self) -> bool {
        self.plain || !self.plain_hosts.is_empty()
    }

    fn reaches(&self, by_tls: bool, name: &str, port: u16) -> bool {
        let key = (name.to_owned(), port);
        let either = (by_tls || self.plain) && self.hosts.contains(&key);
        either || (!by_tls && self.plain_hosts.contains(&key))
    }
}

/// A URL that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    url: Url,
    name: String,
    port: u16,
    private: bool,
    ranges: Arc<[Range]>,
}

impl Outbound {
    /// The URL as it was read: hand this on, not the text it was read from.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Its host, lower case.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.name
    }

    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The address, when its host is one and no name.
    #[must_use]
    pub fn literal(&self) -> Option<IpAddr> {
        match self.url.host()? {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        }
    }

    /// Whether the other is reached in the same way: scheme, host and port (RFC 6454).
    #[must_use]
    pub fn same_origin(&self, other: &Self) -> bool {
        let reached = |of: &Self| (of.url.scheme() == "https", of.port);
        reached(self) == reached(other) && self.name == other.name
    }

    /// Judges every address that the name resolved to. One that is refused refuses all: who answers
    /// with a public and a private address wants the second to be tried when the first does not
    /// answer.
    ///
    /// # Errors
    /// [`UrlError::Address`], also when there is none.
    pub fn admit_all(&self, addresses: &[IpAddr]) -> Result<Vec<SocketAddr>, UrlError> {
        if addresses.is_empty() {
            return Err(UrlError::Address("there is none"));
        }
        addresses.iter().map(|address| self.admit(*address)).collect()
    }

    /// Whether a connection may be made to this address of its host; connect to what comes back.
    ///
    /// # Errors
    /// [`UrlError::Address`].
    pub fn admit(&self, address: IpAddr) -> Result<SocketAddr, UrlError> {
        match judge(address) {
            Verdict::Public => Ok(SocketAddr::new(address, self.port)),
            Verdict::Private(_) if self.private || self.in_range(address) => {
                Ok(SocketAddr::new(address, self.port))
            }
            Verdict::Private(why) | Verdict::Never(why) => Err(UrlError::Address(why)),
        }
    }

    fn in_range(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(address))
    }

    /// Where a redirect leads: read against this URL, and judged like the first.
    ///
    /// # Errors
    /// [`UrlError`].
    pub fn redirect(&self, allowed: &Allowed, location: &str) -> Result<Self, UrlError> {
        if location.len() > LONGEST {
            return Err(UrlError::TooLong);
        }
        let next = self.url.join(location).map_err(|_| UrlError::Malformed)?;
        allowed.parse(next.as_str())
    }
}

/// A host as it is compared: lower case, without a dot at the end.
fn plain<S: AsRef<str>>(host: &Host<S>) -> String {
    match host {
        Host::Domain(name) => {
            let name = name.as_ref().to_ascii_lowercase();
            name.strip_suffix('.').unwrap_or(&name).to_owned()
        }
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => format!("[{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> Allowed {
        let allowed = Allowed::nothing().host("api.stripe.com", 443).unwrap();
        allowed.host("db.internal", 8443).unwrap().private("db.internal").unwrap()
    }

    #[test]
    fn an_allowed_url_is_accepted_and_its_public_addresses_too() {
        let url = allowed().parse("https://API.stripe.com./v1?x=1").unwrap();
        assert_eq!(url.host(), "api.stripe.com");
        let public = url.admit("3.18.12.63".parse().unwrap()).unwrap();
        assert_eq!(public.to_string(), "3.18.12.63:443");
        let refused = url.admit("10.0.0.1".parse().unwrap()).unwrap_err();
        assert_eq!(refused, UrlError::Address("private"));
        let internal = allowed().parse("https://db.internal:8443/").unwrap();
        internal.admit("10.0.0.1".parse().unwrap()).unwrap();
        internal.admit("169.254.169.254".parse().unwrap()).unwrap_err();
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, why) in [
            ("http://api.stripe.com/", "Scheme"),
            ("file:///etc/passwd", "Scheme"),
            ("gopher://api.stripe.com/", "Scheme"),
            ("https://user@api.stripe.com/", "Credentials"),
            ("https://:pass@api.stripe.com/", "Credentials"),
            ("https://api.stripe.com@evil.example/", "Credentials"),
            ("https://evil.example/", "Host"),
            ("https://api.stripe.com.evil.example/", "Host"),
            ("https://evil.example#@api.stripe.com/", "Host"),
            ("https://evil.example\\@api.stripe.com/", "Host"),
            ("https://api.stripe.com:8443/", "Host"),
            ("https://127.1/", "Host"),
            ("https://0x7f.1/", "Host"),
            ("https://[::1]/", "Host"),
            ("//api.stripe.com/", "Malformed"),
            ("api.stripe.com", "Malformed"),
            ("https://", "Malformed"),
            ("", "Malformed"),
        ] {
            let error = allowed().parse(text).unwrap_err();
            assert!(format!("{error:?}").starts_with(why), "{text}: {error:?}");
        }
        allowed().parse(&format!("https://api.stripe.com/{}", "a".repeat(2048))).unwrap_err();
    }

    #[test]
    fn literal_addresses_are_judged_even_when_their_host_is_allowed() {
        let allowed =
            Allowed::nothing().host("127.0.0.1", 443).unwrap().host("[::1]", 443).unwrap();
        for text in
            ["https://127.1/", "https://2130706433/", "https://0177.0.0.1/", "https://[::1]/"]
        {
            assert!(matches!(allowed.parse(text), Err(UrlError::Address(_))), "{text}");
        }
    }

    #[test]
    fn a_redirect_is_judged_like_the_first_address() {
        let (allowed, here) = (allowed(), allowed().parse("https://api.stripe.com/v1/x").unwrap());
        assert_eq!(here.redirect(&allowed, "../y").unwrap().url().path(), "/y");
        for location in ["http://api.stripe.com/", "//169.254.169.254/", "https://evil.example/"] {
            here.redirect(&allowed, location).unwrap_err();
        }
    }

    #[test]
    fn a_range_allows_private_addresses_and_never_those_of_metadata_services() {
        let allowed = Allowed::nothing().host("a.test", 443).unwrap();
        let allowed = allowed.range("169.254.0.0/16".parse().unwrap());
        let url = allowed.range("10.0.0.0/8".parse().unwrap()).parse("https://a.test/").unwrap();
        url.admit("10.1.2.3".parse().unwrap()).unwrap();
        url.admit("::ffff:10.1.2.3".parse().unwrap()).unwrap();
        url.admit("169.254.1.1".parse().unwrap()).unwrap();
        for address in ["169.254.169.254", "::ffff:169.254.169.254", "169.254.42.42", "192.168.0.1"]
        {
            url.admit(address.parse().unwrap()).unwrap_err();
        }
    }

    #[test]
    fn one_refused_address_refuses_all_of_a_name() {
        let url = allowed().parse("https://api.stripe.com/").unwrap();
        let read = |list: &[&str]| -> Vec<IpAddr> {
            list.iter().map(|address| address.parse().unwrap()).collect()
        };
        assert_eq!(url.admit_all(&read(&["1.1.1.1", "2606:4700::1"])).unwrap().len(), 2);
        assert_eq!(url.admit_all(&read(&[])), Err(UrlError::Address("there is none")));
        let mixed = url.admit_all(&read(&["1.1.1.1", "127.0.0.1"]));
        assert_eq!(mixed, Err(UrlError::Address("loopback")));
    }

    #[test]
    fn names_of_metadata_services_are_refused_although_they_are_allowed() {
        for name in ["metadata.google.internal", "METADATA", "x.metadata.google.internal."] {
            let allowed = Allowed::nothing().host(name, 443).unwrap();
            let error = allowed.parse(&format!("https://{name}/")).unwrap_err();
            assert_eq!(error, UrlError::Address("metadata service"), "{name}");
        }
        let near = Allowed::nothing().host("notmetadata.google.internal", 443).unwrap();
        near.parse("https://notmetadata.google.internal/").unwrap();
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let allowed = Allowed::nothing().with_plain_http().host("a.test", 443).unwrap();
        let allowed = allowed.host("a.test", 80).unwrap().host("b.test", 443).unwrap();
        let read = |text: &str| allowed.parse(text).unwrap();
        let here = read("https://a.test/x");
        assert!(here.same_origin(&read("https://A.test.:443/y")));
        for other in ["http://a.test:443/", "http://a.test/", "https://b.test/"] {
            assert!(!here.same_origin(&read(other)), "{other}");
        }
    }

    #[test]
    fn one_host_may_be_reached_by_http_alone_and_the_others_are_not() {
        let allowed = allowed().plain_host("old.internal", 80).unwrap();
        allowed.parse("http://old.internal/").unwrap();
        allowed.parse("https://api.stripe.com/").unwrap();
        for text in
            ["http://api.stripe.com:443/", "https://old.internal:80/", "http://old.internal:81/"]
        {
            assert_eq!(allowed.parse(text), Err(UrlError::Host), "{text}");
        }
    }
}
