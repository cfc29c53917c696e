//! From the parser's events to the tree, within bounds.

use super::node::{Entry, Kind, Node};
use super::template;
use super::{Document, MOST_DEPTH, MOST_NODES, Mistake, Part, YamlError};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, Tag};
use std::collections::HashMap;

/// Reads one document.
pub(super) fn document(part: &Part<'_>, templates: &[usize]) -> Result<Document, YamlError> {
    let mut builder = Builder {
        skipped: part.first_line - 1,
        stack: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        root: None,
    };
    let read = builder.run(part.text).map_err(|error| explained(error, part, templates));
    read.map(|()| Document {
        root: builder.root.unwrap_or(Node {
            kind: Kind::Null,
            line: part.first_line,
            column: 1,
            end_line: part.first_line,
            plain: true,
        }),
        templates: templates.to_vec(),
    })
}

/// Names what is really in the way: a tab, or a template.
fn explained(error: YamlError, part: &Part<'_>, templates: &[usize]) -> YamlError {
    if error.mistake == Mistake::TooLarge {
        return error;
    }
    if let Some(first) = templates.first() {
        let line = templates.iter().copied().rfind(|line| *line <= error.line).unwrap_or(*first);
        return YamlError {
            mistake: Mistake::Template,
            what: format!("a template that makes no sense without its values: {}", error.what),
            line,
            column: 1,
        };
    }
    let near = error.line.saturating_sub(part.first_line);
    let tab =
        part.text.lines().enumerate().skip(near.saturating_sub(1)).take(3).find(|(_, line)| {
            line.len() > line.trim_start_matches([' ', '\t']).len()
                && line[..line.len() - line.trim_start_matches([' ', '\t']).len()].contains('\t')
        });
    match tab {
        Some((index, line)) if error.mistake == Mistake::Syntax => YamlError {
            mistake: Mistake::Tab,
            what: "a tab indents this line: only spaces may".to_owned(),
            line: part.first_line + index,
            column: line.find('\t').unwrap_or(0) + 1,
        },
        _ => error,
    }
}

/// A collection that is not closed yet.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next, of a mapping.
    key: Option<(String, usize, usize)>,
    /// Lines of the keys so far.
    seen: HashMap<String, usize>,
    merges: Vec<Node>,
}

