//! What a proof says: the evidence, the verdict of every probe, the state of every claim.

use super::ProveRequest;
use super::arena::LayerAnswer;
use super::attempt::{Attempt, Outcome};
use super::battery::Side;
use super::facts::Facts;
use super::probe::{Class, Probe};
use super::probes::PROBES;
use super::verdict::{Verdict, judge};
use crate::enforce::sink;
use ringfence_policy::layer::Layer;
use ringfence_policy::model::Boundary;
use ringfence_policy::statement::{Claim, Sentence, Weight, statement};
use serde::Serialize;

/// A finished proof.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Version of this form.
    pub schema: u32,
    /// Where and with what it was made.
    pub evidence: Evidence,
    /// Every claim of the boundary, in the order of its statement.
    pub claims: Vec<ClaimReport>,
    /// Classes the attacks were confined to; empty when everything was attacked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<&'static str>,
    /// Every probe that was run, in the order of the battery.
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
    /// When the attacks had ended: RFC 3339, UTC.
    pub time: String,
    /// Host name.
    pub host: String,
    /// Kernel release and processor.
    pub kernel: String,
    /// Version of Node, where the program is one.
    pub node: Option<String>,
    /// User the probes ran as outside, and user and group inside.
    pub users: [u32; 3],
    /// What the layers answered for the boundary's own program.
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
    /// None of its attacks was among those that were asked for.
    NotAttacked,
    /// Nothing is claimed: what the sentences allow or leave open.
    NotClaimed,
    /// Attacks are known, but this host has nothing to attack it with.
    NothingToAttack,
    /// What was attacked held, but some of its attacks were not asked for.
    PartlyAttacked,
    /// Every conclusive attack was stopped, and there was at least one.
    Proven,
    /// No attack was conclusive.
    Unproven,
}

impl ClaimState {
    /// As it is shown to people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "NOT HELD, accepted: a layer of it is absent",
            Self::Broken => "BROKEN",
            Self::NotAttacked => "not attacked",
            Self::NotClaimed => "not claimed",
            Self::NothingToAttack => "nothing to attack",
            Self::PartlyAttacked => "held so far, attacked in part",
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
    /// Attacks on it that were not asked for.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_run: usize,
    /// What the runs themselves showed of it, besides the attacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what the serialiser hands over")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
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
            time: sink::now(),
            host: read("hostname"),
            kernel: format!("{} {} {}", read("ostype"), read("osrelease"), std::env::consts::ARCH),
            node,
            users: [outside, facts.identity.0, facts.identity.1],
            layers: layers.iter().map(|answer| facts.of_own_program(answer)).collect(),
        }
    }

    /// Layers by what they answered, worst first.
    fn layers_in_words(&self) -> String {
        let of = |state: &str| -> Vec<&str> {
            let found = self.layers.iter().filter(|answer| answer.state == state);
            found.map(|answer| answer.layer.as_str()).collect()
        };
        let parts = ["absent", "enforced", "partial", "not-needed"].map(|state| (state, of(state)));
        let parts = parts.iter().filter(|(_, layers)| !layers.is_empty());
        parts
            .map(|(state, layers)| format!("{state} {}", layers.join(", ")))
            .collect::<Vec<_>>()
            .join("; ")
    }
}

impl Report {
    /// Judges every probe and every claim.
    pub(super) fn judge(
        boundary: &Boundary,
        evidence: Evidence,
        only: &[Class],
        inside: &Side,
        outside: &Side,
    ) -> Self {
        let probes: Vec<ProbeReport> =
            asked_for(only).map(|probe| judged(probe, inside, outside)).collect();
        let mut claims: Vec<ClaimReport> = Vec::new();
        for sentence in statement(boundary) {
            match claims.last_mut() {
                Some(last) if last.claim == sentence.claim => last.sentences.push(sentence),
                _ => claims.push(ClaimReport {
                    claim: sentence.claim,
                    sentences: vec![sentence],
                    state: ClaimState::Unproven,
                    counts: [0; 3],
                    not_run: 0,
                    seen: None,
                }),
            }
        }
        for claim in &mut claims {
            claim.conclude(&probes, &evidence);
        }
        let only = only.iter().map(|class| class.id()).collect();
        Self { schema: 1, evidence, claims, only, probes }
    }

