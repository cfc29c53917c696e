//! The form of an attestation: an [in-toto Statement v1] whose predicate is a proof.
//!
//! The types are what `ringfence schema --attestation` describes, so their field names and the
//! words in them are an interface: a new field may come, none changes its meaning within one
//! `predicateType`. They hold plain words rather than the types of the proof, so that a rename in
//! the code cannot change a document by accident.
//!
//! [in-toto Statement v1]: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md

use schemars::JsonSchema;
use serde::Serialize;

/// Type of every in-toto statement of version 1.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// Type of this predicate, with its version.
pub const PREDICATE: &str = "https://ringfence.dev/attestation/boundary-proof/v1";

/// What `ringfence prove --attest` writes.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(title = "A proof of a ringfence boundary as an in-toto statement", deny_unknown_fields)]
pub struct Statement {
    /// Always `https://in-toto.io/Statement/v1`.
    #[serde(rename = "_type")]
    #[schemars(extend("const" = STATEMENT))]
    pub(super) kind: &'static str,
    /// What the proof is about: the boundary file first, then what it started and its lockfile.
    #[schemars(length(min = 1))]
    pub(super) subject: Vec<Resource>,
    /// Always `https://ringfence.dev/attestation/boundary-proof/v1`.
    #[schemars(extend("const" = PREDICATE))]
    pub(super) predicate_type: &'static str,
    /// The proof.
    pub(super) predicate: Predicate,
}

/// A file, named by what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Resource {
    /// Its name, without folders; of an executable its path.
    pub(super) name: String,
    /// What is in it.
    pub(super) digest: Digest,
    /// What it is to the proof.
    pub(super) annotations: Annotations,
}

/// Digests of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Digest {
    /// SHA-256 in lower-case hexadecimal.
    #[schemars(regex(pattern = r"^[0-9a-f]{64}$"))]
    pub(super) sha256: String,
}

/// What a file is to the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Annotations {
    /// Its role.
    pub(super) role: Role,
}

/// What a file is to the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Role {
    /// The boundary that was attacked.
    Boundary,
    /// The executable that the boundary starts.
    Executable,
    /// The lockfile beside the boundary file.
    Lockfile,
    /// The script that the executable is given.
    Script,
}

/// A proof of one boundary on one host.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Predicate {
    /// Name of the service.
    pub(super) service: String,
    /// What came of it.
    pub(super) result: Outcome,
    /// How many claims and attacks ended how.
    pub(super) counts: Counts,
    /// Where, when and with what it was made.
    pub(super) made: Made,
    /// What it was confined to or attached to.
    pub(super) options: Options,
    /// What each layer answered when the attacks were started.
    pub(super) layers: Vec<LayerState>,
    /// Every claim of the boundary with its attacks, in the order of its statement.
    pub(super) claims: Vec<ClaimResult>,
    /// What was seen of the running service from outside; only with `--attach`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(super) checks: Vec<LiveCheck>,
    /// The whole evidence, as `--format json` prints it for the same proof.
    pub(super) evidence: Evidence,
    /// What this statement does not say, one sentence each.
    pub(super) limits: Vec<String>,
}

/// What came of a proof.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Outcome {
    /// In one word; only `proven` says that every claim was attacked and held.
    pub(super) verdict: Word,
    /// What `ringfence prove` ended with: 0, 1 or 3.
    #[schemars(range(max = 3))]
    pub(super) exit_code: u8,
    /// Ids of the claims that this proof does not show to hold, whatever the reason.
    pub(super) not_proven: Vec<String>,
}

/// What came of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    /// An attack went through that the boundary claims to stop.
    Broken,
    /// What was attacked held, but not every claim was proven: `notProven` names them.
    Partial,
    /// Every claim was attacked, every conclusive attack was stopped.
    Proven,
    /// A claim has no conclusive attack.
    Undecided,
}

/// How many ended how.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Counts {
    /// Claims by what became of them.
    pub(super) claims: ClaimCounts,
    /// Attacks by verdict.
    pub(super) attacks: AttackCounts,
}

