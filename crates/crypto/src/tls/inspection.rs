//! A server as a whole: one handshake, what it showed, and what is wrong with it.

use super::CHAIN_AT_MOST;
use super::certificate::Certificate;
use super::finding::{Code, Finding};
use super::handshake::{ConnectError, Handshake, How, Target, old_versions, shake};
use super::judge::{Expected, judge};
use super::legacy::Old;
use super::starttls::StartTls;
use std::time::Duration;

/// How a server is looked at.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name that is asked for and checked; `None` is the target's own.
    pub name: Option<String>,
    /// Application protocols that are offered; `None` is `h2` and `http/1.1`, or what belongs to the
    /// protocol that begins in plain text.
    pub alpn: Option<Vec<String>>,
    /// A protocol that begins in plain text.
    pub starttls: Option<StartTls>,
    /// Everything together, for each connection.
    pub timeout: Duration,
    /// Whether TLS 1.0 and 1.1 are tried, with a connection each.
    pub old_protocols: bool,
    /// What the chain is held against. Its name is set from here.
    pub expected: Expected,
}

/// What a server showed, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// What was looked at.
    pub target: Target,
    /// The name that was checked.
    pub name: String,
    /// The handshake; `None` for a server that speaks old versions only.
    pub handshake: Option<Handshake>,
    /// Its certificates, the server's first; what could not be read is left out and told.
    pub chain: Vec<Certificate>,
    /// Old versions it takes; empty too when they were not tried.
    pub old: Vec<Old>,
    /// Whether a path leads to a trusted authority; `None` when nobody asked.
    pub trusted: Option<bool>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Looks at a server.
///
/// # Errors
/// [`ConnectError`] when it showed no certificate.
pub fn inspect(target: &Target, options: &Options) -> Result<Inspection, ConnectError> {
    let name = options.name.clone().unwrap_or_else(|| target.host.clone());
    let alpn = match (&options.alpn, options.starttls) {
        (Some(names), _) => names.iter().map(|name| name.clone().into_bytes()).collect(),
        (None, Some(starttls)) => starttls.alpn(),
        (None, None) => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
    };
    let (starttls, timeout) = (options.starttls, options.timeout);
    let how = How { target, name: &name, starttls, alpn, timeout };
    let shaken = shake(&how);
    let tried = options.old_protocols || matches!(shaken, Err(ConnectError::OldOnly(_)));
    let old = if tried && may_answer(&shaken) { old_versions(&how) } else { Vec::new() };
    let handshake = match (shaken, old.last()) {
        (Ok(handshake), _) => Some(handshake),
        (Err(ConnectError::OldOnly(_)), Some(_)) => None,
        (Err(ConnectError::OldOnly(_)), None) => {
            return Err(ConnectError::Refused("protocol version".to_owned()));
        }
        (Err(error), _) => return Err(error),
    };
    let mut inspection = Inspection {
        target: target.clone(),
        name: name.clone(),
        handshake: None,
        chain: Vec::new(),
        old,
        trusted: None,
        findings: Vec::new(),
    };
    inspection.versions(handshake.is_none());
    if let Some(handshake) = handshake {
        inspection.shown(handshake, &Expected { name: Some(name), ..options.expected.clone() });
    }
    Ok(inspection)
}

/// Whether it makes sense to go on asking.
const fn may_answer(shaken: &Result<Handshake, ConnectError>) -> bool {
    matches!(shaken, Ok(_) | Err(ConnectError::OldOnly(_)))
}

impl Inspection {
    /// Moment at which the first certificate of the chain ends, in seconds since 1970.
    #[must_use]
    pub fn ends(&self) -> Option<i64> {
        self.chain.iter().map(|certificate| certificate.not_after).min()
    }

    fn versions(&mut self, only: bool) {
        let names: Vec<&str> = self.old.iter().map(|old| old.name()).collect();
        if names.is_empty() {
            return;
        }
        let names = names.join(" and ");
        let message = if only {
            format!("it speaks nothing newer than {names}")
        } else {
            format!("it still accepts {names}")
        };
        self.findings.push(Finding::new(Code::OldProtocol, message));
    }

    fn shown(&mut self, handshake: Handshake, expected: &Expected) {
        if handshake.certificates > CHAIN_AT_MOST {
            let message = format!("{} certificates were sent", handshake.certificates);
            self.findings.push(Finding::new(Code::TooManyCertificates, message));
        }
        if !handshake.key_proven {
            let message = "its signature over the handshake does not verify";
            self.findings.push(Finding::new(Code::UnprovenKey, message));
        }
        let mut leaf = false;
        for (at, der) in handshake.chain.iter().enumerate() {
            match Certificate::read(der) {
                Ok(certificate) => {
                    leaf |= at == 0;
                    self.chain.push(certificate);
                }
                Err(why) => {
                    self.findings.push(Finding::of(Code::UnreadableCertificate, at, why));
                }
            }
        }
        if leaf {
            let judged = judge(&self.chain, expected);
            self.findings.extend(judged.findings);
            self.trusted = judged.trusted;
        }
        self.handshake = Some(handshake);
    }
}
