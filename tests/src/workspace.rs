//! The checkout as data: its folders, its sources, and what cargo says about it.

use crate::command;
use std::fs;
use std::path::{Path, PathBuf};

/// Root of the checkout.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests lie in a workspace")
}

/// Every file below `folder` (relative to the root) that belongs to the project: not what was
/// built, installed or recorded there. Paths are relative to the root, in order.
#[must_use]
pub fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort();
    found
}

/// The Rust sources below `folder`, relative to the root.
#[must_use]
pub fn sources(folder: &str) -> Vec<PathBuf> {
    let rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    files(folder).into_iter().filter(rust).collect()
}

/// Contents of a text file, by its path relative to the root. `None` for a binary file.
#[must_use]
pub fn text(path: &Path) -> Option<String> {
    let bytes = fs::read(root().join(path)).ok()?;
    String::from_utf8(bytes).ok()
}

/// What `cargo metadata` says about the members of the workspace.
#[must_use]
pub fn metadata() -> serde_json::Value {
    let arguments = ["metadata", "--no-deps", "--format-version", "1", "--offline"];
    let output = command::cargo().args(arguments).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let made = ["target", "node_modules", "corpus", "artifacts"].contains(&name.as_ref());
        let hidden = name.starts_with('.') && ![".ci", ".cargo"].contains(&name.as_ref());
        let kind = entry.file_type().expect("a directory entry has a type");
        if kind.is_dir() && !made && !hidden {
            collect(&path, found);
        } else if kind.is_file() {
            let relative = path.strip_prefix(root()).expect("it lies below the root");
            found.push(relative.to_path_buf());
        }
    }
}
