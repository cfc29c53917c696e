//! Whom a certificate must come from to be trusted: the system's authorities, or pinned ones and no
//! other; and pinned keys on top.

use super::certificate::Certificate;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Why no trust could be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The text holds no certificate.
    #[error("there is no certificate in it")]
    Empty,
    /// One of its certificates cannot be an authority.
    #[error("its certificate {0} cannot be used as an authority")]
    Malformed(usize),
    /// The text of a pin is none.
    #[error("a pin is the base64 of a SHA-256: sha256/ and 44 letters")]
    Pin,
    /// The system has no store, or it cannot be read.
    #[error("the system's store of authorities cannot be read: {0}")]
    System(String),
}

/// SHA-256 of a public key (`SubjectPublicKeyInfo`), as RFC 7469 pins it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin(String);

impl Pin {
    /// Reads `sha256/BASE64`, `sha256//BASE64` (curl) or the base64 alone.
    ///
    /// # Errors
    /// [`TrustError::Pin`].
    pub fn read(text: &str) -> Result<Self, TrustError> {
        let hash = text.strip_prefix("sha256/").unwrap_or(text);
        let hash = hash.strip_prefix('/').filter(|rest| rest.len() == 44).unwrap_or(hash);
        let bytes = STANDARD.decode(hash).map_err(|_| TrustError::Pin)?;
        if bytes.len() == 32 { Ok(Self(hash.to_owned())) } else { Err(TrustError::Pin) }
    }

    /// The pin of a certificate.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        Self(certificate.pin.clone())
    }

    /// Whether it is this base64.
    pub(super) fn is(&self, hash: &str) -> bool {
        self.0 == hash
    }

    /// Whether a certificate has this key.
    #[must_use]
    pub fn matches(&self, certificate: &Certificate) -> bool {
        self.0 == certificate.pin
    }
}

impl std::fmt::Display for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sha256/{}", self.0)
    }
}

/// Authorities that are trusted.
#[derive(Debug, Clone)]
pub struct Trust {
    pub(super) roots: std::sync::Arc<RootCertStore>,
    pub(super) authorities: Vec<Certificate>,
    /// Whether these are the system's, for which the rules of public authorities hold.
    pub(super) public: bool,
}

impl Trust {
    /// What this system trusts: the store of its certificates package, or the file and folder that
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR` name. Node's own list is another one: it has its own copy of
    /// Mozilla's.
    ///
    /// # Errors
    /// [`TrustError::System`].
    pub fn system() -> Result<Self, TrustError> {
        let found = rustls_native_certs::load_native_certs();
        if found.certs.is_empty() {
            let why = found.errors.first().map(ToString::to_string);
            let why = why.unwrap_or_else(|| "it is empty".to_owned());
            return Err(TrustError::System(why));
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs.iter().cloned());
        Ok(Self { roots: roots.into(), authorities: read_all(&found.certs), public: true })
    }

    /// The certificates of a text in PEM and no others.
    ///
    /// # Errors
    /// [`TrustError::Empty`], [`TrustError::Malformed`].
    pub fn pinned(pem: &[u8]) -> Result<Self, TrustError> {
        let mut certificates = Vec::new();
        for (at, certificate) in CertificateDer::pem_slice_iter(pem).enumerate() {
            certificates.push(certificate.map_err(|_| TrustError::Malformed(at))?);
        }
        if certificates.is_empty() {
            return Err(TrustError::Empty);
        }
        let mut roots = RootCertStore::empty();
        for (at, certificate) in certificates.iter().enumerate() {
            roots.add(certificate.clone()).map_err(|_| TrustError::Malformed(at))?;
        }
        let authorities = read_all(&certificates);
        Ok(Self { roots: roots.into(), authorities, public: false })
    }

    /// Whether one of them is this certificate.
    pub(super) fn holds(&self, certificate: &Certificate) -> bool {
        self.authorities.iter().any(|own| own.der == certificate.der)
    }

    /// Whether one of them has the name that a certificate gives as its issuer.
    pub(super) fn knows_issuer_of(&self, certificate: &Certificate) -> bool {
        self.authorities.iter().any(|own| certificate.names_as_issuer(own))
    }
}

fn read_all(certificates: &[CertificateDer<'_>]) -> Vec<Certificate> {
    certificates.iter().filter_map(|der| Certificate::read(der).ok()).collect()
}
