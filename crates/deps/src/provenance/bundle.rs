//! Attestations as a registry serves them, and the check of one.
//!
//! Signatures, certificates, logs and timestamps are checked by Sigstore's own verifier: the certificate
//! leads to the trusted root and was valid when it signed, was itself logged (SCT), the log has the entry
//! (proof and checkpoint, or its signed promise), and the entry is of this envelope. What a statement is
//! about and what it claims is checked here.

use super::keys::{Refusal, Usage};
use super::origin::{self, Agreement, Origin};
use super::root::Trust;
use super::statement::{Kind, Statement};
use super::{Expected, Part};
use ringfence_policy::display::quoted;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sigstore_verify::crypto::{VerificationKey, parse_certificate_info};
use sigstore_verify::types::bundle::VerificationMaterialContent;
use sigstore_verify::types::{
    Artifact, ArtifactDigest, Bundle, DsseEnvelope, HashAlgorithm, SignatureContent,
};
use sigstore_verify::{
    Error, Policy, PublicKeyVerificationPolicy, VerificationPolicy, VerificationResult,
};

/// Largest document of attestations, in bytes: real ones have some 20 KiB for each.
pub(super) const LARGEST: u64 = 8 << 20;

/// Most attestations of one package.
const MOST: usize = 64;

/// Forms of bundles that are read.
const FORMS: [&str; 4] = [
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
];

/// Forms of a log's entries that are read, with their versions: the first and, in part, the second of
/// Sigstore's log.
const ENTRIES: [(&str, &str); 4] =
    [("hashedrekord", "0.0.1"), ("hashedrekord", "0.0.2"), ("dsse", "0.0.1"), ("intoto", "0.0.2")];

/// What an envelope says to hold, where it is a statement of in-toto.
const STATEMENT: &str = "application/vnd.in-toto+json";

/// One attestation, as it was served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attestation {
    /// What it is said to be; what is signed may say otherwise.
    #[serde(default)]
    predicate_type: String,
    bundle: Value,
}

#[derive(Deserialize)]
struct Document {
    attestations: Vec<Attestation>,
}

/// Reads what a registry answers when it is asked for attestations.
///
/// # Errors
/// It is none, or has too many.
pub fn read(bytes: &[u8]) -> Result<Vec<Attestation>, String> {
    if bytes.len() as u64 > LARGEST {
        return Err(format!("attestations of more than {LARGEST} bytes"));
    }
    let read: Document = serde_json::from_slice(bytes)
        .map_err(|error| format!("no document of attestations: {error}"))?;
    bounded(read.attestations)
}

/// At most so many as anybody has reason to make.
pub(super) fn bounded(all: Vec<Attestation>) -> Result<Vec<Attestation>, String> {
    if all.len() > MOST { Err(format!("more than {MOST} attestations")) } else { Ok(all) }
}

/// What an attestation turned out to be.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) kind: Kind,
    pub(super) part: Part,
    pub(super) origin: Option<Origin>,
}

/// Why an attestation does not count.
enum Fault {
    Wrong(String),
    Unknown(String),
}

impl From<Fault> for Part {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Wrong(why) => Self::Wrong(why),
            Fault::Unknown(why) => Self::Unknown(why),
        }
    }
}

/// Checks one attestation against a package and the hash of its tarball.
pub(super) fn check(one: &Attestation, expected: &Expected<'_>, trust: &Trust) -> Checked {
    let told = Kind::of(&one.predicate_type);
    match judged(one, expected, trust) {
        Ok((kind, origin)) => Checked { kind, part: Part::Verified, origin },
        Err((kind, fault)) => {
            Checked { kind: kind.unwrap_or(told), part: fault.into(), origin: None }
        }
    }
}

type Judged = Result<(Kind, Option<Origin>), (Option<Kind>, Fault)>;

