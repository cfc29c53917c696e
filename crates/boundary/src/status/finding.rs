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
    /// Draws a layer's answer from its probes: the worst one decides, equal ones give their
    /// reasons together. A layer without probes needs nothing from the host.
    pub(super) fn new(layer: Layer, probes: Vec<ProbeReport>) -> Self {
        let answer = combine(probes.iter().map(|probe| &probe.answer));
        Self { layer, answer, probes }
    }

    /// What to change, in the order of the probes.
    pub fn remedies(&self) -> impl Iterator<Item = &str> {
        self.probes.iter().flat_map(|probe| probe.remedies.iter().map(String::as_str))
    }
}

fn combine<'answer>(answers: impl Iterator<Item = &'answer Answer> + Clone) -> Answer {
    let reasons = |wanted: fn(&Answer) -> Option<&String>| {
        let found: Vec<&str> = answers.clone().filter_map(wanted).map(String::as_str).collect();
        (!found.is_empty()).then(|| found.join("; "))
    };
    let absent = |answer: &'_ Answer| -> bool { matches!(answer, Answer::Absent(_)) };
    if answers.clone().any(absent) {
        let why = reasons(|answer| match answer {
            Answer::Absent(why) => Some(why),
            _ => None,
        });
        return Answer::Absent(why.unwrap_or_default());
    }
    let why = reasons(|answer| match answer {
        Answer::Partial(why) => Some(why),
        _ => None,
    });
    if let Some(why) = why {
        return Answer::Partial(why);
    }
    let mut answers = answers.peekable();
    if answers.peek().is_some() && answers.all(|answer| *answer == Answer::NotNeeded) {
        return Answer::NotNeeded;
    }
    Answer::Enforced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn combined(answers: &[Answer]) -> Answer {
        combine(answers.iter())
    }

    #[test]
    fn the_worst_answer_decides() {
        let absent = Answer::Absent("a".to_owned());
        let partial = Answer::Partial("p".to_owned());
        assert_eq!(combined(&[Answer::Enforced, partial.clone(), absent.clone()]), absent);
        assert_eq!(combined(&[Answer::Enforced, partial.clone(), Answer::NotNeeded]), partial);
        assert_eq!(combined(&[Answer::Enforced, Answer::NotNeeded]), Answer::Enforced);
        assert_eq!(combined(&[Answer::NotNeeded]), Answer::NotNeeded);
        assert_eq!(combined(&[]), Answer::Enforced);
    }

    #[test]
    fn equal_answers_give_their_reasons_together() {
        let answers = ["x", "y"].map(|why| Answer::Absent(why.to_owned()));
        assert_eq!(combined(&answers), Answer::Absent("x; y".to_owned()));
    }
}
