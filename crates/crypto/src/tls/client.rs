//! The client's side of TLS between services: one pinned authority and no other, a certificate of its
//! own, TLS 1.2 at least, and files that are read again when they change.
//!
//! Verification cannot be switched off here: there is no function for it. A pin is one more condition
//! behind verification and never in its place, and only the server's own key counts for it: whatever
//! else a server sends along, it chose itself.

use super::trust::{Pin, Trust, TrustError};
use crate::secret::Secret;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme, version,
};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Largest file of certificates or of a key, in bytes.
const LARGEST: u64 = 1 << 20;

/// Why no client was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The authorities.
    #[error("authorities: {0}")]
    Trust(#[from] TrustError),
    /// The client's certificate.
    #[error("the client's certificate cannot be read")]
    Certificate,
    /// The client's key. Nothing of it is told.
    #[error("the client's private key cannot be read")]
    Key,
    /// They do not belong together, or rustls refuses them.
    #[error("the client's certificate and key are refused: {0}")]
    Identity(String),
    /// Anything else that rustls refuses.
    #[error("it is refused: {0}")]
    Refused(String),
    /// A file.
    #[error("cannot read {}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        why: String,
    },
}

/// What a client trusts, and what it shows.
///
/// ```
/// # use ringfence_crypto::tls::{Authority, Client, Purpose};
/// # let ca = Authority::create(&["api.test".to_owned()]).unwrap();
/// # let mine = ca.issue(&["worker.test".to_owned()], Purpose::Client).unwrap();
/// # let (ca, cert, key) = (ca.certificate_pem(), mine.certificate_pem, mine.key_pem);
/// let config = Client::pinned(ca.as_bytes())?.identity(cert.as_bytes(), &key)?.build()?;
/// # assert!(config.client_auth_cert_resolver.has_certs());
/// # Ok::<(), ringfence_crypto::tls::ClientError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Client {
    trust: Trust,
    identity: Option<(Vec<CertificateDer<'static>>, Secret)>,
    pins: Vec<Pin>,
    only_newest: bool,
}

impl Client {
    /// Trusts the certificates of a text in PEM and no others: not the system's either.
    ///
    /// # Errors
    /// [`ClientError::Trust`].
    pub fn pinned(authorities: &[u8]) -> Result<Self, ClientError> {
        let trust = Trust::pinned(authorities)?;
        Ok(Self { trust, identity: None, pins: Vec::new(), only_newest: false })
    }

