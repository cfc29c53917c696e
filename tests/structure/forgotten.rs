//! No file is forgotten: each source is part of a build, each table names its folder's files.

use ringfence_tests::workspace;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Types whose constants are entries of a table in the same folder's `mod.rs`.
const TABLE_ENTRIES: [&str; 3] = ["Probe", "Claim", "Rule"];

/// Folders with one verb per file, and the file that lists the verbs.
const VERBS: (&str, &str) = ("crates/cli/src/verbs", "crates/cli/src/verbs/mod.rs");

#[test]
fn every_source_is_reachable_by_a_mod_line() {
    let mut reached = BTreeSet::new();
    for root in roots() {
        reach(&root, &mut reached);
    }
    let all: Vec<PathBuf> = ["benches/src", "crates", "xtask/src", "tests"]
        .into_iter()
        .flat_map(workspace::sources)
        .filter(|path| path.file_name().is_none_or(|name| name != "build.rs"))
        .collect();
    let forgotten: Vec<&PathBuf> = all.iter().filter(|path| !reached.contains(*path)).collect();
    assert!(forgotten.is_empty(), "no mod line leads to {forgotten:#?}");
}

#[test]
fn every_probe_and_rule_is_in_its_folders_table() {
    for path in workspace::sources("crates") {
        let text = workspace::text(&path).unwrap();
        let tables = path.ancestors().skip(1).map(|folder| folder.join("mod.rs"));
        let Some((table, listed)) =
            tables.take(2).find_map(|table| Some((table.clone(), workspace::text(&table)?)))
        else {
            continue;
        };
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        for name in text.lines().filter_map(entry).filter(|_| path != table) {
            let entry = format!("{module}::{name}");
            assert!(listed.contains(&entry), "{} does not list {entry}", table.display());
        }
    }
}

#[test]
fn every_verb_file_is_a_verb() {
    let (folder, table) = VERBS;
    let listed = workspace::text(Path::new(table)).unwrap();
    for path in workspace::sources(folder).iter().filter(|path| *path != Path::new(table)) {
        if path.parent() != Some(Path::new(folder)) {
            continue;
        }
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        let variant = format!("({module}::");
        assert!(listed.contains(&variant), "{} is no verb", path.display());
    }
}

#[test]
fn every_profile_is_read_by_somebody() {
    let sources =
        workspace::sources("crates").into_iter().filter_map(|path| workspace::text(&path));
    let sources: Vec<String> = sources.collect();
    for profile in workspace::files("profiles") {
        let name = profile.file_name().unwrap().to_string_lossy().into_owned();
        if profile.extension().is_some_and(|extension| extension == "md") {
            continue;
        }
        let read = sources.iter().any(|text| text.contains(&name));
        assert!(read, "{} is read by nobody", profile.display());
    }
}

#[test]
fn every_test_folder_is_a_test() {
    let manifest = workspace::text(Path::new("tests/Cargo.toml")).unwrap();
    for path in workspace::sources("tests") {
        let Some(folder) = path.components().nth(1).map(|part| part.as_os_str().to_owned()) else {
            continue;
        };
        let folder = folder.to_string_lossy().into_owned();
        if folder == "src" {
            continue;
        }
        let line = format!("path = \"{folder}/main.rs\"");
        assert!(manifest.contains(&line), "tests/Cargo.toml has no test for {}", path.display());
    }
}

/// Where builds begin.
fn roots() -> Vec<PathBuf> {
    let named = |path: &PathBuf| {
        let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
        match parts.as_slice() {
            [crates, _, src, file] if crates == "crates" && src == "src" => {
                file == "lib.rs" || file == "main.rs"
            }
            // Integration tests and binaries of a crate are builds of their own.
            [crates, _, kind, _] if crates == "crates" => {
                ["tests", "benches", "examples"].contains(&kind.as_ref())
            }
            [crates, _, src, bin, _] if crates == "crates" => src == "src" && bin == "bin",
            [top, _, file] if top == "tests" => file == "main.rs" || file == "lib.rs",
            [top, _, file] if top == "xtask" || top == "benches" => {
                file == "main.rs" || file == "lib.rs"
            }
            _ => false,
        }
    };
    let folders = ["benches", "crates", "xtask", "tests"];
    folders.into_iter().flat_map(workspace::sources).filter(named).collect()
}

/// Follows the mod lines of `file`.
fn reach(file: &Path, reached: &mut BTreeSet<PathBuf>) {
    let Some(text) = workspace::text(file) else { return };
    if !reached.insert(file.to_path_buf()) {
        return;
    }
    for path in named_by_path(&text) {
        reach(&file.with_file_name(path), reached);
    }
    let own_folder = file
        .file_name()
        .is_some_and(|name| ["lib.rs", "main.rs", "mod.rs"].iter().any(|root| name == *root))
        || file.parent().is_some_and(|folder| folder.ends_with("tests"));
    let folder =
        if own_folder { file.parent().unwrap().to_path_buf() } else { file.with_extension("") };
    for module in modules(&text) {
        reach(&folder.join(&module).with_extension("rs"), reached);
        reach(&folder.join(&module).join("mod.rs"), reached);
    }
}

/// Files that `#[path = "..."]` names: tests that lie beside what they test.
fn named_by_path(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().map(str::trim);
    lines.filter_map(|line| line.strip_prefix("#[path = \"")?.strip_suffix("\"]"))
}

/// The paths of all modules that have a file of their own, also inside of `mod name { ... }`.
fn modules(text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<(&str, usize)> = Vec::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        if open.last().is_some_and(|(_, outer)| *outer == indent) && line.trim() == "}" {
            open.pop();
        } else if let Some(name) = module(line, " {") {
            open.push((name, indent));
        } else if let Some(name) = module(line, ";") {
            found.push(open.iter().map(|(outer, _)| *outer).chain([name]).collect());
        }
    }
    found
}

/// The name in `mod name;` or `mod name {`, with any visibility before it.
fn module<'line>(line: &'line str, end: &str) -> Option<&'line str> {
    let line = line.trim();
    let line = line.strip_prefix("pub").map_or(line, |rest| {
        let rest = rest.trim_start();
        rest.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(rest, |(_, rest)| rest)
    });
    line.trim_start().strip_prefix("mod ")?.trim_end().strip_suffix(end)
}

/// The name in `const NAME: Probe = ...`, with any visibility before it.
fn entry(line: &str) -> Option<&str> {
    let (_, declared) = line.split_once("const ")?;
    if !line.starts_with("pub") {
        return None;
    }
    let (name, kind) = declared.split_once(": ")?;
    let kind = kind.split([' ', '=']).next()?;
    TABLE_ENTRIES.contains(&kind).then_some(name)
}

#[test]
fn mod_lines_and_table_entries_are_recognised() {
    assert_eq!(module("    pub(crate) mod a_b;", ";"), Some("a_b"));
    assert_eq!(module("mod tests {", ";"), None);
    let nested = "mod a;\npub mod b {\n    pub(super) mod c;\n}\nmod d;\n";
    assert_eq!(modules(nested), ["a", "b/c", "d"].map(PathBuf::from));
    assert_eq!(entry("pub const PROBE: Probe = Probe {"), Some("PROBE"));
    assert_eq!(entry("pub(super) const NET: Probe ="), Some("NET"));
    assert_eq!(entry("const LIMIT: usize = 3;"), None);
}
