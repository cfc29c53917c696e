//! What may be reached, and a URL that may.

use super::UrlError;
use super::address::{Verdict, judge};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use url::{Host, Url};

/// Longest URL in bytes.
const LONGEST: usize = 2048;

/// Schemes, hosts and ports that may be reached.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    hosts: BTreeSet<(String, u16)>,
    plain: bool,
    private: BTreeSet<String>,
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

    /// This allowed host may resolve to private addresses; to those of metadata services never.
    ///
    /// # Errors
    /// [`UrlError::Malformed`] for what is no host.
    pub fn private(mut self, host: &str) -> Result<Self, UrlError> {
        let host = Host::parse(host).map_err(|_| UrlError::Malformed)?;
        self.private.insert(plain(&host));
        Ok(self)
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
        if url.scheme() != "https" && !(self.plain && url.scheme() == "http") {
            let allowed = if self.plain { "https or http" } else { "https" };
            let scheme = url.scheme().to_owned();
            return Err(UrlError::Scheme { scheme, allowed: allowed.to_owned() });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        let host = url.host().ok_or(UrlError::Malformed)?.to_owned();
        let port = url.port_or_known_default().ok_or(UrlError::Malformed)?;
        let name = plain(&host);
        if !self.hosts.contains(&(name.clone(), port)) {
            return Err(UrlError::Host);
        }
        let private = self.private.contains(&name);
        let outbound = Outbound { url, name, port, private };
        let literal = match host {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(_) => None,
        };
        if let Some(address) = literal {
            outbound.admit(address)?;
        }
        Ok(outbound)
    }
}

/// A URL that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    url: Url,
    name: String,
    port: u16,
    private: bool,
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

    /// Whether a connection may be made to this address of its host; connect to what comes back.
    ///
    /// # Errors
    /// [`UrlError::Address`].
    pub fn admit(&self, address: IpAddr) -> Result<SocketAddr, UrlError> {
        match judge(address) {
            Verdict::Public => Ok(SocketAddr::new(address, self.port)),
            Verdict::Private(_) if self.private => Ok(SocketAddr::new(address, self.port)),
            Verdict::Private(why) | Verdict::Never(why) => Err(UrlError::Address(why)),
        }
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
}