    /// Shows a certificate (with its intermediates, in PEM) when a server asks for one.
    ///
    /// # Errors
    /// [`ClientError::Certificate`], [`ClientError::Key`].
    pub fn identity(mut self, certificate: &[u8], key: &Secret) -> Result<Self, ClientError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or(ClientError::Certificate)?;
        PrivateKeyDer::from_pem_slice(key.expose()).map_err(|_| ClientError::Key)?;
        self.identity = Some((chain, key.clone()));
        Ok(self)
    }

    /// The server's own key must be this one, or one of those given before.
    #[must_use]
    pub fn pin(mut self, pin: Pin) -> Self {
        self.pins.push(pin);
        self
    }

    /// Refuses TLS 1.2 as well.
    #[must_use]
    pub const fn only_tls13(mut self) -> Self {
        self.only_newest = true;
        self
    }

    /// What rustls, and clients that stand on it, take.
    ///
    /// # Errors
    /// [`ClientError::Identity`] when certificate and key are not one another's, else
    /// [`ClientError::Refused`].
    pub fn build(&self) -> Result<Arc<ClientConfig>, ClientError> {
        let refused = |error: &dyn std::fmt::Display| ClientError::Refused(error.to_string());
        let provider = Arc::new(provider::default_provider());
        let roots = Arc::clone(&self.trust.roots);
        let inner = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
        let inner = inner.build().map_err(|error| refused(&error))?;
        let verifier = Pinned { inner, pins: self.pins.clone() };
        let versions: &[_] =
            if self.only_newest { &[&version::TLS13] } else { &[&version::TLS13, &version::TLS12] };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(|error| refused(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let Some((chain, key)) = &self.identity else {
            return Ok(Arc::new(builder.with_no_client_auth()));
        };
        let key = PrivateKeyDer::from_pem_slice(key.expose()).map_err(|_| ClientError::Key)?;
        let config = builder.with_client_auth_cert(chain.clone(), key);
        config.map(Arc::new).map_err(|error| ClientError::Identity(error.to_string()))
    }
}

/// webpki's verification, and then the pin.
#[derive(Debug)]
struct Pinned {
    inner: Arc<WebPkiServerVerifier>,
    pins: Vec<Pin>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.inner.verify_server_cert(end_entity, intermediates, name, ocsp, now)?;
        if self.pins.is_empty() {
            return Ok(verified);
        }
        let spki = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        let own = STANDARD.encode(digest(&SHA256, spki.as_ref()));
        if self.pins.iter().any(|pin| pin.is(&own)) {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// A client whose files are read again when they change: certificates of services live for hours.
///
/// What is on the disk must make a whole client before it is taken: while one file is new and the
/// other is not yet, and when the new ones are no good, the client before stays.
#[derive(Debug)]
pub struct Reloading {
    authorities: PathBuf,
    identity: Option<(PathBuf, PathBuf)>,
    pins: Vec<Pin>,
    every: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    config: Arc<ClientConfig>,
    stamps: Vec<Stamp>,
    looked: Instant,
    failed: Option<ClientError>,
}

impl Reloading {
    /// Reads the files for the first time. `identity` is certificate and key; `every` is how often the
    /// disk is looked at, at most.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn open(
        authorities: &Path,
        identity: Option<(&Path, &Path)>,
        pins: Vec<Pin>,
        every: Duration,
    ) -> Result<Self, ClientError> {
        let identity = identity.map(|(certificate, key)| (certificate.into(), key.into()));
        let stamps = stamps(authorities, identity.as_ref());
        let config = load(authorities, identity.as_ref(), &pins)?;
        let state = State { config, stamps, looked: Instant::now(), failed: None };
        Ok(Self { authorities: authorities.into(), identity, pins, every, state: state.into() })
    }

    /// The client as of now. Connections that are open keep the one they began with.
    #[must_use]
    pub fn config(&self) -> Arc<ClientConfig> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= self.every {
            state.looked = Instant::now();
            let found = stamps(&self.authorities, self.identity.as_ref());
            if found != state.stamps {
                match load(&self.authorities, self.identity.as_ref(), &self.pins) {
                    Ok(config) => {
                        (state.config, state.stamps, state.failed) = (config, found, None);
                    }
                    Err(error) => state.failed = Some(error),
                }
            }
        }
        Arc::clone(&state.config)
    }

    /// Why the files as they are now are not in use; `None` when they are.
    #[must_use]
    pub fn failed(&self) -> Option<ClientError> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).failed.clone()
    }
}

/// What tells one state of a file from another: a file that was replaced has another number, also
/// within one tick of the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    changed: Option<SystemTime>,
    length: u64,
    number: u64,
}

fn stamps(authorities: &Path, identity: Option<&(PathBuf, PathBuf)>) -> Vec<Stamp> {
    let identity = identity.map(|(certificate, key)| [certificate.as_path(), key.as_path()]);
    let all = std::iter::once(authorities).chain(identity.into_iter().flatten());
    all.map(stamp).collect()
}

fn stamp(path: &Path) -> Stamp {
    let Ok(found) = std::fs::metadata(path) else {
        return Stamp { changed: None, length: 0, number: 0 };
    };
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&found);
    #[cfg(not(unix))]
    let number = 0;
    Stamp { changed: found.modified().ok(), length: found.len(), number }
}

fn load(
    authorities: &Path,
    identity: Option<&(PathBuf, PathBuf)>,
    pins: &[Pin],
) -> Result<Arc<ClientConfig>, ClientError> {
    let mut client = Client::pinned(read(authorities)?.expose())?;
    if let Some((certificate, key)) = identity {
        client = client.identity(read(certificate)?.expose(), &read(key)?)?;
    }
    client.pins = pins.to_vec();
    client.build()
}

fn read(path: &Path) -> Result<Secret, ClientError> {
    let failed = |why: String| ClientError::File { path: path.to_owned(), why };
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > LARGEST {
        return Err(failed(format!("it is larger than {LARGEST} bytes")));
    }
    Ok(Secret::new(bytes))
}
