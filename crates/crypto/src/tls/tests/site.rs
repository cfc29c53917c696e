//! A small world of certificates: a root, an intermediate below it, and servers that show what a test
//! wants them to.

use crate::tls::clock::{DAY, now};
use crate::tls::{Certificate, Client, ConnectError, Expected, Inspection, Options, Target, Trust};
use crate::tls::{Code, inspect};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ResolvesServerCert, ServerConnection, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig};
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// One version alone.
pub(super) static ONLY_12: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS12];
pub(super) static ONLY_13: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];

pub(super) type Issuing = CertifiedIssuer<'static, KeyPair>;

/// A certificate and its key.
pub(super) struct Leaf {
    pub(super) der: CertificateDer<'static>,
    pub(super) key: KeyPair,
}

impl Leaf {
    pub(super) fn certificate(&self) -> Certificate {
        Certificate::read(&self.der).unwrap()
    }
}

/// Sets the validity, in days from now.
pub(super) fn dated(params: &mut CertificateParams, from: i64, until: i64) {
    let day = |day: i64| Duration::from_secs(u64::try_from(now() + day * DAY).unwrap());
    params.not_before = date_time_ymd(1970, 1, 1) + day(from);
    params.not_after = date_time_ymd(1970, 1, 1) + day(until);
}

/// What a server's certificate for some names is made of.
pub(super) fn server(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    dated(&mut params, -1, 90);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "leaf");
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

/// What an authority is made of.
pub(super) fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    dated(&mut params, -2, 700);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

pub(super) fn root(name: &str) -> Issuing {
    CertifiedIssuer::self_signed(authority(name), KeyPair::generate().unwrap()).unwrap()
}

pub(super) fn below(root: &Issuing, name: &str) -> Issuing {
    CertifiedIssuer::signed_by(authority(name), KeyPair::generate().unwrap(), root).unwrap()
}

pub(super) fn issue(issuer: &Issuing, params: &CertificateParams) -> Leaf {
    let key = KeyPair::generate().unwrap();
    Leaf { der: params.signed_by(&key, issuer).unwrap().into(), key }
}

pub(super) fn self_signed(params: &CertificateParams) -> Leaf {
    let key = KeyPair::generate().unwrap();
    Leaf { der: params.self_signed(&key).unwrap().into(), key }
}

/// Trust in one authority alone.
pub(super) fn only(root: &Issuing) -> Trust {
    Trust::pinned(root.pem().as_bytes()).unwrap()
}

/// How a server is set up.
pub(super) struct Setup {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) versions: &'static [&'static rustls::SupportedProtocolVersion],
    /// Whom clients must come from.
    pub(super) clients: Option<CertificateDer<'static>>,
    pub(super) alpn: Vec<Vec<u8>>,
}

