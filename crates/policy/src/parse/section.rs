//! Reading values out of one table, each with its place and its mistakes.
//!
//! Everything reports into a [`Report`] and goes on, so that one run shows all mistakes of a file.
//! A value that was reported is simply missing afterwards; nothing is built from it, because no
//! boundary is returned once anything has been reported.

use super::keys::{self, Keys};
use crate::diagnostic::{Code, Diagnostic, Problem};
use crate::display::quoted;
use crate::source::{Located, Source};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Display;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// More than anybody reads.
const MOST_SHOWN: usize = 64;

/// The mistakes found so far.
#[derive(Default)]
pub(super) struct Report {
    problems: Vec<(Range<usize>, Problem)>,
}

impl Report {
    pub(super) fn push(&mut self, span: Range<usize>, problem: Problem) {
        self.problems.push((span, problem));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// The value, or nothing and a report.
    pub(super) fn keep<T>(&mut self, span: &Range<usize>, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.push(span.clone(), problem)).ok()
    }

    /// All mistakes, in file order.
    pub(super) fn into_diagnostics(mut self, source: Source<'_>) -> Vec<Diagnostic> {
        self.problems.sort_by_key(|(span, _)| (span.start, span.end));
        let rest = self.problems.len().saturating_sub(MOST_SHOWN);
        if rest > 0 {
            self.problems.truncate(MOST_SHOWN);
            let last = self.problems.last().map_or(0..0, |(span, _)| span.clone());
            self.push(last, Problem::new(Code::TooMany, "more mistakes follow and are not shown"));
        }
        let diagnostic = |(span, problem): (Range<usize>, Problem)| {
            let Problem { code, message, hint, hide } = problem;
            let diagnostic = source.diagnostic(code, span, message, hint);
            if hide { diagnostic.without_excerpt() } else { diagnostic }
        };
        self.problems.into_iter().map(diagnostic).collect()
    }
}

/// One table of the file.
pub(super) struct Section<'t> {
    /// Name for messages, such as `net` or `secrets.jwt-key`.
    name: String,
    table: &'t DeTable<'t>,
    span: Range<usize>,
}

impl<'t> Section<'t> {
    /// The table, after every key that `keys` does not know has been reported.
    pub(super) fn new(
        report: &mut Report,
        name: String,
        value: &'t Spanned<DeValue<'t>>,
        keys: &Keys,
    ) -> Option<Self> {
        let span = value.span();
        let DeValue::Table(table) = value.get_ref() else {
            let what = value.get_ref().type_str();
            let problem = Problem::new(
                Code::WrongType,
                format!("`{name}` must be a table, not {}", article(what)),
            );
            report.push(span, problem.hint(format!("write it as a section: [{name}]")));
            return None;
        };
        let section = Self { name, table, span };
        if keys.keys != ["*"] {
            section.report_unknown(report, keys);
        }
        Some(section)
    }

    fn report_unknown(&self, report: &mut Report, keys: &Keys) {
        let unknown = |key: &&Spanned<_>| !keys.keys.contains(&key_text(key));
        for key in self.table.keys().filter(unknown).take(MOST_SHOWN + 1) {
            let name = key_text(key);
            let message = format!("unknown key in [{}]: {}", self.name, quoted(name));
            let home = keys::SECTIONS.iter().find(|section| section.keys.contains(&name));
            let hint = match (keys::closest(name, keys.keys.iter().copied()), home) {
                (_, Some(home)) => format!("{name} belongs to [{}]", home.section),
                (Some(meant), None) => format!("did you mean {meant}?"),
                (None, None) => format!("known keys: {}", keys.keys.join(", ")),
            };
            report.push(key.span(), Problem::new(Code::UnknownKey, message).hint(hint));
        }
    }

    pub(super) const fn span(&self) -> &Range<usize> {
        &self.span
    }

    /// Keys and values, for tables whose keys the file chooses.
    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = (Located<&'t str>, &'t Spanned<DeValue<'t>>)> + use<'t> {
        let table = self.table;
        table.iter().map(|(key, value)| (Located::new(key.get_ref().as_ref(), key.span()), value))
    }

    /// The key is there, whatever its value.
    pub(super) fn place(&self, key: &str) -> Option<Range<usize>> {
        self.table.get_key_value(key).map(|(key, _)| key.span())
    }

    /// A table that may be absent.
    pub(super) fn table(&self, report: &mut Report, key: &str) -> Option<Section<'t>> {
        let value = self.table.get(key)?;
        let any = Keys { section: "", keys: &["*"] };
        Section::new(report, self.full(key), value, &any)
    }

