//! What a proof says: the evidence, the verdict of every probe, the state of every claim.

use super::ProveRequest;
use super::arena::LayerAnswer;
use super::attempt::{Attempt, Outcome};
use super::battery::Side;
use super::facts::Facts;
use super::probe::{Probe, Setting};
use super::probes::PROBES;
use super::verdict::{Verdict, describe, judge};
use ringfence_policy::display::untrusted;
use ringfence_policy::layer::Layer;
use ringfence_policy::model::Boundary;
use ringfence_policy::statement::{Claim, Sentence, Weight, statement};
use serde::Serialize;
use std::fmt::Write as _;

/// Width of the human form.
const WIDTH: usize = 80;

/// A finished proof.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Version of this form.
    pub schema: u32,
    /// Where and with what it was made.
    pub evidence: Evidence,
    /// Every claim of the boundary, in the order of its statement.
    pub claims: Vec<ClaimReport>,
    /// Every probe, in the order of the battery.
    pub probes: Vec<ProbeReport>,
}

/// Where and with what a proof was made.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    /// Name of the service.
    pub service: String,
    /// SHA-256 of the boundary file.
    pub boundary: String,
    /// Version of ringfence.
    pub ringfence: &'static str,
    /// Host name.
    pub host: String,
    /// Kernel release and processor.
    pub kernel: String,
    /// Version of Node, where the program is one.
    pub node: Option<String>,
    /// User the probes ran as outside, and user and group inside.
    pub users: [u32; 3],
    /// What the layers answered.
    pub layers: Vec<LayerAnswer>,
}

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimState {
    /// At least one attack went through.
    Broken,
    /// An attack went through that only an absent layer stops, and the boundary accepts that this
    /// layer is absent: its `[require] layers` do not list it.
    Accepted,
    /// Nothing is claimed: what the sentences allow or leave open.
    NotClaimed,
    /// Attacks are known, but this host has nothing to attack it with.
    NothingToAttack,
    /// Every conclusive attack was stopped, and there was at least one.
    Proven,
    /// No attack was conclusive.
    Unproven,
}

impl ClaimState {
    const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "NOT HELD, accepted: a layer of it is absent",
            Self::Broken => "BROKEN",
            Self::NotClaimed => "not claimed",
            Self::NothingToAttack => "nothing to attack",
            Self::Proven => "proven",
            Self::Unproven => "not proven",
        }
    }
}

/// One claim.
#[derive(Debug, Serialize)]
pub struct ClaimReport {
    /// Its id.
    pub claim: Claim,
    /// The boundary's sentences about it.
    pub sentences: Vec<Sentence>,
    /// What became of it.
    pub state: ClaimState,
    /// Attacks that were stopped, not conclusive, and went through.
    pub counts: [usize; 3],
}

/// One probe.
#[derive(Debug, Serialize)]
pub struct ProbeReport {
    /// The claim it attacks.
    pub claim: Claim,
    /// Its id.
    pub probe: &'static str,
    /// Kind of thing attacked.
    pub class: &'static str,
    /// What was tried.
    pub attack: &'static str,
    /// The verdict.
    pub verdict: Verdict,
    /// Why the verdict is not conclusive.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What happened inside; for scripts without Node's own flags, as if they had been got around.
    pub inside: Attempt,
    /// What happened inside with Node's own flags in force; scripts only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside_with_node_flags: Option<Attempt>,
    /// What happened outside.
    pub outside: Attempt,
    /// Layers that stand in the way.
    pub layers: &'static [Layer],
    /// Whether canary grants were added to the boundary for it.
    pub canary_grants: bool,
}

impl Evidence {
    pub(super) fn collect(
        request: &ProveRequest<'_>,
        facts: &Facts,
        layers: &[LayerAnswer],
    ) -> Self {
        let read = |name: &str| {
            let text = std::fs::read_to_string(format!("/proc/sys/kernel/{name}"));
            text.unwrap_or_default().trim().to_owned()
        };
        let node =
            facts.node.as_ref().map(|node| node.version.map(|part| part.to_string()).join("."));
        let outside = ringfence_sys::attack::identity::user();
        Self {
            service: request.boundary.service.name.value.clone(),
            boundary: request.hash.to_owned(),
            ringfence: env!("CARGO_PKG_VERSION"),
            host: read("hostname"),
            kernel: format!("{} {} {}", read("ostype"), read("osrelease"), std::env::consts::ARCH),
            node,
            users: [outside, facts.identity.0, facts.identity.1],
            layers: layers.to_vec(),
        }
    }
}

