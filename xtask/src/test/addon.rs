//! The tests of the npm package: its addon, built as tests need it, under `node --test` on every Node.
//!
//! The types are compiled on the newest Node only: what the compiler says does not depend on which
//! Node it runs on.

use crate::addon::{self, Profile};
use crate::failure::Failure;
use crate::npm::{self, Node};
use crate::printer::{say, step};
use crate::process::{self, check_interrupted};
use crate::test::lanes::{self, in_lanes};
use crate::test::tally::Tally;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Nodes at the same time; hashing passwords takes a core each.
const LANES: usize = 2;
/// Tests that one Node runs for all.
const ONCE: &str = "types.";

/// Runs every test file of the package on every Node.
pub(crate) fn run(filter: Option<&str>) -> Result<Tally, Failure> {
    step("The npm package and its addon");
    let mut tally = Tally::default();
    let nodes = lanes::nodes("crates/node", |_| true, &mut tally)?;
    let folder = addon::package().join("test");
    for packages in folders_with_a_lockfile(&folder)? {
        if let Err(failure) = npm::install_locked(&packages) {
            tally.not_run.push(format!("crates/node: {failure}"));
            return Ok(tally);
        }
    }
    addon::build(Profile::Dev)?;
    let (once, files): (Vec<_>, Vec<_>) =
        test_files(&folder)?.into_iter().partition(|file| file_name(file).starts_with(ONCE));
    let mut runs: Vec<(&Node, &[PathBuf])> = nodes.iter().map(|node| (node, &*files)).collect();
    runs.extend(nodes.last().map(|newest| (newest, &*once)));
    let counted = in_lanes(LANES, &runs, |(node, files)| on(node, files, filter));
    tally.add(counted);
    check_interrupted()?;
    Ok(tally)
}

/// Runs some files on one Node, and prints one line and whatever failed.
fn on(node: &Node, files: &[PathBuf], filter: Option<&str>) -> Tally {
    let mut command = process::command(&node.path);
    command.args(["--test", "--test-reporter=tap"]);
    if randomizes(node) {
        command.arg("--test-randomize");
    }
    if let Some(filter) = filter {
        command.arg(format!("--test-name-pattern={filter}"));
    }
    command.args(files).env_remove("NODE_OPTIONS").env_remove("NODE_TEST_CONTEXT");
    // Requests of the tests are for servers of their own.
    command.env_remove("NODE_USE_ENV_PROXY");
    // Two minutes on an idle machine.
    let said = match process::run(&mut command, b"", Duration::from_mins(40)) {
        Ok(said) => said,
        Err(failure) => {
            say(format!("FAIL crates/node on Node {}: {failure}", node.version));
            return Tally { failed: 1, ..Tally::default() };
        }
    };
    let (mut tally, complaints) = read(&said.stdout, &node.version);
    if !said.status.success() && tally.failed == 0 {
        tally.failed = 1;
    }
    let verdict = if tally.failed == 0 { "ok  " } else { "FAIL" };
    let broken =
        if tally.passed + tally.failed == 0 || tally.failed > 0 { &*said.stderr } else { "" };
    let passed = tally.passed;
    say(format!("{verdict} {passed} tests on Node {}{complaints}{broken}", node.version));
    tally
}

/// Whether its runner can take tests in another order each time: 24 and 26 can, 25 cannot.
fn randomizes(node: &Node) -> bool {
    let mut command = process::command(&node.path);
    command.args(["--test-randomize", "--version"]).env_remove("NODE_OPTIONS");
    let said = process::run(&mut command, b"", Duration::from_secs(30));
    said.is_ok_and(|said| said.status.success())
}

/// What TAP says: the counts, what was skipped, and the paragraphs of what failed.
fn read(tap: &str, version: &str) -> (Tally, String) {
    let mut tally = Tally::default();
    let mut complaints = String::new();
    let mut failing = false;
    for line in tap.lines() {
        let begins = line.trim_start();
        let is_result = begins.starts_with("not ok ") || begins.starts_with("ok ");
        if is_result {
            failing = begins.starts_with("not ok ");
            if let Some((test, why)) = begins.split_once(" # SKIP") {
                tally.not_run.push(format!("crates/node on Node {version}: {test}:{why}"));
            }
        }
        if failing {
            complaints.push_str("\n     ");
            complaints.push_str(line);
        }
        failing &= begins != "...";
        let count = |name: &str| line.strip_prefix(name).and_then(|number| number.parse().ok());
        tally.passed += count("# pass ").unwrap_or(0);
        tally.failed += count("# fail ").or_else(|| count("# cancelled ")).unwrap_or(0);
    }
    if !complaints.is_empty() {
        complaints.push('\n');
    }
    (tally, complaints)
}

/// The test files, in order of name.
fn test_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let is_test = |path: &Path| file_name(path).contains(".test.");
    Ok(entries(folder)?.into_iter().filter(|path| is_test(path)).collect())
}

/// The folders of packages that the tests compare with.
fn folders_with_a_lockfile(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let has = |path: &PathBuf| path.join("package-lock.json").is_file();
    Ok(entries(folder)?.into_iter().filter(has).collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Failure::file("cannot read", folder))? {
        paths.push(entry.map_err(Failure::file("cannot read", folder))?.path());
    }
    paths.sort();
    Ok(paths)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tap_says_is_counted_and_what_failed_is_shown() {
        let tap = "TAP version 13\nok 1 - good\n  ---\n  duration_ms: 1\n  ...\nnot ok 2 - bad\n  ---\n  \
                   error: 'x'\n  ...\nok 3 - left out # SKIP no such thing\n# tests 3\n# pass 1\n# fail 1\n\
                   # cancelled 0\n";
        let (tally, complaints) = read(tap, "26.0.0");
        assert_eq!((tally.passed, tally.failed), (1, 1));
        assert_eq!(tally.not_run, ["crates/node on Node 26.0.0: ok 3 - left out: no such thing"]);
        assert!(complaints.contains("error: 'x'") && !complaints.contains("duration_ms: 1\n"));
    }
}