struct Builder {
    /// Lines of the file before this document.
    skipped: usize,
    stack: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder {
    fn run(&mut self, text: &str) -> Result<(), YamlError> {
        let mut parser = Parser::new_from_str(text);
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| {
                let mistake = match error.info() {
                    "recursion limit exceeded" => Mistake::TooLarge,
                    _ => Mistake::Syntax,
                };
                self.mistake(mistake, *error.marker(), error.info().to_owned())
            })?;
            self.take(event, span)?;
        }
        Ok(())
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let kind = scalar(&text, plain, tag.as_deref());
                let node = Node { kind, plain, ..self.at(span) };
                self.count(1, span.start)?;
                self.finish(node, anchor, span.start)
            }
            Event::SequenceStart(anchor, _) => self.open(Kind::Seq(Vec::new()), anchor, span),
            Event::MappingStart(anchor, _) => self.open(Kind::Map(Vec::new()), anchor, span),
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    let what = "an alias stands within its own anchor".to_owned();
                    return Err(self.mistake(Mistake::Syntax, span.start, what));
                };
                self.count(size, span.start)?;
                if self.stack.len() + depth(&node) > MOST_DEPTH {
                    return Err(self.too_deep(span.start));
                }
                self.finish(node, 0, span.start)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(()),
        }
    }

    fn at(&self, span: Span) -> Node {
        // A block scalar ends where the next line begins.
        let end = if span.end.col() == 0 && span.end.line() > span.start.line() {
            span.end.line() - 1
        } else {
            span.end.line()
        };
        Node {
            kind: Kind::Null,
            line: self.skipped + span.start.line(),
            column: span.start.col() + 1,
            end_line: self.skipped + end,
            plain: false,
        }
    }

    fn open(&mut self, kind: Kind, anchor: usize, span: Span) -> Result<(), YamlError> {
        self.count(1, span.start)?;
        if self.stack.len() >= MOST_DEPTH {
            return Err(self.too_deep(span.start));
        }
        let node = Node { kind, ..self.at(span) };
        self.stack.push(Open { node, anchor, key: None, seen: HashMap::new(), merges: Vec::new() });
        Ok(())
    }

    fn close(&mut self, span: Span) -> Result<(), YamlError> {
        let Some(Open { mut node, anchor, mut seen, merges, .. }) = self.stack.pop() else {
            return Ok(());
        };
        let last = match &node.kind {
            Kind::Seq(items) => items.last().map(Node::end_line),
            Kind::Map(entries) => entries.iter().map(|entry| entry.value.end_line).max(),
            _ => None,
        };
        // A block collection ends with its last value; a flow collection with its bracket.
        let bracket = if span.is_empty() { 0 } else { self.skipped + span.end.line() };
        node.end_line = node.end_line.max(last.unwrap_or(0)).max(bracket);
        for merged in merges {
            self.merge(&mut node, &mut seen, merged, span.start)?;
        }
        self.finish(node, anchor, span.start)
    }

    /// Adds what `<<` brings: keys that are there already win.
    fn merge(
        &self,
        into: &mut Node,
        seen: &mut HashMap<String, usize>,
        merged: Node,
        marker: Marker,
    ) -> Result<(), YamlError> {
        match merged.kind {
            Kind::Seq(items) => {
                items.into_iter().try_for_each(|item| self.merge(into, seen, item, marker))
            }
            Kind::Map(entries) => {
                let Kind::Map(own) = &mut into.kind else { return Ok(()) };
                for entry in entries {
                    if seen.insert(entry.key.clone(), entry.line).is_none() {
                        own.push(entry);
                    }
                }
                Ok(())
            }
            _ => {
                let what = "a merge key takes a mapping or a list of mappings".to_owned();
                Err(self.mistake(Mistake::Syntax, marker, what))
            }
        }
    }

    fn finish(&mut self, node: Node, anchor: usize, marker: Marker) -> Result<(), YamlError> {
        if anchor > 0 {
            let size = size(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let skipped = self.skipped;
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.kind {
            Kind::Seq(items) => items.push(node),
            Kind::Map(entries) => match open.key.take() {
                None => {
                    let key = key_text(&node).ok_or_else(|| YamlError {
                        mistake: Mistake::Syntax,
                        what: "a key is a list or a mapping".to_owned(),
                        line: skipped + marker.line(),
                        column: marker.col() + 1,
                    })?;
                    if let Some(first) = open.seen.insert(key.clone(), node.line) {
                        return Err(YamlError {
                            mistake: Mistake::DuplicateKey,
                            what: format!("the key `{key}` stands in line {first} already"),
                            line: node.line,
                            column: node.column,
                        });
                    }
                    open.key = Some((key, node.line, node.column));
                }
                Some((key, _, _)) if key == "<<" => open.merges.push(node),
                Some((key, line, column)) => entries.push(Entry { key, line, column, value: node }),
            },
            _ => {}
        }
        Ok(())
    }

    fn count(&mut self, nodes: usize, marker: Marker) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MOST_NODES {
            let what = format!("the document has more than {MOST_NODES} values with its aliases");
            return Err(self.mistake(Mistake::TooLarge, marker, what));
        }
        Ok(())
    }

    fn too_deep(&self, marker: Marker) -> YamlError {
        let what = format!("values are nested deeper than {MOST_DEPTH}");
        self.mistake(Mistake::TooLarge, marker, what)
    }

    fn mistake(&self, mistake: Mistake, marker: Marker, what: String) -> YamlError {
        YamlError { mistake, what, line: self.skipped + marker.line(), column: marker.col() + 1 }
    }
}

fn key_text(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Seq(_) | Kind::Map(_) => None,
        _ => Some(node.shown()),
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::Seq(items) => items.iter().map(size).sum(),
        Kind::Map(entries) => entries.iter().map(|entry| 1 + size(&entry.value)).sum(),
        _ => 0,
    }
}

fn depth(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::Seq(items) => items.iter().map(depth).max().unwrap_or(0),
        Kind::Map(entries) => entries.iter().map(|entry| depth(&entry.value)).max().unwrap_or(0),
        _ => 0,
    }
}

fn scalar(text: &str, plain: bool, tag: Option<&Tag>) -> Kind {
    if let Some(template) = template::unmask(text) {
        return Kind::Template(template);
    }
    let core = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
    if !plain && core.is_none() || core == Some("str") {
        return Kind::Str(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        _ => {}
    }
    if let Some(value) = whole(text) {
        return Kind::Int(value);
    }
    let number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    match text.parse::<f64>() {
        Ok(value) if number => Kind::Float(value),
        _ => Kind::Str(text.to_owned()),
    }
}

/// A whole number; with a leading zero it is octal, as in YAML 1.1, which Kubernetes and Compose read.
fn whole(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (radix, digits) = if let Some(hex) = digits.strip_prefix("0x") {
        (16, hex)
    } else if let Some(octal) = digits.strip_prefix("0o") {
        (8, octal)
    } else if digits.len() > 1
        && digits.starts_with('0')
        && digits.bytes().all(|b| (b'0'..=b'7').contains(&b))
    {
        (8, digits)
    } else {
        (10, digits)
    };
    if !digits.bytes().all(|b| (b as char).is_digit(radix)) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok().map(|value| sign * value)
}
