//! A release against the one it took the place of: who lost its provenance, and who is built elsewhere.

use super::judge::{Part, Verdict};
use serde::Serialize;

/// What is another than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Difference {
    /// The release before had provenance that was right, and this one has none.
    Lost,
    /// It was built elsewhere, or by another workflow: what differs.
    Changed {
        /// Each as `repository: A, was B`.
        what: Vec<String>,
    },
    /// It cannot be said: why.
    Unknown {
        /// Lower case, no period.
        why: String,
    },
}

/// Compares a release with the one before; nothing where there is nothing to tell.
#[must_use]
pub fn compare(before: &Verdict, now: &Verdict) -> Option<Difference> {
    match (&before.provenance, &now.provenance) {
        (Part::Verified, Part::None) => Some(Difference::Lost),
        (Part::Verified, Part::Verified) => {
            let what = now.origin.as_ref()?.changed(before.origin.as_ref()?);
            (!what.is_empty()).then_some(Difference::Changed { what })
        }
        // What is wrong or unknown in the newer one is told of that one itself.
        (Part::Unknown(why) | Part::Wrong(why), Part::None | Part::Verified) => {
            let why = format!("the provenance of {} was not to be had: {why}", before.version);
            Some(Difference::Unknown { why })
        }
        _ => None,
    }
}
