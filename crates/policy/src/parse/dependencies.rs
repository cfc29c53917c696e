//! `[dependencies]`: how a change of the packages is judged.

use super::section::{Report, Section, duplicate, wrong_type};
use super::{keys, units};
use crate::dependencies::{
    ADVISORIES, Accepted, DeniedScript, Dependencies, Internal, PUBLISH_CODES, REVIEW_CODES,
    Script, Severity,
};
use crate::diagnostic::{Code, Problem};
use crate::display::quoted;
use crate::source::Located;
use crate::{paths, time};
use std::collections::{BTreeMap, HashSet};
use toml::de::DeValue;

const ACCEPT: &str = "accept = [{ code = \"new-install-script\", package = \"esbuild\", reason = \"builds nothing: read on 2026-11-20\", until = \"2027-06-30\" }]";
const INTERNAL: &str =
    "internal = [{ name = \"@acme\", registry = \"https://npm.acme.example/\" }]";
const SCRIPTS: &str = "scripts = [{ package = \"esbuild\", version = \"0.25.0\" }]";
const DENIED_SCRIPTS: &str = "denied-scripts = [{ package = \"core-js\", version = \"3.38.0\", reason = \"it prints an advertisement\" }]";

pub(super) fn read(report: &mut Report, section: &Section<'_>) -> Dependencies {
    let scripts = scripts(report, section);
    Dependencies {
        denied_scripts: denied_scripts(report, section, &scripts),
        fail_on: section.value(report, "fail-on", "fail-on = \"high\"", severity),
        severity: severities(report, section),
        minimum_age: section.value(report, "minimum-age", "minimum-age = \"7d\"", units::duration),
        internal: internal(report, section),
        known_bad: section.list(report, "known-bad", "\"./known-bad.txt\"", paths::grant, |path| {
            paths::normal(path)
        }),
        accept: accept(report, section),
        scripts,
    }
}

fn severity(text: &str) -> Result<Severity, Problem> {
    Severity::from_id(text).ok_or_else(|| {
        let ids = || Severity::ALL.iter().map(|severity| severity.id());
        let problem = Problem::with_value(Code::BadSeverity, "not a severity", text);
        match keys::closest(text, ids()) {
            Some(meant) => problem.hint(format!("did you mean {meant}?")),
            None => problem.hint(format!("severities: {}", ids().collect::<Vec<_>>().join(", "))),
        }
    })
}

fn is_code(text: &str) -> bool {
    REVIEW_CODES.contains(&text) || PUBLISH_CODES.contains(&text)
}

fn code(text: &str) -> Result<String, Problem> {
    let known = is_code(text) || ADVISORIES.iter().any(|start| text.starts_with(start));
    if known {
        return Ok(text.to_owned());
    }
    let problem = Problem::with_value(Code::UnknownCode, "not the code of a finding", text);
    let all = || REVIEW_CODES.into_iter().chain(PUBLISH_CODES);
    Err(match keys::closest(text, all()) {
        Some(meant) => problem.hint(format!("did you mean {meant}?")),
        None => problem.hint(format!("codes: {}", all().collect::<Vec<_>>().join(", "))),
    })
}

fn severities(report: &mut Report, section: &Section<'_>) -> BTreeMap<String, Located<Severity>> {
    let Some(table) = section.table(report, "severity") else { return BTreeMap::new() };
    let mut all = BTreeMap::new();
    for (key, _) in table.entries() {
        let known = code(key.value).and_then(|code| {
            let problem = || Problem::with_value(Code::UnknownCode, "an advisory", key.value);
            let own = is_code(&code);
            if own { Ok(code) } else { Err(problem().hint("an advisory says its own severity")) }
        });
        let Some(code) = report.keep(&key.span, known) else { continue };
        let example = format!("{code} = \"moderate\"");
        if let Some(severity) = table.value(report, key.value, &example, severity) {
            all.insert(code, severity);
        }
    }
    all
}

