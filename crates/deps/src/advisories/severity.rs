//! How bad an advisory calls itself.

use crate::Severity;
use cvss::Cvss;
use serde::{Deserialize as _, Deserializer};

/// A severity of the index, by its id.
pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Severity>, D::Error> {
    let id = String::deserialize(from)?;
    let unknown = || serde::de::Error::custom("no severity");
    Severity::from_id(&id).map(Some).ok_or_else(unknown)
}

/// The severity of a word as databases write it.
pub(super) fn of_word(word: &str) -> Option<Severity> {
    match word.to_ascii_lowercase().as_str() {
        "info" | "none" => Some(Severity::Info),
        "low" => Some(Severity::Low),
        "moderate" | "medium" => Some(Severity::Moderate),
        "high" => Some(Severity::High),
        "critical" => Some(Severity::Critical),
        _ => None,
    }
}

/// The severity of a CVSS vector of version 3 or 4, by the scale that both specifications share.
pub(super) fn of_vector(vector: &str) -> Option<Severity> {
    // Some databases end a vector with a slash, and none is much longer than its metrics.
    let vector = vector.trim().trim_end_matches('/');
    if vector.len() > 512 {
        return None;
    }
    let vector: Cvss = vector.parse().ok()?;
    Some(match vector.severity() {
        cvss::Severity::None => Severity::Info,
        cvss::Severity::Low => Severity::Low,
        cvss::Severity::Medium => Severity::Moderate,
        cvss::Severity::High => Severity::High,
        cvss::Severity::Critical => Severity::Critical,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_of_both_versions_have_the_severity_of_their_score() {
        for (vector, severity) in [
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Some(Severity::Critical)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H/", Some(Severity::High)),
            ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", Some(Severity::Moderate)),
            ("CVSS:3.1/AV:L/AC:H/PR:L/UI:R/S:U/C:L/I:N/A:N", Some(Severity::Low)),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", Some(Severity::Info)),
            (
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N",
                Some(Severity::Critical),
            ),
            (
                "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:L/SC:N/SI:N/SA:N",
                Some(Severity::Moderate),
            ),
            ("AV:N/AC:L/Au:N/C:P/I:P/A:P", None),
            ("CVSS:9.9/AV:N", None),
            ("", None),
        ] {
            assert_eq!(of_vector(vector), severity, "{vector}");
        }
    }
}
