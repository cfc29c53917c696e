//! The Rust tests of the workspace, run by cargo and counted.

use crate::failure::Failure;
use crate::places;
use crate::printer::{say, step};
use crate::process::Running;
use crate::test::tally::Tally;
use std::time::Duration;

/// Runs `cargo test --workspace`. Tests that need something absent print a line that begins with
/// `not run: `; with `require_all` they see `RINGFENCE_REQUIRE_ALL=1` and may fail at once.
pub(crate) fn run(require_all: bool, filter: Option<&str>) -> Result<Tally, Failure> {
    step("Rust tests");
    tests(&["--workspace"], require_all, filter)
}

/// The tests that start package managers: they take minutes, and are no part of `--workspace`.
pub(crate) fn managers(require_all: bool, filter: Option<&str>) -> Result<Tally, Failure> {
    step("Package managers, and what is read of their lockfiles and trees");
    tests(&["--package", "ringfence-tests", "--test", "managers"], require_all, filter)
}

fn tests(which: &[&str], require_all: bool, filter: Option<&str>) -> Result<Tally, Failure> {
    let mut command = places::cargo();
    command.arg("test").args(which).arg("--no-fail-fast");
    if let Some(filter) = filter {
        command.arg(filter);
    }
    if require_all {
        command.env("RINGFENCE_REQUIRE_ALL", "1");
    }
    let mut running = Running::listen(&mut command)?;
    let mut tally = Tally::default();
    let mut failed = false;
    while let Ok(line) = running.line_with("", Duration::from_mins(40)) {
        count(&line, &mut tally);
        failed |= line.starts_with("error: ");
        say(&line);
    }
    let status = running.wait(Duration::from_mins(1))?;
    if !status.is_some_and(|status| status.success()) && tally.failed == 0 {
        say(if failed { "cargo test could not build or run" } else { "cargo test failed" });
        tally.failed += 1;
    }
    Ok(tally)
}

/// Counts a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; ...`.
fn count(line: &str, tally: &mut Tally) {
    if let Some(missing) = line.trim().strip_prefix("not run: ") {
        tally.not_run.push(missing.to_owned());
    }
    let Some(result) = line.strip_prefix("test result: ") else { return };
    let words: Vec<&str> = result.split_whitespace().collect();
    for pair in words.windows(2) {
        let [number, what] = pair else { continue };
        let Ok(number) = number.parse::<u64>() else { continue };
        match what.trim_end_matches(';') {
            "passed" => tally.passed += number,
            "failed" => tally.failed += number,
            "ignored" if number > 0 => tally.not_run.push(format!("{number} ignored Rust tests")),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_lines_of_cargo_are_added_up() {
        let mut tally = Tally::default();
        count(
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out",
            &mut tally,
        );
        count("test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured", &mut tally);
        count("not run: runsc is not installed", &mut tally);
        assert_eq!((tally.passed, tally.failed), (15, 2));
        assert_eq!(tally.not_run, ["1 ignored Rust tests", "runsc is not installed"]);
    }
}
