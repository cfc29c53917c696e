//! The reader: one pass over the text, with the line counted on the way.
//!
//! Strings without escapes are borrowed from the text, which is most of what a lockfile holds. What is
//! read is what RFC 8259 says and nothing else, but for commas behind last elements where these are asked for.

use super::{JsonError, Placed, Value};
use ringfence_policy::display::quoted;
use std::borrow::Cow;
use std::collections::HashSet;

/// How deep values may lie in each other: the reader calls itself.
const DEEPEST: usize = 512;

/// Up to so many keys are compared one by one; more are hashed.
const FEW: usize = 12;

type Entry<'a> = (Cow<'a, str>, Placed<Value<'a>>);

pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    depth: usize,
    trailing_commas: bool,
    /// Entries and items of what is not closed yet: what is closed takes its own, in one piece.
    entries: Vec<Entry<'a>>,
    items: Vec<Placed<Value<'a>>>,
}

impl<'a> Reader<'a> {
    pub(super) fn of(text: &'a str, trailing_commas: bool) -> Self {
        // Editors of some systems write a mark in front, which npm skips too.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (entries, items) = (Vec::new(), Vec::new());
        Self { text, at: 0, line: 1, depth: 0, trailing_commas, entries, items }
    }

    /// The one value of the text.
    pub(super) fn read(mut self) -> Result<Placed<Value<'a>>, JsonError> {
        self.skip_blanks();
        if self.at == self.text.len() {
            return Err(JsonError { line: 1, message: "the file is empty".to_owned() });
        }
        let value = self.value()?;
        self.skip_blanks();
        if self.at < self.text.len() {
            return Err(self.wrong("there is text behind the value"));
        }
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => self.line += 1,
                b' ' | b'\t' | b'\r' => {}
                _ => break,
            }
            self.at += 1;
        }
    }

    fn wrong(&self, message: &str) -> JsonError {
        JsonError { line: self.line, message: message.to_owned() }
    }

    /// What is expected, and what is there instead.
    fn expected(&self, what: &str) -> JsonError {
        let message = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            None => format!("{what} is expected, and the text ends"),
            Some('/') => format!("{what} is expected, and comments are none"),
            Some(other) => format!("{what} is expected, not {}", quoted(&other.to_string())),
        };
        JsonError { line: self.line, message }
    }

    fn value(&mut self) -> Result<Placed<Value<'a>>, JsonError> {
        let line = self.line;
        let value = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(Cow::Borrowed(self.number()?)),
            _ => self.word()?,
        };
        Ok(Placed::new(value, line))
    }

    fn word(&mut self) -> Result<Value<'a>, JsonError> {
        let words = [
            ("true", Value::Boolean(true)),
            ("false", Value::Boolean(false)),
            ("null", Value::Null),
        ];
        let rest = self.text.get(self.at..).unwrap_or_default();
        for (word, value) in words {
            if rest.starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.expected("a value"))
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Value<'a>, JsonError>,
    ) -> Result<Value<'a>, JsonError> {
        if self.depth == DEEPEST {
            return Err(self.wrong("values lie too deep in each other"));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value<'a>, JsonError> {
        let from = self.entries.len();
        while self.goes_on(b'}', self.entries.len() > from)? {
            if self.peek() != Some(b'"') {
                return Err(self.expected("a key in double quotes"));
            }
            let key = self.string()?;
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err(self.expected("a colon"));
            }
            self.at += 1;
            self.skip_blanks();
            let value = self.value()?;
            self.entries.push((key, value));
        }
        let entries = self.entries.split_off(from);
        refuse_twice(&entries)?;
        Ok(Value::Object(entries))
    }

    fn array(&mut self) -> Result<Value<'a>, JsonError> {
        let from = self.items.len();
        while self.goes_on(b']', self.items.len() > from)? {
            let value = self.value()?;
            self.items.push(value);
        }
        Ok(Value::Array(self.items.split_off(from)))
    }

    /// Whether there is another entry or item; behind the first one, a comma must stand before it.
    fn goes_on(&mut self, end: u8, any: bool) -> Result<bool, JsonError> {
        self.skip_blanks();
        if any && self.peek() == Some(b',') {
            let line = self.line;
            self.at += 1;
            self.skip_blanks();
            if self.peek() == Some(end) && !self.trailing_commas {
                let message = "a comma stands behind the last element".to_owned();
                return Err(JsonError { line, message });
            }
        } else if any && self.peek() != Some(end) {
            return Err(self.expected(&format!("a comma or {}", char::from(end))));
        }
        let ends = self.peek() == Some(end);
        self.at += usize::from(ends);
        Ok(!ends)
    }

    /// RFC 8259, section 6.
    fn number(&mut self) -> Result<&'a str, JsonError> {
        let from = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(self.text.get(from..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.expected("a digit"));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    /// RFC 8259, section 7. The reader stands at the quotation mark.
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.at += 1;
        let mut text = Cow::Borrowed("");
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let ends = |byte: u8| matches!(byte, b'"' | b'\\' | 0..0x20);
            let end = rest.bytes().position(ends).unwrap_or(rest.len());
            let (piece, rest) = rest.split_at(end);
            self.at += end;
            if text.is_empty() {
                text = Cow::Borrowed(piece);
            } else {
                text.to_mut().push_str(piece);
            }
            match rest.as_bytes().first() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => text.to_mut().push(self.escape()?),
                Some(_) => return Err(self.wrong("a control character stands in a string")),
                None => return Err(self.wrong("a string does not end")),
            }
        }
    }

    /// What a backslash and what follows it mean.
    fn escape(&mut self) -> Result<char, JsonError> {
        let mark = self.text.as_bytes().get(self.at + 1).copied();
        self.at += 2;
        Ok(match mark {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex()?;
                // What is beyond sixteen bits stands as two of them; half of such a pair is no text.
                let is_half = (0xd800..0xdc00).contains(&first);
                let second = if is_half && self.takes(b"\\u") { Some(self.hex()?) } else { None };
                let mut decoded = char::decode_utf16(std::iter::once(first).chain(second));
                match (decoded.next(), decoded.next()) {
                    (Some(Ok(character)), None) => character,
                    _ => return Err(self.wrong("half a character stands in a string")),
                }
            }
            _ => return Err(self.wrong("a backslash stands before what has no other meaning")),
        })
    }

    fn takes(&mut self, wanted: &[u8]) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let is = rest.starts_with(wanted);
        self.at += if is { wanted.len() } else { 0 };
        is
    }

    fn hex(&mut self) -> Result<u16, JsonError> {
        let digits = self.text.get(self.at..self.at + 4);
        let digits = digits.filter(|four| four.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = digits.and_then(|four| u16::from_str_radix(four, 16).ok());
        self.at += 4;
        number.ok_or_else(|| self.wrong("four hexadecimal digits are expected"))
    }
}

