//! Files that hold certificates, requests and keys: PEM with any number of parts, or one in DER.
//!
//! Private keys are only told apart and held against the certificates; nothing of one is shown, and an
//! encrypted one is not opened. PKCS#12 is recognised and not opened either.

use super::certificate::{self, Certificate, PublicKey};
use super::finding::{Code, Finding};
use super::judge::{Expected, Judged, alone, judge};
use crate::secret::Secret;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::ParsedExtension;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Largest file that is read, in bytes: the store of a whole system has a quarter of it.
pub const LARGEST: usize = 4 << 20;
/// Most parts of a file.
const PARTS: usize = 2000;

/// Why nothing could be made of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// Larger than [`LARGEST`].
    #[error("it is larger than {LARGEST} bytes")]
    TooLarge,
    /// More parts than anybody needs.
    #[error("it has more than {PARTS} parts")]
    TooMany,
    /// Nothing that is known here.
    #[error("it is no certificate, request or key, in PEM or DER")]
    Unknown,
}

/// One part of a file.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Item {
    /// A certificate.
    Certificate(Box<Certificate>),
    /// A certificate that cannot be read, and why not.
    Unreadable {
        /// The reason.
        why: String,
    },
    /// A request for a certificate (RFC 2986).
    Request {
        /// Whom it asks for.
        subject: String,
        /// DNS names and addresses it asks for.
        names: Vec<String>,
        /// Its key.
        key: PublicKey,
        /// Whether its own key signed it.
        signed: bool,
        /// The key, encoded.
        #[serde(skip)]
        spki: Vec<u8>,
    },
    /// A private key.
    PrivateKey {
        /// The key it belongs to; `None` when it is encrypted, or of a kind not known here.
        key: Option<PublicKey>,
        /// Whether a passphrase protects it.
        encrypted: bool,
        /// The public key it belongs to, encoded.
        #[serde(skip)]
        spki: Option<Vec<u8>>,
    },
    /// A public key.
    PublicKey {
        /// Which.
        key: PublicKey,
    },
    /// A list of revoked certificates.
    RevocationList {
        /// Whose.
        issuer: String,
        /// How many it names.
        revoked: usize,
    },
    /// A PKCS#12 file (RFC 7292): keys and certificates behind a passphrase.
    Pkcs12,
    /// A part with another label.
    Other {
        /// The label.
        label: String,
    },
}

/// The parts of a file, in its order.
///
/// # Errors
/// [`FileError`].
pub fn items(bytes: &[u8]) -> Result<Vec<Item>, FileError> {
    if bytes.len() > LARGEST {
        return Err(FileError::TooLarge);
    }
    if !contains(bytes, b"-----BEGIN ") {
        return der(bytes).map(|item| vec![item]).ok_or(FileError::Unknown);
    }
    let mut found = Vec::new();
    for part in Pem::iter_from_buffer(bytes) {
        if found.len() == PARTS {
            return Err(FileError::TooMany);
        }
        found.push(match part {
            Ok(part) => {
                let contents = Secret::new(part.contents);
                labelled(&part.label, contents.expose())
            }
            // The older form of an encrypted key has headers where others have base64.
            Err(_) if contains(bytes, b"Proc-Type: 4,ENCRYPTED") => {
                Item::PrivateKey { key: None, encrypted: true, spki: None }
            }
            Err(_) => Item::Unreadable { why: "its PEM is damaged".to_owned() },
        });
    }
    if found.is_empty() { Err(FileError::Unknown) } else { Ok(found) }
}

/// Holds the parts of a file against what is expected, and keys against certificates. Says also
/// whether a path leads to a trusted authority, when somebody asked.
#[must_use]
pub fn examine(items: &[Item], expected: &Expected) -> (Vec<Finding>, Option<bool>) {
    let mut unreadable = Vec::new();
    let mut chain = Vec::new();
    for (at, item) in items.iter().enumerate() {
        match item {
            Item::Certificate(certificate) => chain.push((**certificate).clone()),
            Item::Unreadable { why } => {
                unreadable.push(Finding::of(Code::UnreadableCertificate, at, why.clone()));
            }
            _ => {}
        }
    }
    let authorities = chain.iter().all(|certificate| certificate.authority);
    let mut judged = if authorities && expected.name.is_none() {
        let each = chain.iter().enumerate();
        let findings = each.flat_map(|(at, authority)| {
            // One under itself needs no good signature.
            let mut found = alone(at, authority, expected);
            found.retain(|found| !(found.code == Code::WeakSignature && authority.self_signed));
            found
        });
        Judged { findings: findings.collect(), trusted: None }
    } else {
        judge(&chain, expected)
    };
    judged.findings.splice(0..0, unreadable);
    let public: Vec<&[u8]> = items.iter().filter_map(public).collect();
    for item in items {
        if let Item::PrivateKey { spki: Some(own), key, .. } = item {
            if !public.is_empty() && !public.contains(&own.as_slice()) {
                let message = "the private key belongs to none of the certificates";
                judged.findings.push(Finding::new(Code::KeyMismatch, message));
            }
            if let Some(key) = key.as_ref().filter(|key| key.is_weak()) {
                let message = format!("the private key is too short: {} bits", key.bits);
                judged.findings.push(Finding::new(Code::WeakKey, message));
            }
        }
    }
    (judged.findings, judged.trusted)
}

