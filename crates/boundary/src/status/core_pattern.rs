//! Whether a crash could carry the service's memory out.
//!
//! A pattern that begins with `|` hands the dump to a program in the host's own namespaces, and
//! ignores a core limit of 0. It respects a limit of 1 together with an empty dump filter, which
//! is what `enforce` sets, so this is a note and never a gap.

use super::facts::Facts;
use super::finding::{Finding, Probe};
use ringfence_policy::layer::Layer;

/// The probe.
pub(super) const PROBE: Probe = Probe { id: "core-pattern", layer: Layer::Rlimits, run };

fn run(facts: &Facts) -> Finding {
    match facts.core_pattern.as_deref() {
        Some(pattern) if pattern.starts_with('|') => {
            let program = pattern.trim_start_matches('|').split(' ').next().unwrap_or_default();
            Finding::good(format!(
                "crashes are piped to {program}; services are kept out of it by their limits"
            ))
        }
        Some(_) => Finding::good("crashes would be files; services write none"),
        None => Finding::good("no core pattern is visible; services write no dumps"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::layer::Answer;

    #[test]
    fn a_piped_handler_is_named() {
        let pattern = Some("|/usr/share/apport/apport -p%p".to_owned());
        let finding = run(&Facts { core_pattern: pattern, ..Facts::default() });
        assert_eq!(finding.answer, Answer::Enforced);
        assert!(finding.seen.contains("/usr/share/apport/apport;"), "{}", finding.seen);
    }
}
