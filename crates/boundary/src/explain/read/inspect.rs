//! Errors as Node prints them: a class and a message, frames, properties, causes inside.
//!
//! Indentation says what belongs to what, as `util.inspect` writes it. A half of such a report is
//! read too: properties without a head, frames without an end.

use super::super::symptom::{FIELDS, Symptom, cut, is_code};
use super::{Found, json, message};

/// Frames that are kept of each error.
const MOST_FRAMES: usize = 12;

/// Properties on one line that are looked at.
const MOST_PROPERTIES: usize = 40;

/// Reads cleaned lines.
pub(super) fn read(lines: &[String], found: &mut Found) {
    let first = found.symptoms.len();
    let mut reader =
        Reader { found, open: Vec::new(), loose: None, node: None, source: String::new() };
    for (index, line) in lines.iter().enumerate() {
        if reader.found.full() {
            break;
        }
        // Node shows the source line that threw above its carets: it is code, not an error.
        if lines.get(index + 1).is_some_and(|next| is_carets(next)) {
            reader.source = cut(line.trim());
            continue;
        }
        if is_carets(line) {
            continue;
        }
        reader.line(index + 1, line);
    }
    let node = reader.node;
    for symptom in found.symptoms.iter_mut().skip(first) {
        symptom.node = symptom.node.or(node);
    }
}

struct Reader<'a> {
    found: &'a mut Found,
    /// The errors that are not closed yet: indentation and number.
    open: Vec<(usize, usize)>,
    /// The error that properties without a head belong to, and the line after the last of them.
    loose: Option<(usize, usize)>,
    node: Option<[u64; 3]>,
    /// The source line that threw what comes next.
    source: String,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if text.is_empty() {
            return;
        }
        if let Some(version) = text.strip_prefix("Node.js v") {
            self.node = version_of(version);
            return;
        }
        if text.starts_with("at ") || text.starts_with("- /") {
            self.frame(text);
            return;
        }
        if self.goes_on(number, text) || self.hinted(number, text) {
            return;
        }
        if json::line(text, number, self.found) {
            self.open.clear();
            return;
        }
        if text.starts_with('}') || text.starts_with(']') {
            self.open.retain(|(at, _)| *at < indent);
            return;
        }
        if let Some(head) = head(text) {
            self.head(number, indent, line, &head);
            return;
        }
        let properties = properties(text);
        if starts_with_property(text) && !properties.is_empty() {
            self.properties(number, indent, line, &properties);
            return;
        }
        self.bare(number, line, text);
    }

    /// The rest of a message that is longer than its line, as Node writes it for addons.
    fn goes_on(&mut self, number: usize, text: &str) -> bool {
        let Some((_, last)) = self.open.last() else { return false };
        let Some(symptom) = self.found.symptoms.get_mut(*last) else { return false };
        let near = number <= symptom.line + 4;
        let addon = symptom.message.starts_with("The module '");
        if addon && near && symptom.frames.is_empty() && !text.starts_with(['{', '}']) {
            symptom.message = cut(&format!("{} {text}", symptom.message));
            return true;
        }
        false
    }

    /// What a message of ringfence says to do: `hint: ...` below `error: ...`, with the line of the
    /// file between the two.
    fn hinted(&mut self, number: usize, text: &str) -> bool {
        let Some(hint) = text.strip_prefix("hint: ") else { return false };
        let Some(last) = self.found.symptoms.last_mut() else { return false };
        if last.kind != "error" || number > last.line + 8 {
            return false;
        }
        if last.hint.is_empty() {
            last.hint = cut(hint);
        }
        true
    }

    fn frame(&mut self, text: &str) {
        let Some((_, last)) = self.open.last() else { return };
        if let Some(symptom) = self.found.symptoms.get_mut(*last)
            && symptom.frames.len() < MOST_FRAMES
        {
            symptom.frames.push(cut(text));
        }
    }

    fn head(&mut self, number: usize, indent: usize, line: &str, head: &Head<'_>) {
        let nested = head.before.trim().is_empty()
            || head.before.starts_with("[cause]")
            || head.before.starts_with("[error")
            || head.before.trim() == "[";
        let caused = head.before.trim_start().to_ascii_lowercase().starts_with("caused by");
        let parent = if caused {
            self.open.last().map(|(_, index)| *index)
        } else if nested && indent > 0 {
            self.open.iter().rev().find(|(at, _)| *at < indent).map(|(_, index)| *index)
        } else {
            None
        };
        // Node 25 and 26 put a whole error into `errno`: its parts are those of the one around it.
        if head.before.trim() == "errno:"
            && let Some((_, around)) = self.open.last().copied()
        {
            self.open.push((indent, around));
            return;
        }
        let mut symptom = Symptom {
            kind: head.kind.to_owned(),
            message: cut(head.message),
            line: number,
            seen: cut(line.trim()),
            parent,
            source: std::mem::take(&mut self.source),
            ..Symptom::default()
        };
        symptom.set("code", head.code);
        for (field, value) in head.inline.map(properties).unwrap_or_default() {
            symptom.set(field, &value);
        }
        self.open.retain(|(at, _)| *at < indent && parent.is_some());
        let index = self.found.add(symptom);
        self.open.push((indent, index));
        self.loose = None;
    }

    fn properties(
        &mut self,
        number: usize,
        indent: usize,
        line: &str,
        properties: &[(&'static str, String)],
    ) {
        let around = self.open.iter().rev().find(|(at, _)| *at < indent).map(|(_, index)| *index);
        let going_on = self.loose.filter(|(_, next)| *next == number).map(|(index, _)| index);
        let index = around.or(going_on).unwrap_or_else(|| {
            let seen = cut(line.trim());
            self.found.add(Symptom { line: number, seen, bare: true, ..Symptom::default() })
        });
        if around.is_none() {
            self.loose = Some((index, number + 1));
        }
        if let Some(symptom) = self.found.symptoms.get_mut(index) {
            for (field, value) in properties {
                symptom.set(field, value);
            }
        }
    }

    /// A line that is an error without saying so.
    fn bare(&mut self, number: usize, line: &str, text: &str) {
        if let Some((_, next)) = &mut self.loose
            && *next == number
        {
            // Another property in between, which has no name here.
            *next += 1;
        }
        if !message::is_telling(text) {
            return;
        }
        self.open.clear();
        let seen = cut(line.trim());
        let index = self.found.add(Symptom {
            message: cut(text),
            line: number,
            seen,
            bare: true,
            ..Symptom::default()
        });
        self.open.push((line.len() - text.len(), index));
    }
}

/// The first line of an error.
struct Head<'a> {
    before: &'a str,
    kind: &'a str,
    code: &'a str,
    message: &'a str,
    inline: Option<&'a str>,
}

