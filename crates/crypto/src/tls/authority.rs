//! A certificate authority for development, and what it issues.
//!
//! It is constrained to the names it was made for, to `localhost`, to `.test` and to loopback addresses
//! (RFC 5280 section 4.2.1.10): whoever steals its key from a laptop cannot pass for anybody else, even
//! where it is trusted. Keys are ECDSA on P-256. It is nothing for production: no revocation, and a key
//! in a file.

use super::certificate::hexadecimal;
use super::clock::{DAY, now};
use crate::random;
use crate::secret::Secret;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, SerialNumber, date_time_ymd,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;
use x509_parser::pem::parse_x509_pem;

/// Days for which an authority is valid.
const AUTHORITY_DAYS: i64 = 730;
/// Days for which what it issues is valid.
pub const LEAF_DAYS: i64 = 90;
/// Clocks may be apart by so much, in seconds.
const APART: i64 = 300;
/// Names under which it may always issue (RFC 6761).
const ALWAYS: [&str; 2] = ["localhost", "test"];
/// Most names of one certificate.
const NAMES_AT_MOST: usize = 100;

/// Why nothing was issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// Neither a DNS name nor an address.
    #[error("it is neither a DNS name nor an address: {0}")]
    Name(String),
    /// A name outside its constraints.
    #[error("this authority may not issue for it: {0}")]
    Forbidden(String),
    /// No name, or too many.
    #[error("a certificate has 1 to {NAMES_AT_MOST} names")]
    Names,
    /// What was kept of it cannot be read, or does not belong together.
    #[error("it is no authority with its key: {0}")]
    Kept(String),
    /// The certificate could not be made.
    #[error("the certificate cannot be made: {0}")]
    Made(String),
}

impl From<rcgen::Error> for AuthorityError {
    fn from(error: rcgen::Error) -> Self {
        Self::Made(error.to_string())
    }
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Servers.
    Server,
    /// Clients of servers that ask for a certificate.
    Client,
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Issued {
    /// The certificate, in PEM.
    pub certificate_pem: String,
    /// The key, in PEM.
    pub key_pem: Secret,
}

/// An authority for development.
pub struct Authority {
    pem: String,
    permitted: Vec<Permitted>,
    issuer: Issuer<'static, KeyPair>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("permitted", &self.permitted).finish_non_exhaustive()
    }
}

/// One subtree of names.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Permitted {
    Dns(String),
    Address(Vec<u8>),
}