/// The tables of a list, each with the keys it may have.
fn tables<'t>(
    report: &mut Report,
    section: &Section<'t>,
    key: &str,
    example: &str,
    keys: &keys::Keys,
) -> Vec<Section<'t>> {
    let name = section.full(key);
    let mut all = Vec::new();
    for (index, item) in section.array(report, key, example).iter().enumerate() {
        let full = format!("{name}[{index}]");
        if item.get_ref().is_table() {
            all.extend(Section::new(report, full, item, keys));
        } else {
            let problem = wrong_type(&full, "a table", item.get_ref());
            report.push(item.span(), problem.hint(format!("write {example}")));
        }
    }
    all
}

/// A string that has to be there.
fn required<T>(
    report: &mut Report,
    table: &Section<'_>,
    key: &str,
    example: &str,
    parse: impl Fn(&str) -> Result<T, Problem>,
) -> Option<Located<T>> {
    if table.place(key).is_none() {
        table.missing(report, key, &format!("write {example}"));
    }
    table.value(report, key, example, parse)
}

fn internal(report: &mut Report, section: &Section<'_>) -> Vec<Internal> {
    let mut all = Vec::new();
    for table in tables(report, section, "internal", INTERNAL, &keys::INTERNAL) {
        let name = required(report, &table, "name", "name = \"@acme\"", pattern);
        let example = "registry = \"https://npm.acme.example/\"";
        let registry = required(report, &table, "registry", example, registry);
        if let (Some(name), Some(registry)) = (name, registry) {
            all.push(Internal { name, registry });
        }
    }
    all
}

fn accept(report: &mut Report, section: &Section<'_>) -> Vec<Accepted> {
    let mut all: Vec<Accepted> = Vec::new();
    let mut seen = HashSet::new();
    for table in tables(report, section, "accept", ACCEPT, &keys::ACCEPT) {
        let code = required(report, &table, "code", "code = \"new-install-script\"", code);
        // What is found before publishing is about files.
        let is_path =
            code.as_ref().is_some_and(|code| PUBLISH_CODES.contains(&code.value.as_str()));
        let named = if is_path { path } else { pattern };
        let package = required(report, &table, "package", "package = \"esbuild\"", named);
        let reason = required(report, &table, "reason", "reason = \"why it is in order\"", reason);
        let until = until(report, &table);
        let (Some(code), Some(package), Some(reason)) = (code, package, reason) else { continue };
        if seen.insert((code.value.clone(), package.value.clone())) {
            all.push(Accepted { code, package, reason, until });
        } else {
            let told = format!("{} of {}", code.value, package.value);
            report.push(table.span().clone(), duplicate("dependencies.accept", &told));
        }
    }
    all
}

fn scripts(report: &mut Report, section: &Section<'_>) -> Vec<Script> {
    let mut all = Vec::new();
    for table in tables(report, section, "scripts", SCRIPTS, &keys::SCRIPT) {
        all.extend(script(report, &table));
    }
    all
}

/// Which version, and which tarball of it.
fn script(report: &mut Report, table: &Section<'_>) -> Option<Script> {
    let package = required(report, table, "package", "package = \"esbuild\"", package);
    let version = table.value(report, "version", "version = \"0.25.0\"", version);
    let sha512 = table.value(report, "sha512", "sha512 = \"...\"", sha512);
    Some(Script { package: package?, version, sha512 })
}

fn denied_scripts(
    report: &mut Report,
    section: &Section<'_>,
    allowed: &[Script],
) -> Vec<DeniedScript> {
    let mut all: Vec<DeniedScript> = Vec::new();
    for table in tables(report, section, "denied-scripts", DENIED_SCRIPTS, &keys::DENIED_SCRIPT) {
        let script = script(report, &table);
        let example = "reason = \"why it does without\"";
        let reason = required(report, &table, "reason", example, reason);
        let (Some(script), Some(reason)) = (script, reason) else { continue };
        if allowed.iter().any(|one| one.overlaps(&script)) {
            let problem = Problem::with_value(
                Code::Duplicate,
                "allowed in scripts, and denied here",
                &script.package.value,
            );
            report.push(
                table.span().clone(),
                problem.hint("keep one of the two, or say of which version each is"),
            );
        } else {
            all.push(DeniedScript { script, reason });
        }
    }
    all
}

