//! One handshake that records what the other side shows.
//!
//! The verifier here accepts every certificate, which is right for looking and for nothing else: it is
//! private to this file, and the connection that uses it is closed without a byte of data. That a
//! server holds its private key is checked all the same, by its signature over the handshake.

use super::CHAIN_AT_MOST;
use super::legacy::Old;
use super::starttls::StartTls;
use super::stream::Stream;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConnection, ResolvesClientCert};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, Error, InvalidMessage, PeerIncompatible,
    SignatureScheme,
};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A server to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Target {
    /// Reads `HOST:PORT`, `[ADDRESS]:PORT`, or either without a port, which is 443 then. `None` when
    /// it is neither a name nor an address.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                (host, rest.strip_prefix(':').or(rest.is_empty().then_some("443"))?)
            }
            None if text.parse::<IpAddr>().is_ok() => (text, "443"),
            None => text.rsplit_once(':').unwrap_or((text, "443")),
        };
        let port = port.parse().ok().filter(|port| *port > 0)?;
        ServerName::try_from(host).ok()?;
        Some(Self { host: host.to_owned(), port })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Where time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Looking the name up.
    Resolve,
    /// Opening the connection.
    Connect,
    /// Asking for TLS in plain text.
    StartTls,
    /// The handshake.
    Handshake,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Resolve => "looking its name up",
            Self::Connect => "connecting",
            Self::StartTls => "asking for TLS",
            Self::Handshake => "the handshake",
        })
    }
}

