//! One pair of a query, and its escapes.

use super::{Plus, QueryError};

/// What stands behind a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Brackets {
    None,
    /// `[]`
    Empty,
    /// `[0]`
    Index(usize),
}

/// Whether all bytes may stand in a query as they are (RFC 3986 section 3.4, less the semicolon).
/// Brackets are not in that grammar, and every client sends them.
pub(super) fn check_raw(query: &str, plus: Plus) -> Result<(), QueryError> {
    for byte in query.bytes() {
        match byte {
            b';' => return Err(QueryError::Semicolon),
            b'+' if plus == Plus::Refused => return Err(QueryError::Plus),
            b'#' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                return Err(QueryError::Raw);
            }
            b'!'..=b'~' => {}
            _ => return Err(QueryError::Raw),
        }
    }
    Ok(())
}

/// Name and value, each with its escapes resolved once.
pub(super) fn split(pair: &str) -> Result<(String, String), QueryError> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    Ok((resolve(name)?, resolve(value)?))
}

fn resolve(text: &str) -> Result<String, QueryError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match (*first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                rest = tail;
                pair(*high, *low).ok_or(QueryError::Escape)?
            }
            (b'%', _) => return Err(QueryError::Escape),
            (b'+', _) => b' ',
            (byte, _) => byte,
        });
    }
    let text = String::from_utf8(bytes).map_err(|_| QueryError::Escape)?;
    if text.chars().any(char::is_control) { Err(QueryError::Control) } else { Ok(text) }
}

fn pair(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

/// Whether a text would change when its escapes were resolved once more.
pub(super) fn is_still_escaped(text: &str) -> bool {
    text.as_bytes().windows(3).any(|three| matches!(three, [b'%', h, l] if pair(*h, *l).is_some()))
}

/// A name without its brackets. Names inside of brackets make objects: nobody can declare those.
pub(super) fn brackets(name: &str) -> Result<(&str, Brackets), QueryError> {
    let Some((plain, rest)) = name.split_once('[') else {
        let lone = name.contains(']');
        return if lone { Err(QueryError::Brackets) } else { Ok((name, Brackets::None)) };
    };
    let inner = rest.strip_suffix(']').ok_or(QueryError::Brackets)?;
    if inner.is_empty() {
        return Ok((plain, Brackets::Empty));
    }
    if crate::merge::is_prototype_name(inner) {
        return Err(QueryError::Prototype);
    }
    // At most 9999, written in one way.
    let index = inner.parse::<usize>().ok();
    let index = index.filter(|index| *index <= 9999 && index.to_string() == inner);
    index.map(|index| (plain, Brackets::Index(index))).ok_or(QueryError::Brackets)
}
