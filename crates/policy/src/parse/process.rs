//! `[process]`: the programs and the powers inside Node.

use super::keys;
use super::section::{Report, Section, duplicate, wrong_type};
use crate::diagnostic::{Code, Problem};
use crate::model::{Addon, Process};
use crate::paths;
use std::collections::HashSet;

pub(super) fn read(report: &mut Report, section: &Section<'_>) -> Process {
    Process {
        children: section
            .list(report, "children", "\"/usr/bin/git\"", executable, |path| paths::normal(path)),
        workers: section.boolean(report, "workers"),
        addons: addons(report, section),
        wasi: section.boolean(report, "wasi"),
        ffi: section.boolean(report, "ffi"),
        inspector: section.boolean(report, "inspector"),
        node_flags: section.boolean_or(report, "node-flags", true),
    }
}

fn executable(text: &str) -> Result<String, Problem> {
    if !text.starts_with('/') && text.contains(char::is_whitespace) {
        return Err(Problem::with_value(
            Code::BadExecutable,
            "a command line, not a program",
            text,
        )
        .hint("write the absolute path of the program alone"));
    }
    if !text.is_empty() && !text.contains(['/', '*', ',']) {
        return Err(Problem::with_value(Code::BadExecutable, "program without its path", text)
            .hint(format!(
                "write the absolute path: `command -v {}` prints it",
                shell_word(text)
            )));
    }
    let path = match text.strip_prefix("./") {
        Some(inside) => paths::grant(text).and_then(|path| below_folder(path, inside)),
        None => paths::absolute(text).map_err(|problem| {
            // Nothing else is wrong with it.
            if !text.starts_with('/') && paths::grant(text).is_ok() {
                problem.hint("write the whole path, or \"./\" and a path below this file's folder")
            } else {
                problem
            }
        }),
    };
    path.map_err(|problem| match problem.code {
        Code::BadPath => Problem { code: Code::BadExecutable, ..problem },
        _ => problem,
    })
}

/// A program below the folder of the file, so that the file fits every machine.
fn below_folder(path: String, inside: &str) -> Result<String, Problem> {
    if inside.split('/').any(|component| component == "..") {
        return Err(Problem::with_value(Code::BadPath, "path has `..` in it", &path)
            .hint("write where it leads"));
    }
    if paths::normal(inside) == "." {
        return Err(Problem::with_value(Code::BadPath, "a folder, not a program", &path)
            .hint("write the path of the program alone"));
    }
    Ok(path)
}

/// Text that is safe to paste into a shell, or a stand-in.
fn shell_word(text: &str) -> &str {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+');
    if text.bytes().all(plain) { text } else { "PROGRAM" }
}

fn addons(report: &mut Report, section: &Section<'_>) -> Vec<Addon> {
    const EXAMPLE: &str = "{ package = \"sharp\", sha256 = \"...\" }";
    let mut addons = Vec::new();
    let mut seen = HashSet::new();
    for (index, item) in section.array(report, "addons", EXAMPLE).iter().enumerate() {
        if !item.get_ref().is_table() {
            let entry = format_args!("process.addons[{index}]");
            let problem = wrong_type(entry, "a table", item.get_ref());
            report.push(item.span(), problem.hint(format!("write {EXAMPLE}")));
            continue;
        }
        let name = "process.addons".to_owned();
        let Some(table) = Section::new(report, name, item, &keys::ADDON) else { continue };
        let name = table.value(report, "package", "package = \"sharp\"", package);
        let hash = table.value(report, "sha256", "sha256 = \"...\"", sha256);
        for key in keys::ADDON.keys.iter().filter(|key| table.place(key).is_none()) {
            table.missing(report, key, &format!("write {EXAMPLE}"));
        }
        let (Some(package), Some(sha256)) = (name, hash) else { continue };
        if seen.insert((package.value.clone(), sha256.value.clone())) {
            addons.push(Addon { package, sha256 });
        } else {
            report.push(table.span().clone(), duplicate("process.addons", &package.value));
        }
    }
    addons
}

/// A package name as npm accepts it, scope included.
fn package(text: &str) -> Result<String, Problem> {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '_'])
            && part.bytes().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
            })
    };
    let name = match text.strip_prefix('@') {
        Some(scoped) => {
            scoped.split_once('/').is_some_and(|(scope, name)| part(scope) && part(name))
        }
        None => part(text),
    };
    if name && text.len() <= 214 {
        return Ok(text.to_owned());
    }
    Err(Problem::with_value(Code::BadAddon, "not the name of a package", text)
        .hint("write the name without a version, such as \"sharp\" or \"@img/sharp-linux-x64\""))
}

fn sha256(text: &str) -> Result<String, Problem> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err(Problem::with_value(Code::BadAddon, "not a SHA-256 in hexadecimal", text)
        .hint("`sha256sum FILE.node` prints it: 64 hexadecimal digits"))
}