/// `TypeError: fetch failed`, `Error [ERR_X]: y`, `[cause]: Error: z {`, `Uncaught Error: w`.
fn head(text: &str) -> Option<Head<'_>> {
    let (start, end) = class(text)?;
    let (before, kind) = (text.get(..start)?, text.get(start..end)?);
    let mut rest = text.get(end..)?;
    let mut code = "";
    if let Some((inside, after)) = rest.strip_prefix(" [").and_then(|rest| rest.split_once(']')) {
        if !is_code(inside) {
            return None;
        }
        (code, rest) = (inside, after);
    }
    let message = match rest.strip_prefix(':') {
        Some(message) => message.trim_start(),
        None if rest.trim().is_empty() || rest.starts_with(" {") || rest.starts_with(']') => rest,
        None if !code.is_empty() => rest,
        None => return None,
    };
    let (message, inline) = match message.rsplit_once(" {") {
        Some((message, inline)) if inline.is_empty() || inline.ends_with('}') => {
            (message, Some(inline))
        }
        _ => (message, None),
    };
    let message =
        if before.ends_with('[') { message.trim_end_matches(']') } else { message.trim_end() };
    Some(Head { before, kind, code, message: message.trim_start_matches(['{', ']']), inline })
}

/// Where the name of an error class stands: the first word that ends with `Error` and is followed
/// by what follows one.
fn class(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find("Error")) {
        let end = from + found + "Error".len();
        let start = text.get(..end)?.rfind(|character: char| !is_word(character));
        let start = start.map_or(0, |at| at + text.get(at..).map_or(1, first_length));
        let before = text.get(..start)?.chars().next_back();
        let after = text.get(end..)?;
        let follows = after.is_empty()
            || after.starts_with(": ")
            || after == ":"
            || after.starts_with(" [")
            || after.starts_with(" {")
            || after.starts_with(']');
        let quoted = before.is_some_and(|before| "'\"`/(".contains(before));
        if follows && !quoted && text.get(start..)?.starts_with(|c: char| c.is_ascii_uppercase()) {
            return Some((start, end));
        }
        from = end;
    }
    // PostgreSQL's driver calls its class `error`.
    text.starts_with("error: ").then_some((0, "error".len()))
}

fn first_length(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_' || character == '$'
}

fn is_carets(line: &str) -> bool {
    let text = line.trim();
    !text.is_empty() && text.bytes().all(|byte| byte == b'^')
}

/// Whether a line is one of an object and not a sentence.
fn starts_with_property(text: &str) -> bool {
    let text = text.trim_start_matches(['{', '[', ' ', '"']);
    FIELDS.iter().any(|field| {
        text.strip_prefix(field)
            .is_some_and(|rest| rest.trim_start_matches('"').starts_with([':', '=']))
    })
}

