//! A proof as an attestation: an in-toto statement that other tools carry, sign and judge.
//!
//! It never says more than the proof did. Claims that are accepted, not attacked or undecided are
//! carried as such, and only a proof of every claim is called `proven`. By itself it is not signed:
//! whoever may write the file may write anything into it. The command line puts it into a signed
//! envelope, where it is asked to.

mod files;
mod form;

#[cfg(test)]
mod tests;

pub use form::{PREDICATE, STATEMENT, Statement};

use super::attach::AttachReport;
use super::attempt::{Attempt, Outcome as Came};
use super::facts::Facts;
use super::report::{ClaimReport, ClaimState, ProbeReport};
use super::{Report, Verdict};
use crate::enforce::sink;
use crate::plan::Plan;
use ringfence_policy::statement::Weight;
use schemars::generate::SchemaSettings;
use std::path::{Path, PathBuf};

use form::{
    Annotations, AttachedTo, AttackCounts, ClaimCounts, ClaimResult, Counts, Evidence, LayerState,
    LiveCheck, Made, Options, Outcome, Predicate, ProbeResult, Resource, Role, Users, Word,
};

/// JSON Schema (2020-12) of what `prove --attest` writes.
#[must_use]
pub fn json_schema() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let schema = generator.into_root_schema_for::<Statement>();
    serde_json::to_string_pretty(&schema).unwrap_or_default()
}

/// What is known before the first attack.
#[derive(Debug, Clone)]
pub struct Begun {
    started: String,
    subject: Vec<Resource>,
    executable: Option<Resource>,
}

impl Begun {
    /// Now, with the files that the proof is about: the boundary at `file`, whose SHA-256 is `hash`
    /// in lower-case hexadecimal, what its `plan` starts, and the lockfile of its `folder`.
    #[must_use]
    pub fn now(plan: &Plan, file: &Path, folder: &Path, hash: &str) -> Self {
        let started = sink::now();
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        let annotations = Annotations { role: Role::Boundary };
        let mut subject = vec![Resource { name, digest: files::known(hash), annotations }];
        let facts = Facts::of(plan, PathBuf::from(file), Vec::new());
        let script = facts.entrypoint.filter(|_| plan.program.node.is_some());
        subject.extend(script.and_then(|path| files::named(&path, Role::Script)));
        subject.extend(files::lockfile(folder));
        Self { started, subject, executable: files::by_path(&plan.program.path, Role::Executable) }
    }

    /// The statement of a proof that has ended since.
    #[must_use]
    pub fn attest(self, report: &Report) -> Statement {
        let evidence = pretty(report);
        self.statement(report, None, &evidence)
    }

    /// The statement of a proof that was made beside a running service.
    #[must_use]
    pub fn attest_attached(self, attached: &AttachReport) -> Statement {
        let evidence = pretty(attached);
        self.statement(&attached.report, Some(attached), &evidence)
    }

    fn statement(
        self,
        report: &Report,
        attached: Option<&AttachReport>,
        evidence: &[u8],
    ) -> Statement {
        let exit_code = attached.map_or_else(|| report.exit_code(), AttachReport::exit_code);
        let predicate = Predicate {
            service: report.evidence.service.clone(),
            result: outcome(report, exit_code),
            counts: counts(report),
            made: made(self.started, self.executable, report),
            options: options(report, attached),
            layers: layers(report),
            claims: report.claims.iter().map(|claim| claim_result(claim, &report.probes)).collect(),
            checks: attached.map(checks).unwrap_or_default(),
            evidence: Evidence {
                media_type: "application/json",
                digest: files::of_bytes(evidence),
            },
            limits: limits(report, attached),
        };
        Statement { kind: STATEMENT, subject: self.subject, predicate_type: PREDICATE, predicate }
    }
}

