//! Files stay small enough to be read in one sitting.

use ringfence_tests::workspace;

/// Lines of code, without the tests at the end, above which a file must be split.
const HARD_LIMIT: usize = 800;

#[test]
fn no_file_is_longer_than_800_lines_without_its_tests() {
    for path in ["crates", "xtask", "tests"].into_iter().flat_map(workspace::sources) {
        let text = workspace::text(&path).unwrap();
        let lines = text.lines().take_while(|line| *line != "#[cfg(test)]").count();
        assert!(lines <= HARD_LIMIT, "{} has {lines} lines: split it", path.display());
    }
}

#[test]
fn every_source_opens_with_what_it_is_for() {
    for path in ["crates", "xtask", "tests"].into_iter().flat_map(workspace::sources) {
        let text = workspace::text(&path).unwrap();
        assert!(text.starts_with("//!"), "{} has no module documentation", path.display());
    }
}
