//! One pass over a JSON text before V8's own `JSON.parse` reads it.
//!
//! Making JavaScript's values from here would cost more than parsing does, so nothing is made: the
//! text is only looked at for depth, number of values, names twice in an object, and names that reach
//! a prototype. It reads what a well-formed text needs; what is malformed is `JSON.parse`'s to refuse.

use napi_derive::napi;
use std::collections::HashSet;

/// What the text breaks, as `npm/guard/json.js` knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Depth = 1,
    Values = 2,
    Twice = 3,
    Prototype = 4,
    Utf8 = 5,
    /// A name is escaped: the slower scanner in JavaScript decides, which is asked seldom.
    Escaped = 6,
}

/// Names of one object that are compared with each other one by one; more go into a set, whose hash
/// an attacker cannot choose names for.
const FEW: usize = 24;

/// 0 for a text that may be parsed; else the rule that it breaks, and eight times the place.
#[napi]
pub fn guard_json_scan(text: &[u8], depth: u32, values: u32) -> f64 {
    if std::str::from_utf8(text).is_err() {
        return f64::from(Rule::Utf8 as u8);
    }
    let mut scan = Scan::new(text, depth as usize, values as usize);
    match scan.all() {
        Ok(()) => 0.0,
        Err((rule, at)) => {
            // Texts end long before 2^32.
            f64::from(u32::try_from(at).unwrap_or(u32::MAX)) * 8.0 + f64::from(rule as u8)
        }
    }
}

/// Where in the text a broken rule was found.
type Broken = (Rule, usize);

/// An object or an array that is open.
struct Open<'a> {
    /// Where its names begin; `None` in an array.
    names: Option<usize>,
    many: Option<Box<HashSet<&'a [u8]>>>,
}

struct Scan<'a> {
    text: &'a [u8],
    deepest: usize,
    most: usize,
    open: Vec<Open<'a>>,
    /// Names of all open objects, each with a cheap hash.
    names: Vec<(u64, &'a [u8])>,
}

impl<'a> Scan<'a> {
    fn new(text: &'a [u8], deepest: usize, most: usize) -> Self {
        Self { text, deepest, most, open: Vec::with_capacity(8), names: Vec::with_capacity(32) }
    }

    fn all(&mut self) -> Result<(), Broken> {
        let (mut at, mut values, mut naming) = (0, 1, false);
        while let Some(byte) = self.text.get(at) {
            match byte {
                b'"' => {
                    let (end, escaped) = string(self.text, at + 1);
                    if naming {
                        self.name(at + 1, end, escaped)?;
                        naming = false;
                    }
                    at = end;
                }
                b',' => {
                    naming = self.open.last().is_some_and(|open| open.names.is_some());
                    values += 1;
                }
                b'{' | b'[' => {
                    naming = *byte == b'{';
                    if self.open.len() == self.deepest {
                        return Err((Rule::Depth, at));
                    }
                    self.open.push(Open { names: naming.then_some(self.names.len()), many: None });
                    values += 1;
                }
                b'}' | b']' => {
                    naming = false;
                    if let Some(Open { names: Some(first), .. }) = self.open.pop() {
                        self.names.truncate(first);
                    }
                }
                _ => {}
            }
            if values > self.most {
                return Err((Rule::Values, at));
            }
            at += 1;
        }
        Ok(())
    }

    fn name(&mut self, start: usize, end: usize, escaped: bool) -> Result<(), Broken> {
        let inside = self.text.get(start..end).unwrap_or_default();
        if escaped {
            return Err((Rule::Escaped, start));
        }
        if matches!(inside, b"__proto__" | b"constructor" | b"prototype") {
            return Err((Rule::Prototype, start));
        }
        let Some(Open { names: Some(first), many }) = self.open.last_mut() else {
            return Ok(());
        };
        let hash = hash(inside);
        let own = self.names.get(*first..).unwrap_or_default();
        let known = if own.len() < FEW {
            own.iter().any(|(other, name)| *other == hash && *name == inside)
        } else {
            let all = || Box::new(own.iter().map(|(_, name)| *name).collect());
            !many.get_or_insert_with(all).insert(inside)
        };
        if known {
            return Err((Rule::Twice, start));
        }
        if own.len() < FEW {
            self.names.push((hash, inside));
        }
        Ok(())
    }
}

/// Where a string that begins at `at` ends, and whether something in it is escaped.
fn string(text: &[u8], mut at: usize) -> (usize, bool) {
    let mut escaped = false;
    loop {
        at += plain(text.get(at..).unwrap_or_default());
        if text.get(at) != Some(&b'\\') {
            return (at, escaped);
        }
        escaped = true;
        at += 2;
    }
}

/// How many bytes there are before a quote or a backslash, eight at a time.
fn plain(text: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const QUOTES: u64 = ONES * b'"' as u64;
    const BACKSLASHES: u64 = ONES * b'\\' as u64;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, rest) = text.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = zero(word ^ QUOTES) | zero(word ^ BACKSLASHES);
        if found != 0 {
            return index * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
    words.len() * 8 + end.unwrap_or(rest.len())
}

/// The first eight bytes and the length: names of one object seldom share both.
fn hash(name: &[u8]) -> u64 {
    let (words, rest) = name.as_chunks::<8>();
    let first = words.first().map_or(0, |word| u64::from_le_bytes(*word));
    let rest = rest.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
    first ^ rest.rotate_left(17) ^ (name.len() as u64) << 56
}
