//! A certificate as data: what it says, without judging it.
//!
//! Read from DER by x509-parser. Texts in it were chosen by whoever made the certificate, and are
//! shown only escaped.

use super::clock::written;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ringfence_policy::display::hex;
use serde::ser::{Serialize, SerializeStruct as _, Serializer};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::parse_x509_certificate;
use x509_parser::x509::SubjectPublicKeyInfo;

/// Most names of one certificate that are kept: public authorities allow a hundred.
const NAMES_AT_MOST: usize = 1000;

/// A public key: which kind, and how long.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct PublicKey {
    /// `RSA`, `EC P-256`, `Ed25519` or the identifier of another algorithm.
    pub kind: String,
    /// Bits of the modulus or of the curve; 0 where that is not known.
    pub bits: usize,
}

impl PublicKey {
    /// Whether it is too short for TLS (RFC 9325 section 4.5).
    #[must_use]
    pub fn is_weak(&self) -> bool {
        match self.kind.as_str() {
            "RSA" | "RSA-PSS" | "DSA" => self.bits < 2048,
            kind if kind.starts_with("EC") => self.bits < 256,
            _ => false,
        }
    }
}

/// What a certificate says. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate itself.
    pub der: Vec<u8>,
    /// Whom it is for.
    pub subject: String,
    /// Who signed it, as it says.
    pub issuer: String,
    /// The common name of the subject.
    pub common_name: Option<String>,
    /// DNS names and addresses, in its order.
    pub names: Vec<String>,
    /// Serial number in hexadecimal.
    pub serial: String,
    /// First moment.
    pub not_before: i64,
    /// Last moment.
    pub not_after: i64,
    /// Its key.
    pub key: PublicKey,
    /// How it was signed.
    pub signature: String,
    /// Whether that is MD5 or SHA-1.
    pub weak_signature: bool,
    /// Whether it may sign others.
    pub authority: bool,
    /// Whether it may be a server's; `None` when it does not say what it may be used for.
    pub server_auth: Option<bool>,
    /// Whether it may be a client's; `None` as above.
    pub client_auth: Option<bool>,
    /// Whether its own key signed it.
    pub self_signed: bool,
    /// Where its issuer can be fetched. It is not fetched.
    pub issuer_urls: Vec<String>,
    /// SHA-256 of the whole, in hexadecimal.
    pub fingerprint: String,
    /// SHA-256 of its public key in base64, as pins are written (RFC 7469).
    pub pin: String,
    /// Subject and issuer as they are compared.
    pub(super) subject_raw: Vec<u8>,
    pub(super) issuer_raw: Vec<u8>,
    /// Its public key, encoded.
    pub(super) spki: Vec<u8>,
}

impl Certificate {
    /// Reads one certificate.
    ///
    /// # Errors
    /// What is wrong with it; the text holds nothing of the certificate.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        let (rest, parsed) =
            parse_x509_certificate(der).map_err(|_| "it is no certificate".to_owned())?;
        if !rest.is_empty() {
            return Err("bytes follow the certificate".to_owned());
        }
        let mut certificate = plain(der, &parsed);
        for extension in parsed.extensions() {
            certificate.take(extension.parsed_extension());
        }
        let mine = certificate.subject_raw == certificate.issuer_raw;
        certificate.self_signed = mine && parsed.verify_signature(None).is_ok();
        Ok(certificate)
    }

    /// Whether it is valid at a moment.
    #[must_use]
    pub const fn covers(&self, moment: i64) -> bool {
        self.not_before <= moment && moment <= self.not_after
    }

    /// Whether `other` signed it. False also for algorithms that cannot be verified here.
    #[must_use]
    pub fn is_signed_by(&self, other: &Self) -> bool {
        let (Ok((_, own)), Ok((_, issuer))) =
            (parse_x509_certificate(&self.der), parse_x509_certificate(&other.der))
        else {
            return false;
        };
        self.names_as_issuer(other) && own.verify_signature(Some(issuer.public_key())).is_ok()
    }

    /// Whether it names `other` as its issuer.
    pub(super) fn names_as_issuer(&self, other: &Self) -> bool {
        self.issuer_raw == other.subject_raw
    }

    fn take(&mut self, extension: &ParsedExtension<'_>) {
        match extension {
            ParsedExtension::SubjectAlternativeName(names) => {
                let names = names.general_names.iter().take(NAMES_AT_MOST);
                self.names.extend(names.filter_map(name));
            }
            ParsedExtension::BasicConstraints(basic) => self.authority = basic.ca,
            ParsedExtension::ExtendedKeyUsage(usage) => {
                self.server_auth = Some(usage.any || usage.server_auth);
                self.client_auth = Some(usage.any || usage.client_auth);
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                let urls = access.accessdescs.iter().filter_map(|described| {
                    let issuers = described.access_method.to_id_string() == CA_ISSUERS;
                    match &described.access_location {
                        GeneralName::URI(url) if issuers => Some((*url).to_owned()),
                        _ => None,
                    }
                });
                self.issuer_urls.extend(urls.take(4));
            }
            _ => {}
        }
    }
}

impl Serialize for Certificate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Certificate", 15)?;
        fields.serialize_field("subject", &self.subject)?;
        fields.serialize_field("issuer", &self.issuer)?;
        fields.serialize_field("common_name", &self.common_name)?;
        fields.serialize_field("names", &self.names)?;
        fields.serialize_field("serial", &self.serial)?;
        fields.serialize_field("not_before", &written(self.not_before))?;
        fields.serialize_field("not_after", &written(self.not_after))?;
        fields.serialize_field("key", &self.key)?;
        fields.serialize_field("signature", &self.signature)?;
        fields.serialize_field("authority", &self.authority)?;
        fields.serialize_field("self_signed", &self.self_signed)?;
        fields.serialize_field("server_auth", &self.server_auth)?;
        fields.serialize_field("client_auth", &self.client_auth)?;
        fields.serialize_field("fingerprint_sha256", &self.fingerprint)?;
        fields.serialize_field("pin_sha256", &self.pin)?;
        fields.end()
    }
}

