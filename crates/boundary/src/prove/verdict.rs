//! From two attempts to a verdict.
//!
//! `blocked` needs both halves: the attack failed inside in a way its probe names, and the same
//! attack succeeded outside (or, where what it attacks exists only inside, the act itself shows that
//! it took place). Everything that is not clearly `blocked` or `open` is `inconclusive`.

use super::attempt::{Attempt, Outcome};
use super::probe::Probe;
use serde::Serialize;
use std::fmt;

/// What a probe says about its claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Stopped inside, and it works outside.
    Blocked,
    /// Neither; the reason says why.
    Inconclusive,
    /// It worked inside.
    Open,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocked => "blocked",
            Self::Inconclusive => "inconclusive",
            Self::Open => "open",
        })
    }
}

/// The verdict, and why it is not conclusive when it is not.
pub(super) fn judge(probe: &Probe, inside: &Attempt, outside: &Attempt) -> (Verdict, String) {
    match inside.outcome {
        Outcome::Succeeded => return (Verdict::Open, String::new()),
        Outcome::NotApplicable => {
            return (Verdict::Inconclusive, format!("not applicable: {}", inside.detail));
        }
        Outcome::Nothing | Outcome::TimedOut => {
            return (Verdict::Inconclusive, format!("inside: {}", inside.detail));
        }
        Outcome::Failed => {}
    }
    match outside.outcome {
        _ if probe.act.is_within() => {}
        Outcome::Succeeded => {}
        Outcome::NotApplicable => {
            return (Verdict::Inconclusive, format!("not applicable: {}", outside.detail));
        }
        _ => {
            let why = format!("the control failed outside: {}", describe(outside));
            return (Verdict::Inconclusive, why);
        }
    }
    if probe.refusals.contains(&inside.code.as_str()) {
        (Verdict::Blocked, String::new())
    } else {
        (Verdict::Inconclusive, format!("failed inside in an unexpected way: {}", describe(inside)))
    }
}

/// Code and words of an attempt.
pub(super) fn describe(attempt: &Attempt) -> String {
    match (attempt.code.as_str(), attempt.detail.as_str()) {
        ("", detail) => detail.to_owned(),
        (code, "") => code.to_owned(),
        (code, detail) => format!("{code}, {detail}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::probes::PROBES;
    use super::*;

    fn attempt(outcome: Outcome, code: &str) -> Attempt {
        Attempt { outcome, code: code.into(), errno: None, detail: "d".into() }
    }

    fn verdict(inside: (Outcome, &str), outside: Outcome) -> Verdict {
        let probe = PROBES.iter().find(|probe| probe.id == "read-outside").unwrap();
        judge(probe, &attempt(inside.0, inside.1), &attempt(outside, "")).0
    }

    #[test]
    fn blocked_needs_an_expected_refusal_inside_and_success_outside() {
        use Outcome::{Failed, NotApplicable, Nothing, Succeeded, TimedOut};
        assert_eq!(verdict((Failed, "ENOENT"), Succeeded), Verdict::Blocked);
        assert_eq!(verdict((Failed, "ENOENT"), Failed), Verdict::Inconclusive);
        assert_eq!(verdict((Failed, "EIO"), Succeeded), Verdict::Inconclusive);
        assert_eq!(verdict((Nothing, ""), Succeeded), Verdict::Inconclusive);
        assert_eq!(verdict((TimedOut, ""), Succeeded), Verdict::Inconclusive);
        assert_eq!(verdict((NotApplicable, ""), Succeeded), Verdict::Inconclusive);
    }

    #[test]
    fn what_works_inside_is_open_whatever_the_control_says() {
        assert_eq!(verdict((Outcome::Succeeded, ""), Outcome::Failed), Verdict::Open);
    }
}