/// Claims by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ClaimCounts {
    /// An attack went through that only an absent layer stops, which the boundary accepts.
    pub(super) accepted: usize,
    /// An attack went through.
    pub(super) broken: usize,
    /// Its attacks were not asked for.
    pub(super) not_attacked: usize,
    /// The boundary claims nothing of it.
    pub(super) not_claimed: usize,
    /// This host has nothing to attack it with.
    pub(super) nothing_to_attack: usize,
    /// What was attacked held, some of its attacks were not asked for.
    pub(super) partly_attacked: usize,
    /// Every conclusive attack was stopped, and there was at least one.
    pub(super) proven: usize,
    /// No attack was conclusive.
    pub(super) unproven: usize,
}

/// Attacks by verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct AttackCounts {
    /// Stopped inside, and the same attack works outside.
    pub(super) blocked: usize,
    /// Neither.
    pub(super) inconclusive: usize,
    /// It worked inside.
    pub(super) open: usize,
}

/// Where, when and with what a proof was made.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Made {
    /// Version of ringfence.
    pub(super) ringfence: String,
    /// Before the first attack: RFC 3339, UTC.
    pub(super) started: String,
    /// After the last: RFC 3339, UTC.
    pub(super) ended: String,
    /// Name of the host.
    pub(super) host: String,
    /// Kernel and processor.
    pub(super) kernel: String,
    /// Version of Node, where the program is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) node: Option<String>,
    /// The executable that the boundary starts.
    pub(super) executable: Option<Resource>,
    /// Who attacked.
    pub(super) users: Users,
}

/// Who attacked.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Users {
    /// User of the controls, outside.
    pub(super) outside: u32,
    /// User inside.
    pub(super) inside: u32,
    /// Group inside.
    pub(super) inside_group: u32,
}

/// What a proof was confined to or attached to.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Options {
    /// Classes that were attacked (`--only`); all of them when empty.
    pub(super) only: Vec<String>,
    /// The running service (`--attach`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attached: Option<AttachedTo>,
}

/// A running service that was attacked beside.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct AttachedTo {
    /// Process id of its supervisor.
    pub(super) supervisor: u32,
    /// Process id of its program.
    pub(super) program: u32,
    /// How many times grants were dropped since it started; the attacks have those of the file.
    pub(super) drops: u64,
    /// Attacks made in the live service's namespaces and root.
    pub(super) attacks_beside: usize,
    /// Attacks made in a boundary built anew.
    pub(super) attacks_anew: usize,
}

/// What a layer answered.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct LayerState {
    /// Id of the layer.
    pub(super) layer: String,
    /// `enforced`, `partial`, `absent` or `not-needed`.
    pub(super) state: String,
    /// What is missing, for `partial` and `absent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
}

/// One claim.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct ClaimResult {
    /// Its id.
    pub(super) claim: String,
    /// What became of it, as in `ringfence prove --format json`.
    pub(super) state: String,
    /// The boundary's sentences about it, each with its weight in front: `claim`, `note`, `way-out`.
    pub(super) sentences: Vec<String>,
    /// Its attacks, counted.
    pub(super) attacks: AttackCounts,
    /// Attacks on it that were not asked for.
    pub(super) not_run: usize,
    /// What the runs showed of it besides the attacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seen: Option<String>,
    /// Each attack, in the order of the battery.
    pub(super) probes: Vec<ProbeResult>,
}

/// One attack.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ProbeResult {
    /// Its id.
    pub(super) probe: String,
    /// `blocked`, `inconclusive` or `open`.
    pub(super) verdict: String,
    /// Why it is not conclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) why: Option<String>,
    /// What happened inside: the outcome, and the code it failed with.
    pub(super) inside: String,
    /// What happened outside.
    pub(super) outside: String,
}

/// One look at the running service.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct LiveCheck {
    /// Its id.
    pub(super) check: String,
    /// What should be so.
    pub(super) expects: String,
    /// `blocked` when it is so, `open` when it is not, `inconclusive` when it cannot be seen.
    pub(super) verdict: String,
    /// What was seen.
    pub(super) seen: String,
}

/// The whole evidence.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub(super) struct Evidence {
    /// Always `application/json`.
    pub(super) media_type: &'static str,
    /// Of the text that `--format json` prints, line feed included.
    pub(super) digest: Digest,
}