impl Setup {
    pub(super) fn of(chain: &[&CertificateDer<'static>]) -> Self {
        let chain = chain.iter().map(|certificate| (*certificate).clone()).collect();
        Self { chain, versions: rustls::ALL_VERSIONS, clients: None, alpn: Vec::new() }
    }

    fn config(self, key: &KeyPair) -> ServerConfig {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let chain = self.chain.clone();
        let key = any_supported_type(&key).unwrap();
        // Not the function that checks whether they belong together: thieves do not call it either.
        let shown = Shown(Arc::new(CertifiedKey::new(chain, key)));
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(self.versions)
            .unwrap();
        let builder = match self.clients {
            None => builder.with_no_client_auth(),
            Some(root) => {
                let mut roots = RootCertStore::empty();
                roots.add(root).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
                builder.with_client_cert_verifier(verifier.unwrap())
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(shown));
        config.alpn_protocols = self.alpn;
        config
    }
}

/// Shows one certificate to everybody.
#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A server for so many connections, and the data it was sent.
pub(super) struct Server {
    pub(super) target: Target,
    thread: JoinHandle<Vec<Result<Vec<u8>, String>>>,
}

impl Server {
    pub(super) fn tls(setup: Setup, key: &KeyPair, connections: usize) -> Self {
        let config = Arc::new(setup.config(key));
        Self::raw(connections, move |mut stream| serve(&mut stream, &config))
    }

    /// A server that begins in plain text: what it waits for, and what it says then.
    pub(super) fn after(
        exchange: &'static [(&'static [u8], &'static [u8])],
        setup: Setup,
        key: &KeyPair,
    ) -> Self {
        let config = Arc::new(setup.config(key));
        Self::raw(1, move |mut stream| {
            for (asked, answer) in exchange {
                let mut got = vec![0; asked.len()];
                stream.read_exact(&mut got)?;
                assert_eq!(got, *asked);
                stream.write_all(answer)?;
            }
            serve(&mut stream, &config)
        })
    }

    /// Any other server.
    pub(super) fn raw(
        connections: usize,
        mut answer: impl FnMut(TcpStream) -> io::Result<Vec<u8>> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = Target::read(&listener.local_addr().unwrap().to_string()).unwrap();
        let thread = thread::spawn(move || {
            let mut all = Vec::new();
            for _ in 0..connections {
                let (stream, _) = listener.accept().unwrap();
                all.push(answer(stream).map_err(|error| error.to_string()));
            }
            all
        });
        Self { target, thread }
    }

    /// What each connection sent as data.
    pub(super) fn got(self) -> Vec<Result<Vec<u8>, String>> {
        self.thread.join().unwrap()
    }
}

/// A handshake, a greeting, and what the client has to say.
fn serve(stream: &mut TcpStream, config: &Arc<ServerConfig>) -> io::Result<Vec<u8>> {
    let mut connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut shaken = Ok(());
    while connection.is_handshaking() && shaken.is_ok() {
        shaken = connection.complete_io(stream).map(|_| ());
    }
    let mut data = Vec::new();
    if shaken.is_ok() {
        let mut tls = rustls::Stream::new(&mut connection, stream);
        // Who only looks has left by now.
        let _ = tls.write_all(b"hello").and_then(|()| tls.flush());
        let _ = tls.read_to_end(&mut data);
    }
    // The alert of a failed handshake is on its way: it must not be overtaken by a reset.
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
    shaken.map(|()| data)
}

/// How a test looks at a server: no old versions, as long as it may take on a busy machine.
pub(super) fn options(trust: Option<Trust>) -> Options {
    Options {
        name: Some("shop.test".to_owned()),
        alpn: None,
        starttls: None,
        timeout: Duration::from_mins(3),
        old_protocols: false,
        expected: Expected { trust, ..Expected::default() },
    }
}

pub(super) fn look(server: &Server, trust: Option<Trust>) -> Result<Inspection, ConnectError> {
    inspect(&server.target, &options(trust))
}

/// The codes of what was found, in order.
pub(super) fn codes(findings: &[crate::tls::Finding]) -> Vec<Code> {
    findings.iter().map(|finding| finding.code).collect()
}

/// A whole exchange of a client with a server: the greeting, or why there is none.
pub(super) fn greeted(
    server: &Server,
    config: Arc<ClientConfig>,
    name: &str,
) -> Result<String, String> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut connection = ClientConnection::new(config, name).unwrap();
    let address = (server.target.host.as_str(), server.target.port);
    let mut stream = TcpStream::connect(address).unwrap();
    let mut tls = rustls::Stream::new(&mut connection, &mut stream);
    let mut greeting = [0; 5];
    let read = tls.read_exact(&mut greeting);
    tls.conn.send_close_notify();
    let _ = tls.conn.write_tls(&mut tls.sock);
    read.map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&greeting).into_owned())
}

/// A client that trusts one authority.
pub(super) fn client(root: &Issuing) -> Client {
    Client::pinned(root.pem().as_bytes()).unwrap()
}

/// A part of a file in PEM.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line));
    let body: Vec<_> = lines.collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", body.join("\n"))
}
