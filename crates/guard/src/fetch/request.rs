//! What is sent.

use super::FetchError;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Method};

/// Headers that say how a message is framed or where it goes: the client sets them, or never sends
/// them.
const OWN: [&str; 14] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// Headers that are no secret by any custom: what goes along to another origin.
const HARMLESS: [&str; 4] = ["accept", "accept-language", "content-type", "user-agent"];

/// Most headers of a request.
const MOST_HEADERS: usize = 64;

/// A request that has not been judged yet.
#[derive(Debug, Clone)]
pub struct Request {
    pub(super) url: String,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Arc<[u8]>>,
    pub(super) time: Option<Duration>,
}

impl Request {
    /// A `GET` request.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        let (method, headers) = (Method::GET, HeaderMap::new());
        Self { url: url.into(), method, headers, body: None, time: None }
    }

    /// Another method: `GET`, `HEAD`, `OPTIONS`, `POST`, `PUT`, `PATCH`, `DELETE`.
    ///
    /// # Errors
    /// [`FetchError::Method`]; `CONNECT` and `TRACE` among them.
    pub fn with_method(mut self, method: &str) -> Result<Self, FetchError> {
        self.method = match method {
            "GET" => Method::GET,
            "HEAD" => Method::HEAD,
            "OPTIONS" => Method::OPTIONS,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            _ => return Err(FetchError::Method),
        };
        Ok(self)
    }

    /// One more header. The value is hidden in what is printed of this request.
    ///
    /// # Errors
    /// [`FetchError::Header`] for a malformed one (a line break, most of all) and for one that the
    /// client sets itself.
    pub fn with_header(mut self, name: &str, value: &str) -> Result<Self, FetchError> {
        // What is no name may be the value, and a secret.
        let key = HeaderName::from_bytes(name.as_bytes());
        let key = key.map_err(|_| FetchError::Header("?".to_owned()))?;
        let refused = || FetchError::Header(name.chars().take(64).collect());
        let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
        if OWN.contains(&key.as_str()) || self.headers.len() >= MOST_HEADERS {
            return Err(refused());
        }
        value.set_sensitive(true);
        self.headers.append(key, value);
        Ok(self)
    }

    /// A body, for `POST`, `PUT` and `PATCH`.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Arc<[u8]>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Less time than the client gives its requests ([`Limits::time`](super::Limits::time)), from the
    /// first lookup to the last byte of the body. More than that nobody gets.
    #[must_use]
    pub const fn within(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// Whether the method has a body at all (RFC 9110, 9.3).
    pub(super) fn may_have_body(&self) -> bool {
        self.method == Method::POST || self.method == Method::PUT || self.method == Method::PATCH
    }

    /// What is sent after a redirect with this status (RFC 9110, 15.4): 303 asks with `GET`, 301 and
    /// 302 turn `POST` into `GET` as every client does, 307 and 308 repeat.
    pub(super) fn redirected(&mut self, status: u16) {
        let get = match status {
            303 => self.method != Method::HEAD,
            301 | 302 => self.method == Method::POST,
            _ => false,
        };
        if get {
            self.method = Method::GET;
            self.body = None;
            self.headers.remove("content-type");
        }
    }

    /// Leaves behind what may be a secret: who asks at another origin is nobody known there.
    pub(super) fn leave_secrets(&mut self) {
        let names: Vec<HeaderName> = self.headers.keys().cloned().collect();
        for name in names.iter().filter(|name| !HARMLESS.contains(&name.as_str())) {
            self.headers.remove(name);
        }
    }
}
