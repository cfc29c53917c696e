//! What a test run counts, and what it could not run.

use crate::printer::say;

/// The counts of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Tests that passed.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
    /// Names of what was not run, each with the reason.
    pub(crate) not_run: Vec<String>,
}

impl Tally {
    /// Adds the counts of a part.
    pub(crate) fn add(&mut self, part: Self) {
        self.passed += part.passed;
        self.failed += part.failed;
        self.not_run.extend(part.not_run);
    }

    /// Prints what was not run and, last, the counts. Says whether the run is green.
    pub(crate) fn close(mut self, require_all: bool) -> bool {
        for missing in &self.not_run {
            say(format!("not run: {missing}"));
        }
        if require_all {
            self.failed += u64::try_from(self.not_run.len()).unwrap_or(u64::MAX);
        }
        say(format!("{} passed, {} failed", self.passed, self.failed));
        self.failed == 0 && self.passed > 0
    }
}
