//! The YAML that pnpm and Yarn write: block mappings and lists, flow values on one line, quoted and
//! plain scalars, block scalars, several documents.
//!
//! Programs write these files, so anchors, aliases, tags and plain text over several lines are errors
//! and no feature: a reader that does less cannot be led to see another file than the manager does. A
//! general YAML reader takes ten times as long. Scalars are text, but `true`, `false` and nothing.

mod scalar;

use super::GraphError;
use crate::json::{Placed, Value};
use scalar::Flow;
use std::borrow::Cow;

/// How deep mappings may be nested.
const DEPTH: usize = 32;

/// Reads every document of a text.
///
/// # Errors
/// What none of the two managers writes, and a key that stands twice.
pub(super) fn documents(text: &str) -> Result<Vec<Placed<Value<'_>>>, GraphError> {
    let mut all = Vec::new();
    let mut lines = Lines::of(text)?;
    while let Some(document) = lines.document()? {
        all.push(document);
    }
    Ok(all)
}

/// A line that says something.
#[derive(Clone, Copy)]
struct Line<'a> {
    number: usize,
    indent: usize,
    /// Without its indentation and what is no text at its end.
    text: &'a str,
}

/// The lines of a text that say something, and where the reader is.
struct Lines<'a> {
    /// Every line as it stands, for block scalars.
    raw: Vec<&'a str>,
    at: usize,
    /// What stands behind the colon of a long key: a line of its own, as it were.
    inner: Option<Line<'a>>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Result<Self, GraphError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let raw: Vec<_> = text.lines().collect();
        let is_odd = |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\r')) || byte == 0x7f;
        match raw.iter().position(|line| line.bytes().any(is_odd)) {
            Some(at) => Err(GraphError::on(at + 1, "a control character")),
            None => Ok(Self { raw, at: 0, inner: None }),
        }
    }

    /// The next line that says something; it is not taken.
    fn peek(&mut self) -> Result<Option<Line<'a>>, GraphError> {
        if self.inner.is_some() {
            return Ok(self.inner);
        }
        while let Some(raw) = self.raw.get(self.at) {
            let text = raw.trim_start_matches(' ');
            let number = self.at + 1;
            if text.starts_with('\t') {
                return Err(GraphError::on(number, "a tab indents"));
            }
            let trimmed = text.trim_end();
            if !trimmed.is_empty() && !trimmed.starts_with('#') {
                return Ok(Some(Line { number, indent: raw.len() - text.len(), text: trimmed }));
            }
            self.at += 1;
        }
        Ok(None)
    }

    /// Takes the line that was looked at.
    fn take(&mut self) {
        if self.inner.take().is_none() {
            self.at += 1;
        }
    }

    /// The next document, if one is left.
    fn document(&mut self) -> Result<Option<Placed<Value<'a>>>, GraphError> {
        while let Some(line) = self.peek()? {
            match line.text {
                "---" | "..." if line.indent == 0 => self.take(),
                _ => {
                    let value = self.block(line, 0)?;
                    return match self.peek()? {
                        Some(next) if !is_marker(next) => Err(GraphError::on(
                            next.number,
                            "indented otherwise than what is above",
                        )),
                        _ => Ok(Some(value)),
                    };
                }
            }
        }
        Ok(None)
    }

    /// A mapping or list that begins with this line.
    fn block(&mut self, first: Line<'a>, depth: usize) -> Result<Placed<Value<'a>>, GraphError> {
        if depth > DEPTH {
            return Err(GraphError::on(first.number, "nested too deep"));
        }
        if is_item(first.text) {
            return self.list(first, depth);
        }
        let mut entries: Vec<(Cow<'a, str>, Placed<Value<'a>>)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some(line) = self.peek()? {
            if line.indent != first.indent || is_marker(line) || is_item(line.text) {
                break;
            }
            self.take();
            let (key, rest) = self.key(line)?;
            if !seen.insert(key.clone()) {
                let key = ringfence_policy::display::quoted(&key);
                return Err(GraphError::on(line.number, format!("the key {key} is there twice")));
            }
            let value = self.value(line, rest, depth)?;
            entries.push((key, Placed::new(value, line.number)));
        }
        if let Some(next) = self.peek()?
            && next.indent > first.indent
            && !is_marker(next)
        {
            return Err(GraphError::on(next.number, "indented otherwise than what is above"));
        }
        Ok(Placed::new(Value::Object(entries), first.number))
    }

    /// The key of a line and what stands behind its colon; `? key` has a line for its colon, on which
    /// the first key of a mapping may stand.
    fn key(&mut self, line: Line<'a>) -> Result<(Cow<'a, str>, &'a str), GraphError> {
        let Some(long) = line.text.strip_prefix("? ") else {
            return scalar::key(line.text).map_err(|why| GraphError::on(line.number, why));
        };
        let Ok(Flow { value: Value::String(key), rest: "" }) = scalar::parse(long) else {
            return Err(GraphError::on(line.number, "a key is expected"));
        };
        match self.peek()? {
            Some(next) if next.indent == line.indent && next.text.starts_with(':') => {
                self.take();
                let rest = next.text[1..].trim_start();
                if rest.is_empty() || scalar::key(rest).is_err() {
                    return Ok((key, rest));
                }
                let indent = next.indent + next.text.len() - rest.len();
                self.inner = Some(Line { number: next.number, indent, text: rest });
                Ok((key, ""))
            }
            _ => Err(GraphError::on(line.number, "the key has no value")),
        }
    }

    /// What a key says: on its own line, or on those below.
    fn value(
        &mut self,
        line: Line<'a>,
        rest: &'a str,
        depth: usize,
    ) -> Result<Value<'a>, GraphError> {
        match rest.as_bytes().first() {
            None | Some(b'#') => {}
            Some(b'|' | b'>') => {
                return self.block_scalar(line, rest).map(|text| Value::String(text.into()));
            }
            Some(_) => return whole(rest, line.number),
        }
        let Some(next) = self.peek()? else { return Ok(Value::Null) };
        // A list may stand as far left as its key.
        let inside =
            next.indent > line.indent || (next.indent == line.indent && is_item(next.text));
        if !inside || is_marker(next) {
            return Ok(Value::Null);
        }
        Ok(self.block(next, depth + 1)?.value)
    }

    fn list(&mut self, first: Line<'a>, depth: usize) -> Result<Placed<Value<'a>>, GraphError> {
        let mut items = Vec::new();
        while let Some(line) = self.peek()? {
            if line.indent != first.indent || !is_item(line.text) {
                break;
            }
            self.take();
            let rest = line.text[1..].trim_start();
            let value = if rest.is_empty() {
                self.value(line, rest, depth)?
            } else {
                whole(rest, line.number)?
            };
            items.push(Placed::new(value, line.number));
        }
        Ok(Placed::new(Value::Array(items), first.number))
    }

    /// `|` keeps its lines, `>` folds them; `-` and `+` are about the end.
    fn block_scalar(&mut self, line: Line<'a>, mark: &str) -> Result<String, GraphError> {
        let folds = mark.starts_with('>');
        let chomp = mark[1..].trim_end();
        if !matches!(chomp, "" | "-" | "+") {
            return Err(GraphError::on(line.number, "a form of text that no manager writes"));
        }
        let mut indent = None;
        let mut text = String::new();
        while let Some(raw) = self.raw.get(self.at) {
            let own = raw.len() - raw.trim_start_matches(' ').len();
            let blank = raw.trim().is_empty();
            if !blank && own <= line.indent {
                break;
            }
            let part = if blank { "" } else { &raw[own.min(*indent.get_or_insert(own))..] };
            if folds && !part.is_empty() && text.ends_with('\n') && !text.ends_with("\n\n") {
                text.pop();
                text.push(' ');
            }
            text.push_str(part.trim_end_matches('\r'));
            text.push('\n');
            self.at += 1;
        }
        let end = text.trim_end_matches('\n').len();
        match chomp {
            "-" => text.truncate(end),
            "" => text.truncate(text.len().min(end + 1)),
            _ => {}
        }
        Ok(text)
    }
}