/// A day, as a string or as TOML has it: it holds to the end of that day, UTC.
fn until(report: &mut Report, table: &Section<'_>) -> Option<Located<i64>> {
    const EXAMPLE: &str = "until = \"2027-06-30\"";
    let value = table.raw("until")?;
    let DeValue::Datetime(written) = value.get_ref() else {
        return table.value(report, "until", EXAMPLE, day);
    };
    let end = report.keep(&value.span(), day(&written.to_string()))?;
    Some(Located::new(end, value.span()))
}

fn day(text: &str) -> Result<i64, Problem> {
    let start = time::read(&format!("{text}T00:00:00Z"));
    start.map(|start| start + time::DAY).ok_or_else(|| {
        Problem::with_value(Code::BadDate, "not a day", text)
            .hint("write year, month and day: until = \"2027-06-30\"")
    })
}

fn reason(text: &str) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::new(Code::MissingKey, "the reason is empty")
            .hint("say why it is in order: whoever reads this later has only that"));
    }
    Ok(text.to_owned())
}

/// Whether npm could have a package of this name, present or old; it says nothing of case.
fn is_name(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~".contains(c))
    };
    let name = match text.strip_prefix('@') {
        Some(rest) => rest.split_once('/').is_some_and(|(scope, name)| plain(scope) && plain(name)),
        None => plain(text),
    };
    name && text.len() <= 214
}

fn bad_package(text: &str) -> Problem {
    Problem::with_value(Code::BadPackage, "not a package", text)
        .hint("write a name, name@version, @scope or @scope/*")
}

fn package(text: &str) -> Result<String, Problem> {
    if is_name(text) {
        return Ok(text.to_owned());
    }
    Err(Problem::with_value(Code::BadPackage, "not a package", text)
        .hint("write its name alone; the version has a key of its own: version = \"1.0.0\""))
}

/// `name`, `name@version`, `@scope`, `@scope/*`, `prefix*`
fn pattern(text: &str) -> Result<String, Problem> {
    let scope = |text: &str| text.starts_with('@') && is_name(&format!("{text}/x"));
    let start = |start: &str| match start.strip_suffix('/') {
        Some(owner) => scope(owner),
        None => is_name(start),
    };
    let named = |text: &str| {
        let at = text.char_indices().skip(1).find(|(_, mark)| *mark == '@').map(|(at, _)| at);
        at.is_some_and(|at| is_name(&text[..at]) && version(&text[at + 1..]).is_ok())
    };
    let fits = text == "*"
        || is_name(text)
        || scope(text)
        || text.strip_suffix('*').is_some_and(start)
        || named(text);
    if fits { Ok(text.to_owned()) } else { Err(bad_package(text)) }
}

/// A path in a package or a repository, or the beginning of paths with `*` at its end.
fn path(text: &str) -> Result<String, Problem> {
    let plain = !text.is_empty() && !text.starts_with('/') && !text.chars().any(char::is_control);
    if plain { Ok(text.to_owned()) } else { Err(bad_package(text)) }
}

fn version(text: &str) -> Result<String, Problem> {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-+".contains(c);
    let fits = text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(plain);
    if fits {
        return Ok(text.to_owned());
    }
    Err(Problem::with_value(Code::BadVersionRange, "not one version", text)
        .hint("write a whole version such as \"0.25.0\""))
}

fn sha512(text: &str) -> Result<String, Problem> {
    let hash = text.strip_prefix("sha512-").unwrap_or(text);
    let digit = |c: char| c.is_ascii_alphanumeric() || "+/".contains(c);
    let fits =
        hash.len() == 88 && hash.strip_suffix("==").is_some_and(|all| all.chars().all(digit));
    if fits {
        return Ok(hash.to_owned());
    }
    Err(Problem::with_value(Code::BadPackage, "not a SHA-512 in base64", text)
        .hint("copy it from the lockfile: integrity, without sha512- in front"))
}

/// `https://host/path`; loopback may do without TLS.
fn registry(text: &str) -> Result<String, Problem> {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let host = rest.split('/').next().unwrap_or_default();
    let known = matches!(scheme, "https" | "http") && !host.is_empty() && !host.contains('@');
    if known && !text.contains(char::is_whitespace) {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    let shown = quoted(text).to_string();
    Err(Problem::with_value(Code::Url, "not the address of a registry", &shown)
        .hint("write it as npm's configuration does: registry = \"https://npm.acme.example/\""))
}
