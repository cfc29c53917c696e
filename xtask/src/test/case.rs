//! One compatibility program: what the comment at its top says about running it.
//!
//! The comment holds `key: value` lines, a line `---`, and the body of a boundary file. `${name}`
//! stands for a port or a path that the runner chose.

use crate::failure::Failure;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A program that is run outside and inside and must behave the same.
#[derive(Debug, Default)]
pub(crate) struct Case {
    /// File name without its extension.
    pub(crate) name: String,
    /// The program.
    pub(crate) path: PathBuf,
    /// A program run outside once the case is ready.
    pub(crate) outside: Option<PathBuf>,
    /// What it shows, one sentence.
    pub(crate) promise: String,
    /// First Node version (major, minor) that can run it.
    pub(crate) since: (u32, u32),
    /// Things the machine must have.
    pub(crate) needs: Vec<String>,
    /// Signal sent when the outside program has ended.
    pub(crate) stop: Option<Signal>,
    /// Text written to standard input, a pipe.
    pub(crate) stdin: Option<String>,
    /// Text typed on a terminal once the case is ready.
    pub(crate) terminal: Option<String>,
    /// Node's arguments instead of the case's own path.
    pub(crate) program: Option<String>,
    /// Working directory; a private folder without it.
    pub(crate) cwd: Option<String>,
    /// Only output lines that begin so are compared.
    pub(crate) keep: Vec<String>,
    /// Variables set outside and inside.
    pub(crate) env: Vec<(String, String)>,
    /// Variables set outside only.
    pub(crate) bare_env: Vec<(String, String)>,
    /// Variables set inside only.
    pub(crate) inside_env: Vec<(String, String)>,
    /// Output expected outside, where it matters (`bare`, `prints`).
    pub(crate) bare: Vec<String>,
    /// Output expected inside, where it matters (`inside`, `prints`).
    pub(crate) inside: Vec<String>,
    /// The boundary file after `[service]`.
    pub(crate) boundary: String,
}

impl Case {
    /// Whether its boundary grants the addon of the npm package.
    pub(crate) fn takes_addon(&self) -> bool {
        self.boundary.contains("${addon}")
    }
}

/// Reads every case of a folder, in order of name.
pub(crate) fn read_all(folder: &Path) -> Result<Vec<Case>, Failure> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Failure::file("cannot read", folder))? {
        let path = entry.map_err(Failure::file("cannot read", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(".mjs").filter(|name| !name.ends_with(".outside")) {
            let text =
                std::fs::read_to_string(&path).map_err(Failure::file("cannot read", &path))?;
            let outside = folder.join(format!("{name}.outside.mjs"));
            let mut case = parse(&text).ok_or_else(|| {
                Failure::NotHeld(format!("{name}.mjs has no proper first comment"))
            })?;
            name.clone_into(&mut case.name);
            case.path = path;
            case.outside = outside.is_file().then_some(outside);
            cases.push(case);
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

/// The first comment of a program; `None` when it is malformed.
fn parse(text: &str) -> Option<Case> {
    let (comment, _) = text.strip_prefix("/*\n")?.split_once("*/")?;
    let (head, boundary) = comment.split_once("---\n")?;
    let mut case = Case { boundary: boundary.to_owned(), ..Case::default() };
    for line in head.lines() {
        let (key, value) = line.split_once(": ")?;
        apply(&mut case, key, value)?;
    }
    (!case.promise.is_empty()).then_some(case)
}

/// One `key: value` line.
fn apply(case: &mut Case, key: &str, value: &str) -> Option<()> {
    match key {
        "bare" => case.bare.push(value.to_owned()),
        "bare-env" => case.bare_env.push(variable(value)?),
        "cwd" => case.cwd = Some(value.to_owned()),
        "env" => case.env.push(variable(value)?),
        "inside" => case.inside.push(value.to_owned()),
        "inside-env" => case.inside_env.push(variable(value)?),
        "keep" => case.keep = value.split('|').map(str::to_owned).collect(),
        "needs" => case.needs = value.split(' ').map(str::to_owned).collect(),
        "node" => case.since = version(value.strip_prefix(">=")?)?,
        "program" => case.program = Some(value.to_owned()),
        "prints" => {
            case.bare.push(value.to_owned());
            case.inside.push(value.to_owned());
        }
        "promise" => value.clone_into(&mut case.promise),
        "stdin" => case.stdin = Some(unescape(value)),
        "stop" => case.stop = Some(signal(value)?),
        "terminal" => case.terminal = Some(unescape(value)),
        _ => return None,
    }
    Some(())
}

fn variable(text: &str) -> Option<(String, String)> {
    text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// The signals that cases name.
pub(crate) fn signal(name: &str) -> Option<Signal> {
    Some(match name {
        "SIGHUP" => Signal::HUP,
        "SIGINT" => Signal::INT,
        "SIGTERM" => Signal::TERM,
        "SIGUSR2" => Signal::USR2,
        _ => return None,
    })
}

fn unescape(text: &str) -> String {
    text.replace("\\n", "\n").replace("\\x03", "\x03").replace("\\\n", "\\n")
}

/// Replaces every `${name}`.
pub(crate) fn fill(text: &str, values: &BTreeMap<String, String>) -> String {
    values
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_from_its_first_comment() {
        let text = "/*\npromise: works\nnode: >=23.6\nstop: SIGTERM\n---\n[net]\nconnect = [\"h:${tcp}\"]\n*/\ncode";
        let case = parse(text).unwrap();
        assert_eq!((case.promise.as_str(), case.since), ("works", (23, 6)));
        let values = BTreeMap::from([("tcp".to_owned(), "7".to_owned())]);
        assert_eq!(fill(&case.boundary, &values), "[net]\nconnect = [\"h:7\"]\n");
    }

    #[test]
    fn an_unknown_key_and_a_missing_promise_are_refused() {
        assert!(parse("/*\npromise: x\ntypo: y\n---\n*/").is_none());
        assert!(parse("/*\nstop: SIGTERM\n---\n*/").is_none());
        assert!(parse("code only").is_none());
    }

    #[test]
    fn every_case_of_the_suite_can_be_read() {
        let cases = read_all(&crate::places::root().join("tests/node/cases")).unwrap();
        assert!(cases.len() > 30);
        assert!(cases.iter().all(|case| case.bare.is_empty() == case.inside.is_empty()));
    }
}