fn judged(one: &Attestation, expected: &Expected<'_>, trust: &Trust) -> Judged {
    let bundle = parsed(one).map_err(|fault| (None, fault))?;
    let SignatureContent::DsseEnvelope(envelope) = &bundle.content else {
        return Err((None, Fault::Wrong("it holds no statement".to_owned())));
    };
    if envelope.payload_type != STATEMENT {
        return Err((None, of_another_type(&bundle, envelope, expected, trust)));
    }
    let statement = Statement::read(envelope.payload.as_bytes());
    let statement = statement.map_err(|why| (None, Fault::Wrong(why)))?;
    let kind = statement.kind();
    let failed = |fault| (Some(kind), fault);
    if !one.predicate_type.is_empty() && Kind::of(&one.predicate_type) != kind {
        let why = "what is signed is of another kind than the registry says";
        return Err(failed(Fault::Wrong(why.to_owned())));
    }
    statement
        .is_about(expected.name, expected.version, expected.sha512)
        .map_err(|why| failed(Fault::Wrong(why)))?;
    let result = match kind {
        Kind::Publish => published(&bundle, &statement, expected, trust).map(|()| None),
        _ => built(&bundle, &statement, expected, trust).map(Some),
    };
    result.map(|origin| (kind, origin)).map_err(failed)
}

/// Why an envelope does not count that says to hold something else than a statement. Its type is signed with
/// it: where the signature is right, a kind of statement may have come later, and else it was changed.
fn of_another_type(
    bundle: &Bundle,
    envelope: &DsseEnvelope,
    expected: &Expected<'_>,
    trust: &Trust,
) -> Fault {
    let key = match &bundle.verification_material.content {
        VerificationMaterialContent::PublicKey(hint) => {
            let known = trust.key(expected, &hint.hint, Usage::Attestations);
            known.map(|(key, _)| key.public())
        }
        _ => bundle
            .signing_certificate()
            .and_then(|certificate| parse_certificate_info(certificate).ok())
            .map(|info| info.public_key),
    };
    let key = key.and_then(|key| VerificationKey::from_spki(&key).ok());
    if key.is_some_and(|key| key.verify(envelope.pae(), &envelope.signature.sig).is_ok()) {
        let kind = quoted(&envelope.payload_type);
        return Fault::Unknown(format!("what is signed is of the type {kind}, which is not read"));
    }
    wrong("its signature is not over what it is said to hold")
}

fn parsed(one: &Attestation) -> Result<Bundle, Fault> {
    let form = one.bundle.get("mediaType").and_then(Value::as_str).unwrap_or_default();
    if !FORMS.contains(&form) {
        let why = format!("a bundle of the form {} cannot be read", quoted(form));
        return Err(Fault::Unknown(why));
    }
    if let Some(kind) = log_entry_of_the_future(&one.bundle) {
        let why = format!("an entry of a log of the form {} cannot be read", quoted(&kind));
        return Err(Fault::Unknown(why));
    }
    // Of parts that exclude each other the reader takes one, and others could take another.
    let material = one.bundle.get("verificationMaterial");
    let parts: [(Option<&Value>, &[&str]); 2] = [
        (Some(&one.bundle), &["dsseEnvelope", "messageSignature"]),
        (material, &["certificate", "publicKey", "x509CertificateChain"]),
    ];
    for (place, names) in parts {
        let is_there = |name: &&&str| {
            place.and_then(|place| place.get(**name)).is_some_and(|part| !part.is_null())
        };
        if names.iter().filter(is_there).count() > 1 {
            return Err(Fault::Wrong(format!("it has more than one of {}", names.join(", "))));
        }
    }
    Bundle::from_json(&one.bundle.to_string())
        .map_err(|error| Fault::Wrong(format!("it cannot be read: {}", quoted(&error.to_string()))))
}

/// The kind and version of an entry of a log that is none of those that are read.
fn log_entry_of_the_future(bundle: &Value) -> Option<String> {
    let entries = bundle.get("verificationMaterial")?.get("tlogEntries")?.as_array()?;
    entries.iter().find_map(|entry| {
        let of = |key: &str| entry.get("kindVersion")?.get(key)?.as_str();
        let told = (of("kind")?, of("version")?);
        (!ENTRIES.contains(&told)).then(|| format!("{} {}", told.0, told.1))
    })
}