/// Everything but the extensions.
fn plain(der: &[u8], parsed: &X509Certificate<'_>) -> Certificate {
    let subject = parsed.subject();
    let common_name = subject.iter_common_name().next().and_then(|name| name.as_str().ok());
    let spki = parsed.public_key();
    let algorithm = parsed.signature_algorithm.algorithm.to_id_string();
    let (signature, weak_signature) = signature_name(&algorithm);
    Certificate {
        der: der.to_vec(),
        subject: subject.to_string(),
        issuer: parsed.issuer().to_string(),
        common_name: common_name.map(str::to_owned),
        names: Vec::new(),
        serial: hexadecimal(parsed.raw_serial()),
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
        key: public_key(spki),
        signature: signature.unwrap_or(algorithm),
        weak_signature,
        authority: false,
        server_auth: None,
        client_auth: None,
        self_signed: false,
        issuer_urls: Vec::new(),
        fingerprint: hexadecimal(digest(&SHA256, der).as_ref()),
        pin: STANDARD.encode(digest(&SHA256, spki.raw)),
        subject_raw: subject.as_raw().to_vec(),
        issuer_raw: parsed.issuer().as_raw().to_vec(),
        spki: spki.raw.to_vec(),
    }
}

/// A DNS name or an address; other kinds do not name servers.
pub(super) fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let address = <[u8; 4]>::try_from(*bytes)
                .map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)))
                .or_else(|_| <[u8; 16]>::try_from(*bytes).map(|b| IpAddr::V6(Ipv6Addr::from(b))));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// Which key it is, by its algorithm and, for curves, its parameters.
pub(super) fn public_key(spki: &SubjectPublicKeyInfo<'_>) -> PublicKey {
    let algorithm = spki.algorithm.algorithm.to_id_string();
    let curve = || {
        let parameters = spki.algorithm.parameters.as_ref()?;
        parameters.as_oid().ok().map(|curve| curve.to_id_string())
    };
    let modulus = || match spki.parsed() {
        Ok(x509_parser::public_key::PublicKey::RSA(key)) => bits(key.modulus),
        Ok(x509_parser::public_key::PublicKey::DSA(key)) => bits(key),
        _ => 0,
    };
    let (kind, bits) = match algorithm.as_str() {
        "1.2.840.113549.1.1.1" => ("RSA".to_owned(), modulus()),
        "1.2.840.113549.1.1.10" => ("RSA-PSS".to_owned(), modulus()),
        "1.2.840.10040.4.1" => ("DSA".to_owned(), modulus()),
        "1.3.101.112" => ("Ed25519".to_owned(), 256),
        "1.3.101.113" => ("Ed448".to_owned(), 456),
        "1.2.840.10045.2.1" => curve_name(curve().as_deref().unwrap_or_default()),
        _ => (algorithm, 0),
    };
    PublicKey { kind, bits }
}

fn curve_name(identifier: &str) -> (String, usize) {
    let (name, bits) = match identifier {
        "1.2.840.10045.3.1.1" => ("EC P-192", 192),
        "1.3.132.0.33" => ("EC P-224", 224),
        "1.2.840.10045.3.1.7" => ("EC P-256", 256),
        "1.3.132.0.10" => ("EC secp256k1", 256),
        "1.3.132.0.34" => ("EC P-384", 384),
        "1.3.132.0.35" => ("EC P-521", 521),
        other => return (format!("EC {other}"), 256),
    };
    (name.to_owned(), bits)
}

/// Bits of a big-endian number.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = number.get(zeros..).unwrap_or_default();
    let unused = number.first().map_or(0, |first| first.leading_zeros() as usize);
    number.len() * 8 - unused
}

/// Name of a signature algorithm, and whether its hash is broken.
pub(super) fn signature_name(identifier: &str) -> (Option<String>, bool) {
    let (name, weak) = match identifier {
        "1.2.840.113549.1.1.2" => ("RSA with MD2", true),
        "1.2.840.113549.1.1.4" => ("RSA with MD5", true),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => ("RSA with SHA-1", true),
        "1.2.840.113549.1.1.10" => ("RSA-PSS", false),
        "1.2.840.113549.1.1.11" => ("RSA with SHA-256", false),
        "1.2.840.113549.1.1.12" => ("RSA with SHA-384", false),
        "1.2.840.113549.1.1.13" => ("RSA with SHA-512", false),
        "1.2.840.10040.4.3" => ("DSA with SHA-1", true),
        "1.2.840.10045.4.1" => ("ECDSA with SHA-1", true),
        "1.2.840.10045.4.3.2" => ("ECDSA with SHA-256", false),
        "1.2.840.10045.4.3.3" => ("ECDSA with SHA-384", false),
        "1.2.840.10045.4.3.4" => ("ECDSA with SHA-512", false),
        "1.3.101.112" => ("Ed25519", false),
        "1.3.101.113" => ("Ed448", false),
        _ => return (None, false),
    };
    (Some(name.to_owned()), weak)
}

const CA_ISSUERS: &str = "1.3.6.1.5.5.7.48.2";

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    hex(bytes.get(..64).unwrap_or(bytes))
}
