//! One release: its signatures and its attestations against the hash of the lockfile.

use super::bundle::{self, Attestation, Checked};
use super::keys::{Key, Refusal, Usage};
use super::origin::Origin;
use super::root::Trust;
use super::statement::Kind;
use super::{Expected, NO_KEYS, Signature, Source, Told, unknown_key};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use ringfence_project::graph::{Algorithm, Package, Source as From};
use serde::Serialize;

/// Most signatures of one release.
const SIGNATURES: usize = 32;

/// What became of one thing that could vouch for a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "why", rename_all = "kebab-case")]
pub enum Part {
    /// It is there and right.
    Verified,
    /// The registry has none for this release.
    None,
    /// It is there and wrong, or is about something else: why.
    Wrong(String),
    /// It cannot be judged: why.
    Unknown(String),
}

/// What vouches for a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The name of the package.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its line in the lockfile, counted from 1.
    pub line: usize,
    /// The signature of the registry.
    pub signature: Part,
    /// Whether nobody but the registry vouches for the key of its signature.
    pub told_key: bool,
    /// Where it was built.
    pub provenance: Part,
    /// That the registry published it, as its log has it.
    pub publish: Part,
    /// Attestations of other kinds that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<Part>,
    /// Where it was built, where that is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

impl Verdict {
    /// `name@version`
    #[must_use]
    pub fn package(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// Everything that was judged, with what it is.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &Part)> {
        let named = [
            ("signature", &self.signature),
            ("provenance", &self.provenance),
            ("publish attestation", &self.publish),
        ];
        named.into_iter().chain(self.other.iter().map(|part| ("attestation", part)))
    }
}

/// Judges the copies of a release: at least one.
pub fn judge<'a>(
    copies: impl Iterator<Item = &'a Package>,
    source: &dyn Source,
    trust: &Trust,
) -> Option<Verdict> {
    let mut copies = copies.peekable();
    let first = *copies.peek()?;
    let version = first.version.clone().unwrap_or_default();
    let start = Verdict {
        name: first.name.clone(),
        version,
        line: first.line,
        signature: Part::None,
        told_key: false,
        provenance: Part::None,
        publish: Part::None,
        other: Vec::new(),
        origin: None,
    };
    let hashes: Result<Vec<Vec<u8>>, String> = copies.map(hash).collect();
    let hashes = hashes.and_then(|mut all| {
        all.sort();
        all.dedup();
        match <[Vec<u8>; 1]>::try_from(all) {
            Ok([one]) => Ok(one),
            Err(_) => Err("the lockfile has several hashes for it".to_owned()),
        }
    });
    let told = hashes.and_then(|hash| Ok((hash, source.told(&start.name, &start.version)?)));
    Some(match told {
        Ok((hash, told)) => told_verdict(&start, &hash, &told, trust),
        Err(why) => Verdict {
            signature: Part::Unknown(why.clone()),
            provenance: Part::Unknown(why.clone()),
            publish: Part::Unknown(why),
            ..start
        },
    })
}

/// The SHA-512 of a package's tarball.
fn hash(package: &Package) -> Result<Vec<u8>, String> {
    match &package.source {
        From::Registry { .. } => {}
        From::Git { .. } => return Err("it comes from git, which no registry vouches for".into()),
        From::Tarball { .. } => {
            return Err("it comes from an address of its own, and no registry".into());
        }
        From::File { .. } | From::Link { .. } => return Err("it comes from this machine".into()),
    }
    if package.version.is_none() {
        return Err("the lockfile has no version of it".to_owned());
    }
    let mut hashes = package.integrity.hashes().filter(|(kind, _)| *kind == Algorithm::Sha512);
    let Some((_, hash)) = hashes.next() else {
        return Err("the lockfile has no SHA-512 of its tarball".to_owned());
    };
    if hashes.next().is_some() {
        return Err("the lockfile has several hashes for it".to_owned());
    }
    match BASE64.decode(hash) {
        Ok(bytes) if bytes.len() == 64 => Ok(bytes),
        _ => Err("what the lockfile has as SHA-512 is none".to_owned()),
    }
}

