//! Files that nobody who installs a package needs, or should be surprised by.

use super::super::contents::{Contents, Shipped};
use super::super::finding::Found;
use super::few;
use crate::Severity;
use crate::tarball::program;
use std::collections::BTreeMap;
use std::path::Path;

/// A file from which on it is large, in bytes.
const LARGE: u64 = 5 << 20;

/// What a single file shows.
pub(super) fn look(path: &str, file: &Shipped, bytes: &[u8], found: &mut Found<'_>) {
    if file.size >= LARGE {
        let message = format!("is {} MiB", file.size >> 20);
        found.in_package("large-file", path, 1, message);
    }
    let is_addon = Path::new(path).extension().is_some_and(|end| end == "node");
    if let Some(kind) = program(bytes).filter(|_| !path.starts_with("node_modules/")) {
        let what = if is_addon { "a native addon" } else { "a program" };
        let message = format!("is {what} ({kind}): nobody can read it from the tarball");
        found.in_package("program-shipped", path, 1, message);
    }
}

/// Source maps with sources in them, together where they lie together.
pub(super) fn maps(all: &[String], found: &mut Found<'_>) {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in all {
        let place = path.split_once('/').map_or(path.as_str(), |(folder, _)| folder);
        groups.entry(place).or_default().push(path);
    }
    for (place, files) in groups {
        let message = match files.as_slice() {
            [one] => format!("{one} is a map with the sources in it"),
            files => format!("maps with the sources in them: {}", few(files)),
        };
        found.in_package("sources-shipped", place, 1, message);
    }
}

/// Whether a file is a source map that has any source in it.
pub(super) fn has_sources(path: &str, bytes: &[u8]) -> bool {
    if Path::new(path).extension().is_none_or(|end| end != "map") {
        return false;
    }
    let read: Result<serde_json::Value, _> = serde_json::from_slice(bytes);
    let Ok(map) = read else { return false };
    let all = map.get("sourcesContent").and_then(serde_json::Value::as_array);
    all.is_some_and(|all| all.iter().any(serde_json::Value::is_string))
}

/// Files of no use to others, together where they lie together.
pub(super) fn groups(all: &Contents, found: &mut Found<'_>) {
    let mut groups: BTreeMap<(Severity, &str, String), Vec<&str>> = BTreeMap::new();
    for path in all.files.keys().filter(|path| !path.starts_with("node_modules/")) {
        if let Some((severity, kind, place)) = stray(path) {
            groups.entry((severity, kind, place)).or_default().push(path);
        }
    }
    for ((severity, kind, place), files) in groups {
        let message = match files.as_slice() {
            [_] => format!("is {kind}"),
            files => format!("{kind}: {}", few(files)),
        };
        found.in_package_as(severity, "stray-file", (&place, 1), message);
    }
}

/// What a file is, if it is of no use to others: how bad, what, and where its group lies.
fn stray(path: &str) -> Option<(Severity, &'static str, String)> {
    const FOLDERS: [(&[&str], &str); 4] = [
        (&["test", "tests", "__tests__", "spec", "__mocks__", "__snapshots__"], "tests"),
        (&["coverage", ".nyc_output"], "what a coverage tool wrote"),
        (&[".github", ".circleci", ".gitlab", ".husky"], "the repository's own settings"),
        (&[".vscode", ".idea", ".vs", ".fleet"], "an editor's settings"),
    ];
    let parts: Vec<&str> = path.split('/').collect();
    for (index, part) in parts.iter().enumerate().take(parts.len() - 1) {
        for (names, kind) in FOLDERS {
            if names.contains(part) {
                return Some((Severity::Low, kind, parts[..=index].join("/")));
            }
        }
    }
    let name = parts.last()?.to_ascii_lowercase();
    let ends = |all: &[&str]| all.iter().any(|end| name.ends_with(end));
    let is = |all: &[&str]| all.contains(&name.as_str());
    let is_dump = name
        .strip_prefix("core.")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()));
    let (severity, kind) = match () {
        () if ends(&[".tgz", ".tar", ".tar.gz"]) => (Severity::Moderate, "an archive"),
        () if is(&["core"]) || is_dump || ends(&[".heapsnapshot", ".dmp"]) => {
            (Severity::Moderate, "a dump of memory")
        }
        () if ends(&[".log"]) => (Severity::Moderate, "a log"),
        () if is(&[".git", ".gitconfig", ".netrc", ".bash_history"]) => {
            (Severity::Moderate, "somebody's own settings")
        }
        () if is(&["thumbs.db", "desktop.ini", ".ds_store"]) || ends(&[".swp", ".bak", "~"]) => {
            (Severity::Low, "left by an editor or the system")
        }
        () if ends(&[".test.js", ".spec.js", ".test.ts", ".spec.ts", ".test.mjs", ".test.cjs"]) => {
            (Severity::Low, "a test")
        }
        () if ends(&[".tsbuildinfo"]) => (Severity::Low, "what a compiler keeps for itself"),
        () => return None,
    };
    Some((severity, kind, path.to_owned()))
}

/// Links and second names, which do not arrive.
pub(super) fn links(folder: &Path, all: &Contents, found: &mut Found<'_>) {
    for (path, target) in &all.links {
        let full = folder.join(path);
        let inside = full.canonicalize().is_ok_and(|real| real.starts_with(folder));
        let (severity, how) = if inside {
            (Severity::Low, "is a link")
        } else {
            (Severity::Moderate, "is a link that leads outside or nowhere")
        };
        let message = format!("{how} ({}): npm leaves it out", target.display());
        found.in_package_as(severity, "link-left-out", (path, 1), message);
    }
    let mut seen: BTreeMap<(u64, u64), &str> = BTreeMap::new();
    for (path, file) in &all.files {
        let Some(inode) = file.inode else { continue };
        match seen.get(&inode) {
            Some(first) => {
                let message = format!("is a second name of {first}: an install leaves it out");
                found.in_package("hard-link", path, 1, message);
            }
            None => {
                seen.insert(inode, path);
            }
        }
    }
}