/// Every known property on a line: `code: 'X'`, `"code": "X"`, `code=X`.
fn properties(text: &str) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for field in FIELDS {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| rest.find(field)) {
            let start = from + at;
            from = start + field.len();
            let before = text.get(..start).and_then(|before| before.chars().next_back());
            if before.is_some_and(|before| !" {[,\"".contains(before)) {
                continue;
            }
            let Some(rest) = text.get(from..) else { break };
            let rest = rest.strip_prefix('"').unwrap_or(rest);
            let Some(rest) = rest.strip_prefix([':', '=']) else { continue };
            if let Some(value) = value(rest.trim_start()) {
                found.push((field, value));
            }
            if found.len() >= MOST_PROPERTIES {
                return found;
            }
        }
    }
    found
}

/// A quoted text, with what is escaped in it, or a word.
fn value(text: &str) -> Option<String> {
    let quote = text.chars().next()?;
    if !matches!(quote, '\'' | '"' | '`') {
        let end = text.find([',', ' ', '}', ']']).unwrap_or(text.len());
        let word = text.get(..end)?;
        return (!word.is_empty() && !word.starts_with(['[', '{'])).then(|| word.to_owned());
    }
    let mut value = String::new();
    let mut rest = text.chars().skip(1);
    while let Some(character) = rest.next() {
        match character {
            '\\' => match rest.next()? {
                'n' => value.push('\n'),
                't' => value.push('\t'),
                'x' => {
                    let digits: String = rest.by_ref().take(2).collect();
                    let byte = u8::from_str_radix(&digits, 16).ok()?;
                    value.push(char::from(byte));
                }
                other => value.push(other),
            },
            end if end == quote => return Some(value),
            other => value.push(other),
        }
    }
    // The line was cut off.
    Some(value)
}

/// `26.10.0`, `v22.23.3-pre`.
pub(super) fn version_of(text: &str) -> Option<[u64; 3]> {
    let text = text.trim().trim_start_matches('v');
    let mut parts = text.split(|character: char| !character.is_ascii_digit());
    let mut next = || parts.next()?.parse().ok();
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Vec<Symptom> {
        super::super::read(text).symptoms
    }

    #[test]
    fn a_cause_belongs_to_the_error_around_it() {
        let found = read_text(
            "TypeError: fetch failed\n    at f (x) {\n  [cause]: Error: connect ECONNREFUSED 127.0.0.1:9\n      at g (y) {\n    errno: -111,\n    code: 'ECONNREFUSED',\n    syscall: 'connect',\n    address: '127.0.0.1',\n    port: 9\n  }\n}\n\nNode.js v26.10.0\n",
        );
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].kind.as_str(), found[0].code.as_str()), ("TypeError", ""));
        assert_eq!(found[1].parent, Some(0));
        assert_eq!((found[1].code.as_str(), found[1].port), ("ECONNREFUSED", Some(9)));
        assert_eq!(found[1].node, Some([26, 10, 0]));
    }

    #[test]
    fn members_of_an_aggregate_are_errors_of_their_own() {
        let found = read_text(
            "AggregateError [ECONNREFUSED]: \n    at f {\n  code: 'ECONNREFUSED',\n  [errors]: [\n    Error: connect ECONNREFUSED ::1:5432\n        at g {\n      code: 'ECONNREFUSED',\n      address: '::1',\n      port: 5432\n    },\n    Error: connect ECONNREFUSED 127.0.0.1:5432\n        at g {\n      address: '127.0.0.1',\n      port: 5432\n    }\n  ]\n}",
        );
        assert_eq!(found.len(), 3);
        assert_eq!(found[1].parent, Some(0));
        assert_eq!(found[2].parent, Some(0));
        assert_eq!(found[1].address, "::1");
        assert_eq!(found[2].address, "127.0.0.1");
    }

    #[test]
    fn half_of_a_report_is_read() {
        let found = read_text(
            "  code: 'ERR_ACCESS_DENIED',\n  permission: 'FileSystemRead',\n  resource: '/etc/hosts'\n}",
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].permission, "FileSystemRead");
        assert_eq!(found[0].resource, "/etc/hosts");
    }

    #[test]
    fn the_source_line_above_carets_is_no_error() {
        let found = read_text(
            "/srv/app/x.js:3\n  throw new Error: 'connect ECONNREFUSED 1.2.3.4:5'\n  ^\n\nError: real\n    at x\n",
        );
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].message, "real");
    }

    #[test]
    fn an_object_on_one_line_is_read() {
        let found = read_text(
            "{ parsed: {}, error: Error: Access denied\n    at open {\n  code: 'ERR_ACCESS_DENIED' } }",
        );
        assert_eq!(found[0].code, "ERR_ACCESS_DENIED");
        let found = read_text("{ code: 'ERR_ACCESS_DENIED', permission: 'Net', resource: 'a:1' }");
        assert_eq!((found[0].permission.as_str(), found[0].resource.as_str()), ("Net", "a:1"));
        assert_eq!(version_of("26.10.0"), Some([26, 10, 0]));
    }
}
