//! Reading `ringfence.toml`.
//!
//! The file is read into TOML's spanned tree and decoded by hand, one file of this folder for each
//! section, so that every mistake is one clear sentence at its place with the line to write instead.
//! Parsing knows nothing of the disk: whether a path exists is found by `boundary::resolve`. A file
//! that cannot be read completely yields no boundary at all.

mod dependencies;
mod environment;
mod fs;
mod identity;
pub(crate) mod keys;
mod limits;
mod net;
mod process;
mod require;
mod secrets;
mod section;
mod service;
mod units;
mod version_range;

use crate::dependencies::Dependencies;
use crate::diagnostic::{Code, Diagnostic, Problem};
use crate::display::quoted;
use crate::model::Boundary;
use crate::source::Source;
use section::{Report, Section};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Largest file that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// A duration as the boundary file writes it: `500ms`, `10s`, `5m`, `24h`, `7d`.
///
/// # Errors
/// What is wrong, and how to write it.
pub fn duration(text: &str) -> Result<Duration, String> {
    units::duration(text).map_err(|problem| match problem.hint {
        Some(hint) => format!("{}: {hint}", problem.message),
        None => problem.message,
    })
}

/// Bytes as the boundary file writes them: `512MiB`, `64KB`.
///
/// # Errors
/// What is wrong, and how to write it.
pub fn size(text: &str) -> Result<u64, String> {
    units::size(text).map_err(|problem| match problem.hint {
        Some(hint) => format!("{}: {hint}", problem.message),
        None => problem.message,
    })
}

/// Names at the top of a file that are looked at; there are 16 that mean anything.
const MOST_CHECKED: usize = 1000;

/// Reads a boundary file.
///
/// `path` is only its name in messages. Never panics, whatever the text is.
///
/// # Errors
/// Every mistake that was found, in file order; text that is not TOML stops at its first error.
pub fn parse(path: &str, text: &str) -> Result<Boundary, Vec<Diagnostic>> {
    read(path, text, decode)
}

/// Reads how packages are judged. A file with nothing but `[dependencies]` is enough: a library has no
/// service.
///
/// # Errors
/// As [`parse`].
pub fn parse_dependencies(path: &str, text: &str) -> Result<Dependencies, Vec<Diagnostic>> {
    read(path, text, |report, root| {
        let alone =
            root.iter().all(|(key, _)| matches!(key.get_ref().as_ref(), "schema" | "dependencies"));
        if alone && root.contains_key("dependencies") {
            schema(report, root);
            return Some(dependencies(report, root));
        }
        decode(report, root).map(|boundary| boundary.dependencies)
    })
}

fn read<T>(
    path: &str,
    text: &str,
    decode: impl FnOnce(&mut Report, &DeTable<'_>) -> Option<T>,
) -> Result<T, Vec<Diagnostic>> {
    let source = Source::new(path, text);
    if text.len() > MAX_BYTES {
        let message = format!("file is larger than 1 MiB: {} bytes", text.len());
        return Err(vec![source.diagnostic(Code::TooLarge, 0..0, message, None)]);
    }
    let root = DeTable::parse(text).map_err(|error| vec![syntax(source, &error)])?;
    let mut report = Report::default();
    let decoded = decode(&mut report, root.get_ref());
    match decoded {
        Some(decoded) if report.is_empty() => Ok(decoded),
        _ => Err(report.into_diagnostics(source)),
    }
}

fn decode(report: &mut Report, root: &DeTable<'_>) -> Option<Boundary> {
    schema(report, root);
    for (key, value) in root.iter().take(MOST_CHECKED) {
        check_top(report, key, value);
    }
    let fs = section(report, root, &keys::FS);
    let net = section(report, root, &keys::NET);
    let process = section(report, root, &keys::PROCESS);
    let env = section(report, root, &keys::ENV);
    let secrets = section(report, root, &keys::SECRETS);
    let limits = section(report, root, &keys::LIMITS);
    let identity = section(report, root, &keys::IDENTITY);
    let require = section(report, root, &keys::REQUIRE);
    let env = env.map(|section| environment::read(report, &section)).unwrap_or_default();
    let secrets = secrets.map(|section| secrets::read(report, &section, &env)).unwrap_or_default();
    let process = process.map(|section| process::read(report, &section)).unwrap_or_default();
    let require = require.map(|section| require::read(report, &section, &process));
    Some(Boundary {
        fs: fs.map(|section| fs::read(report, &section)).unwrap_or_default(),
        net: net.map(|section| net::read(report, &section)).unwrap_or_default(),
        process,
        env,
        secrets,
        limits: limits.map(|section| limits::read(report, &section)).unwrap_or_default(),
        identity: identity.map(|section| identity::read(report, &section)).unwrap_or_default(),
        require: require.unwrap_or_default(),
        dependencies: dependencies(report, root),
        service: service(report, root)?,
    })
}

fn dependencies(report: &mut Report, root: &DeTable<'_>) -> Dependencies {
    let section = section(report, root, &keys::DEPENDENCIES);
    section.map(|section| dependencies::read(report, &section)).unwrap_or_default()
}

fn section<'t>(
    report: &mut Report,
    root: &'t DeTable<'t>,
    keys: &keys::Keys,
) -> Option<Section<'t>> {
    Section::new(report, keys.section.to_owned(), root.get(keys.section)?, keys)
}