    /// Reports that `key` is missing.
    pub(super) fn missing(&self, report: &mut Report, key: &str, hint: &str) {
        let problem = Problem::new(Code::MissingKey, format!("[{}] has no `{key}`", self.name));
        report.push(self.span.clone(), problem.hint(hint));
    }

    /// A string that `parse` accepts.
    pub(super) fn value<T>(
        &self,
        report: &mut Report,
        key: &str,
        example: &str,
        parse: impl Fn(&str) -> Result<T, Problem>,
    ) -> Option<Located<T>> {
        let value = self.table.get(key)?;
        let text = string(report, self.full(key), value, example)?;
        let parsed = report.keep(&text.span, parse(text.value))?;
        Some(Located::new(parsed, text.span))
    }

    /// An array of strings that `parse` accepts, no two of them the same in their canonical form.
    pub(super) fn list<T>(
        &self,
        report: &mut Report,
        key: &str,
        example: &str,
        parse: impl Fn(&str) -> Result<T, Problem>,
        canonical: impl Fn(&T) -> String,
    ) -> Vec<Located<T>> {
        let name = self.full(key);
        let mut seen = HashSet::new();
        let mut list = Vec::new();
        for (index, item) in self.array(report, key, example).iter().enumerate() {
            let entry = format_args!("{name}[{index}]");
            let Some(text) = string(report, entry, item, example) else { continue };
            let Some(value) = report.keep(&text.span, parse(text.value)) else { continue };
            let canonical = canonical(&value);
            if seen.insert(canonical) {
                list.push(Located::new(value, text.span));
            } else {
                report.push(text.span, duplicate(&name, text.value));
            }
        }
        list
    }

    /// The items of an array; nothing when it is absent.
    pub(super) fn array(
        &self,
        report: &mut Report,
        key: &str,
        example: &str,
    ) -> &'t [Spanned<DeValue<'t>>] {
        let Some(value) = self.table.get(key) else { return &[] };
        if let DeValue::Array(items) = value.get_ref() {
            return items;
        }
        let name = self.full(key);
        let problem = wrong_type(&name, "an array", value.get_ref());
        let items = value.get_ref().as_str().and_then(items_of);
        let items = items.unwrap_or_else(|| example.to_owned());
        report.push(value.span(), problem.hint(format!("write {key} = [{items}]")));
        &[]
    }

    /// A boolean; false when absent.
    pub(super) fn boolean(&self, report: &mut Report, key: &str) -> bool {
        self.boolean_or(report, key, false)
    }

    /// A boolean with its default.
    pub(super) fn boolean_or(&self, report: &mut Report, key: &str, default: bool) -> bool {
        let Some(value) = self.table.get(key) else { return default };
        let DeValue::Boolean(boolean) = value.get_ref() else {
            let problem = wrong_type(self.full(key), "true or false", value.get_ref());
            report.push(value.span(), problem.hint(format!("write {key} = true or {key} = false")));
            return default;
        };
        *boolean
    }

    /// A whole number of at least 1.
    pub(super) fn count(&self, report: &mut Report, key: &str) -> Option<Located<u64>> {
        let value = self.table.get(key)?;
        let DeValue::Integer(integer) = value.get_ref() else {
            let problem = wrong_type(self.full(key), "a whole number", value.get_ref());
            report.push(value.span(), problem.hint(format!("write {key} = 64")));
            return None;
        };
        match i64::from_str_radix(integer.as_str(), integer.radix()).map(u64::try_from) {
            Ok(Ok(count)) if count > 0 => Some(Located::new(count, value.span())),
            _ => {
                let text = integer.to_string();
                let problem = Problem::with_value(Code::BadNumber, "limit is out of range", &text);
                let hint = "write a number from 1, or leave the key out for no limit";
                report.push(value.span(), problem.hint(hint));
                None
            }
        }
    }

    /// The raw value, for the few keys with types of their own.
    pub(super) fn raw(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.table.get(key)
    }

    /// The key with its section, as in `net.connect`.
    pub(super) fn full(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

/// A string without anything that ends a line, moves a cursor or turns the reading direction: what
/// is made of a boundary (manifests, their comments, reports) is read line by line.
pub(super) fn string<'t>(
    report: &mut Report,
    name: impl Display,
    value: &'t Spanned<DeValue<'t>>,
    example: &str,
) -> Option<Located<&'t str>> {
    let text = any_string(report, &name, value, example)?;
    let Some(kind) = text.value.chars().find_map(unprintable) else { return Some(text) };
    let name = name.to_string();
    let what = format!("`{name}` has a {kind} in it");
    // What stands there may be the secret itself.
    let problem = if name
        .strip_prefix("secrets.")
        .is_some_and(|rest| rest.rsplit_once('.').is_some_and(|(_, key)| key == "from"))
    {
        Problem::new(Code::ControlCharacter, what).hidden()
    } else {
        Problem::with_value(Code::ControlCharacter, &what, text.value)
    };
    let hint = "no such character can be granted or named: take it out, or rename what it names";
    report.push(text.span, problem.hint(hint));
    None
}

