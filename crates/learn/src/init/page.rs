//! The draft as lines, each with the reason why it is there.
//!
//! Lines stay apart until they are written, so that one that does not fit this host can still become
//! a comment that says why. What comes from a project's files is escaped before it is written: no
//! value and no file name can end a string, a line or a comment.

use super::facts::Origin;
use ringfence_policy::display::untrusted;
use std::fmt::Write as _;

/// Longest line with its reason behind it.
const WIDTH: usize = 100;

/// Why a line is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ground {
    /// It was said somewhere.
    From(Origin, String),
    /// It is guessed, and from what.
    Guess(String),
}

impl Ground {
    /// Said at a place.
    pub(crate) fn from(origin: &Origin) -> Self {
        Self::From(origin.clone(), String::new())
    }

    /// Guessed, `because` of something.
    pub(crate) fn guess(because: impl Into<String>) -> Self {
        Self::Guess(because.into())
    }

    fn comment(&self) -> String {
        match self {
            Self::From(origin, more) if more.is_empty() => format!("from {origin}"),
            Self::From(origin, more) => format!("from {origin}: {}", untrusted(more)),
            Self::Guess(because) => format!("guess: because {}", untrusted(because)),
        }
    }
}

/// A value of a list or of a key, as TOML, and why it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// As TOML.
    pub(crate) toml: String,
    pub(crate) ground: Ground,
}

impl Item {
    /// A text.
    pub(crate) fn text(text: &str, ground: Ground) -> Self {
        Self { toml: quote(text), ground }
    }
}

/// Text as a TOML string: printable ASCII as it is, everything else by its number.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            ' '..='~' => quoted.push(character),
            other => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(other));
            }
        }
    }
    quoted.push('"');
    quoted
}

#[derive(Debug, Clone)]
struct Line {
    text: String,
    comment: String,
    /// Lines that stand and fall together; 0 for what cannot be left out.
    group: usize,
    /// Why it is left out.
    out: Option<String>,
    guess: bool,
}

/// The draft.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page {
    lines: Vec<Line>,
    groups: usize,
}

impl Page {
    fn push(&mut self, text: String, ground: Option<&Ground>, group: usize) {
        let comment = ground.map(Ground::comment).unwrap_or_default();
        let guess = matches!(ground, Some(Ground::Guess(_)));
        self.lines.push(Line { text, comment, group, out: None, guess });
    }

    fn group(&mut self) -> usize {
        self.groups += 1;
        self.groups
    }

    /// What stands above every section.
    pub(crate) fn schema(&mut self) {
        self.push("schema = 1".to_owned(), None, 0);
    }

    /// A comment of its own, wrapped; the rest of an indented one is indented further.
    pub(crate) fn comment(&mut self, text: &str) {
        let text = untrusted(text).to_string();
        let indent = text.len() - text.trim_start_matches(' ').len();
        let further = if indent > 0 { " ".repeat(indent + 2) } else { String::new() };
        let mut line = String::from("#");
        for word in text.split(' ') {
            if line.len() + 1 + word.len() > WIDTH && line.len() > 1 {
                self.push(std::mem::replace(&mut line, format!("#{further}")), None, 0);
            }
            line.push(' ');
            line.push_str(word);
        }
        self.push(line, None, 0);
    }

    /// The head of a section.
    pub(crate) fn section(&mut self, name: &str) {
        if !self.lines.is_empty() {
            self.push(String::new(), None, 0);
        }
        self.push(format!("[{name}]"), None, 0);
    }

    /// A line that cannot be left out.
    pub(crate) fn fixed(&mut self, key: &str, item: &Item) {
        self.push(format!("{key} = {}", item.toml), Some(&item.ground), 0);
    }

    /// A line that the file needs and only a person can write: a comment with the reason.
    pub(crate) fn left_to_a_person(&mut self, key: &str, item: &Item, why: &str) {
        self.key(key, item);
        if let Some(line) = self.lines.last_mut() {
            line.out = Some(why.to_owned());
        }
    }

    /// `service.start` where it is such a line, as its program alone.
    fn lacking_start(&self) -> Option<String> {
        let line = self.lines.iter().find(|line| line.text.starts_with("start = "))?;
        line.out.as_ref()?;
        let program = line.text.split("\", \"").next().unwrap_or_default();
        Some(format!("{}\"]", program.trim_end_matches("\"]")))
    }

    /// Whether a person must write `service.start`.
    pub(crate) fn lacks_start(&self) -> bool {
        self.lacking_start().is_some()
    }

    /// The file, line for line, as it will be once a person has written `service.start`.
    pub(crate) fn to_check(&self) -> String {
        let text = self.text();
        let Some(start) = self.lacking_start() else { return text };
        let lines = text
            .lines()
            .map(|line| if line.starts_with("# start = ") { start.as_str() } else { line });
        lines.fold(String::new(), |text, line| text + line + "\n")
    }

    /// A key.
    pub(crate) fn key(&mut self, key: &str, item: &Item) {
        let group = self.group();
        self.push(format!("{key} = {}", item.toml), Some(&item.ground), group);
    }

