//! Paths as text: what may be granted, and when two are the same.
//!
//! A granted directory grants its subtree, so there are no wildcards. Only what can be said without
//! the disk is said here; symlinks and kinds are the business of `boundary::resolve`.

use crate::diagnostic::{Code, Problem};
use crate::display::quoted;

/// `path` without empty and `.` components and without a trailing slash. `..` stays, because what
/// it leads to depends on the disk.
#[must_use]
pub fn normal(path: &str) -> String {
    let mut normal = String::with_capacity(path.len());
    if path.starts_with('/') {
        normal.push('/');
    }
    for component in path.split('/').filter(|component| !matches!(*component, "" | ".")) {
        if !normal.is_empty() && !normal.ends_with('/') {
            normal.push('/');
        }
        normal.push_str(component);
    }
    if normal.is_empty() {
        normal.push('.');
    }
    normal
}

/// A path that can be granted, relative ones included.
pub(crate) fn grant(text: &str) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::new(Code::BadPath, "path is empty")
            .hint("write \"./\" for the folder of this file"));
    }
    refuse_list(text)?;
    refuse_wildcard(text)?;
    let problem = |what: &str| Problem::with_value(Code::BadPath, what, text);
    if text.contains("://") {
        return Err(problem("a URL where a path belongs").hint("write the path alone"));
    }
    if text.starts_with('~') {
        return Err(problem("`~` is not expanded").hint("write the whole path"));
    }
    if text.starts_with('$') || text.contains("${") {
        return Err(problem("variables are not expanded").hint("write the whole path"));
    }
    if text.len() > 4095 {
        return Err(problem("path is longer than 4095 bytes"));
    }
    if text.split('/').any(|component| component.len() > 255) {
        return Err(problem("path has a component longer than 255 bytes"));
    }
    Ok(text.to_owned())
}

/// A path that can be granted and does not depend on any folder.
pub(crate) fn absolute(text: &str) -> Result<String, Problem> {
    let path = grant(text)?;
    if !path.starts_with('/') {
        return Err(Problem::with_value(Code::BadPath, "path is not absolute", text)
            .hint("write the whole path, from `/`"));
    }
    if path.split('/').any(|component| component == "..") {
        return Err(Problem::with_value(Code::BadPath, "path has `..` in it", text)
            .hint("write where it leads"));
    }
    Ok(path)
}

/// Node's `--allow-fs-read=/a,/b` reads like a list and is one path that does not exist.
fn refuse_list(text: &str) -> Result<(), Problem> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    if parts.len() < 2 || !parts.iter().all(|part| part.starts_with(['/', '.', '~'])) {
        return Ok(());
    }
    let entries: Vec<String> =
        parts.iter().take(8).map(|part| format!("\"{}\"", quoted(part))).collect();
    Err(Problem::with_value(Code::CommaList, "several paths in one string", text)
        .hint(format!("write one string for each: {}", entries.join(", "))))
}

fn refuse_wildcard(text: &str) -> Result<(), Problem> {
    let braces = text.split_once('{').is_some_and(|(_, rest)| {
        rest.split_once('}').is_some_and(|(inside, _)| inside.contains(','))
    });
    if !text.contains(['*', '?']) && !braces {
        return Ok(());
    }
    let whole = text.trim_end_matches('*');
    let hint = if whole.is_empty() {
        "a grant of everything is no boundary: write the paths".to_owned()
    } else if whole.ends_with('/') && !whole.contains(['*', '?', '{']) {
        format!("a directory grants everything below it: write \"{}\"", quoted(whole))
    } else {
        "a directory grants everything below it: write the directory, or each path".to_owned()
    };
    Err(Problem::with_value(Code::Wildcard, "paths have no wildcards", text).hint(hint))
}

/// The npm package that a path lies in: what follows the last `node_modules`, with its scope.
#[must_use]
pub fn package_of(path: &str) -> Option<&str> {
    let (_, inside) = path.rsplit_once("/node_modules/")?;
    let mut ends = inside.match_indices('/').map(|(at, _)| at).chain([inside.len()]);
    let end = ends.nth(usize::from(inside.starts_with('@')))?;
    inside.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ways_to_write_a_path_are_one_path() {
        for (text, expected) in [
            ("./", "."),
            (".", "."),
            ("", "."),
            ("/", "/"),
            ("//", "/"),
            ("./a//b/./c/", "a/b/c"),
            ("/a/../b/", "/a/../b"),
            ("../x", "../x"),
        ] {
            assert_eq!(normal(text), expected, "{text}");
        }
    }

    #[test]
    fn ordinary_paths_can_be_granted() {
        for text in [
            "./",
            "/etc/ssl/certs",
            "../shared",
            "app/[id]/page.js",
            "/data/a,b",
            "/x y/z",
            "/caf\u{e9}",
            "/a{b}",
            "/cost$",
            "@scope/pkg",
            "a~",
        ] {
            assert_eq!(grant(text).as_deref(), Ok(text));
        }
    }
}
