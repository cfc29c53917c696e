//! How certificates and findings are shown to people and to machines.

use super::now;
use crate::printer::{Printer, Style};
use crate::table::{self, Cell};
use ringfence_crypto::tls::{Certificate, Finding, Handshake, Inspection, Item};
use ringfence_policy::display::{quoted, untrusted};
use ringfence_policy::time;
use serde::Serialize;
use std::fmt::Write as _;

/// Names of a certificate that are shown to people; the JSON form has all.
const NAMES: usize = 8;

/// The JSON form.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report<'a> {
    pub(super) schema: u32,
    pub(super) target: String,
    pub(super) ok: bool,
    pub(super) error: Option<String>,
    pub(super) name: Option<&'a str>,
    pub(super) trusted: Option<bool>,
    pub(super) connection: Option<Connection<'a>>,
    pub(super) chain: &'a [Certificate],
    pub(super) items: &'a [Item],
    pub(super) findings: &'a [Finding],
}

/// What was agreed upon.
#[derive(Debug, Serialize)]
pub(super) struct Connection<'a> {
    address: &'a str,
    protocol: Option<&'a str>,
    cipher: Option<&'a str>,
    group: Option<&'a str>,
    alpn: Option<&'a str>,
    asks_client_certificate: bool,
    ended: Option<&'a str>,
}

impl<'a> Report<'a> {
    pub(super) fn of_server(seen: &'a Inspection) -> Self {
        Self {
            schema: 1,
            target: seen.target.to_string(),
            ok: seen.findings.is_empty(),
            name: Some(&seen.name),
            trusted: seen.trusted,
            connection: seen.handshake.as_ref().map(Connection::of),
            chain: &seen.chain,
            findings: &seen.findings,
            ..Self::default()
        }
    }
}

impl<'a> Connection<'a> {
    fn of(handshake: &'a Handshake) -> Self {
        Self {
            address: &handshake.address,
            protocol: handshake.protocol.as_deref(),
            cipher: handshake.cipher.as_deref(),
            group: handshake.group.as_deref(),
            alpn: handshake.alpn.as_deref(),
            asks_client_certificate: handshake.asks_client,
            ended: handshake.ended.as_deref(),
        }
    }
}

/// A server, for people.
pub(super) fn server(seen: &Inspection, printer: &Printer) -> String {
    let mut rows = Vec::new();
    if let Some(handshake) = &seen.handshake {
        rows.push(row("address", &handshake.address));
        let agreed = [&handshake.protocol, &handshake.cipher, &handshake.group];
        let agreed: Vec<&str> = agreed.into_iter().filter_map(Option::as_deref).collect();
        rows.push(row("agreed on", &agreed.join(", ")));
        rows.push(row("protocol", handshake.alpn.as_deref().unwrap_or("none (no ALPN)")));
        if handshake.asks_client {
            rows.push(row("clients", "must show a certificate of their own"));
        }
        if let Some(ended) = &handshake.ended {
            rows.push(row("ended", &format!("after the certificates: {ended}")));
        }
    }
    rows.extend(trust(seen.trusted));
    let mut text = format!("{}\n{}", seen.target, table::draw(&rows, printer));
    for (at, certificate) in seen.chain.iter().enumerate() {
        text.push_str(&one(at, certificate, printer));
    }
    text + &findings(&seen.findings, printer)
}

/// The parts of a file, for people.
pub(super) fn file(
    target: &str,
    items: &[Item],
    found: &[Finding],
    trusted: Option<bool>,
    printer: &Printer,
) -> String {
    let mut text = format!("{}\n", untrusted(target));
    text.push_str(&table::draw(trust(trusted).as_slice(), printer));
    let mut at = 0;
    for item in items {
        if let Item::Certificate(certificate) = item {
            text.push_str(&one(at, certificate, printer));
            at += 1;
        } else {
            let _ = writeln!(text, "{}", other(item));
        }
    }
    text + &findings(found, printer)
}

fn trust(trusted: Option<bool>) -> Option<[Cell; 2]> {
    let trusted = trusted?;
    let (style, words) = if trusted {
        (Style::Good, "trusted: a path leads to an authority")
    } else {
        (Style::Bad, "not trusted")
    };
    Some([Cell::plain("  trust"), Cell::styled(style, words)])
}

/// One certificate, in lines.
fn one(at: usize, certificate: &Certificate, printer: &Printer) -> String {
    let days = (certificate.not_after - now()).div_euclid(86_400);
    let left = if days < 0 { "over".to_owned() } else { format!("{days} days left") };
    let (from, until) =
        (time::written(certificate.not_before), time::written(certificate.not_after));
    let key = match certificate.key.bits {
        0 => certificate.key.kind.clone(),
        bits => format!("{}, {bits} bits", certificate.key.kind),
    };
    let mut rows = vec![row("subject", &certificate.subject)];
    if !certificate.names.is_empty() {
        let names: Vec<&str> = certificate.names.iter().take(NAMES).map(String::as_str).collect();
        let more = certificate.names.len().saturating_sub(NAMES);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        rows.push(row("names", &format!("{}{more}", names.join(", "))));
    }
    rows.push(row("issuer", &certificate.issuer));
    rows.push(row("valid", &format!("{from} to {until}, {left}")));
    rows.push(row("key", &key));
    rows.push(row("signed", &certificate.signature));
    rows.push(row("pin", &format!("sha256/{}", certificate.pin)));
    format!("certificate {at}\n{}", table::draw(&rows, printer))
}

/// What is no certificate, in a line.
fn other(item: &Item) -> String {
    match item {
        Item::Certificate(certificate) => certificate.subject.clone(),
        Item::Unreadable { why } => format!("unreadable: {why}"),
        Item::Request { subject, names, key, signed, .. } => {
            let subject = quoted(subject);
            let names = names.join(", ");
            let signed = if *signed { "signed by it" } else { "not signed by it" };
            format!(
                "request for a certificate: {subject} for {}, key {}, {signed}",
                quoted(&names),
                key.kind
            )
        }
        Item::PrivateKey { encrypted: true, .. } => "private key, encrypted: not opened".to_owned(),
        Item::PrivateKey { key: Some(key), .. } => {
            format!("private key: {}, {} bits", key.kind, key.bits)
        }
        Item::PrivateKey { .. } => "private key of a kind that is not used here".to_owned(),
        Item::PublicKey { key } => format!("public key: {}, {} bits", key.kind, key.bits),
        Item::RevocationList { issuer, revoked } => {
            format!("list of {revoked} revoked certificates of {}", quoted(issuer))
        }
        Item::Pkcs12 => "PKCS#12: keys and certificates behind a passphrase, not opened; \
                         `openssl pkcs12 -nokeys -in FILE` writes the certificates"
            .to_owned(),
        Item::Other { label } => format!("something else: {}", quoted(label)),
    }
}

/// What is wrong, in lines.
pub(super) fn findings(findings: &[Finding], printer: &Printer) -> String {
    if findings.is_empty() {
        return format!("{}\n", printer.paint(Style::Good, "in order"));
    }
    let mut text = String::new();
    for finding in findings {
        let code = printer.paint(Style::Bad, finding.code.id());
        let of = finding.certificate.map_or_else(String::new, |at| format!(" of certificate {at}"));
        let _ = writeln!(text, "{code}{of}");
        let message = untrusted(&finding.message).to_string();
        let sentence = format!("{message} ({})", finding.section);
        for line in table::wrap(&sentence, table::WIDTH - 2) {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

fn row(label: &str, value: &str) -> [Cell; 2] {
    [Cell::plain(format!("  {label}")), Cell::plain(untrusted(value).to_string())]
}
