//! Servers with certificates made for one test.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An authority of one test.
pub(super) type Root = CertifiedIssuer<'static, KeyPair>;

/// Sets the validity, in days from now.
pub(super) fn dated(params: &mut CertificateParams, from: i64, until: i64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let day = |day: i64| Duration::from_secs(now.checked_add_signed(day * 86_400).unwrap());
    params.not_before = date_time_ymd(1970, 1, 1) + day(from);
    params.not_after = date_time_ymd(1970, 1, 1) + day(until);
}

/// An authority.
pub(super) fn root() -> Root {
    let mut params = CertificateParams::default();
    dated(&mut params, -1, 700);
    params.distinguished_name = named("contract root");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `name` and 127.0.0.1, with its key.
pub(super) fn leaf(root: &Root, name: &str, days: i64) -> (CertificateDer<'static>, KeyPair) {
    let mut params = CertificateParams::new(vec![name.to_owned(), "127.0.0.1".to_owned()]).unwrap();
    dated(&mut params, -80, days);
    params.distinguished_name = named(name);
    params.is_ca = IsCa::ExplicitNoCa;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, root).unwrap().into(), key)
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// Serves TLS until the test ends; answers where.
pub(super) fn serve(certificate: CertificateDer<'static>, key: &KeyPair) -> String {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    listening(move |mut stream| {
        let Ok(mut connection) = ServerConnection::new(Arc::clone(&config)) else { return };
        let mut tls = rustls::Stream::new(&mut connection, &mut stream);
        let _ = tls.read_to_end(&mut Vec::new());
    })
}

/// Answers every connection until the test ends; answers where.
pub(super) fn listening(answer: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
    address.to_string()
}

/// An address at which nobody listens, and what keeps it so: the near end of a connection, whose port
/// nobody else is given.
pub(super) fn nobody() -> (SocketAddr, (TcpListener, TcpStream)) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (taken.local_addr().unwrap(), (listener, taken))
}
