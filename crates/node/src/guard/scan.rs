//! One pass over a JSON text before V8's own `JSON.parse` reads it.
//!
//! Making JavaScript's values from here would cost more than parsing does, so nothing is made: the
//! text is only looked at for depth, number of values, names twice in an object, and names that reach
//! a prototype. It reads what a well-formed text needs; what is malformed is `JSON.parse`'s to refuse.
//! Sixty-four bytes are looked at together, after simdjson (Langdale and Lemire, 2019): where strings
//! are is known from their quotes, and a name is the string before a colon.

use napi_derive::napi;
use std::cell::RefCell;
use std::collections::HashSet;

/// What the text breaks, as `npm/guard/json.js` knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    Depth = 1,
    Values = 2,
    Twice = 3,
    Prototype = 4,
    /// A name is escaped: the slower scanner in JavaScript decides, which is asked seldom.
    Escaped = 6,
}

/// Names of one object that are compared with each other one by one; more go into a set, whose hash
/// an attacker cannot choose names for.
const FEW: usize = 24;
/// Bytes that are looked at together.
const BLOCK: usize = 64;
/// Entries of a list that are kept from one text to the next.
const KEPT_BLOCKS: usize = 1 << 14;

thread_local! {
    /// What a scan needs, kept for the next one.
    static KEPT: RefCell<Scan> = RefCell::default();
}

