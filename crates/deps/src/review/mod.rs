//! The review of a lockfile change: signals, one file each, over what changed and what is known.

mod exotic_source;
mod integrity_changed;
#[cfg(test)]
mod testing;

use crate::change::Change;
use crate::evidence::Evidence;
use crate::{Finding, Severity};

/// What a signal looks at.
pub struct Review<'a> {
    /// What changed.
    pub change: &'a Change<'a>,
    /// Where facts come from.
    pub evidence: &'a dyn Evidence,
    /// The clock, in seconds since 1970.
    pub now: u64,
}

/// A signal: what it is called, what a reviewer should ask, how much it matters, how it is found.
pub struct Signal {
    /// Stable, kebab-case.
    pub code: &'static str,
    /// The manual's review question where it has one.
    pub question: &'static str,
    /// How much it matters where the boundary file does not say otherwise.
    pub severity: Severity,
    find: fn(&Review<'_>, &mut Found<'_>),
}

/// Every signal, in the order in which they are listed.
pub const SIGNALS: [Signal; 2] = [exotic_source::SIGNAL, integrity_changed::SIGNAL];

/// Collects what one signal finds.
pub struct Found<'a> {
    signal: &'a Signal,
    findings: &'a mut Vec<Finding>,
}

impl Found<'_> {
    /// Adds a finding about a package, on a line of the newer lockfile.
    pub(crate) fn add(&mut self, package: String, line: usize, message: String) {
        self.add_as(self.signal.severity, package, line, message);
    }

    /// The same, of another severity than the signal has.
    pub(crate) fn add_as(
        &mut self,
        severity: Severity,
        package: String,
        line: usize,
        message: String,
    ) {
        let Signal { code, question, .. } = *self.signal;
        self.findings.push(Finding {
            code,
            severity,
            package,
            line,
            message,
            path: Vec::new(),
            question,
        });
    }
}

/// Everything that the signals find, the most severe first.
#[must_use]
pub fn review(review: &Review<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for signal in &SIGNALS {
        (signal.find)(review, &mut Found { signal, findings: &mut findings });
    }
    findings.sort_by(|one, two| {
        two.severity
            .cmp(&one.severity)
            .then_with(|| (one.line, one.code).cmp(&(two.line, two.code)))
    });
    findings
}
