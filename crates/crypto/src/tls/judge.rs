//! What is wrong with a chain: each check by itself, so that one fault does not hide the next.
//!
//! Whether a path leads to a trusted authority is rustls-webpki's answer, asked at this moment or,
//! when a certificate is not valid now, at a moment when all are: that it has expired is said anyway.

use super::certificate::Certificate;
use super::clock::{DAY, written};
use super::finding::{Code, Finding};
use super::trust::{Pin, Trust};
use rustls::CertificateError;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use std::time::Duration;

/// What a chain is held against.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// The name it must be for; `None` for a file nobody named a server for.
    pub name: Option<String>,
    /// Whom it must come from; `None` leaves that open.
    pub trust: Option<Trust>,
    /// Keys, one of which must be in the chain; none leaves that open.
    pub pins: Vec<Pin>,
    /// Less time left than this is a finding; `None` leaves that open.
    pub warn: Option<Duration>,
    /// The moment it is judged at, in seconds since 1970; `None` is now.
    pub moment: Option<i64>,
}

impl Expected {
    pub(super) fn moment(&self) -> i64 {
        self.moment.unwrap_or_else(super::clock::now)
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) findings: Vec<Finding>,
    /// Whether a path leads to a trusted authority, valid at the moment; `None` when nobody asked.
    pub(super) trusted: Option<bool>,
}

/// Longest validity that clients accept: first moment from which a rule counts, and its days. Public
/// certificates follow ballot SC-081; from anybody else, Apple's systems accept 825 days.
const PUBLIC: [(i64, i64); 4] =
    [(1_598_918_400, 398), (1_773_532_800, 200), (1_805_068_800, 100), (1_868_227_200, 47)];
const PRIVATE_DAYS: i64 = 825;

/// Holds a chain, the server's certificate first, against what is expected.
pub(super) fn judge(chain: &[Certificate], expected: &Expected) -> Judged {
    let mut judged = Judged::default();
    let Some(leaf) = chain.first() else { return judged };
    for (at, certificate) in chain.iter().enumerate() {
        judged.findings.extend(alone(at, certificate, expected));
        let next = chain.get(at + 1);
        if let Some(next) = next.filter(|next| !certificate.names_as_issuer(next)) {
            let message = format!("it is not issued by the one behind it, {}", next.subject);
            judged.findings.push(Finding::of(Code::WrongOrder, at, message));
        }
    }
    judged.findings.extend(as_server(leaf));
    judged.findings.extend(names(leaf, expected.name.as_deref()));
    if let Some(trust) = &expected.trust {
        judged.trust(chain, trust, expected.moment());
    } else if leaf.self_signed {
        judged.findings.push(self_signed());
    }
    judged.findings.extend(validity(leaf, judged.trusted == Some(true), expected));
    if !expected.pins.is_empty() {
        let pinned = |certificate| expected.pins.iter().any(|pin| pin.matches(certificate));
        let signers = signers(chain, expected.trust.as_ref());
        if !signers.into_iter().any(pinned) {
            let message = format!("none has a pinned key; the server's is {}", Pin::of(leaf));
            judged.findings.push(Finding::new(Code::PinMismatch, message));
        }
    }
    judged
}

/// What is wrong with a certificate wherever it stands.
pub(super) fn alone(at: usize, certificate: &Certificate, expected: &Expected) -> Vec<Finding> {
    let mut findings = Vec::new();
    let moment = expected.moment();
    if certificate.not_after < moment {
        let message = format!("it expired on {}", written(certificate.not_after));
        findings.push(Finding::of(Code::Expired, at, message));
    } else if let Some(warn) = expected.warn {
        let left = certificate.not_after - moment;
        if u64::try_from(left).is_ok_and(|left| left < warn.as_secs()) {
            let until = written(certificate.not_after);
            let message = format!("it expires in {} days, on {until}", left / DAY);
            findings.push(Finding::of(Code::ExpiresSoon, at, message));
        }
    }
    if certificate.not_before > moment {
        let message = format!("it is valid only from {} on", written(certificate.not_before));
        findings.push(Finding::of(Code::NotYetValid, at, message));
    }
    if certificate.key.is_weak() {
        let message = format!("its key is too short: {} bits", certificate.key.bits);
        findings.push(Finding::of(Code::WeakKey, at, message));
    }
    // Nobody verifies the signature of an authority under itself.
    if certificate.weak_signature && !(certificate.self_signed && at > 0) {
        let message = format!("it is signed with a broken hash: {}", certificate.signature);
        findings.push(Finding::of(Code::WeakSignature, at, message));
    }
    if at > 0 && !certificate.authority {
        let message =
            format!("it stands as an issuer and is no authority: {}", certificate.subject);
        findings.push(Finding::of(Code::NotAnAuthority, at, message));
    }
    findings
}

