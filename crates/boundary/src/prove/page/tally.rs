//! Probes counted: by class for the picture, by layer for the table of layers.

use super::super::{ProbeReport, Report, Verdict};
use ringfence_policy::layer::Layer;

/// What became of the attacks of one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    /// Its id.
    pub(super) id: &'static str,
    /// Attacks that were refused.
    pub(super) blocked: u32,
    /// Attacks that went through.
    pub(super) open: u32,
    /// Attacks that say nothing here.
    pub(super) inconclusive: u32,
}

impl Class {
    /// All attacks of the class.
    pub(super) const fn all(self) -> u32 {
        self.blocked + self.open + self.inconclusive
    }
}

/// Every class that was attacked, in the order of the battery.
pub(super) fn classes(report: &Report) -> Vec<Class> {
    let mut classes: Vec<Class> = Vec::new();
    for probe in &report.probes {
        let known = classes.iter().position(|class| class.id == probe.class);
        let index = known.unwrap_or_else(|| {
            classes.push(Class { id: probe.class, blocked: 0, open: 0, inconclusive: 0 });
            classes.len() - 1
        });
        match probe.verdict {
            Verdict::Blocked => classes[index].blocked += 1,
            Verdict::Open => classes[index].open += 1,
            Verdict::Inconclusive => classes[index].inconclusive += 1,
        }
    }
    classes
}

/// Attacks with this verdict.
pub(super) fn with(report: &Report, verdict: Verdict) -> usize {
    report.probes.iter().filter(|probe| probe.verdict == verdict).count()
}

/// Attacks that were refused with this layer in the way.
pub(super) fn stopped_by(report: &Report, layer: Layer) -> usize {
    let stopped =
        |probe: &&ProbeReport| probe.verdict == Verdict::Blocked && probe.layers.contains(&layer);
    report.probes.iter().filter(stopped).count()
}
