//! What one probe found, and what a layer makes of its probes.

use super::facts::Facts;
use ringfence_policy::layer::{Answer, Layer};
use serde::Serialize;

/// One trial on this host.
pub struct Probe {
    /// Kebab-case, part of the JSON output.
    pub id: &'static str,
    /// The layer it speaks for.
    pub layer: Layer,
    /// Tries it.
    pub run: fn(&Facts) -> Finding,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What this means for the layer.
    pub answer: Answer,
    /// What was seen, half a sentence.
    pub seen: String,
    /// What to change, one sentence or command each; empty when nothing needs to be changed.
    pub remedies: Vec<String>,
}

impl Finding {
    /// All is there.
    pub(super) fn good(seen: impl Into<String>) -> Self {
        Self { answer: Answer::Enforced, seen: seen.into(), remedies: Vec::new() }
    }

    /// Part of it is missing.
    pub(super) fn partial(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { answer: Answer::Partial(why.clone()), seen: why, remedies: Vec::new() }
    }

    /// It is missing.
    pub(super) fn absent(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { answer: Answer::Absent(why.clone()), seen: why, remedies: Vec::new() }
    }

    /// Nothing is asked of it here.
    pub(super) fn not_needed(seen: impl Into<String>) -> Self {
        Self { answer: Answer::NotNeeded, seen: seen.into(), remedies: Vec::new() }
    }

    /// Adds what to change.
    pub(super) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedies.push(remedy.into());
        self
    }
}

/// A probe's finding in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeReport {
    /// The probe's id.
    pub probe: &'static str,
    /// What it means for the layer.
    pub answer: Answer,
    /// What was seen.
    pub seen: String,
    /// What to change.
    pub remedies: Vec<String>,
}

/// A layer in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerReport {
    /// The layer.
    pub layer: Layer,
    /// What this host can give of it.
    pub answer: Answer,
    /// Its probes, in order.
    pub probes: Vec<ProbeReport>,
}

impl LayerReport {
    /// Draws a layer's answer from its probes: the worst one decides. A layer without probes needs
    /// nothing from the host.
    pub(super) fn new(layer: Layer, probes: Vec<ProbeReport>) -> Self {
        let answer = combine(&probes);
        Self { layer, answer, probes }
    }

    /// What to change, in the order of the probes.
    pub fn remedies(&self) -> impl Iterator<Item = &str> {
        self.probes.iter().flat_map(|probe| probe.remedies.iter().map(String::as_str))
    }
}

fn combine(probes: &[ProbeReport]) -> Answer {
    let absent = |probe: &&ProbeReport| matches!(probe.answer, Answer::Absent(_));
    if probes.iter().any(|probe| absent(&probe)) {
        return Answer::Absent(reasons(probes.iter().filter(absent)));
    }
    let partial = |probe: &&ProbeReport| matches!(probe.answer, Answer::Partial(_));
    if probes.iter().any(|probe| partial(&probe)) {
        return Answer::Partial(reasons(probes.iter().filter(partial)));
    }
    if !probes.is_empty() && probes.iter().all(|probe| probe.answer == Answer::NotNeeded) {
        return Answer::NotNeeded;
    }
    Answer::Enforced
}

/// What was seen, of those that can be mended when there are any: the others hang on them.
fn reasons<'probe>(probes: impl Iterator<Item = &'probe ProbeReport> + Clone) -> String {
    let mended = || probes.clone().filter(|probe| !probe.remedies.is_empty());
    let seen = |probe: &'probe ProbeReport| probe.seen.as_str();
    let reasons: Vec<&str> = if mended().next().is_some() {
        mended().map(seen).collect()
    } else {
        probes.map(seen).collect()
    };
    reasons.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(answer: fn(String) -> Answer, seen: &str, remedies: &[&str]) -> ProbeReport {
        let remedies = remedies.iter().map(|&remedy| remedy.to_owned()).collect();
        let answer = answer(seen.to_owned());
        ProbeReport { probe: "test", answer, seen: seen.to_owned(), remedies }
    }

    #[test]
    fn the_worst_answer_decides() {
        let absent = || probe(Answer::Absent, "a", &[]);
        let partial = || probe(Answer::Partial, "p", &[]);
        let enforced = || probe(|_| Answer::Enforced, "e", &[]);
        let not_needed = || probe(|_| Answer::NotNeeded, "n", &[]);
        assert_eq!(combine(&[enforced(), partial(), absent()]), Answer::Absent("a".to_owned()));
        let worst = combine(&[enforced(), partial(), not_needed()]);
        assert_eq!(worst, Answer::Partial("p".to_owned()));
        assert_eq!(combine(&[enforced(), not_needed()]), Answer::Enforced);
        assert_eq!(combine(&[not_needed()]), Answer::NotNeeded);
        assert_eq!(combine(&[]), Answer::Enforced);
    }

    #[test]
    fn the_reason_is_what_can_be_mended_and_not_what_hangs_on_it() {
        let cause = probe(Answer::Absent, "the cause", &["mend it"]);
        let follows = probe(Answer::Absent, "what follows", &[]);
        let answer = combine(&[follows.clone(), cause]);
        assert_eq!(answer, Answer::Absent("the cause".to_owned()));
        let both = combine(&[follows.clone(), follows]);
        assert_eq!(both, Answer::Absent("what follows; what follows".to_owned()));
    }
}
