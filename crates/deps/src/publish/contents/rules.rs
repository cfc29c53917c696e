//! Lists of rules, and the ones that npm has for every package.

use super::super::pattern::{Case, Pattern};
use super::{ContentsError, Npm};
use ringfence_policy::display::quoted;

/// What npm leaves out of every folder, unless a package says otherwise.
pub(super) const DEFAULTS: [&str; 22] = [
    ".npmignore",
    ".gitignore",
    "**/.git",
    "**/.svn",
    "**/.hg",
    "**/CVS",
    "**/.git/**",
    "**/.svn/**",
    "**/.hg/**",
    "**/CVS/**",
    "/.lock-wscript",
    "/.wafpickle-*",
    "/build/config.gypi",
    "npm-debug.log",
    "**/.npmrc",
    ".*.swp",
    ".DS_Store",
    "**/.DS_Store/**",
    "._*",
    "**/._*/**",
    "*.orig",
    "/archived-packages/**",
];

/// What npm leaves out of every folder below a package, and nothing can bring back.
pub(super) const STRICT_BELOW: &str = "/.git";

/// What holds for the folder of a package whatever its files say.
const STRICT: [&str; 13] = [
    "/.git",
    "!/package.json",
    "!/readme{,.*[^~$]}",
    "!/copying{,.*[^~$]}",
    "!/license{,.*[^~$]}",
    "!/licence{,.*[^~$]}",
    "/.git",
    "/node_modules",
    ".npmrc",
    "/package-lock.json",
    "/yarn.lock",
    "/pnpm-lock.yaml",
    "",
];

/// The same, as an npm has it.
pub(super) fn strict(npm: Npm) -> Vec<String> {
    let mut rules: Vec<String> =
        STRICT.iter().filter(|rule| !rule.is_empty()).map(|rule| (*rule).to_owned()).collect();
    let more: &[&str] = match npm {
        Npm::Ten => &[],
        Npm::Eleven => &["/bun.lockb"],
        Npm::Twelve => &[
            "/npm-shrinkwrap.json",
            "/bun.lockb",
            "/bun.lock",
            "/.npm-extension.mjs",
            "/.npm-extension.cjs",
        ],
    };
    rules.extend(more.iter().map(|rule| (*rule).to_owned()));
    rules
}

/// Rules, in order: the last that fits decides.
pub(super) type Rules = Vec<Pattern>;

/// Reads the lines of an ignore file.
pub(super) fn read(text: &str) -> Result<Rules, ContentsError> {
    let trimmed = text.split('\n').map(trim);
    let lines = trimmed.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let rule = |line: &str| {
        Pattern::read(line, Case::Any)
            .map_err(|source| ContentsError::Pattern { pattern: quoted(line).to_string(), source })
    };
    lines.map(rule).collect()
}

/// Reads rules that are not in a file.
pub(super) fn of<T: AsRef<str>>(rules: &[T]) -> Result<Rules, ContentsError> {
    let rules: Vec<&str> = rules.iter().map(AsRef::as_ref).collect();
    read(&rules.join("\n"))
}

/// As JavaScript trims: a byte order mark is a space.
fn trim(line: &str) -> &str {
    line.trim_matches(|one: char| one == '\u{feff}' || one.is_whitespace() && one != '\u{85}')
}