fn told_verdict(start: &Verdict, sha512: &[u8], told: &Told, trust: &Trust) -> Verdict {
    let Verdict { name, version, .. } = start;
    let expected = Expected { name, version, sha512, told: &told.keys };
    let (signature, told_key) = signatures(told, &expected, trust);
    let silent = || Part::Unknown("the registry serves no attestations".to_owned());
    let mut verdict = Verdict { signature, told_key, ..start.clone() };
    let Some(attestations) = &told.attestations else {
        return Verdict { provenance: silent(), publish: silent(), ..verdict };
    };
    let checked: Vec<Checked> =
        attestations.iter().map(|one: &Attestation| bundle::check(one, &expected, trust)).collect();
    for one in checked {
        let Checked { kind, part, origin } = one;
        match kind {
            Kind::Slsa1 | Kind::Slsa02 => {
                // A verified origin is told of the first one only: two that differ are a mistake.
                if verdict.origin.is_some() && origin.is_some() && verdict.origin != origin {
                    let two = "two attestations disagree on where it was built";
                    verdict.provenance = Part::Wrong(two.to_owned());
                } else {
                    verdict.provenance = worse(verdict.provenance, part);
                    verdict.origin = verdict.origin.or(origin);
                }
            }
            Kind::Publish => verdict.publish = worse(verdict.publish, part),
            Kind::Other if part == Part::Verified => {}
            Kind::Other => verdict.other.push(part),
        }
    }
    if verdict.provenance != Part::Verified {
        verdict.origin = None;
    }
    verdict
}

/// Of several of one kind, the worst counts.
fn worse(one: Part, other: Part) -> Part {
    let rank = |part: &Part| match part {
        Part::None => 0,
        Part::Verified => 1,
        Part::Unknown(_) => 2,
        Part::Wrong(_) => 3,
    };
    if rank(&other) > rank(&one) { other } else { one }
}

/// What becomes of the signatures, and whether one is by a key that the registry alone vouches for.
fn signatures(told: &Told, expected: &Expected<'_>, trust: &Trust) -> (Part, bool) {
    let Some(signatures) = &told.signatures else {
        return (Part::Unknown("the registry serves no signatures".to_owned()), false);
    };
    if signatures.is_empty() {
        return (Part::None, false);
    }
    if !trust.has_keys(expected) {
        return (Part::Unknown(NO_KEYS.to_owned()), false);
    }
    if signatures.len() > SIGNATURES {
        return (Part::Wrong(format!("it has more than {SIGNATURES} signatures")), false);
    }
    let integrity = format!("sha512-{}", BASE64.encode(expected.sha512));
    let text = format!("{}@{}:{integrity}", expected.name, expected.version);
    let mut result = (Part::None, false);
    for one in signatures {
        let (part, told_key) = match trust.key(expected, &one.keyid, Usage::Signatures) {
            None => (Part::Wrong(unknown_key(&one.keyid)), false),
            Some((key, told_key)) => (signature(one, &text, key, told.published), told_key),
        };
        result = (worse(result.0, part), result.1 || told_key);
    }
    result
}

fn signature(one: &Signature, text: &str, key: &Key, published: Option<i64>) -> Part {
    if !key.signed(text, &one.sig) {
        let why = "it is not over this name, this version and the lockfile's hash";
        return Part::Wrong(why.to_owned());
    }
    match key.refuses(published) {
        None => Part::Verified,
        Some(Refusal::OutOfTime) => {
            Part::Wrong("its key did not hold when the version was published".to_owned())
        }
        Some(Refusal::Unknown) => Part::Unknown(
            "its key holds no more, and the registry does not say when it was published".to_owned(),
        ),
    }
}
