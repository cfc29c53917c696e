//! The tree: values, keys and their places.

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub(super) kind: Kind,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) end_line: usize,
    /// A scalar without quotes: YAML 1.1 readers take more of them for booleans.
    pub(super) plain: bool,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Text.
    Str(String),
    /// A template action is part of it; the text with each action as `{{}}`.
    Template(String),
    /// A list.
    Seq(Vec<Node>),
    /// A mapping, in the order of the file; what a merge key (`<<`) brings comes last.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key as text, numbers and booleans too.
    pub key: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The value.
    pub value: Node,
}

impl Node {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// Line of its first character, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Column of its first character, from 1, in characters.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// Last line it covers, from 1.
    #[must_use]
    pub fn end_line(&self) -> usize {
        self.end_line
    }

    /// The value of a key; `None` when this is no mapping or has no such key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// A key with its place.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_map()?.iter().find(|entry| entry.key == key)
    }

    /// Follows keys and, where a part is a number and this is a list, positions.
    #[must_use]
    pub fn path<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Option<&Self> {
        let mut node = self;
        for part in parts {
            node = match &node.kind {
                Kind::Seq(items) => items.get(part.parse::<usize>().ok()?)?,
                _ => node.get(part)?,
            };
        }
        Some(node)
    }

    /// Text. Numbers and booleans are none.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Str(text) => Some(text),
            _ => None,
        }
    }

    /// A boolean, also as YAML 1.1 writes it without quotes (`yes`, `off`), which Kubernetes reads.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match &self.kind {
            Kind::Bool(value) => Some(*value),
            Kind::Str(text) if self.plain => match text.as_str() {
                "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
                "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A whole number.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match &self.kind {
            Kind::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A list.
    #[must_use]
    pub fn as_seq(&self) -> Option<&[Self]> {
        match &self.kind {
            Kind::Seq(items) => Some(items),
            _ => None,
        }
    }

    /// A mapping.
    #[must_use]
    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// Whether its value is filled in later: a template action, or a variable (`${NAME}`, `$NAME`) in
    /// a text. `$$` is a dollar sign.
    #[must_use]
    pub fn is_template(&self) -> bool {
        match &self.kind {
            Kind::Template(_) => true,
            Kind::Str(text) => has_variable(text),
            _ => false,
        }
    }

    /// A scalar as a person would write it; what is a list or a mapping is told as one.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.kind {
            Kind::Null => "null".to_owned(),
            Kind::Bool(value) => value.to_string(),
            Kind::Int(value) => value.to_string(),
            Kind::Float(value) => value.to_string(),
            Kind::Str(text) | Kind::Template(text) => text.clone(),
            Kind::Seq(items) if items.is_empty() => "[]".to_owned(),
            Kind::Map(entries) if entries.is_empty() => "{}".to_owned(),
            Kind::Seq(items)
                if items.iter().all(|item| item.as_seq().is_none() && item.as_map().is_none()) =>
            {
                format!("[{}]", items.iter().map(Self::shown).collect::<Vec<_>>().join(", "))
            }
            Kind::Seq(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
        }
    }
}

fn has_variable(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let after = &rest[at + 1..];
        if let Some(escaped) = after.strip_prefix('$') {
            rest = escaped;
            continue;
        }
        if after.starts_with(|next: char| next == '{' || next == '_' || next.is_ascii_alphabetic())
        {
            return true;
        }
        rest = after;
    }
    false
}