/// 0 for a text that may be parsed; else the rule that it breaks, and eight times the place. Whether it
/// is UTF-8 is seen when V8 makes a string of it.
#[napi]
pub fn guard_json_scan(text: &[u8], depth: u32, values: u32) -> f64 {
    let found = KEPT.with_borrow_mut(|scan| scan.all(text, depth as usize, u64::from(values)));
    match found {
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
#[derive(Debug)]
struct Open {
    /// Where its names begin.
    first: usize,
    many: Option<HashSet<Vec<u8>>>,
}

#[derive(Debug, Default)]
struct Scan {
    open: Vec<Open>,
    /// Names of all open objects: a cheap hash, beginning and end.
    names: Vec<(u64, usize, usize)>,
    /// Quotes that begin and end strings, a bit for each byte.
    quotes: Vec<u64>,
    /// A name with a backslash in it is possible only then.
    escapes: bool,
    deepest: usize,
    values: u64,
}

impl Scan {
    fn all(&mut self, text: &[u8], deepest: usize, most: u64) -> Result<(), Broken> {
        self.open.clear();
        self.names.clear();
        self.quotes.clear();
        // A large text's is not kept for small ones.
        self.quotes.shrink_to(KEPT_BLOCKS);
        self.names.shrink_to(KEPT_BLOCKS);
        (self.escapes, self.deepest, self.values) = (false, deepest, 1);
        let (blocks, rest) = text.as_chunks::<BLOCK>();
        let mut state = State::default();
        for block in blocks {
            self.block(text, block, &mut state)?;
            if self.values > most {
                return Err((Rule::Values, self.quotes.len() * BLOCK - BLOCK));
            }
        }
        if !rest.is_empty() {
            let mut last = [b' '; BLOCK];
            for (into, from) in last.iter_mut().zip(rest) {
                *into = *from;
            }
            self.block(text, &last, &mut state)?;
        }
        if self.values > most { Err((Rule::Values, text.len())) } else { Ok(()) }
    }

    fn block(&mut self, text: &[u8], block: &[u8; BLOCK], state: &mut State) -> Result<(), Broken> {
        let at = self.quotes.len() * BLOCK;
        if state.is_inside() && !ends(block) {
            self.quotes.push(0);
            return Ok(());
        }
        let seen = look(block);
        self.escapes |= seen.backslash != 0;
        let quotes = seen.quote & !state.escaped(seen.backslash);
        let outside = !state.strings(quotes);
        self.quotes.push(quotes);
        self.values += u64::from(((seen.comma | seen.open) & outside).count_ones());
        let mut tokens = (seen.colon | seen.open | seen.close) & outside;
        while tokens != 0 {
            let bit = tokens & tokens.wrapping_neg();
            let place = at + tokens.trailing_zeros() as usize;
            tokens ^= bit;
            if seen.colon & bit != 0 {
                self.name(text, place)?;
            } else if seen.open & bit != 0 {
                if self.open.len() == self.deepest {
                    return Err((Rule::Depth, place));
                }
                self.open.push(Open { first: self.names.len(), many: None });
            } else if let Some(Open { first, .. }) = self.open.pop() {
                self.names.truncate(first);
            }
        }
        Ok(())
    }

    /// The name before a colon.
    fn name(&mut self, text: &[u8], colon: usize) -> Result<(), Broken> {
        let found = self.quote_before(colon).and_then(|end| Some((self.quote_before(end)?, end)));
        let Some((start, end)) = found else { return Ok(()) };
        let inside = text.get(start + 1..end).unwrap_or_default();
        if self.escapes && inside.contains(&b'\\') {
            return Err((Rule::Escaped, start));
        }
        if matches!(inside, b"__proto__" | b"constructor" | b"prototype") {
            return Err((Rule::Prototype, start + 1));
        }
        let Some(Open { first, many }) = self.open.last_mut() else {
            return Ok(());
        };
        let hash = hash(inside);
        let own = self.names.get(*first..).unwrap_or_default();
        let same = |start: &usize, end: &usize| text.get(*start..*end) == Some(inside);
        let known = if own.len() < FEW {
            own.iter().any(|(other, start, end)| *other == hash && same(start, end))
        } else {
            let copy = |(_, start, end): &(u64, usize, usize)| {
                text.get(*start..*end).unwrap_or_default().to_vec()
            };
            !many.get_or_insert_with(|| own.iter().map(copy).collect()).insert(inside.to_vec())
        };
        if known {
            return Err((Rule::Twice, start + 1));
        }
        if own.len() < FEW {
            self.names.push((hash, start + 1, end));
        }
        Ok(())
    }

    /// The nearest quote before a place.
    fn quote_before(&self, place: usize) -> Option<usize> {
        let mut index = place / BLOCK;
        let below = (1_u64 << (place % BLOCK)) - 1;
        let mut bits = self.quotes.get(index)? & below;
        while bits == 0 {
            index = index.checked_sub(1)?;
            bits = *self.quotes.get(index)?;
        }
        Some(index * BLOCK + 63 - bits.leading_zeros() as usize)
    }
}

/// What goes on from one block to the next.
#[derive(Debug, Default)]
struct State {
    /// The block before ended with a backslash that escapes the first byte of this one.
    escapes: bool,
    /// All ones inside a string.
    inside: u64,
}

impl State {
    /// Whether the block begins in a string and what begins it is not escaped.
    const fn is_inside(&self) -> bool {
        self.inside != 0 && !self.escapes
    }

    /// The bytes that a backslash before them escapes.
    const fn escaped(&mut self, backslash: u64) -> u64 {
        if backslash == 0 {
            let first = self.escapes as u64;
            self.escapes = false;
            return first;
        }
        let mut escaped = 0;
        let mut left = backslash;
        if self.escapes {
            escaped = 1;
            left &= !1;
        }
        self.escapes = false;
        while left != 0 {
            let bit = left & left.wrapping_neg();
            self.escapes = bit == 1 << 63;
            let next = bit << 1;
            escaped |= next;
            left &= !(bit | next);
        }
        escaped
    }

    /// The bytes inside strings, opening quotes among them and closing ones not.
    const fn strings(&mut self, quotes: u64) -> u64 {
        let mut inside = quotes;
        inside ^= inside << 1;
        inside ^= inside << 2;
        inside ^= inside << 4;
        inside ^= inside << 8;
        inside ^= inside << 16;
        inside ^= inside << 32;
        inside ^= self.inside;
        self.inside = if inside >> 63 == 1 { u64::MAX } else { 0 };
        inside
    }
}

/// Where the bytes that matter are: a bit for each.
struct Seen {
    quote: u64,
    backslash: u64,
    colon: u64,
    comma: u64,
    open: u64,
    close: u64,
}

/// Whether a string may end in a block, or something in it is escaped.
fn ends(block: &[u8; BLOCK]) -> bool {
    // Written so that it is done for many bytes together.
    let found = |byte: u8| u8::from(byte == b'"') | u8::from(byte == b'\\');
    block.iter().fold(0, |all, byte| all | found(*byte)) != 0
}

#[cfg(target_arch = "x86_64")]
fn look(block: &[u8; BLOCK]) -> Seen {
    // SAFETY: every x86-64 has SSE2; the function has no other condition.
    unsafe { look_together(block) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
fn look_together(block: &[u8; BLOCK]) -> Seen {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
    };
    let (words, _) = block.as_chunks::<8>();
    let word = |at: usize| words.get(at).map_or(0, |word| i64::from_le_bytes(*word));
    let quarters: [__m128i; 4] = [0, 2, 4, 6].map(|at| _mm_set_epi64x(word(at + 1), word(at)));
    let small = quarters.map(|quarter| _mm_or_si128(quarter, _mm_set1_epi8(0x20)));
    let find = |of: &[__m128i; 4], byte: i8| {
        of.iter().rev().fold(0, |all, quarter| {
            let found = _mm_movemask_epi8(_mm_cmpeq_epi8(*quarter, _mm_set1_epi8(byte)));
            all << 16 | u64::from(found.cast_unsigned())
        })
    };
    Seen {
        quote: find(&quarters, 0x22),
        backslash: find(&quarters, 0x5c),
        colon: find(&quarters, 0x3a),
        comma: find(&quarters, 0x2c),
        // A bracket and a brace differ in one bit.
        open: find(&small, 0x7b),
        close: find(&small, 0x7d),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn look(block: &[u8; BLOCK]) -> Seen {
    let find = |test: fn(u8) -> bool| {
        block.iter().rev().fold(0, |all, byte| all << 1 | u64::from(test(*byte)))
    };
    Seen {
        quote: find(|byte| byte == b'"'),
        backslash: find(|byte| byte == b'\\'),
        colon: find(|byte| byte == b':'),
        comma: find(|byte| byte == b','),
        open: find(|byte| matches!(byte, b'{' | b'[')),
        close: find(|byte| matches!(byte, b'}' | b']')),
    }
}

/// The first eight bytes and the length: names of one object seldom share both.
fn hash(name: &[u8]) -> u64 {
    let (words, rest) = name.as_chunks::<8>();
    let first = words.first().map_or(0, |word| u64::from_le_bytes(*word));
    let rest = rest.iter().fold(0, |all, byte| all << 8 | u64::from(*byte));
    first ^ rest.rotate_left(17) ^ (name.len() as u64) << 56
}