/// Provenance: signed with a certificate that was given to a build.
fn built(
    bundle: &Bundle,
    statement: &Statement,
    expected: &Expected<'_>,
    trust: &Trust,
) -> Result<Origin, Fault> {
    if matches!(bundle.verification_material.content, VerificationMaterialContent::PublicKey(_)) {
        return Err(Fault::Wrong("a key signed it and no build".to_owned()));
    }
    let result = verified(bundle, expected, trust, &VerificationPolicy::any_identity())?;
    let info = result.certificate().ok_or_else(|| wrong("it has no certificate"))?;
    // The earliest of the moments that a log or a timestamp bears out.
    let signed = result.verified_timestamps().iter().map(|at| at.as_second()).min();
    let signed = signed.ok_or_else(|| wrong("nobody bears out when it was signed"))?;
    let mut origin = origin::of_certificate(info, signed).map_err(Fault::Wrong)?;
    if statement.kind() == Kind::Other {
        return Ok(origin);
    }
    let claimed = statement.claimed();
    let builder = info.ci_claims.build_signer_uri.as_deref();
    match origin::agree(&origin, &claimed, builder) {
        Agreement::Same => {}
        Agreement::Different(why) => return Err(Fault::Wrong(why)),
        Agreement::Incomparable(why) => return Err(Fault::Unknown(why)),
    }
    origin.builder = claimed.builder;
    Ok(origin)
}

/// A publish attestation: signed with a key of the registry.
fn published(
    bundle: &Bundle,
    statement: &Statement,
    expected: &Expected<'_>,
    trust: &Trust,
) -> Result<(), Fault> {
    let VerificationMaterialContent::PublicKey(hint) = &bundle.verification_material.content else {
        return Err(wrong("somebody else than the registry says that it was published"));
    };
    if !trust.has_keys(expected) {
        return Err(Fault::Unknown(super::NO_KEYS.to_owned()));
    }
    let Some((key, _)) = trust.key(expected, &hint.hint, Usage::Attestations) else {
        return Err(Fault::Wrong(super::unknown_key(&hint.hint)));
    };
    let result =
        verified(bundle, expected, trust, &PublicKeyVerificationPolicy::new(key.public()))?;
    // The verified timestamps are those of the log's promise: the moment of a proof alone is nobody's word.
    let at = result.verified_timestamps().iter().map(|at| at.as_second()).max();
    match key.refuses(at) {
        Some(Refusal::OutOfTime) => return Err(wrong("its key did not hold when it was signed")),
        Some(Refusal::Unknown) => {
            return Err(wrong("nobody bears out that its key still held when it was signed"));
        }
        None => {}
    }
    if statement.published() == Some((expected.name, expected.version)) {
        Ok(())
    } else {
        Err(wrong("it speaks of another package inside than outside"))
    }
}

fn verified(
    bundle: &Bundle,
    expected: &Expected<'_>,
    trust: &Trust,
    policy: &dyn Policy,
) -> Result<VerificationResult, Fault> {
    let Some(verifier) = &trust.verifier else {
        return Err(Fault::Unknown(super::NO_ROOT.to_owned()));
    };
    let digest = ArtifactDigest::new(HashAlgorithm::Sha2512, expected.sha512.to_vec());
    let digest = digest.map_err(|_| wrong("the lockfile's hash is none"))?;
    verifier.verify(Artifact::from_digest(digest), bundle, policy).map_err(|error| match error {
        Error::UnsupportedBundle(why) => Fault::Unknown(told(&why)),
        error => Fault::Wrong(told(&error.to_string())),
    })
}

fn wrong(why: &str) -> Fault {
    Fault::Wrong(why.to_owned())
}

/// What the verifier says, on one line; parts of it come from the bundle.
fn told(why: &str) -> String {
    const LONGEST: usize = 300;
    let plain = why.split_whitespace().collect::<Vec<_>>().join(" ");
    ringfence_policy::display::untrusted(&plain).to_string().chars().take(LONGEST).collect()
}