fn as_server(leaf: &Certificate) -> Vec<Finding> {
    let mut findings = Vec::new();
    if leaf.authority {
        let message = "it is an authority's, which many clients refuse as a server's";
        findings.push(Finding::of(Code::AuthorityAsServer, 0, message));
    }
    if leaf.server_auth == Some(false) {
        let message = "its extended key usage leaves serverAuth out";
        findings.push(Finding::of(Code::MissingServerAuth, 0, message));
    }
    findings
}

fn self_signed() -> Finding {
    Finding::of(Code::SelfSigned, 0, "it is signed by its own key, so nobody vouches for it")
}

fn names(leaf: &Certificate, name: Option<&str>) -> Option<Finding> {
    let common = leaf.common_name.as_deref().unwrap_or_default();
    let only = || {
        let message = format!("it has no subjectAltName; clients do not look at CN={common}");
        Some(Finding::of(Code::CommonNameOnly, 0, message))
    };
    let Some(name) = name else {
        return if leaf.names.is_empty() && common.contains('.') { only() } else { None };
    };
    if leaf.names.is_empty() && common.eq_ignore_ascii_case(name) {
        return only();
    }
    let der = CertificateDer::from(leaf.der.as_slice());
    let matches = ServerName::try_from(name).is_ok_and(|name| {
        ParsedCertificate::try_from(&der).is_ok_and(|leaf| verify_server_name(&leaf, &name).is_ok())
    });
    if matches {
        return None;
    }
    let shown: Vec<&str> = leaf.names.iter().take(5).map(String::as_str).collect();
    let more = if leaf.names.len() > shown.len() { " and others" } else { "" };
    let message = match shown.as_slice() {
        [] => format!("it is not for {name}, nor for any other server"),
        shown => format!("it is not for {name}, but for {}{more}", shown.join(", ")),
    };
    Some(Finding::of(Code::NameMismatch, 0, message))
}

fn validity(leaf: &Certificate, trusted: bool, expected: &Expected) -> Option<Finding> {
    let public = trusted && expected.trust.as_ref().is_some_and(|trust| trust.public);
    let rule = PUBLIC.iter().rev().find(|(from, _)| leaf.not_before >= *from);
    let most = if public { rule?.1 } else { PRIVATE_DAYS };
    // Both ends belong to it (RFC 5280 section 4.1.2.5).
    let seconds = leaf.not_after.saturating_sub(leaf.not_before).saturating_add(1);
    if seconds <= most * DAY {
        return None;
    }
    let message = format!("it is valid for {} days, {most} are accepted", seconds / DAY);
    Some(Finding::of(Code::LongValidity, 0, message))
}

impl Judged {
    fn trust(&mut self, chain: &[Certificate], trust: &Trust, moment: i64) {
        let Some((leaf, rest)) = chain.split_first() else { return };
        let now = chain.iter().all(|certificate| certificate.covers(moment));
        let latest = chain.iter().map(|certificate| certificate.not_before).max();
        let at = if now { moment } else { latest.unwrap_or(moment) };
        // Node takes a server that signed itself when just that certificate is trusted; webpki does not.
        let itself = leaf.self_signed && trust.holds(leaf);
        let path = if itself { Ok(()) } else { path(leaf, rest, trust, at) };
        self.trusted = Some(now && path.is_ok());
        if path.is_err() && leaf.self_signed {
            return self.add(self_signed());
        }
        match path {
            Ok(()) => {}
            Err(rustls::Error::InvalidCertificate(error)) => self.refused(chain, trust, &error),
            Err(error) => self.add(Finding::of(Code::Untrusted, 0, error.to_string())),
        }
    }

