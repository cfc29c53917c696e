//! What a self-test says.

use super::is_blocked;
use super::trials::Trial;
use crate::prove::attempt::{Attempt, Outcome};
use crate::prove::human::wrap;
use crate::prove::markdown::cell;
use crate::prove::probe::Probe;
use crate::prove::report::Evidence;
use crate::prove::verdict::describe;
use ringfence_policy::display::untrusted;
use serde::Serialize;
use std::fmt::Write as _;

/// A finished self-test.
#[derive(Debug, Serialize)]
pub struct SelfTest {
    /// Version of this form.
    pub schema: u32,
    /// Where and with what it was made.
    pub evidence: Evidence,
    /// Every lock.
    pub locks: Vec<LockReport>,
}

/// Whether somebody would see a lock missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Noticed {
    /// A probe goes through without it.
    Open,
    /// A probe is still refused, but by somebody else.
    Elsewhere,
    /// The service does not start without it.
    Start,
    /// The lock does not exist on this host or in this boundary.
    NotPresent,
    /// Nobody notices.
    No,
}

impl Noticed {
    const fn word(self) -> &'static str {
        match self {
            Self::Open => "open without it",
            Self::Elsewhere => "refused by another",
            Self::Start => "no start without it",
            Self::NotPresent => "not present",
            Self::No => "NOT NOTICED",
        }
    }
}

/// One lock.
#[derive(Debug, Serialize)]
pub struct LockReport {
    /// Its id.
    pub lock: String,
    /// Whether it is noticed.
    pub noticed: Noticed,
    /// Why it is not, or is not present, or what the start says.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Locks that cover the same attack, out of the way in both runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub twins: Vec<String>,
    /// What the probes saw.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<Noticing>,
}

/// What one probe saw.
#[derive(Debug, Serialize)]
pub struct Noticing {
    /// Its id.
    pub probe: &'static str,
    /// What it tries.
    pub attack: &'static str,
    /// Whether it notices, and how.
    pub noticed: Noticed,
    /// With the lock in place.
    pub in_place: Attempt,
    /// Without it.
    pub left_out: Attempt,
}

impl Noticing {
    pub(super) fn of(probe: &'static Probe, in_place: Attempt, left_out: Attempt) -> Self {
        let blocked = is_blocked(probe, &in_place);
        let noticed = match left_out.outcome {
            Outcome::Succeeded if blocked => Noticed::Open,
            Outcome::Failed if blocked && left_out.code != in_place.code => Noticed::Elsewhere,
            _ => Noticed::No,
        };
        Self { probe: probe.id, attack: probe.attack, noticed, in_place, left_out }
    }
}

impl LockReport {
    fn new(trial: &Trial, noticed: Noticed, why: String) -> Self {
        Self {
            lock: trial.removal.id(),
            noticed,
            why,
            twins: trial.twins.iter().map(|twin| twin.id()).collect(),
            probes: Vec::new(),
        }
    }

    pub(super) fn absent(trial: &Trial, why: String) -> Self {
        Self::new(trial, Noticed::NotPresent, why)
    }

    pub(super) fn unnoticed(trial: &Trial, why: String) -> Self {
        Self::new(trial, Noticed::No, why)
    }

    pub(super) fn start(trial: &Trial, why: String) -> Self {
        Self::new(trial, Noticed::Start, why)
    }

    pub(super) fn judged(trial: &Trial, probes: Vec<Noticing>) -> Self {
        let noticed = probes.iter().map(|probe| probe.noticed).min().unwrap_or(Noticed::No);
        let mut why = String::new();
        if noticed == Noticed::No {
            for probe in &probes {
                let sides = [&probe.in_place, &probe.left_out].map(said);
                let _ =
                    write!(why, "{}: with it {}, without it {}; ", probe.probe, sides[0], sides[1]);
            }
        }
        Self { probes, ..Self::new(trial, noticed, why.trim_end_matches("; ").to_owned()) }
    }
}

fn said(attempt: &Attempt) -> String {
    match attempt.outcome {
        Outcome::Succeeded => format!("it goes through ({})", attempt.detail),
        _ => describe(attempt),
    }
}