/// What a character is that no path and no name may have (Unicode categories Cc, Zl, Zp, and the
/// characters of `Bidi_Control`, UAX #9).
pub(super) const fn unprintable(character: char) -> Option<&'static str> {
    match character {
        '\0'..='\x1f' | '\x7f'..='\u{9f}' => Some("control character"),
        '\u{2028}' | '\u{2029}' => Some("line separator"),
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            Some("character that turns the reading direction")
        }
        _ => None,
    }
}

/// A string that may have line breaks and tabs in it, but nothing the kernel cuts it at.
pub(super) fn any_string<'t>(
    report: &mut Report,
    name: impl Display,
    value: &'t Spanned<DeValue<'t>>,
    example: &str,
) -> Option<Located<&'t str>> {
    let span = value.span();
    let DeValue::String(text) = value.get_ref() else {
        let problem = wrong_type(name, "a string", value.get_ref());
        let example = match value.get_ref() {
            DeValue::Integer(integer) => with_number(example, integer.as_str()),
            _ => example.to_owned(),
        };
        report.push(span, problem.hint(format!("write it as {example}")));
        return None;
    };
    if text.contains('\0') {
        let what = format!("`{name}` has a NUL character in it");
        report.push(span, Problem::new(Code::ControlCharacter, what));
        return None;
    }
    Some(Located::new(text.as_ref(), span))
}

/// What was meant as a list, as one; nothing where it could not be shown in a hint.
fn items_of(text: &str) -> Option<String> {
    const LONGEST: usize = 60;
    let plain = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\' || c == ' ';
    let shown = text.len() <= LONGEST && text.chars().all(plain);
    let items: Vec<String> = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(|item| format!("\"{item}\""))
        .collect();
    (shown && !items.is_empty()).then(|| items.join(", "))
}

/// The example with the number that the file has: `"10s"` and 30 make `"30s"`.
fn with_number(example: &str, number: &str) -> String {
    let Some((before, quoted)) = example.split_once('"') else { return example.to_owned() };
    let Some((text, after)) = quoted.rsplit_once('"') else { return example.to_owned() };
    let sign = text.trim_end_matches(|c: char| c.is_ascii_alphanumeric());
    let unit = text.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let changed = match text.rsplit_once(':') {
        Some((host, _)) => format!("{host}:{number}"),
        None if text.contains(|c: char| c.is_ascii_digit()) => format!("{sign}{number}{unit}"),
        None => number.to_owned(),
    };
    format!("{before}\"{changed}\"{after}")
}

pub(super) fn wrong_type(name: impl Display, expected: &str, found: &DeValue<'_>) -> Problem {
    let found = article(found.type_str());
    Problem::new(Code::WrongType, format!("`{name}` must be {expected}, not {found}"))
}

pub(super) fn duplicate(name: &str, value: &str) -> Problem {
    Problem::with_value(Code::Duplicate, &format!("the same entry twice in `{name}`"), value)
        .hint("remove one of them")
}

fn key_text<'k>(key: &'k Spanned<Cow<'_, str>>) -> &'k str {
    key.get_ref().as_ref()
}

fn article(type_name: &str) -> String {
    let vowel = type_name.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {type_name}", if vowel { "an" } else { "a" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_has_the_number_of_the_file_in_it() {
        for (example, hint) in [
            ("stop-timeout = \"10s\"", "stop-timeout = \"30s\""),
            ("node = \">=20\"", "node = \">=30\""),
            ("\"127.0.0.1:8080\"", "\"127.0.0.1:30\""),
            ("\"production\"", "\"30\""),
        ] {
            assert_eq!(with_number(example, "30"), hint);
        }
    }

    #[test]
    fn a_list_in_one_string_is_shown_as_a_list() {
        assert_eq!(items_of("a, b,").as_deref(), Some("\"a\", \"b\""));
        assert_eq!(items_of("say \"x\""), None);
        assert_eq!(items_of(","), None);
    }
}