    /// A list with an entry a line, each with its reason; `none` says why an empty one is empty.
    pub(crate) fn list(&mut self, key: &str, items: &[Item], none: &str) {
        if items.is_empty() {
            if !none.is_empty() {
                let ground = Ground::Guess(none.to_owned());
                self.push(format!("{key} = []"), Some(&ground), 0);
            }
            return;
        }
        self.push(format!("{key} = ["), None, 0);
        for item in items {
            let group = self.group();
            self.push(format!("  {},", item.toml), Some(&item.ground), group);
        }
        self.push("]".to_owned(), None, 0);
    }

    /// A section of its own whose lines stand and fall together.
    pub(crate) fn table(&mut self, name: &str, ground: &Ground, keys: &[(&str, String)]) {
        let group = self.group();
        self.push(String::new(), None, 0);
        self.push(format!("[{name}]"), Some(ground), group);
        for (key, value) in keys {
            self.push(format!("{key} = {value}"), None, group);
        }
    }

    /// What is written, and the line of the page behind each line of it.
    fn written(&self) -> (String, Vec<usize>) {
        let (mut text, mut of) = (String::new(), Vec::new());
        for (index, line) in self.lines.iter().enumerate() {
            let indent: String = line.text.chars().take_while(|c| *c == ' ').collect();
            let reason = line
                .out
                .as_ref()
                .filter(|why| !why.is_empty())
                .map(|why| format!("left out: {}", untrusted(why)));
            let comment = [line.comment.clone(), reason.unwrap_or_default()];
            let comment: Vec<String> =
                comment.into_iter().filter(|part| !part.is_empty()).collect();
            let comment = comment.join("; ");
            let shown = match line.out {
                Some(_) => format!("{indent}# {}", line.text.trim_start()),
                None => line.text.clone(),
            };
            if comment.is_empty() {
                let _ = writeln!(text, "{shown}");
            } else if shown.len() + comment.len() + 4 <= WIDTH {
                let _ = writeln!(text, "{shown}  # {comment}");
            } else {
                let _ = writeln!(text, "{indent}# {comment}\n{shown}");
                of.push(index);
            }
            of.push(index);
        }
        (text, of)
    }

    /// The file.
    pub(crate) fn text(&self) -> String {
        self.written().0
    }

    /// Makes a comment of a line (counted from 1) and of all that stands and falls with it. False
    /// when nothing can do without it, or when it is one already.
    pub(crate) fn leave_out(&mut self, line: usize, why: &str) -> bool {
        let (_, of) = self.written();
        let Some(at) = line.checked_sub(1).and_then(|line| of.get(line)) else { return false };
        let Some(group) = self.lines.get(*at).map(|line| line.group).filter(|group| *group > 0)
        else {
            return false;
        };
        let mut first = true;
        let mut changed = false;
        for line in self.lines.iter_mut().filter(|line| line.group == group && line.out.is_none()) {
            line.out = Some(if first { why.to_owned() } else { String::new() });
            if !first {
                line.comment.clear();
            }
            (first, changed) = (false, true);
        }
        changed
    }

    /// Lines that are guesses and count.
    pub(crate) fn guesses(&self) -> usize {
        self.lines.iter().filter(|line| line.guess && line.out.is_none()).count()
    }

    /// What is left out, with the reason.
    pub(crate) fn left_out(&self) -> Vec<(String, String)> {
        let out = self.lines.iter().filter_map(|line| {
            let why = line.out.clone().filter(|why| !why.is_empty())?;
            Some((line.text.trim().trim_end_matches(',').to_owned(), why))
        });
        out.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_project_leaves_its_string_or_its_comment() {
        let hostile = "x\"]\n[process]\nworkers = true\u{202e}#";
        let mut page = Page::default();
        page.section("fs");
        let ground = Ground::From(Origin::new(hostile, 3), hostile.to_owned());
        page.list("read", &[Item::text(hostile, ground)], "");
        page.comment(hostile);
        let text = page.text();
        assert!(!text.contains("\nworkers"), "{text}");
        assert!(text.is_ascii(), "{text}");
    }

    #[test]
    fn a_line_that_does_not_fit_becomes_a_comment_with_its_group() {
        let mut page = Page::default();
        page.section("service");
        page.fixed("name", &Item::text("a", Ground::guess("x")));
        let ground = Ground::guess(
            "a reason that is so long that it stands on a line of its own, above what it is about",
        );
        page.key("node", &Item::text(">=20", ground));
        page.table("secrets.k", &Ground::guess("y"), &[("from", quote("env:K"))]);
        assert!(!page.leave_out(2, "no"), "a name is needed");
        assert!(page.leave_out(4, "another version is here"));
        assert!(page.leave_out(7, "unset") && !page.leave_out(7, "unset"));
        insta::assert_snapshot!(page.text(), @r#"
        [service]
        name = "a"  # guess: because x
        # guess: because a reason that is so long that it stands on a line of its own, above what it is about; left out: another version is here
        # node = ">=20"

        # [secrets.k]  # guess: because y; left out: unset
        # from = "env:K"
        "#);
        assert_eq!(page.guesses(), 1);
    }
}