/// Why no certificate was seen.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name is not known, or the resolver does not answer.
    #[error("its name cannot be looked up")]
    Resolve(#[source] io::Error),
    /// The name has no address.
    #[error("its name has no address")]
    NoAddress,
    /// No connection.
    #[error("no connection to {address}")]
    Connect {
        /// The address that was tried last.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The deadline passed.
    #[error("no answer in time: {0}")]
    Late(Step),
    /// The connection broke.
    #[error("the connection ended during {0}")]
    Ended(Step, #[source] io::Error),
    /// Plain text did not lead to TLS.
    #[error("{0}")]
    StartTls(&'static str),
    /// It answers, and not with TLS.
    #[error("what answers is not TLS")]
    NotTls,
    /// It speaks nothing newer than TLS 1.1.
    #[error("it speaks nothing newer than {}", .0.name())]
    OldOnly(Old),
    /// It refused the handshake before it showed a certificate.
    #[error("it refuses the handshake: {0}")]
    Refused(String),
    /// It sent more than a handshake can have.
    #[error("it sends more than a handshake can have")]
    TooMuch,
    /// The handshake failed otherwise.
    #[error("the handshake failed: {0}")]
    Handshake(String),
    /// The name to check is none.
    #[error("it is no name of a server: {0}")]
    Name(String),
    /// No random bytes.
    #[error("the operating system gives no random bytes")]
    Random,
}

impl ConnectError {
    /// What a failure of the stream means.
    pub(super) fn io(stream: &Stream, step: Step, error: io::Error) -> Self {
        if stream.late {
            Self::Late(step)
        } else if stream.flooded {
            Self::TooMuch
        } else {
            Self::Ended(step, error)
        }
    }
}

/// How to connect.
#[derive(Debug, Clone)]
pub(super) struct How<'a> {
    pub(super) target: &'a Target,
    /// The name that is asked for (SNI).
    pub(super) name: &'a str,
    pub(super) starttls: Option<StartTls>,
    pub(super) alpn: Vec<Vec<u8>>,
    pub(super) timeout: Duration,
}

/// What a server showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// Address it was reached at.
    pub address: String,
    /// Version that was agreed upon.
    pub protocol: Option<String>,
    /// Cipher suite that was agreed upon.
    pub cipher: Option<String>,
    /// Group of the key exchange.
    pub group: Option<String>,
    /// Application protocol that was agreed upon.
    pub alpn: Option<String>,
    /// Certificates as they came, encoded; at most [`CHAIN_AT_MOST`].
    pub chain: Vec<Vec<u8>>,
    /// How many came.
    pub certificates: usize,
    /// Whether its signature over the handshake was checked and right.
    pub key_proven: bool,
    /// Whether it asked for a certificate of the client.
    pub asks_client: bool,
    /// Why the handshake ended early, after the certificates.
    pub ended: Option<String>,
}

/// Shakes hands, and says goodbye.
pub(super) fn shake(how: &How<'_>) -> Result<Handshake, ConnectError> {
    let until = Instant::now() + how.timeout;
    let server = ServerName::try_from(how.name.to_owned())
        .map_err(|_| ConnectError::Name(how.name.to_owned()))?;
    let mut stream = Stream::connect(&how.target.host, how.target.port, until)?;
    let address = stream.peer();
    if let Some(starttls) = how.starttls {
        starttls.begin(&mut stream)?;
    }
    let recorder = Arc::new(Recorder::new());
    let config = config(&recorder, how)?;
    let mut connection = ClientConnection::new(Arc::new(config), server)
        .map_err(|error| ConnectError::Handshake(error.to_string()))?;
    let mut failed = None;
    while connection.is_handshaking() {
        match connection.complete_io(&mut stream) {
            Ok((0, 0)) => failed = Some(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => continue,
            Err(error) => failed = Some(error),
        }
        break;
    }
    let seen = recorder.seen();
    if let (Some(error), true) = (failed.as_ref(), seen.chain.is_empty()) {
        return Err(refusal(&stream, error));
    }
    connection.send_close_notify();
    let _ = connection.write_tls(&mut stream);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let version = connection.protocol_version().and_then(|version| version.as_str());
    let suite = connection.negotiated_cipher_suite();
    let group = connection.negotiated_key_exchange_group();
    Ok(Handshake {
        address,
        protocol: version.map(|name| name.replace("TLSv1_", "TLS 1.")),
        cipher: suite.and_then(|suite| suite.suite().as_str()).map(str::to_owned),
        group: group.and_then(|group| group.name().as_str()).map(str::to_owned),
        alpn: connection.alpn_protocol().map(text),
        certificates: seen.count,
        chain: seen.chain,
        key_proven: seen.proven,
        asks_client: seen.asks_client,
        ended: failed.map(|error| error.to_string()),
    })
}

/// Which old versions a server takes, each with a connection of its own.
pub(super) fn old_versions(how: &How<'_>) -> Vec<Old> {
    let taken = |old: &Old| is_taken(*old, how).unwrap_or(false);
    Old::ALL.into_iter().filter(taken).collect()
}

fn is_taken(old: Old, how: &How<'_>) -> Result<bool, ConnectError> {
    let until = Instant::now() + how.timeout;
    let mut stream = Stream::connect(&how.target.host, how.target.port, until)?;
    if let Some(starttls) = how.starttls {
        starttls.begin(&mut stream)?;
    }
    let name = how.name.parse::<IpAddr>().is_err().then_some(how.name);
    old.is_taken(&mut stream, name)
}

fn config(recorder: &Arc<Recorder>, how: &How<'_>) -> Result<ClientConfig, ConnectError> {
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&recorder.provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| ConnectError::Handshake(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::<Recorder>::clone(recorder))
        .with_client_cert_resolver(Arc::<Recorder>::clone(recorder));
    config.alpn_protocols.clone_from(&how.alpn);
    config.resumption = rustls::client::Resumption::disabled();
    Ok(config)
}

/// What it means that nothing was seen.
fn refusal(stream: &Stream, error: &io::Error) -> ConnectError {
    if stream.late {
        return ConnectError::Late(Step::Handshake);
    }
    if stream.flooded {
        return ConnectError::TooMuch;
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        None => {
            ConnectError::Ended(Step::Handshake, io::Error::new(error.kind(), error.to_string()))
        }
        Some(
            Error::AlertReceived(AlertDescription::ProtocolVersion)
            | Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
        ) => ConnectError::OldOnly(Old::Tls11),
        Some(Error::AlertReceived(alert)) => {
            let name = alert.as_str().map_or_else(|| format!("{alert:?}"), str::to_owned);
            ConnectError::Refused(name)
        }
        Some(Error::InvalidMessage(
            InvalidMessage::HandshakePayloadTooLarge | InvalidMessage::CertificatePayloadTooLarge,
        )) => ConnectError::TooMuch,
        Some(Error::InvalidMessage(_)) => ConnectError::NotTls,
        Some(other) => ConnectError::Handshake(other.to_string()),
    }
}

/// What was seen so far.
#[derive(Debug, Clone, Default)]
struct Seen {
    chain: Vec<Vec<u8>>,
    count: usize,
    proven: bool,
    asks_client: bool,
}

/// Accepts every certificate and remembers it.
#[derive(Debug)]
struct Recorder {
    provider: Arc<CryptoProvider>,
    seen: Mutex<Seen>,
}

impl Recorder {
    fn new() -> Self {
        Self { provider: aws_lc_rs::default_provider().into(), seen: Mutex::default() }
    }

    fn seen(&self) -> Seen {
        self.change(|seen| seen.clone())
    }

    fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&mut seen)
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.change(|seen| {
            let all = std::iter::once(end_entity).chain(intermediates);
            seen.chain = all.take(CHAIN_AT_MOST).map(|certificate| certificate.to_vec()).collect();
            seen.count = 1 + intermediates.len();
        });
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let proven = verify_tls12_signature(message, certificate, signed, algorithms).is_ok();
        self.change(|seen| seen.proven = proven);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        let proven = verify_tls13_signature(message, certificate, signed, algorithms).is_ok();
        self.change(|seen| seen.proven = proven);
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl ResolvesClientCert for Recorder {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.change(|seen| seen.asks_client = true);
        None
    }

    fn has_certs(&self) -> bool {
        // Said so that it is asked.
        true
    }
}
