//! One connection to a key service: what is sent, what is trusted, and how much is waited for.
//!
//! HTTPS with the system's certificates or pinned ones; plain HTTP to this machine itself only.
//! Nothing is taken from the environment (no proxy), redirects are never followed, requests
//! end at a deadline over all, and answers end at a bound.

use super::KmsError;
use crate::secret::Secret;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, http};

/// Most bytes of an answer.
const LONGEST: u64 = 1 << 20;
/// Most bytes of certificates.
const LONGEST_TRUST: usize = 1 << 20;

/// Whose certificates are trusted.
#[derive(Debug, Clone)]
pub enum Trust {
    /// The host's.
    System,
    /// These and no others: certificates in PEM.
    Pinned(Vec<u8>),
}

/// A service at one address.
#[derive(Debug, Clone)]
pub struct Connection {
    agent: Agent,
    /// Scheme, host and port, without a slash at the end.
    base: String,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: u16,
    /// It may hold keys.
    pub(super) body: Secret,
}

impl Connection {
    /// For the service at `base`, such as `https://bao.internal:8200`; each request ends after
    /// `deadline`, whatever the service does.
    ///
    /// # Errors
    /// [`KmsError::Address`] for anything but a scheme, a host and a port, and for plain HTTP to another
    /// machine; [`KmsError::Trust`].
    pub fn new(base: &str, trust: &Trust, deadline: Duration) -> Result<Self, KmsError> {
        let base = base.strip_suffix('/').unwrap_or(base);
        check_address(base)?;
        Self::checked(base, trust, deadline)
    }

    /// For an address that the caller has judged.
    pub(super) fn checked(base: &str, trust: &Trust, deadline: Duration) -> Result<Self, KmsError> {
        // Certificates are read only where some are needed.
        let roots = if base.starts_with("https://") { roots(trust)? } else { Vec::new() };
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(provider)
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .timeout_global(Some(deadline))
            .user_agent("ringfence")
            .build()
            .new_agent();
        Ok(Self { agent, base: base.to_owned() })
    }

    /// Host and port, as they stand in the address.
    pub(super) fn authority(&self) -> &str {
        self.base.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// One request; `body` makes it a POST.
    pub(super) fn request(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer, KmsError> {
        let method = if body.is_some() { http::Method::POST } else { http::Method::GET };
        let mut request =
            http::Request::builder().method(method).uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            let mut value = http::HeaderValue::from_str(value)
                .map_err(|_| KmsError::Credentials("they have letters no header may have"))?;
            value.set_sensitive(true);
            request = request.header(*name, value);
        }
        let wrong = |_| KmsError::Address("its path cannot be sent");
        let response = match body {
            Some(body) => self.agent.run(request.body(body).map_err(wrong)?),
            None => self.agent.run(request.body(()).map_err(wrong)?),
        };
        let mut response = response.map_err(|error| failed(&error))?;
        let status = response.status().as_u16();
        if (300..400).contains(&status) {
            return Err(KmsError::Redirected);
        }
        let body = response.body_mut().with_config().limit(LONGEST).read_to_vec();
        Ok(Answer { status, body: Secret::new(body.map_err(|error| failed(&error))?) })
    }
}

/// Scheme, host and port, and nothing else.
fn check_address(base: &str) -> Result<(), KmsError> {
    let (scheme, authority) =
        base.split_once("://").ok_or(KmsError::Address("it begins with https://"))?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    if authority.is_empty() || authority.len() > 255 || !authority.bytes().all(fits) {
        return Err(KmsError::Address("after https:// it has a host and a port, nothing else"));
    }
    match scheme {
        "https" => Ok(()),
        "http" if is_this_machine(authority) => Ok(()),
        "http" => Err(KmsError::Address("plain http is for this machine only")),
        _ => Err(KmsError::Address("it begins with https://")),
    }
}

/// Whether a host and port are of the loopback interface, as an address: names can be anybody's.
fn is_this_machine(authority: &str) -> bool {
    host_of(authority).is_some_and(|address| address.is_loopback())
}

/// The address in a host and port.
pub(super) fn host_of(authority: &str) -> Option<IpAddr> {
    let inside = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let host = match inside {
        Some((host, _)) => host,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host.parse().ok()
}

fn roots(trust: &Trust) -> Result<Vec<Certificate<'static>>, KmsError> {
    let found: Vec<_> = match trust {
        Trust::System => {
            let found = rustls_native_certs::load_native_certs().certs;
            found.iter().map(|one| Certificate::from_der(one.as_ref()).to_owned()).collect()
        }
        Trust::Pinned(pem) if pem.len() <= LONGEST_TRUST => {
            let items = parse_pem(pem).map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Ok(certificate),
                // A key beside the certificates is a mistake worth telling.
                _ => Err(KmsError::Trust("the file has something else than certificates")),
            });
            items.collect::<Result<_, _>>()?
        }
        Trust::Pinned(_) => return Err(KmsError::Trust("the file is too long")),
    };
    if found.is_empty() {
        return Err(KmsError::Trust("there are none"));
    }
    Ok(found)
}

/// What went wrong, without a word of what the other side sent.
fn failed(error: &ureq::Error) -> KmsError {
    match error {
        ureq::Error::Timeout(_) => KmsError::Deadline,
        ureq::Error::HostNotFound => KmsError::Unreachable("its name is not known"),
        ureq::Error::BodyExceedsLimit(_) => KmsError::TooLong(LONGEST),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => KmsError::Untrusted,
        ureq::Error::Io(error) => io_failed(error),
        ureq::Error::ConnectionFailed => KmsError::Unreachable("no connection"),
        ureq::Error::BadUri(_) => KmsError::Address("its path cannot be sent"),
        _ => KmsError::Answer("it speaks no HTTP that is accepted"),
    }
}

fn io_failed(error: &std::io::Error) -> KmsError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if inner.is_some() {
        return KmsError::Untrusted;
    }
    match error.kind() {
        std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => KmsError::Deadline,
        std::io::ErrorKind::ConnectionRefused => KmsError::Unreachable("nobody listens there"),
        _ => KmsError::Unreachable("the connection broke"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_a_scheme_a_host_and_a_port_and_plain_http_stays_here() {
        let new = |base| Connection::new(base, &Trust::System, Duration::from_secs(1));
        for base in ["http://127.0.0.1:8200", "http://[::1]:8200/", "http://127.9.9.9"] {
            new(base).unwrap();
        }
        for base in [
            "",
            "bao.internal",
            "ftp://127.0.0.1",
            "http://localhost:8200",
            "http://10.0.0.1:8200",
            "http://127.0.0.1.example.com",
            "http://user:word@127.0.0.1",
            "http://127.0.0.1/path",
            "http://127.0.0.1?x",
            "https://",
            "https://a b",
        ] {
            assert!(matches!(new(base), Err(KmsError::Address(_))), "{base}");
        }
        let wrong = Trust::Pinned(b"nothing".to_vec());
        let refused = Connection::new("https://127.0.0.1", &wrong, Duration::from_secs(1));
        assert!(matches!(refused, Err(KmsError::Trust(_))));
    }
}