fn service(report: &mut Report, root: &DeTable<'_>) -> Option<crate::model::Service> {
    if root.contains_key("service") {
        let section = section(report, root, &keys::SERVICE)?;
        return service::read(report, &section);
    }
    let problem = Problem::new(Code::MissingKey, "the section [service] is missing");
    let hint = "write [service], then name = \"orders\" and start = [\"node\", \"server.mjs\"]";
    report.push(0..0, problem.hint(hint));
    None
}

/// A file without `schema` is of version 1.
fn schema(report: &mut Report, root: &DeTable<'_>) {
    let Some(value) = root.get("schema") else { return };
    let hint = "this ringfence reads schema = 1";
    match value.get_ref() {
        DeValue::Integer(integer) if integer.to_string() == "1" => {}
        DeValue::Integer(integer) => {
            let text = integer.to_string();
            let what = "unknown version of the boundary file";
            let problem = Problem::with_value(Code::UnsupportedSchema, what, &text);
            report.push(value.span(), problem.hint(hint));
        }
        other => {
            report.push(
                value.span(),
                section::wrong_type("schema", "a whole number", other).hint(hint),
            );
        }
    }
}

/// Reports names at the top of the file that have no meaning there.
fn check_top(
    report: &mut Report,
    key: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
) {
    let name = key.get_ref().as_ref();
    let known = || keys::SECTIONS.iter().map(|section| section.keys).map(|keys| keys.iter());
    let sections = || keys::SECTIONS.iter().map(|section| section.section);
    if keys::ROOT.keys.contains(&name) || sections().any(|section| section == name) {
        return;
    }
    let problem = if keys::RESERVED.contains(&name) {
        let message = format!("[{name}] is reserved and has no meaning yet");
        Problem::new(Code::ReservedSection, message).hint("remove it")
    } else if value.get_ref().is_table() {
        let problem = Problem::with_value(Code::UnknownSection, "unknown section", name);
        match keys::closest(name, sections()) {
            Some(meant) => problem.hint(format!("did you mean [{meant}]?")),
            None => problem
                .hint(format!("known sections: {}", sections().collect::<Vec<_>>().join(", "))),
        }
    } else {
        let problem =
            Problem::with_value(Code::UnknownKey, "unknown key outside every section", name);
        match keys::SECTIONS.iter().find(|section| section.keys.contains(&name)) {
            Some(home) => problem.hint(format!("{name} belongs to [{}]", home.section)),
            None => match keys::closest(name, known().flatten().copied().chain(["schema"])) {
                Some(meant) => problem.hint(format!("did you mean {meant}?")),
                None => problem.hint("keys stand below a section such as [service]"),
            },
        }
    };
    report.push(key.span(), problem);
}

/// An error of the TOML reader, in our words where its own are short of a reason.
fn syntax(source: Source<'_>, error: &toml::de::Error) -> Diagnostic {
    let message = error.message();
    let span = error.span().unwrap_or(0..0);
    let (message, hint) = match message {
        "recursion limit" | "cannot recurse further; max recursion depth met" => {
            ("values are nested too deeply".to_owned(), None)
        }
        "duplicate key" => {
            let key = source.text().get(span.clone()).unwrap_or_default();
            let hint = "a key and a section stand in the file once";
            (format!("the same name twice: {}", quoted(key)), Some(hint))
        }
        message if message.contains("quote") || message.contains("string") => {
            (message.to_owned(), Some("text is written in quotes, as in name = \"orders\""))
        }
        message => (message.to_owned(), Some("the file is TOML 1.1, see https://toml.io")),
    };
    source.diagnostic(Code::Syntax, span, message, hint.map(str::to_owned))
}

#[cfg(test)]
pub(crate) mod tests;