impl Statement {
    /// The statement as JSON, indented, with a line feed at its end.
    ///
    /// # Errors
    /// None in practice: the form has string keys only.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

/// As `--format json` prints it.
fn pretty(proof: &impl serde::Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(proof).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn outcome(report: &Report, exit_code: u8) -> Outcome {
    let left = report.claims.iter();
    let left = left.filter(|c| !matches!(c.state, ClaimState::Proven | ClaimState::NotClaimed));
    let not_proven: Vec<String> = left.map(|claim| claim.claim.id().to_owned()).collect();
    let verdict = match exit_code {
        1 => Word::Broken,
        0 if not_proven.is_empty() => Word::Proven,
        0 => Word::Partial,
        _ => Word::Undecided,
    };
    Outcome { verdict, exit_code, not_proven }
}

fn counts(report: &Report) -> Counts {
    let of = |state| report.claims.iter().filter(|claim| claim.state == state).count();
    let claims = ClaimCounts {
        accepted: of(ClaimState::Accepted),
        broken: of(ClaimState::Broken),
        not_attacked: of(ClaimState::NotAttacked),
        not_claimed: of(ClaimState::NotClaimed),
        nothing_to_attack: of(ClaimState::NothingToAttack),
        partly_attacked: of(ClaimState::PartlyAttacked),
        proven: of(ClaimState::Proven),
        unproven: of(ClaimState::Unproven),
    };
    let with = |verdict| report.probes.iter().filter(|probe| probe.verdict == verdict).count();
    let attacks = AttackCounts {
        blocked: with(Verdict::Blocked),
        inconclusive: with(Verdict::Inconclusive),
        open: with(Verdict::Open),
    };
    Counts { claims, attacks }
}

fn made(started: String, executable: Option<Resource>, report: &Report) -> Made {
    let evidence = &report.evidence;
    let [outside, inside, inside_group] = evidence.users;
    Made {
        ringfence: evidence.ringfence.to_owned(),
        started,
        ended: evidence.time.clone(),
        host: evidence.host.clone(),
        kernel: evidence.kernel.clone(),
        node: evidence.node.clone(),
        executable,
        users: Users { outside, inside, inside_group },
    }
}

fn options(report: &Report, attached: Option<&AttachReport>) -> Options {
    let attached = attached.map(|proof| AttachedTo {
        supervisor: proof.attached.supervisor,
        program: proof.attached.program,
        drops: proof.attached.generation,
        attacks_beside: proof.attached.beside.len(),
        attacks_anew: proof.attached.anew.len(),
    });
    Options { only: report.only.iter().map(|class| (*class).to_owned()).collect(), attached }
}

fn layers(report: &Report) -> Vec<LayerState> {
    let answers = report.evidence.layers.iter();
    answers
        .map(|answer| LayerState {
            layer: answer.layer.clone(),
            state: answer.state.clone(),
            why: answer.why.clone(),
        })
        .collect()
}

fn claim_result(claim: &ClaimReport, probes: &[ProbeReport]) -> ClaimResult {
    let [blocked, inconclusive, open] = claim.counts;
    let sentences = claim.sentences.iter();
    let own = probes.iter().filter(|probe| probe.claim == claim.claim);
    ClaimResult {
        claim: claim.claim.id().to_owned(),
        state: state(claim.state).to_owned(),
        sentences: sentences.map(|s| format!("{}: {}", weight(s.weight), s.text)).collect(),
        attacks: AttackCounts { blocked, inconclusive, open },
        not_run: claim.not_run,
        seen: claim.seen.clone(),
        probes: own.map(probe_result).collect(),
    }
}

fn probe_result(probe: &ProbeReport) -> ProbeResult {
    ProbeResult {
        probe: probe.probe.to_owned(),
        verdict: probe.verdict.to_string(),
        why: (!probe.why.is_empty()).then(|| probe.why.clone()),
        inside: side(&probe.inside),
        outside: side(&probe.outside),
    }
}

/// The outcome and the code; the words of an attempt are in the evidence.
fn side(attempt: &Attempt) -> String {
    let outcome = match attempt.outcome {
        Came::Failed => "failed",
        Came::NotApplicable => "not-applicable",
        Came::Nothing => "nothing",
        Came::Succeeded => "succeeded",
        Came::TimedOut => "timed-out",
    };
    if attempt.code.is_empty() { outcome.to_owned() } else { format!("{outcome} {}", attempt.code) }
}

const fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Claim => "claim",
        Weight::Note => "note",
        Weight::WayOut => "way-out",
    }
}

/// As `--format json` writes it; a test compares.
const fn state(state: ClaimState) -> &'static str {
    match state {
        ClaimState::Accepted => "accepted",
        ClaimState::Broken => "broken",
        ClaimState::NotAttacked => "not-attacked",
        ClaimState::NotClaimed => "not-claimed",
        ClaimState::NothingToAttack => "nothing-to-attack",
        ClaimState::PartlyAttacked => "partly-attacked",
        ClaimState::Proven => "proven",
        ClaimState::Unproven => "unproven",
    }
}

fn checks(proof: &AttachReport) -> Vec<LiveCheck> {
    let checks = proof.checks.iter();
    checks
        .map(|check| LiveCheck {
            check: check.check.to_owned(),
            expects: check.expects.to_owned(),
            verdict: check.verdict.to_string(),
            seen: check.seen.clone(),
        })
        .collect()
}

/// What must not be read into the statement.
fn limits(report: &Report, attached: Option<&AttachReport>) -> Vec<String> {
    let mut said = vec![
        "by itself it carries no signature: outside of a signed envelope, who may write it may write anything into it",
        "it speaks of these attacks on this host at this time, and does not show that no other attack works",
        "bugs of the kernel are outside of what the attacks can see",
    ];
    if !report.only.is_empty() {
        said.push("only some classes were attacked: a claim that none of them attacks is not shown to hold");
    }
    if report.claims.iter().any(|claim| claim.state == ClaimState::Accepted) {
        said.push("an accepted claim does not hold: a layer of it is absent, and the boundary accepts that");
    }
    if attached.is_some_and(|proof| proof.attached.generation > 0) {
        said.push("grants were dropped since the service started: it has less than its file says");
    }
    said.into_iter().map(str::to_owned).collect()
}