    /// 0 when every claim that was attacked held; 1 when an attack went through; 3 when a claim that
    /// was attacked has no conclusive probe. Only without [`Report::only`] that is every claim.
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

    /// Ids of the claims of which no attack was asked for.
    pub(super) fn not_attacked(&self) -> Vec<&'static str> {
        let left = self.claims.iter().filter(|claim| claim.state == ClaimState::NotAttacked);
        left.map(|claim| claim.claim.id()).collect()
    }

    /// The report as JSON.
    ///
    /// # Errors
    /// None in practice: the form has string keys only.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }
}

/// The probes of these classes, all of them when none is named.
pub(super) fn asked_for(only: &[Class]) -> impl Iterator<Item = &'static Probe> {
    PROBES.iter().filter(move |probe| only.is_empty() || only.contains(&probe.class))
}

fn judged(probe: &'static Probe, inside: &Side, outside: &Side) -> ProbeReport {
    let of = |side: &Side| {
        let found = side.attempts.get(probe.id).cloned();
        found.unwrap_or_else(|| not_run(probe))
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
        canary_grants: probe.setting.grants(),
    }
}

fn not_run(probe: &Probe) -> Attempt {
    let mut attempt = Attempt::nothing("it was not run");
    if probe.act.is_within() {
        attempt.outcome = Outcome::NotApplicable;
        "what it attacks exists only inside".clone_into(&mut attempt.detail);
    }
    attempt
}

impl ProbeReport {
    pub(super) fn is(&self, verdict: Verdict) -> bool {
        self.verdict == verdict
    }

    /// What it attacks does not exist on this host, or the boundary has no such grant.
    pub(super) fn is_absent(&self) -> bool {
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
            || self.outside.outcome == Outcome::NotApplicable && !self.is(Verdict::Blocked)
            || self.outside.outcome == Outcome::Failed
                && MISSING.contains(&self.outside.code.as_str())
    }

    /// The user of the proof may not do it either.
    pub(super) fn is_refused_outside(&self) -> bool {
        self.outside.outcome == Outcome::Failed
            && matches!(self.outside.code.as_str(), "EPERM" | "EACCES" | "ENOSPC" | "no-effect")
    }
}

impl ClaimReport {
    fn conclude(&mut self, probes: &[ProbeReport], evidence: &Evidence) {
        let of: Vec<&ProbeReport> = probes.iter().filter(|p| p.claim == self.claim).collect();
        let count = |verdict| of.iter().filter(|probe| probe.verdict == verdict).count();
        self.counts = [count(Verdict::Blocked), count(Verdict::Inconclusive), count(Verdict::Open)];
        let all = PROBES.iter().filter(|probe| probe.claim == self.claim).count();
        self.not_run = all - of.len();
        self.seen = self.shown_by_the_runs(evidence);
        let claimed = self.sentences.iter().any(|sentence| sentence.weight == Weight::Claim);
        let absent = |p: &&ProbeReport| [&p.inside, &p.outside].iter().any(|a| a.code == "absent");
        self.state = match self.counts {
            [_, _, open] if open > 0 && self.lacks_layer(evidence) => ClaimState::Accepted,
            [_, _, open] if open > 0 => ClaimState::Broken,
            [blocked, ..] if claimed && blocked > 0 && self.not_run == 0 => ClaimState::Proven,
            [blocked, ..] if claimed && blocked > 0 => ClaimState::PartlyAttacked,
            _ if !claimed => ClaimState::NotClaimed,
            _ if self.claim == Claim::RequireLayers => layers_in_force(evidence),
            _ if all > 0 && of.is_empty() => ClaimState::NotAttacked,
            _ if of.iter().any(absent) => ClaimState::NothingToAttack,
            _ => ClaimState::Unproven,
        };
    }
}

impl ClaimReport {
    /// What the starts of the proof show of this claim, in words; nothing where nothing was started.
    fn shown_by_the_runs(&self, evidence: &Evidence) -> Option<String> {
        let [_, user, group] = evidence.users;
        match self.claim {
            _ if evidence.layers.is_empty() => None,
            Claim::IdentityNonRoot => Some(format!("inside: user {user}, group {group}")),
            Claim::RequireLayers => {
                let layers = evidence.layers_in_words();
                Some(format!("layers when the attacks were started: {layers}"))
            }
            _ => None,
        }
    }

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