impl SelfTest {
    /// 0 when every lock is noticed or not present, 1 otherwise.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        u8::from(self.locks.iter().any(|lock| lock.noticed == Noticed::No))
    }

    /// The self-test as JSON.
    ///
    /// # Errors
    /// None in practice: the form has string keys only.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// The self-test for people, in lines of at most 80 columns.
    #[must_use]
    pub fn render_human(&self) -> String {
        let mut text = self.head();
        for noticed in ORDER {
            let of: Vec<&LockReport> = self.with(noticed).collect();
            if of.is_empty() {
                continue;
            }
            let _ = writeln!(text, "{}", noticed.word());
            for lock in of {
                lock.render(&mut text);
            }
            text.push('\n');
        }
        let count = |noticed| self.with(noticed).count();
        let noticed = count(Noticed::Open) + count(Noticed::Elsewhere) + count(Noticed::Start);
        let _ = writeln!(
            text,
            "{noticed} locks noticed, {} not noticed, {} not present",
            count(Noticed::No),
            count(Noticed::NotPresent)
        );
        text
    }

    /// What was done, where, and what the headings mean.
    fn head(&self) -> String {
        let mut text = String::new();
        wrap(&mut text, "", "  ", &self.done());
        text.push('\n');
        for (word, meaning) in LEGEND {
            wrap(&mut text, &format!("{word:<20}"), "                    ", meaning);
        }
        text.push('\n');
        text
    }

    fn done(&self) -> String {
        let evidence = &self.evidence;
        let short = evidence.boundary.get(..16).unwrap_or(&evidence.boundary);
        format!(
            "self-test of the proof: {} locks of the boundary of {} ({short}) were left out, one at a \
             time, of starts that attack only canaries; ringfence {}, {} on {}, {}",
            self.locks.len(),
            untrusted(&evidence.service),
            evidence.ringfence,
            untrusted(&evidence.kernel),
            untrusted(&evidence.host),
            evidence.time,
        )
    }

    /// The self-test in Markdown.
    #[must_use]
    pub fn render_markdown(&self) -> String {
        let service = cell(&self.evidence.service);
        let mut text =
            format!("# Self-test of the proof for {service}\n\n{}\n\n", cell(&self.done()));
        for (word, meaning) in LEGEND {
            let _ = writeln!(text, "- {word}: {meaning}");
        }
        text.push('\n');
        text.push_str(
            "| lock | without it | probes | out of the way in both runs |\n|---|---|---|---|\n",
        );
        for lock in ORDER.into_iter().flat_map(|noticed| self.with(noticed)) {
            let probes: Vec<String> =
                lock.noticing().map(|probe| format!("`{}`", probe.probe)).collect();
            let why =
                if lock.why.is_empty() { String::new() } else { format!(": {}", cell(&lock.why)) };
            let (word, twins) = (lock.noticed.word(), lock.twins.join(", "));
            let _ = writeln!(
                text,
                "| `{}` | {word}{why} | {} | {twins} |",
                lock.lock,
                probes.join(", ")
            );
        }
        text
    }

    fn with(&self, noticed: Noticed) -> impl Iterator<Item = &LockReport> {
        self.locks.iter().filter(move |lock| lock.noticed == noticed)
    }
}

/// What the results mean to a reader who meets them here.
const LEGEND: [(&str, &str); 3] = [
    (
        Noticed::Open.word(),
        "an attack that the lock stops goes through when it is missing: the proof would say so",
    ),
    (
        Noticed::Elsewhere.word(),
        "when it is missing another lock stops the attack, with another error, which is seen",
    ),
    (
        Noticed::NotPresent.word(),
        "this host or this boundary does not have the lock, so it cannot be taken away",
    ),
];

/// Worst first.
const ORDER: [Noticed; 5] =
    [Noticed::No, Noticed::Open, Noticed::Elsewhere, Noticed::Start, Noticed::NotPresent];

impl LockReport {
    fn noticing(&self) -> impl Iterator<Item = &Noticing> {
        self.probes.iter().filter(|probe| probe.noticed == self.noticed)
    }

    fn render(&self, text: &mut String) {
        let mut line = match self.noticed {
            Noticed::Open | Noticed::Elsewhere => {
                let probes: Vec<&str> = self.noticing().map(|probe| probe.probe).collect();
                probes.join(", ")
            }
            Noticed::No | Noticed::NotPresent | Noticed::Start => untrusted(&self.why).to_string(),
        };
        if !self.twins.is_empty() && self.noticed != Noticed::NotPresent {
            let _ = write!(line, " (both runs without {})", self.twins.join(", "));
        }
        wrap(text, &format!("  {:<32}", self.lock), "      ", &line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_self_test_says_what_was_done_where_and_what_its_words_mean() {
        let evidence = Evidence {
            service: "orders".into(),
            boundary: "ab".repeat(32),
            ringfence: "0.1.0",
            time: "2026-11-22T19:00:00.000Z".into(),
            host: "vm".into(),
            kernel: "Linux".into(),
            node: None,
            users: [0, 1, 1],
            layers: Vec::new(),
        };
        let test = SelfTest { schema: 1, evidence, locks: Vec::new() };
        for form in [test.render_human(), test.render_markdown()] {
            for word in ["orders", "abababababababab", "vm", "2026", "open without it"] {
                assert!(form.contains(word), "{word}: {form}");
            }
        }
        assert!(test.render_human().lines().all(|line| line.len() <= 80));
    }
}