fn whole(text: &str, number: usize) -> Result<Value<'_>, GraphError> {
    let mut flow = scalar::parse(text).map_err(|why| GraphError::on(number, why))?;
    if flow.rest.is_empty() || flow.rest.starts_with('#') {
        place(&mut flow.value, number);
        Ok(flow.value)
    } else {
        Err(GraphError::on(number, "something stands behind the value"))
    }
}

/// All of a flow value stands on one line.
fn place<'a>(json: &mut Value<'a>, number: usize) {
    let inner: Vec<&mut Placed<Value<'a>>> = match json {
        Value::Array(items) => items.iter_mut().collect(),
        Value::Object(entries) => entries.iter_mut().map(|(_, value)| value).collect(),
        _ => return,
    };
    for value in inner {
        value.line = number;
        place(&mut value.value, number);
    }
}

fn is_item(text: &str) -> bool {
    text == "-" || text.starts_with("- ")
}

fn is_marker(line: Line<'_>) -> bool {
    line.indent == 0 && matches!(line.text, "---" | "...")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Value<'_> {
        documents(text).unwrap().remove(0).value
    }

    #[test]
    fn what_pnpm_and_yarn_write_is_read() {
        let json = one(
            "lockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    dependencies:\n      '@s/a':\n        specifier: ^1.0.0\n        version: 1.0.0(b@2.0.0)\n\npackages:\n\n  a@1.0.0:\n    resolution: {integrity: sha512-x==, tarball: 'https://h.example/a.tgz'}\n    engines: {node: '>=4', npm: \">= 2\"}\n    os: [linux, '!win32']\n    hasBin: true\n    deprecated: |-\n      gone\n      away\n    empty:\n    list:\n    - x\n    - y # why\n",
        );
        let package = &json.key("packages").unwrap().value.key("a@1.0.0").unwrap();
        let text = |path: [&str; 2]| {
            package.value.key(path[0]).unwrap().value.key(path[1]).unwrap().value.as_str().unwrap()
        };
        assert_eq!(package.line, 13);
        assert_eq!(text(["resolution", "tarball"]), "https://h.example/a.tgz");
        assert_eq!(text(["engines", "node"]), ">=4");
        assert_eq!(
            package.value.key("os").unwrap().value.items()[1].value.as_str(),
            Some("!win32")
        );
        assert_eq!(package.value.key("deprecated").unwrap().value.as_str(), Some("gone\naway"));
        assert_eq!(package.value.key("hasBin").unwrap().value, Value::Boolean(true));
        assert_eq!(package.value.key("empty").unwrap().value, Value::Null);
        assert_eq!(package.value.key("list").unwrap().value.items().len(), 2);
    }

    #[test]
    fn documents_and_long_keys_are_kept_apart() {
        let text = "---\na: 1\n---\n? 'long key'\n: b: 2\n  c: {d: 3}\ne: 4\n? f\n:\n  g: 5\n...\n";
        let all = documents(text).unwrap();
        assert_eq!(all.len(), 2);
        let keys = |json: &Value<'_>| {
            json.entries().iter().map(|(key, _)| key.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(keys(&all[1].value), ["long key", "e", "f"]);
        assert_eq!(keys(&all[1].value.key("long key").unwrap().value), ["b", "c"]);
    }

    #[test]
    fn what_no_manager_writes_is_an_error_with_its_line() {
        for (text, line) in [
            ("a: &x 1\n", 1),
            ("a: *x\n", 1),
            ("a: !!str 1\n", 1),
            ("a: 1\na: 2\n", 2),
            ("a:\n\tb: 1\n", 2),
            ("a:\n  b: 1\n c: 2\n", 3),
            ("a: {b: 1\n", 1),
            ("a: 'x\n", 1),
            ("just words\n", 1),
            ("a: \"\\x\"\n", 1),
            ("a: @x\n", 1),
        ] {
            let error = documents(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("line {line}: ")), "{text:?}: {error}");
        }
        let deep: Vec<String> = (0..100).map(|depth| " ".repeat(depth) + "a:\n").collect();
        assert!(documents(&deep.concat()).is_err());
        assert!(documents(&format!("a: {}", "[".repeat(100_000))).is_err());
    }
}
