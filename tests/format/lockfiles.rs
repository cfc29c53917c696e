//! Lockfiles of other projects: each is read, or refused for a reason that names its line.
//!
//! They are not part of this repository. The number of those that are refused is held, so that a reader
//! which takes less than it did cannot pass for one that is strict.

use ringfence_project::graph::{Graph, Manifest};
use ringfence_tests::{not_run, workspace};
use std::path::{Path, PathBuf};

const NAMES: [&str; 5] =
    ["bun.lock", "npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock"];

/// Refused ones: an unfinished merge, no package in them, broken on purpose.
const REFUSED: usize = 41;

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            below(&entry.path(), found);
        } else if NAMES.iter().any(|name| entry.file_name() == *name) {
            found.push(entry.path());
        }
    }
}

#[test]
fn every_lockfile_is_read_or_refused_for_a_reason_with_its_line() {
    let folder = workspace::root().join("../shared/corpora/lockfiles");
    if !folder.is_dir() {
        return not_run(&format!("lockfiles of other projects are not at {}", folder.display()));
    }
    let mut found = Vec::new();
    below(&folder, &mut found);
    let mut refused = Vec::new();
    for path in &found {
        let text = std::fs::read_to_string(path).unwrap();
        let manifest = std::fs::read_to_string(path.with_file_name("package.json")).ok();
        let manifests: Vec<_> = manifest.iter().map(|text| Manifest { folder: "", text }).collect();
        let name = path.file_name().unwrap().to_str().unwrap();
        match Graph::read(name, &text, &manifests) {
            Ok(graph) => assert!(
                graph.packages.iter().all(|one| one.line > 0 && one.line <= text.lines().count()),
                "{}: a package on no line",
                path.display()
            ),
            Err(error) => {
                let said = error.to_string();
                let has_line = said.starts_with("line ") || said.contains("package.json: line ");
                assert!(has_line, "{}: {said}", path.display());
                refused.push(format!("{}: {said}", path.display()));
            }
        }
    }
    assert!(found.len() > 300, "{} lockfiles", found.len());
    assert_eq!(refused.len(), REFUSED, "{refused:#?}");
}