impl Report {
    /// Judges every probe and every claim.
    pub(super) fn judge(
        boundary: &Boundary,
        evidence: Evidence,
        inside: &Side,
        outside: &Side,
    ) -> Self {
        let probes: Vec<ProbeReport> =
            PROBES.iter().map(|probe| judged(probe, inside, outside)).collect();
        let mut claims: Vec<ClaimReport> = Vec::new();
        for sentence in statement(boundary) {
            match claims.last_mut() {
                Some(last) if last.claim == sentence.claim => last.sentences.push(sentence),
                _ => claims.push(ClaimReport {
                    claim: sentence.claim,
                    sentences: vec![sentence],
                    state: ClaimState::Unproven,
                    counts: [0; 3],
                }),
            }
        }
        for claim in &mut claims {
            claim.conclude(&probes, &evidence);
        }
        Self { schema: 1, evidence, claims, probes }
    }

    /// 0 when every claim is proven; 1 when an attack went through; 3 when a claim has no
    /// conclusive probe.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self.claims.iter().any(|claim| claim.state == ClaimState::Broken) {
            1
        } else if self.claims.iter().any(|claim| claim.state == ClaimState::Unproven) {
            3
        } else {
            0
        }
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// None in practice: the form has string keys only.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// The report for people, in lines of at most 80 columns.
    #[must_use]
    pub fn render_human(&self) -> String {
        let mut text = String::new();
        self.render_evidence(&mut text);
        for claim in &self.claims {
            self.render_claim(claim, &mut text);
        }
        let count = |verdict| self.probes.iter().filter(|p| p.verdict == verdict).count();
        let states = |state| self.claims.iter().filter(|claim| claim.state == state).count();
        let _ = writeln!(
            text,
            "\n{} attacks blocked, {} open, {} inconclusive",
            count(Verdict::Blocked),
            count(Verdict::Open),
            count(Verdict::Inconclusive)
        );
        let _ = writeln!(
            text,
            "{} claims proven, {} broken, {} not proven",
            states(ClaimState::Proven),
            states(ClaimState::Broken),
            states(ClaimState::Unproven)
        );
        let accepted = states(ClaimState::Accepted);
        if accepted > 0 {
            let _ = writeln!(text, "{accepted} not held because an accepted layer is absent");
        }
        text
    }

    fn render_evidence(&self, text: &mut String) {
        let evidence = &self.evidence;
        let short = evidence.boundary.get(..16).unwrap_or(&evidence.boundary);
        let node = evidence.node.as_ref().map(|node| format!(", Node {node}")).unwrap_or_default();
        let head = format!(
            "{} boundary {short}, ringfence {}, {} on {}{node}, user {} inside and {} outside",
            evidence.service,
            evidence.ringfence,
            evidence.kernel,
            untrusted(&evidence.host),
            evidence.users[1],
            evidence.users[0],
        );
        wrap(text, "", "  ", &head);
        for answer in &evidence.layers {
            let why = answer.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let line = format!("{:<12} {}{why}", answer.layer, answer.state);
            wrap(text, "  ", "               ", &line);
        }
    }

    fn render_claim(&self, claim: &ClaimReport, text: &mut String) {
        let _ = writeln!(text, "\n{}: {}", claim.claim, claim.state.word());
        for sentence in &claim.sentences {
            wrap(text, "  ", "  ", &sentence.text);
        }
        let of = self.probes.iter().filter(|probe| probe.claim == claim.claim);
        let (blocked, rest): (Vec<_>, Vec<_>) = of.partition(|p| p.is(Verdict::Blocked));
        let names: Vec<&str> = blocked.iter().map(|probe| probe.probe).collect();
        if !names.is_empty() {
            wrap(text, "    blocked: ", "      ", &names.join(", "));
        }
        let (open, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|p| p.is(Verdict::Open));
        for probe in open {
            let what = format!("{}: {}, {}", probe.probe, probe.attack, describe(&probe.inside));
            wrap(text, "    OPEN: ", "      ", &untrusted(&what).to_string());
        }
        if claim.state == ClaimState::NotClaimed {
            return;
        }
        let (absent, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(|p| p.is_absent());
        let (refused, rest): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|p| p.is_refused_outside());
        for (probes, label) in
            [(absent, "nothing to attack here"), (refused, "refused outside too")]
        {
            let names: Vec<&str> = probes.iter().map(|probe| probe.probe).collect();
            if !names.is_empty() {
                wrap(text, &format!("    {label}: "), "      ", &names.join(", "));
            }
        }
        for probe in rest {
            let what = format!("{}: {}", probe.probe, probe.why);
            wrap(text, "    inconclusive: ", "      ", &untrusted(&what).to_string());
        }
    }
}

