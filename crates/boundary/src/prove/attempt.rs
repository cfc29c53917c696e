//! What came back from one run of one probe, and how the battery reads and writes it.
//!
//! The same line of JSON is written by the native battery and by the JavaScript harness, inside and
//! outside. What is read back comes from inside the boundary, so it is parsed into fixed fields and
//! shown only through `display`.

use ringfence_sys::attack::{self, Ended, Failure};
use serde::{Deserialize, Serialize};

/// Result of one run of one probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attempt {
    /// What came of it.
    pub outcome: Outcome,
    /// `EACCES`, `SIGSYS`, `ERR_ACCESS_DENIED`, `no-answer`; empty when it succeeded.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// The kernel's error number, where it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
    /// What happened, in words.
    pub detail: String,
}

/// What came of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The attack was stopped.
    Failed,
    /// The attack cannot be tried here.
    NotApplicable,
    /// The run ended before the probe had reported, or it never ran.
    Nothing,
    /// The attack reached what it was after.
    Succeeded,
    /// The attack had not ended at its deadline.
    TimedOut,
}

/// One line of the battery's report.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) probe: String,
    pub(super) outcome: Outcome,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) errno: Option<i32>,
    #[serde(default)]
    pub(super) detail: String,
}

/// Longest text taken from a line, in characters.
const LONGEST: usize = 300;

impl Attempt {
    /// A run that told nothing.
    pub(super) fn nothing(why: impl Into<String>) -> Self {
        Self { outcome: Outcome::Nothing, code: String::new(), errno: None, detail: why.into() }
    }

    fn of(outcome: Outcome, code: &str, errno: Option<i32>, detail: &str) -> Self {
        Self { outcome, code: code.to_owned(), errno, detail: detail.to_owned() }
    }

    /// From the end of a native act.
    pub(super) fn from_ended(ended: &Ended) -> Self {
        match ended {
            Ended::Reported(Ok(detail)) => Self::of(Outcome::Succeeded, "", None, detail),
            Ended::Reported(Err(Failure::NotApplicable(why))) => {
                Self::of(Outcome::NotApplicable, "", None, why)
            }
            Ended::Reported(Err(Failure::Refused { code, errno, detail })) => {
                Self::of(Outcome::Failed, code, *errno, detail)
            }
            Ended::Killed(signal) => {
                let name = attack::signal_name(*signal);
                Self::of(Outcome::Failed, &name, None, "the process was killed")
            }
            Ended::Exited(code) => {
                Self::nothing(format!("the process ended with {code} and no report"))
            }
            Ended::TimedOut => {
                Self::of(Outcome::TimedOut, "", None, "still running at its deadline")
            }
        }
    }

    /// As a line of the battery's report, line feed included.
    pub(super) fn to_line(&self, probe: &str) -> String {
        let line = Line {
            probe: probe.to_owned(),
            outcome: self.outcome,
            code: self.code.clone(),
            errno: self.errno,
            detail: self.detail.clone(),
        };
        // Strings, a number and an enum always serialise.
        serde_json::to_string(&line).map(|text| text + "\n").unwrap_or_default()
    }
}

/// The attempts in a battery's output, in order; lines that are none are passed over.
pub(super) fn read_lines(output: &[u8]) -> Vec<(String, Attempt)> {
    output
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Line>(line).ok())
        .map(|line| {
            let attempt = Attempt {
                outcome: line.outcome,
                code: line.code.chars().take(64).collect(),
                errno: line.errno,
                detail: line.detail.chars().take(LONGEST).collect(),
            };
            (line.probe, attempt)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back_as_it_was_written_and_noise_is_passed_over() {
        let refused = Attempt::from_ended(&Ended::Reported(Err(Failure::Refused {
            code: "EACCES".into(),
            errno: Some(13),
            detail: "open: \"x\"\n".into(),
        })));
        let killed = Attempt::from_ended(&Ended::Killed(31));
        let output = format!("noise\n{}{{}}\n{}", refused.to_line("a"), killed.to_line("b"));
        let read = read_lines(output.as_bytes());
        assert_eq!(read, [("a".to_owned(), refused), ("b".to_owned(), killed)]);
    }
}
