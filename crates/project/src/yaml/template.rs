//! Template actions, hidden from the parser without moving anything.
//!
//! Each character of `{{ ... }}` becomes one character of Unicode's private use area, so lines and
//! columns stay. A line that holds nothing else becomes a comment: such lines are control flow, or write
//! keys of their own.

/// Stands for one character of an action.
pub(super) const MARK: char = '\u{e07b}';

/// A text without its actions.
pub(super) struct Masked {
    pub(super) text: String,
    /// Lines with an action, from 1.
    pub(super) templates: Vec<usize>,
}

pub(super) fn mask(text: &str) -> Masked {
    if !text.contains("{{") {
        return Masked { text: text.to_owned(), templates: Vec::new() };
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find("{{") {
        masked.push_str(&rest[..open]);
        let Some(length) = rest[open..].find("}}") else {
            rest = &rest[open..];
            break;
        };
        let action = &rest[open..open + length + 2];
        // A flow mapping in a flow mapping is YAML: `{{a: 1}: 2}`. Nothing real is written that way.
        masked.extend(action.chars().map(|c| if c == '\n' { '\n' } else { MARK }));
        rest = &rest[open + length + 2..];
    }
    masked.push_str(rest);
    let mut templates = Vec::new();
    let mut lines = String::with_capacity(masked.len());
    for (index, line) in masked.split_inclusive('\n').enumerate() {
        if !line.contains(MARK) {
            lines.push_str(line);
            continue;
        }
        templates.push(index + 1);
        if line.chars().all(|c| c == MARK || c.is_whitespace()) {
            lines.push('#');
            lines.push_str(if line.ends_with('\n') { "\n" } else { "" });
        } else {
            lines.push_str(line);
        }
    }
    Masked { text: lines, templates }
}

/// The text of a scalar with each run of marks as `{{}}`; `None` without marks.
pub(super) fn unmask(text: &str) -> Option<String> {
    if !text.contains(MARK) {
        return None;
    }
    let mut shown = String::new();
    let mut inside = false;
    for c in text.chars() {
        if c != MARK {
            shown.push(c);
        } else if !inside {
            shown.push_str("{{}}");
        }
        inside = c == MARK;
    }
    Some(shown)
}