/// A key that is there twice is an error, on the line of its second value.
fn refuse_twice(entries: &[Entry<'_>]) -> Result<(), JsonError> {
    let twice = if entries.len() <= FEW {
        let is_before = |(index, (key, _)): &(usize, &Entry<'_>)| {
            entries.iter().take(*index).any(|(other, _)| other == key)
        };
        entries.iter().enumerate().find(is_before).map(|(_, entry)| entry)
    } else {
        let mut seen = HashSet::with_capacity(entries.len());
        entries.iter().find(|(key, _)| !seen.insert(key.as_ref()))
    };
    twice.map_or(Ok(()), |(key, value)| {
        let message = format!("the key {} is there twice", quoted(key));
        Err(JsonError { line: value.line, message })
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Value, borrowed_with_trailing_commas, parse};

    fn read(text: &str) -> Result<String, String> {
        match parse(text) {
            Ok(value) => Ok(format!("{:?}", value.value)),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn strings_and_numbers_are_what_they_are_written_as() {
        for (text, meant) in [
            (r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#, "a\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f600}"),
            (r#""""#, ""),
            ("\"\\u0041\"", "A"),
            ("\u{feff} \"x\"", "x"),
        ] {
            let value = parse(text).unwrap().value;
            assert_eq!(value.as_str(), Some(meant), "{text}");
        }
        for number in ["0", "-0", "12.50", "1e9", "-1.5E-7", "9007199254740993"] {
            assert_eq!(parse(number).unwrap().value, Value::Number(number.into()));
        }
    }

    #[test]
    fn what_is_no_json_is_refused_in_words() {
        for (text, message) in [
            ("{\"a\": 1,}", "line 1: a comma stands behind the last element"),
            ("{\"a\": 1 \"b\": 2}", "line 1: a comma or } is expected, not \""),
            ("[1,\n,]", "line 2: a value is expected, not ,"),
            ("{\n// x\n}", "line 2: a key in double quotes is expected, and comments are none"),
            ("[1", "line 1: a comma or ] is expected, and the text ends"),
            ("\"a\nb\"", "line 1: a control character stands in a string"),
            ("\"a", "line 1: a string does not end"),
            (r#""\x""#, "line 1: a backslash stands before what has no other meaning"),
            (r#""\ud83d""#, "line 1: half a character stands in a string"),
            (r#""\u12"#, "line 1: four hexadecimal digits are expected"),
            ("01", "line 1: there is text behind the value"),
            ("1.", "line 1: a digit is expected, and the text ends"),
            ("NaN", "line 1: a value is expected, not N"),
            ("nul", "line 1: a value is expected, not n"),
        ] {
            assert_eq!(read(text), Err(message.to_owned()), "{text}");
        }
        let many: Vec<String> = (0..20).map(|key| format!("\"{}\": 1", key % 19)).collect();
        let error = read(&format!("{{{}}}", many.join(",\n"))).unwrap_err();
        assert_eq!(error, "line 20: the key 0 is there twice");
        assert!(borrowed_with_trailing_commas("{\"a\": [1, 2,],}").is_ok());
        assert!(borrowed_with_trailing_commas("[,]").is_err());
    }

    /// Another reader of JSON judges the same texts: what one reads, the other reads, and as the same.
    #[test]
    fn another_reader_says_the_same_of_texts_that_are_broken_anywhere() {
        fn same(ours: &Value<'_>, theirs: &serde_json::Value) -> bool {
            match (ours, theirs) {
                (Value::Null, serde_json::Value::Null) => true,
                (Value::Boolean(ours), serde_json::Value::Bool(theirs)) => ours == theirs,
                (Value::Number(ours), serde_json::Value::Number(theirs)) => {
                    ours.parse::<f64>().ok() == theirs.as_f64()
                }
                (Value::String(ours), serde_json::Value::String(theirs)) => ours == theirs,
                (Value::Array(ours), serde_json::Value::Array(theirs)) => {
                    ours.len() == theirs.len()
                        && ours.iter().zip(theirs).all(|(ours, theirs)| same(&ours.value, theirs))
                }
                (Value::Object(ours), serde_json::Value::Object(theirs)) => {
                    ours.len() == theirs.len()
                        && ours.iter().all(|(key, value)| {
                            theirs
                                .get(key.as_ref())
                                .is_some_and(|theirs| same(&value.value, theirs))
                        })
                }
                _ => false,
            }
        }
        let text = r#" {"a": [1, -2.5e+3, true, false, null, {}, []], "b\n": "\u00e9\"", "c": {"d": "x\/"} } "#;
        let marks = b" \"\\,:{}[]-+.eE0ux/n\n\t";
        let mut read = 0;
        for at in 0..text.len() {
            for mark in marks {
                let mut broken = text.as_bytes().to_vec();
                broken[at] = *mark;
                let Ok(broken) = String::from_utf8(broken) else { continue };
                let theirs = serde_json::from_str::<serde_json::Value>(&broken).ok();
                match (parse(&broken), theirs) {
                    (Ok(ours), Some(theirs)) => {
                        assert!(same(&ours.value, &theirs), "{broken}");
                        read += 1;
                    }
                    // The other one takes the last of two keys.
                    (Err(error), Some(_)) => {
                        assert!(error.message.contains("twice"), "{broken}: {error}");
                    }
                    (Ok(_), None) => panic!("nobody else reads {broken}"),
                    (Err(_), None) => {}
                }
            }
        }
        assert!(read > 200, "{read}");
    }
}
