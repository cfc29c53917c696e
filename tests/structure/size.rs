//! Files stay small enough to be read in one sitting.

use ringfence_tests::workspace;
use std::path::PathBuf;

/// Lines of code, without the tests at the end, above which a file must be split.
const HARD_LIMIT: usize = 800;

/// Everything that is not tests in a file of their own.
fn code() -> impl Iterator<Item = PathBuf> {
    let sources = ["crates", "xtask", "tests"].into_iter().flat_map(workspace::sources);
    sources.filter(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        name != "tests" && !name.ends_with("_tests")
    })
}

#[test]
fn no_file_is_longer_than_800_lines_without_its_tests() {
    for path in code() {
        let text = workspace::text(&path).unwrap();
        let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
        assert!(lines <= HARD_LIMIT, "{} has {lines} lines: split it", path.display());
    }
}

#[test]
fn every_source_opens_with_what_it_is_for() {
    for path in code() {
        let text = workspace::text(&path).unwrap();
        assert!(text.starts_with("//!"), "{} has no module documentation", path.display());
    }
}