impl Authority {
    /// A new authority, constrained to these names, what lies below them, and what is always allowed.
    ///
    /// # Errors
    /// [`AuthorityError::Name`], [`AuthorityError::Names`], [`AuthorityError::Made`].
    pub fn create(names: &[String]) -> Result<Self, AuthorityError> {
        if names.len() > NAMES_AT_MOST {
            return Err(AuthorityError::Names);
        }
        let mut permitted: Vec<GeneralSubtree> =
            ALWAYS.iter().map(|name| GeneralSubtree::DnsName((*name).to_owned())).collect();
        permitted.push(subtree(Ipv4Addr::new(127, 0, 0, 0).into(), 8));
        permitted.push(subtree(Ipv6Addr::LOCALHOST.into(), 128));
        for name in names {
            let subtree = match (name.parse::<IpAddr>(), dns_name(name)) {
                (Ok(address), _) => subtree(address, if address.is_ipv4() { 32 } else { 128 }),
                (Err(_), Some(name)) => GeneralSubtree::DnsName(name.to_owned()),
                (Err(_), None) => return Err(AuthorityError::Name(name.clone())),
            };
            if !permitted.contains(&subtree) {
                permitted.push(subtree);
            }
        }
        let mut params = validity(AUTHORITY_DAYS)?;
        // Two authorities of one name are mixed up where both are trusted.
        let tag: [u8; 4] = random::bytes().map_err(made)?;
        let name = format!("ringfence development authority {}", hexadecimal(&tag));
        params.distinguished_name = named(&name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let constraints =
            NameConstraints { permitted_subtrees: permitted, excluded_subtrees: Vec::new() };
        params.name_constraints = Some(constraints);
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Self::read(&pem, &Secret::new(key.serialize_pem().into_bytes()))
    }

    /// Takes up one that was made before.
    ///
    /// # Errors
    /// [`AuthorityError::Kept`] when it is none, has no constraints, has expired, or the key is another.
    pub fn read(certificate_pem: &str, key_pem: &Secret) -> Result<Self, AuthorityError> {
        let kept = |why: &str| AuthorityError::Kept(why.to_owned());
        let (_, pem) = parse_x509_pem(certificate_pem.as_bytes())
            .map_err(|_| kept("there is no certificate in it"))?;
        let (_, certificate) =
            parse_x509_certificate(&pem.contents).map_err(|_| kept("it is no certificate"))?;
        let constraints = certificate.name_constraints().ok().flatten();
        let subtrees =
            constraints.and_then(|constraints| constraints.value.permitted_subtrees.as_ref());
        let subtrees = subtrees.ok_or_else(|| kept("it is not constrained to names"))?;
        let permitted = subtrees.iter().filter_map(|subtree| match &subtree.base {
            GeneralName::DNSName(name) => Some(Permitted::Dns((*name).to_owned())),
            GeneralName::IPAddress(bytes) => Some(Permitted::Address(bytes.to_vec())),
            _ => None,
        });
        let permitted = permitted.collect();
        if certificate.validity().not_after.timestamp() < now() {
            return Err(kept("it has expired"));
        }
        let text = std::str::from_utf8(key_pem.expose()).map_err(|_| kept("its key is no text"))?;
        let key = KeyPair::from_pem(text).map_err(|_| kept("its key cannot be read"))?;
        if key.public_key_raw() != certificate.public_key().subject_public_key.data.as_ref() {
            return Err(kept("its key is another one's"));
        }
        let issuer = Issuer::from_ca_cert_pem(certificate_pem, key)?;
        Ok(Self { pem: certificate_pem.to_owned(), permitted, issuer })
    }

    /// Its certificate, in PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    /// Its key, in PEM.
    #[must_use]
    pub fn key_pem(&self) -> Secret {
        Secret::new(self.issuer.key().serialize_pem().into_bytes())
    }

    /// Whether it may issue for a name.
    #[must_use]
    pub fn may_issue(&self, name: &str) -> bool {
        self.permitted.iter().any(|permitted| permitted.covers(name))
    }

    /// Issues a certificate with a new key, for [`LEAF_DAYS`] days.
    ///
    /// # Errors
    /// [`AuthorityError::Name`], [`AuthorityError::Names`], [`AuthorityError::Forbidden`],
    /// [`AuthorityError::Made`].
    pub fn issue(&self, names: &[String], purpose: Purpose) -> Result<Issued, AuthorityError> {
        let first = names.first().filter(|_| names.len() <= NAMES_AT_MOST);
        let first = first.ok_or(AuthorityError::Names)?;
        for name in names {
            if name.parse::<IpAddr>().is_err() && dns_name(name).is_none() {
                return Err(AuthorityError::Name(name.clone()));
            }
            if !self.may_issue(name) {
                return Err(AuthorityError::Forbidden(name.clone()));
            }
        }
        let mut params = validity(LEAF_DAYS)?;
        let with_names = CertificateParams::new(names.to_vec())?;
        params.subject_alt_names = with_names.subject_alt_names;
        params.distinguished_name = named(first);
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match purpose {
            Purpose::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Purpose::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        let key = KeyPair::generate()?;
        let certificate_pem = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { certificate_pem, key_pem: Secret::new(key.serialize_pem().into_bytes()) })
    }
}

impl Permitted {
    fn covers(&self, name: &str) -> bool {
        match (self, name.parse::<IpAddr>()) {
            (Self::Address(subtree), Ok(address)) => {
                let bytes = match address {
                    IpAddr::V4(address) => address.octets().to_vec(),
                    IpAddr::V6(address) => address.octets().to_vec(),
                };
                let (prefix, mask) = subtree.split_at(subtree.len() / 2);
                let same = |((byte, prefix), mask): ((&u8, &u8), &u8)| byte & mask == prefix & mask;
                prefix.len() == bytes.len() && bytes.iter().zip(prefix).zip(mask).all(same)
            }
            (Self::Dns(subtree), Err(_)) => {
                let name = name.to_ascii_lowercase();
                let rest = name.strip_suffix(subtree.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            _ => false,
        }
    }
}

/// A name that certificates can have; a leading `*.` is taken off. Clients do not take one directly
/// below a name without a dot.
fn dns_name(name: &str) -> Option<&str> {
    let name = match name.strip_prefix("*.") {
        Some(rest) => Some(rest).filter(|rest| rest.contains('.'))?,
        None => name,
    };
    let label = |label: &str| {
        let letters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let dashes = label.starts_with('-') || label.ends_with('-');
        (1..=63).contains(&label.len()) && letters && !dashes
    };
    (name.len() <= 253 && name.split('.').all(label)).then_some(name)
}

fn subtree(address: IpAddr, prefix: u8) -> GeneralSubtree {
    GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, prefix))
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name.chars().take(64).collect::<String>());
    distinguished
}

/// Valid from now on, with a serial number of 128 random bits (RFC 5280 section 4.1.2.2).
fn validity(days: i64) -> Result<CertificateParams, AuthorityError> {
    let from = now() - APART;
    let until = from + days * DAY - 1;
    let moment = |seconds: i64| {
        date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
    };
    let mut serial: [u8; 16] = random::bytes().map_err(made)?;
    // A positive number of full length.
    serial[0] = serial[0] & 0x7f | 0x40;
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (moment(from), moment(until));
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

fn made(error: impl std::fmt::Display) -> AuthorityError {
    AuthorityError::Made(error.to_string())
}
