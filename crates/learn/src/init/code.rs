//! What the code of a service names: other files, variables, ports, threads, programs.
//!
//! Not a parser: string literals and a few forms of words are looked for, from the entry on through
//! what it imports. It finds what is written plainly and misses what is put together at run time;
//! that is enough for a first guess, and each guess says where it was seen.

use super::facts::Origin;
use ringfence_project::variables::{is_name, suspicion_of_file};
use ringfence_project::walk;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Most files that are looked at.
const MOST_FILES: usize = 300;
/// Largest file that is looked at, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// What an import may leave out.
const ENDINGS: [&str; 10] =
    ["", ".js", ".mjs", ".cjs", ".ts", ".mts", ".json", "/index.js", "/index.mjs", "/index.ts"];
/// Files that are code.
const CODE: [&str; 8] = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx"];
/// Folders that no service needs although a word of its code may be their name.
const NOT_FOLDERS: [&str; 12] = [
    "bin",
    "coverage",
    "docs",
    "example",
    "examples",
    "node_modules",
    "run",
    "scripts",
    "test",
    "tests",
    "tmp",
    "tools",
];

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Files and folders of the project, by path, with the place that names them.
    pub(crate) paths: BTreeMap<String, Origin>,
    /// Variables that are read.
    pub(crate) variables: BTreeMap<String, Origin>,
    /// Ports it listens on when nobody says another one.
    pub(crate) ports: BTreeMap<u16, Origin>,
    /// Modules of Node that need a grant: `child_process`, `worker_threads`, `wasi`.
    pub(crate) modules: BTreeMap<&'static str, Origin>,
}

/// Whether this names a file of code in the project.
pub(crate) fn is_code(folder: &Path, path: &str) -> bool {
    CODE.iter().any(|ending| path.ends_with(ending))
        && !path.starts_with(['/', '-'])
        && !path.contains("..")
        && folder.join(path).is_file()
}

/// Looks at these files (relative to `folder`) and at what they import.
pub(crate) fn look(folder: &Path, entries: &[String]) -> Seen {
    let mut seen = Seen::default();
    let mut open: Vec<String> = entries.iter().rev().cloned().collect();
    let mut done = BTreeSet::new();
    while let Some(file) = open.pop() {
        if done.len() == MOST_FILES || !done.insert(file.clone()) {
            continue;
        }
        let Ok(text) = walk::text(&folder.join(&file), MAX_BYTES) else { continue };
        let mut imports = Vec::new();
        for (line, literal) in literals(&text) {
            let origin = || Origin::new(&file, line);
            if let Some(module) = module(literal) {
                seen.modules.entry(module).or_insert_with(origin);
            } else if let Some(path) = path_of(folder, &file, literal) {
                if CODE.iter().any(|ending| path.ends_with(ending)) {
                    imports.push(path.clone());
                } else {
                    imports.extend(code_in(folder, &path));
                }
                if !done.contains(&path) {
                    seen.paths.entry(path).or_insert_with(origin);
                }
            }
        }
        words(&file, &text, &mut seen);
        // In the order of the file.
        open.extend(imports.into_iter().rev());
    }
    seen
}

/// The code of a folder that is named, as loaders of plugins and routes read it.
fn code_in(folder: &Path, path: &str) -> Vec<String> {
    let few = walk::Limits { entries: MOST_FILES, depth: 3 };
    let walked = walk::walk(&folder.join(path), few, |_, name| name == "node_modules");
    let files = walked.entries.into_iter().filter(|entry| entry.kind == walk::EntryKind::File);
    let code = files.filter(|entry| CODE.iter().any(|ending| entry.path.ends_with(ending)));
    code.map(|entry| format!("{path}/{}", entry.path)).collect()
}

fn module(literal: &str) -> Option<&'static str> {
    let name = literal.strip_prefix("node:").unwrap_or(literal);
    ["child_process", "cluster", "worker_threads", "wasi"].into_iter().find(|known| *known == name)
}

/// The file or folder of the project that a literal names, relative to the project.
fn path_of(folder: &Path, file: &str, literal: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/@".contains(&byte);
    if literal.is_empty() || literal.len() > 200 || !literal.bytes().all(plain) {
        return None;
    }
    let own = file.rsplit_once('/').map_or("", |(own, _)| own);
    let relative = literal.starts_with("./") || literal.starts_with("../");
    let from = if relative { vec![own] } else { vec![own, ""] };
    for from in from {
        for ending in ENDINGS {
            let Some(path) = normal(from, &format!("{literal}{ending}")) else { continue };
            let Ok(found) = folder.join(&path).metadata() else { continue };
            let first = path.split('/').next().unwrap_or(&path);
            // A bare word is taken for a folder, or for a file that has an ending.
            let fits = if found.is_dir() {
                !relative && !NOT_FOLDERS.contains(&first) || relative && path.contains('/')
            } else {
                found.is_file() && (relative || ending.is_empty() && path.contains('.'))
            };
            if fits
                && !first.starts_with('.')
                && first != "node_modules"
                && suspicion_of_file(&path).is_none()
            {
                return Some(path);
            }
        }
    }
    None
}