    /// Why webpki refuses a path, in the words of the findings.
    fn refused(&mut self, chain: &[Certificate], trust: &Trust, error: &CertificateError) {
        // The names of webpki's own errors are all there is behind `Other`.
        let said = format!("{error:?}");
        let has = |code| self.findings.iter().any(|finding| finding.code == code);
        match error {
            CertificateError::UnknownIssuer => self.unknown_issuer(chain, trust),
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. }
                if has(Code::Expired) || has(Code::NotYetValid) => {}
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                if !has(Code::MissingServerAuth) {
                    let message = "the chain may not be used for servers";
                    self.add(Finding::new(Code::MissingServerAuth, message));
                }
                self.unknown_at_all(chain, trust);
            }
            _ if said.contains("NameConstraintViolation") => {
                let message = "an authority of the chain may not issue for its names";
                self.add(Finding::new(Code::NameConstraint, message));
            }
            _ if said.contains("CaUsedAsEndEntity") && has(Code::AuthorityAsServer) => {
                self.unknown_at_all(chain, trust);
            }
            _ if said.contains("EndEntityUsedAsCa") && has(Code::NotAnAuthority) => {}
            _ if said.contains("UnsupportedSignatureAlgorithm")
                && (has(Code::WeakSignature) || has(Code::WeakKey)) => {}
            _ => self.add(Finding::new(Code::Untrusted, format!("the chain is refused: {error}"))),
        }
    }

    /// Where webpki stopped before it looked for an authority: whether there would be one.
    fn unknown_at_all(&mut self, chain: &[Certificate], trust: &Trust) {
        if !signers(chain, Some(trust)).iter().any(|signer| trust.holds(signer)) {
            self.unknown_issuer(chain, trust);
        }
    }

    fn unknown_issuer(&mut self, chain: &[Certificate], trust: &Trust) {
        let Some(top) = top(chain) else { return };
        let (at, certificate) = top;
        let whom = if trust.public { "this system trusts" } else { "is pinned" };
        let message = if certificate.self_signed {
            format!("it ends at an authority that is not one {whom}: {}", certificate.subject)
        } else {
            format!("no authority that {whom} issued it: {}", certificate.issuer)
        };
        self.add(Finding::of(Code::UnknownIssuer, at, message));
        if !certificate.self_signed && !trust.knows_issuer_of(certificate) {
            let from = certificate.issuer_urls.first();
            let from = from.map_or_else(String::new, |url| format!(" (it is at {url})"));
            let message = format!(
                "the certificate of its issuer was not sent{from}: unless that is an authority \
                 which is not trusted here, the server must send it"
            );
            self.add(Finding::of(Code::MissingIntermediate, at, message));
        }
    }

    fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}

fn path(
    leaf: &Certificate,
    rest: &[Certificate],
    trust: &Trust,
    moment: i64,
) -> Result<(), rustls::Error> {
    let der = CertificateDer::from(leaf.der.as_slice());
    let rest: Vec<CertificateDer<'_>> =
        rest.iter().map(|certificate| certificate.der.as_slice().into()).collect();
    let seconds = Duration::from_secs(u64::try_from(moment).unwrap_or_default());
    verify_server_cert_signed_by_trust_anchor(
        &ParsedCertificate::try_from(&der)?,
        &trust.roots,
        &rest,
        UnixTime::since_unix_epoch(seconds),
        aws_lc_rs::default_provider().signature_verification_algorithms.all,
    )
}

/// The server's certificate and those that really signed it, step by step: what else was sent along,
/// the server chose freely, and nothing follows from a key in it.
fn signers<'a>(chain: &'a [Certificate], trust: Option<&'a Trust>) -> Vec<&'a Certificate> {
    let mut path: Vec<&Certificate> = chain.first().into_iter().collect();
    let known = || chain.iter().chain(trust.into_iter().flat_map(|trust| &trust.authorities));
    while let Some(last) = path.last().copied().filter(|_| path.len() <= chain.len()) {
        let mut others = known().filter(|other| !path.iter().any(|seen| seen.der == other.der));
        let Some(next) = others.find(|other| last.is_signed_by(other)) else { break };
        path.push(next);
    }
    path
}

/// The last certificate on the way from the server's upwards, by names.
fn top(chain: &[Certificate]) -> Option<(usize, &Certificate)> {
    let mut at = 0;
    for _ in 0..chain.len() {
        let current = chain.get(at)?;
        if current.subject_raw == current.issuer_raw {
            break;
        }
        let next = chain.iter().position(|other| current.names_as_issuer(other));
        match next {
            Some(next) if next != at => at = next,
            _ => break,
        }
    }
    chain.get(at).map(|certificate| (at, certificate))
}
