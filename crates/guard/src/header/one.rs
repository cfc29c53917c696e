//! Headers that stand once, and what may stand together.

use super::HeaderError;
use std::collections::BTreeMap;

/// Headers with one value (RFC 9110, RFC 9112, RFC 7239's predecessors left out: those are lists). Two
/// of them mean that two readers on the way can each follow another.
const ONCE: [&str; 27] = [
    "authorization",
    "content-encoding",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "date",
    "expect",
    "from",
    "host",
    "idempotency-key",
    "if-modified-since",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "origin",
    "proxy-authorization",
    "range",
    "referer",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-websocket-key",
    "transfer-encoding",
    "user-agent",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// Headers that gateways set and applications believe: nobody else may come near their names.
const BELIEVED: [&str; 6] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
];

pub(super) fn check(headers: &BTreeMap<String, Vec<Vec<u8>>>) -> Result<(), HeaderError> {
    for name in ONCE {
        if headers.get(name).is_some_and(|values| values.len() > 1) {
            return Err(HeaderError::Twice(name));
        }
    }
    // CGI and what follows it write both `-` and `_` as `_`.
    for name in headers.keys().filter(|name| name.contains('_')) {
        let other = name.replace('_', "-");
        let taken = headers.contains_key(&other);
        if taken || ONCE.contains(&other.as_str()) || BELIEVED.contains(&other.as_str()) {
            return Err(HeaderError::Ambiguous);
        }
    }
    if headers.contains_key("content-length") && headers.contains_key("transfer-encoding") {
        return Err(HeaderError::Framing);
    }
    let one = |name: &str| headers.get(name).and_then(|values| values.first());
    let check = |name: &'static str, fits: fn(&[u8]) -> bool| match one(name) {
        Some(value) if !fits(value) => Err(HeaderError::Value(name)),
        _ => Ok(()),
    };
    check("content-length", is_length)?;
    check("transfer-encoding", |value| value.eq_ignore_ascii_case(b"chunked"))?;
    check("host", is_host)
}

/// Decimal digits, as many as a length can have: no sign, no list (RFC 9110 section 8.6).
fn is_length(value: &[u8]) -> bool {
    (1..=19).contains(&value.len()) && value.iter().all(u8::is_ascii_digit)
}

/// A host and perhaps a port (RFC 9110 section 7.2): nothing that a URL made of it would take for user,
/// path or query. It may be empty.
fn is_host(value: &[u8]) -> bool {
    let (host, port) = match value.iter().rposition(|byte| *byte == b':') {
        Some(at) if !value.ends_with(b"]") => (&value[..at], Some(&value[at + 1..])),
        _ => (value, None),
    };
    let port = port.is_none_or(|port| port.len() <= 5 && port.iter().all(u8::is_ascii_digit));
    let inner = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]"));
    let name = match inner {
        Some(address) => {
            let text = std::str::from_utf8(address).ok();
            text.is_some_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok())
        }
        None => host.iter().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(b)),
    };
    port && name && value.len() <= 255
}
