//! The keys with which a registry signs: what `/-/npm/v1/keys` answers, and the form that Sigstore's
//! own repository of roots hands out.

use ringfence_policy::display::quoted;
use ringfence_policy::time;
use serde::Deserialize;
use serde_json::Value;
use sigstore_verify::crypto::{SigningScheme, VerificationKey};
use sigstore_verify::types::{DerPublicKey, SignatureBytes};
use std::collections::BTreeMap;

/// Most keys of one document.
const MOST: usize = 256;

/// Longest identifier of a key that is remembered, in bytes.
const IDENTIFIER: usize = 256;

/// What a key may sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usage {
    /// Everything that the registry signs.
    Any,
    /// Statements about what was published.
    Attestations,
    /// Names with versions and hashes.
    Signatures,
    /// Nothing that is judged here. It is kept so that nobody can bring in another key of its identifier.
    Other,
}

/// A public key of a registry: ECDSA on P-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `SHA256:...`, as signatures name it.
    pub id: String,
    /// What it may sign.
    pub usage: Usage,
    /// When it began to hold, in seconds since 1970.
    pub from: Option<i64>,
    /// When it stopped, likewise.
    pub until: Option<i64>,
    /// The scope whose packages alone it signs, as `@scope`.
    pub scope: Option<String>,
    /// Subject public key info (RFC 5280), DER.
    spki: DerPublicKey,
}

impl Key {
    /// Whether it may sign for a package of this name.
    pub(super) fn is_for(&self, name: &str) -> bool {
        self.scope
            .as_deref()
            .is_none_or(|scope| name.strip_prefix(scope).is_some_and(|rest| rest.starts_with('/')))
    }

    /// Why the key does not hold at a moment.
    pub(super) fn refuses(&self, at: Option<i64>) -> Option<Refusal> {
        if self.from.is_none() && self.until.is_none() {
            return None;
        }
        let Some(at) = at else {
            // A key that holds to this day has been good all along.
            return self.until.map(|_| Refusal::Unknown);
        };
        let early = self.from.is_some_and(|from| at < from);
        let late = self.until.is_some_and(|until| at >= until);
        (early || late).then_some(Refusal::OutOfTime)
    }

    /// Whether a signature (base64, DER) over a text is of this key.
    pub(super) fn signed(&self, text: &str, signature: &str) -> bool {
        let Ok(signature) = SignatureBytes::from_base64(signature) else { return false };
        VerificationKey::from_spki_with_scheme(&self.spki, SigningScheme::EcdsaP256Sha256)
            .is_ok_and(|key| key.verify(text, &signature).is_ok())
    }

    pub(super) fn public(&self) -> DerPublicKey {
        self.spki.clone()
    }
}

/// Why a key does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It was not valid then.
    OutOfTime,
    /// It is not valid for ever, and nobody said when it was used.
    Unknown,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Entry>,
    /// Written by [`of_scope`].
    scope: Option<String>,
}

/// Both forms of a key in one: what a form does not have is absent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    // The registry's own form
    keyid: Option<String>,
    key: Option<String>,
    scheme: Option<String>,
    expires: Option<String>,
    // The form of trusted roots
    key_id: Option<String>,
    key_usage: Option<String>,
    public_key: Option<PublicKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PublicKey {
    raw_bytes: String,
    key_details: Option<String>,
    valid_for: Option<Window>,
}

#[derive(Deserialize)]
struct Window {
    start: Option<String>,
    end: Option<String>,
}

/// Reads a document of keys. Keys of another kind than ECDSA on P-256 are for [`Usage::Other`].
///
/// # Errors
/// It is no such document, or a key in it is none or has a date that is none.
pub fn read(bytes: &[u8]) -> Result<Vec<Key>, String> {
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| format!("no document of keys: {error}"))?;
    if document.keys.len() > MOST {
        return Err(format!("more than {MOST} keys"));
    }
    let scope = document.scope;
    if scope.as_deref().is_some_and(|scope| !scope.starts_with('@') || scope.contains('/')) {
        return Err("a scope that is none".to_owned());
    }
    let keys: Result<Vec<_>, _> = document.keys.into_iter().map(key).collect();
    let keys = keys?.into_iter().flatten();
    Ok(keys.map(|key| Key { scope: scope.clone(), ..key }).collect())
}

/// The document of keys of a registry that is a scope's own, with that written into it: what it signs for
/// other packages does not count.
///
/// # Errors
/// It is no document of keys.
pub fn of_scope(bytes: &[u8], scope: &str) -> Result<String, String> {
    read(bytes)?;
    let mut document: BTreeMap<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| format!("no document of keys: {error}"))?;
    document.insert("scope".to_owned(), scope.into());
    let mut text = serde_json::to_string_pretty(&document)
        .map_err(|error| format!("no document of keys: {error}"))?;
    text.push('\n');
    Ok(text)
}

fn key(entry: Entry) -> Result<Option<Key>, String> {
    let id = entry.keyid.or(entry.key_id).filter(|id| !id.is_empty() && id.len() <= IDENTIFIER);
    let id = id.ok_or("a key without an identifier")?;
    let wrong = |what: &str| format!("the key {} has no {what}", quoted(&id));
    let (text, kind, from, until) = match entry.public_key {
        Some(key) => {
            let window = key.valid_for.unwrap_or(Window { start: None, end: None });
            (Some(key.raw_bytes), key.key_details, window.start, window.end)
        }
        None => (entry.key, entry.scheme, None, entry.expires),
    };
    let known = ["ecdsa-sha2-nistp256", "PKIX_ECDSA_P256_SHA_256"];
    let spki = text.and_then(|text| DerPublicKey::from_base64(&text).ok());
    if kind.is_some_and(|kind| !known.contains(&kind.as_str())) {
        let (usage, from, until) = (Usage::Other, None, None);
        return Ok(spki.map(|spki| Key { id, usage, from, until, scope: None, spki }));
    }
    let spki = spki.ok_or_else(|| wrong("public key"))?;
    VerificationKey::from_spki_with_scheme(&spki, SigningScheme::EcdsaP256Sha256)
        .map_err(|_| wrong("public key of ECDSA on P-256"))?;
    let moment = |text: Option<String>| match text {
        None => Ok(None),
        Some(text) => time::read(&text).map(Some).ok_or_else(|| wrong("date that can be read")),
    };
    let usage = match entry.key_usage.as_deref() {
        Some("npm:signatures") => Usage::Signatures,
        Some("npm:attestations") => Usage::Attestations,
        Some(_) => Usage::Other,
        None => Usage::Any,
    };
    let (from, until) = (moment(from)?, moment(until)?);
    Ok(Some(Key { id, usage, from, until, scope: None, spki }))
}