/// The key that a certificate or a request is for.
fn public(item: &Item) -> Option<&[u8]> {
    match item {
        Item::Certificate(certificate) => Some(&certificate.spki),
        Item::Request { spki, .. } => Some(spki),
        _ => None,
    }
}

fn labelled(label: &str, der: &[u8]) -> Item {
    let unreadable = |why: &str| Item::Unreadable { why: why.to_owned() };
    match label {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => certificate(der),
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            request(der).unwrap_or_else(|| unreadable("it is no request"))
        }
        "ENCRYPTED PRIVATE KEY" => Item::PrivateKey { key: None, encrypted: true, spki: None },
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => private_key(der),
        "PUBLIC KEY" => public_key(der).unwrap_or_else(|| unreadable("it is no public key")),
        "X509 CRL" => {
            revocation_list(der).unwrap_or_else(|| unreadable("it is no list of revocations"))
        }
        other => Item::Other { label: other.chars().take(80).collect() },
    }
}

fn certificate(der: &[u8]) -> Item {
    match Certificate::read(der) {
        Ok(certificate) => Item::Certificate(Box::new(certificate)),
        Err(why) => Item::Unreadable { why },
    }
}

fn der(bytes: &[u8]) -> Option<Item> {
    if let Ok(certificate) = Certificate::read(bytes) {
        return Some(Item::Certificate(Box::new(certificate)));
    }
    if is_pkcs12(bytes) {
        return Some(Item::Pkcs12);
    }
    let others = [request, public_key, revocation_list];
    if let Some(item) = others.iter().find_map(|read| read(bytes)) {
        return Some(item);
    }
    let key = PrivateKeyDer::try_from(bytes).ok()?;
    Some(key_item(&key))
}

fn request(der: &[u8]) -> Option<Item> {
    let (rest, request) = X509CertificationRequest::from_der(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let info = &request.certification_request_info;
    let mut names = Vec::new();
    for extension in request.requested_extensions().into_iter().flatten() {
        if let ParsedExtension::SubjectAlternativeName(asked) = extension {
            names.extend(asked.general_names.iter().take(1000).filter_map(certificate::name));
        }
    }
    Some(Item::Request {
        subject: info.subject.to_string(),
        names,
        key: certificate::public_key(&info.subject_pki),
        signed: request.verify_signature().is_ok(),
        spki: info.subject_pki.raw.to_vec(),
    })
}

fn private_key(der: &[u8]) -> Item {
    match PrivateKeyDer::try_from(der) {
        Ok(key) => key_item(&key),
        Err(_) => Item::Unreadable { why: "it is no private key".to_owned() },
    }
}

fn key_item(key: &PrivateKeyDer<'_>) -> Item {
    let signing = any_supported_type(&key.clone_key()).ok();
    let spki = signing.as_ref().and_then(|signing| signing.public_key());
    let spki = spki.map(|spki| spki.as_ref().to_vec());
    let parsed = spki.as_deref().and_then(|spki| SubjectPublicKeyInfo::from_der(spki).ok());
    let key = parsed.map(|(_, parsed)| certificate::public_key(&parsed));
    Item::PrivateKey { key, encrypted: false, spki }
}

fn public_key(der: &[u8]) -> Option<Item> {
    let (rest, key) = SubjectPublicKeyInfo::from_der(der).ok()?;
    rest.is_empty().then(|| Item::PublicKey { key: certificate::public_key(&key) })
}

fn revocation_list(der: &[u8]) -> Option<Item> {
    let (rest, list) = CertificateRevocationList::from_der(der).ok()?;
    let revoked = list.iter_revoked_certificates().count();
    let issuer = list.issuer().to_string();
    rest.is_empty().then_some(Item::RevocationList { issuer, revoked })
}

/// `PFX ::= SEQUENCE { version INTEGER (3), authSafe ContentInfo (data) ... }`.
fn is_pkcs12(bytes: &[u8]) -> bool {
    const VERSION: [u8; 3] = [2, 1, 3];
    /// `id-data` and `id-signedData` of PKCS#7.
    const CONTENT: [u8; 10] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7];
    let start = bytes.get(..48.min(bytes.len())).unwrap_or_default();
    let outer = match start {
        [0x30, 0x82, _, _, ..] => 4,
        [0x30, 0x83, _, _, _, ..] => 5,
        [0x30, 0x81, _, ..] => 3,
        // Lengths are left open where it was streamed.
        [0x30, ..] => 2,
        _ => return false,
    };
    start.get(outer..).is_some_and(|rest| rest.starts_with(&VERSION)) && contains(start, &CONTENT)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
