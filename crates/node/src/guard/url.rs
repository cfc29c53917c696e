//! The judge of outbound URLs and of the addresses they resolve to.

use super::refused;
use napi::{Error, Result};
use napi_derive::napi;
use ringfence_guard::url::{Allowed, Outbound, UrlError};
use std::net::IpAddr;

/// What may be reached.
#[napi]
pub struct GuardUrls {
    allowed: Allowed,
}

/// A URL that may be reached, written as it was judged.
#[napi(object)]
pub struct JudgedUrl {
    /// All of it.
    pub href: String,
    /// `https:` or `http:`.
    pub protocol: String,
    /// As it is compared: lower case, no dot at the end; IPv6 in brackets.
    pub host: String,
    /// Of the URL, or its scheme's own.
    pub port: u16,
}

#[napi]
impl GuardUrls {
    /// From `host` or `host:port`; those in `private` may resolve to private addresses.
    #[napi(constructor)]
    pub fn new(hosts: Vec<String>, plain: bool, private: Vec<String>) -> Result<Self> {
        let mut allowed = Allowed::nothing();
        for text in &hosts {
            let (host, port) = split(text)?;
            let own: &[u16] = if plain { &[443, 80] } else { &[443] };
            for port in port.as_ref().map_or(own, std::slice::from_ref) {
                allowed = allowed.host(host, *port).map_err(told)?;
            }
        }
        for host in &private {
            allowed = allowed.private(split(host)?.0).map_err(told)?;
        }
        Ok(Self { allowed: if plain { allowed.with_plain_http() } else { allowed } })
    }

    /// Judges what can be judged before its host is resolved.
    #[napi]
    pub fn parse(&self, text: String) -> Result<JudgedUrl> {
        self.allowed.parse(&text).map(judged).map_err(told)
    }

    /// Judges where a redirect of `base` leads.
    #[napi]
    pub fn redirect(&self, base: String, location: String) -> Result<JudgedUrl> {
        let base = self.allowed.parse(&base).map_err(told)?;
        base.redirect(&self.allowed, &location).map(judged).map_err(told)
    }

    /// The addresses a URL's host resolved to, when all of them may be connected to. Inside a boundary
    /// the broker hands out addresses of its own for granted names and judges the real ones itself:
    /// `synthetic` says that this is so.
    #[napi]
    pub fn admit(
        &self,
        url: String,
        addresses: Vec<String>,
        synthetic: bool,
    ) -> Result<Vec<String>> {
        let url = self.allowed.parse(&url).map_err(told)?;
        let read = |text: &String| text.parse::<IpAddr>();
        let addresses: Vec<_> = addresses
            .iter()
            .map(read)
            .collect::<std::result::Result<_, _>>()
            .map_err(|_| told(UrlError::Address("it is none")))?;
        let (own, others): (Vec<IpAddr>, Vec<IpAddr>) =
            addresses.into_iter().partition(|address| synthetic && is_handed_out(*address));
        if own.is_empty() || !others.is_empty() {
            url.admit_all(&others).map_err(told)?;
        }
        Ok(own.iter().chain(&others).map(ToString::to_string).collect())
    }
}

/// The ranges of the broker's own addresses (`boundary`, egress).
fn is_handed_out(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] == 198 && v4.octets()[1] & 0xfe == 18,
        IpAddr::V6(v6) => v6.segments()[..4] == [0xfd52, 0x6e67, 0, 0],
    }
}

/// `host`, `host:port`, `[::1]`, `[::1]:port`.
fn split(text: &str) -> Result<(&str, Option<u16>)> {
    let Some((host, port)) = text.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) else {
        return Ok((text, None));
    };
    let plain = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| plain && *port != 0);
    port.map(|port| (host, Some(port))).ok_or_else(|| told(UrlError::Malformed))
}

fn judged(url: Outbound) -> JudgedUrl {
    JudgedUrl {
        protocol: format!("{}:", url.url().scheme()),
        host: url.host().to_owned(),
        port: url.url().port_or_known_default().unwrap_or_default(),
        href: url.url().to_string(),
    }
}

fn told(error: UrlError) -> Error {
    let code = match &error {
        UrlError::Malformed => "ERR_RINGFENCE_GUARD_URL",
        UrlError::TooLong => "ERR_RINGFENCE_GUARD_URL_TOO_LONG",
        UrlError::Scheme { .. } => "ERR_RINGFENCE_GUARD_SCHEME",
        UrlError::Credentials => "ERR_RINGFENCE_GUARD_CREDENTIALS",
        UrlError::Host => "ERR_RINGFENCE_GUARD_HOST",
        UrlError::Address(_) => "ERR_RINGFENCE_GUARD_ADDRESS",
    };
    refused(code, error)
}
