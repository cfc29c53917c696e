//! `Forwarded` (RFC 7239), read whole and strictly.
//!
//! A quote that a client leaves open could swallow what the next proxy wrote on the same line, so one
//! fault in a line refuses the line.

use std::net::IpAddr;

/// Most elements that are read.
const MOST: usize = 64;

/// A hop as a proxy tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Node {
    /// An address; its port is not kept.
    Address(IpAddr),
    /// `unknown`, or a name that the proxy made up (RFC 7239 section 6.3).
    Hidden,
}

/// One element: what one proxy tells about the hop before it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forwarded {
    /// `for`: from whom the request came.
    pub from: Option<Node>,
    /// `by`: where it came in.
    pub by: Option<Node>,
    /// `host`: which host it was for. Chosen by the client.
    pub host: Option<String>,
    /// `proto`: `http` or `https`.
    pub proto: Option<String>,
}

/// The elements of one header line, the first hop first. `None` for a line with any fault in it: an open
/// quote, a parameter twice, a node that is none.
#[must_use]
pub fn parse_forwarded(line: &str) -> Option<Vec<Forwarded>> {
    let mut rest = line;
    let mut read = Vec::new();
    loop {
        let mut element = Forwarded::default();
        loop {
            rest = rest.trim_start_matches([' ', '\t']);
            let (name, after) = token(rest)?;
            let (value, after) = value(after.strip_prefix('=')?)?;
            set(&mut element, &name.to_ascii_lowercase(), value)?;
            rest = after;
            match rest.strip_prefix(';') {
                Some(after) => rest = after,
                None => break,
            }
        }
        read.push(element);
        rest = rest.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            return Some(read);
        }
        rest = rest.strip_prefix(',')?;
        if read.len() >= MOST {
            return None;
        }
    }
}

fn set(element: &mut Forwarded, name: &str, value: String) -> Option<()> {
    match name {
        "for" if element.from.is_none() => element.from = Some(node(&value)?),
        "by" if element.by.is_none() => element.by = Some(node(&value)?),
        "host" if element.host.is_none() => element.host = Some(value),
        "proto" if element.proto.is_none() => {
            let proto = value.to_ascii_lowercase();
            element.proto = ["http", "https"].contains(&proto.as_str()).then_some(Some(proto))?;
        }
        "for" | "by" | "host" | "proto" => return None,
        // Extensions (RFC 7239 section 5.5) mean nothing here.
        _ => {}
    }
    Some(())
}

/// A token at the beginning, and what follows.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_letter = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let end = text.bytes().position(|byte| !is_letter(byte)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// A token or a quoted text at the beginning, and what follows. Clients send addresses with a port
/// without the quotes they need: a colon is taken too.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        let plain =
            value.split(':').all(|part| token(part).is_some_and(|(_, rest)| rest.is_empty()));
        return plain.then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(letters.next()?.1),
            _ => value.push(letter),
        }
    }
    None
}

/// A node (RFC 7239 section 6): an address, IPv6 in brackets, each perhaps with a port; or a name.
fn node(text: &str) -> Option<Node> {
    if text.eq_ignore_ascii_case("unknown") || text.starts_with('_') {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-:".contains(&b));
        return plain.then_some(Node::Hidden);
    }
    super::client::address(text).map(Node::Address)
}