/// `from/path` without `.` and `..`; `None` when it leaves the project or is the project.
fn normal(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in from.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty() && !path.starts_with('/')).then(|| parts.join("/"))
}

/// String literals with their lines; comments are passed over.
fn literals(text: &str) -> Vec<(usize, &str)> {
    let bytes = text.as_bytes();
    let (mut at, mut line) = (0, 1);
    let mut found = Vec::new();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\n' => line += 1,
            b'/' if bytes.get(at + 1) == Some(&b'/')
                && at.checked_sub(1).and_then(|b| bytes.get(b)) != Some(&b':') =>
            {
                at += text.get(at..).and_then(|rest| rest.find('\n')).unwrap_or(bytes.len());
                continue;
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                let rest = text.get(at + 2..).unwrap_or_default();
                let end = rest.find("*/").map_or(rest.len(), |end| end + 2);
                line += rest.bytes().take(end).filter(|byte| *byte == b'\n').count();
                at += 2 + end;
                continue;
            }
            b'\'' | b'"' | b'`' => {
                let rest = text.get(at + 1..).unwrap_or_default();
                // A quote that is not closed on its line is an apostrophe in a regular expression.
                let end = rest
                    .find(char::from(*byte))
                    .filter(|end| !rest.as_bytes()[..*end].contains(&b'\n'));
                if let Some(end) = end {
                    found.push((line, &rest[..end]));
                    at += end + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// `process.env.NAME`, `PORT ?? 3000`, `.listen(3000`.
fn words(file: &str, text: &str, seen: &mut Seen) {
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("//") || line.len() > 10_000 {
            continue;
        }
        let origin = || Origin::new(file, index + 1);
        for rest in line.split("process.env").skip(1) {
            let rest = rest.trim_start_matches(['.', '?', '[', '\'', '"', '`']);
            let end =
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let name = rest.get(..end).unwrap_or_default();
            if is_name(name) && name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                seen.variables.entry(name.to_owned()).or_insert_with(origin);
            }
        }
        // const { PORT, HOST = "x" } = process.env
        if let Some((names, _)) = line.split_once("= process.env")
            && let Some((_, names)) = names.split_once('{')
        {
            for name in names.trim_end().trim_end_matches('}').split(',') {
                let name = name.split(['=', ':']).next().unwrap_or_default().trim();
                if is_name(name) {
                    seen.variables.entry(name.to_owned()).or_insert_with(origin);
                }
            }
        }
        let defaults = line.split_once("PORT").map(|(_, rest)| rest);
        let defaults =
            defaults.and_then(|rest| rest.split_once("??").or_else(|| rest.split_once("||")));
        let listens = line.split_once(".listen(");
        for (_, rest) in defaults.into_iter().chain(listens) {
            if let Some(port) = leading_number(rest) {
                seen.ports.entry(port).or_insert_with(origin);
            }
        }
    }
}

fn leading_number(text: &str) -> Option<u16> {
    let text = text.trim_start().trim_start_matches(['\'', '"', '`']);
    let text = text.trim_start_matches("{ port: ").trim_start_matches("{port:");
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok().filter(|port| *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_code_names_plainly_is_seen_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(
            "app.js",
            "import a from './lib/a.js' // './no.js'\nserve(join(here, 'public'))\n\
            require('pg')\nconst { HOST, LEVEL = 'x' } = process.env\n/* 'docs'\n */ app.listen(process.env.PORT ?? 3000)\n\
            open('../outside'); open('.env'); open('test'); open('server.key')",
        );
        write(
            "lib/a.js",
            "import { Worker } from 'node:worker_threads'\nimport b from '../b'\nprocess.env['TOKEN']",
        );
        write("b.js", "");
        write("public/x", "");
        for name in [".env", "server.key", "test/x", "docs/x", "no.js"] {
            write(name, "");
        }
        let seen = look(folder.path(), &["app.js".to_owned()]);
        let paths: Vec<_> = seen.paths.iter().map(|(path, at)| format!("{path} {at}")).collect();
        assert_eq!(paths, ["b.js lib/a.js:2", "lib/a.js app.js:1", "public app.js:2"]);
        let variables: Vec<_> = seen.variables.keys().map(String::as_str).collect();
        assert_eq!(variables, ["HOST", "LEVEL", "PORT", "TOKEN"]);
        assert_eq!(seen.ports.keys().collect::<Vec<_>>(), [&3000]);
        assert_eq!(seen.modules["worker_threads"].to_string(), "lib/a.js:1");
    }

    #[test]
    fn hostile_code_ends_in_an_answer() {
        for text in [
            "'",
            "`\u{e9}`\u{fc}'",
            "/*",
            "//",
            "process.env",
            "process.env[",
            "{ = process.env",
            "'\\'",
        ] {
            let mut seen = Seen::default();
            let _ = literals(text);
            words("x", text, &mut seen);
        }
    }
}