fn judged(probe: &'static Probe, inside: &Side, outside: &Side) -> ProbeReport {
    let of = |side: &Side| {
        let found = side.attempts.get(probe.id).cloned();
        found.unwrap_or_else(|| Attempt::nothing("it was not run"))
    };
    let flagged = inside.flagged.get(probe.id).cloned();
    let (inside, outside) = (of(inside), of(outside));
    let (verdict, why) = judge(probe, &inside, &outside);
    ProbeReport {
        claim: probe.claim,
        probe: probe.id,
        class: probe.class.id(),
        attack: probe.attack,
        verdict,
        why,
        inside,
        inside_with_node_flags: flagged,
        outside,
        layers: probe.layers,
        canary_grants: probe.setting == Setting::Granted,
    }
}

impl ProbeReport {
    fn is(&self, verdict: Verdict) -> bool {
        self.verdict == verdict
    }

    /// What it attacks does not exist on this host, or the boundary has no such grant.
    fn is_absent(&self) -> bool {
        const MISSING: [&str; 7] = [
            "absent",
            "ENOENT",
            "ENODEV",
            "ENOSYS",
            "EAFNOSUPPORT",
            "EPROTONOSUPPORT",
            "ESOCKTNOSUPPORT",
        ];
        self.inside.outcome == Outcome::NotApplicable
            || self.outside.outcome == Outcome::NotApplicable
            || self.outside.outcome == Outcome::Failed
                && MISSING.contains(&self.outside.code.as_str())
    }

    /// The user of the proof may not do it either.
    fn is_refused_outside(&self) -> bool {
        self.outside.outcome == Outcome::Failed
            && matches!(self.outside.code.as_str(), "EPERM" | "EACCES" | "ENOSPC" | "no-effect")
    }
}

impl ClaimReport {
    fn conclude(&mut self, probes: &[ProbeReport], evidence: &Evidence) {
        let of: Vec<&ProbeReport> = probes.iter().filter(|p| p.claim == self.claim).collect();
        let count = |verdict| of.iter().filter(|probe| probe.verdict == verdict).count();
        self.counts = [count(Verdict::Blocked), count(Verdict::Inconclusive), count(Verdict::Open)];
        let claimed = self.sentences.iter().any(|sentence| sentence.weight == Weight::Claim);
        let absent = |p: &&ProbeReport| [&p.inside, &p.outside].iter().any(|a| a.code == "absent");
        self.state = match self.counts {
            [_, _, open] if open > 0 && self.lacks_layer(evidence) => ClaimState::Accepted,
            [_, _, open] if open > 0 => ClaimState::Broken,
            [blocked, ..] if claimed && blocked > 0 => ClaimState::Proven,
            _ if !claimed => ClaimState::NotClaimed,
            _ if self.claim == Claim::RequireLayers => layers_in_force(evidence),
            _ if of.iter().any(absent) => ClaimState::NothingToAttack,
            _ => ClaimState::Unproven,
        };
    }
}

impl ClaimReport {
    /// Whether a layer that carries this claim is absent. The start went on without it, so the
    /// boundary accepts that.
    fn lacks_layer(&self, evidence: &Evidence) -> bool {
        let absent = |layer: &Layer| {
            evidence.layers.iter().any(|a| a.layer == layer.id() && a.state == "absent")
        };
        self.claim.carried_by().iter().any(absent)
    }
}

/// This claim is about the start itself, which has happened: no layer may have been absent.
fn layers_in_force(evidence: &Evidence) -> ClaimState {
    let absent = evidence.layers.iter().any(|answer| answer.state == "absent");
    match (evidence.layers.is_empty(), absent) {
        (false, false) => ClaimState::Proven,
        (false, true) => ClaimState::Broken,
        (true, _) => ClaimState::Unproven,
    }
}

/// Writes words in lines of at most 80 columns.
fn wrap(text: &mut String, first: &str, rest: &str, words: &str) {
    let mut line = first.to_owned();
    let mut empty = true;
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(text, "{line}");
            rest.clone_into(&mut line);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    let _ = writeln!(text, "{line}");
}
