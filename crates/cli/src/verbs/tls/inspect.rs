//! `ringfence tls inspect`

use super::report::{self, Report};
use super::{Reach, Subject, is_shared, read};
use crate::error::{CommandError, Finish, Kind};
use crate::format::{self, Format, FormatOption};
use crate::printer::{Printer, Style};
use ringfence_crypto::Secret;
use ringfence_crypto::tls::{
    Code, ConnectError, Expected, Finding, Item, Options, Pin, Target, examine, inspect, items,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Look at a server's TLS or at a file with certificates, and say what is wrong
///
/// Shows chain, names, ends, protocol, cipher, keys and signatures, and holds them against the name,
/// the trusted authorities and the pins. Certificates that do not verify are shown all the same; no
/// data is ever sent over the connection. Private keys in a file are told apart and never shown.
/// Exits 0 when all is in order and 1 when something is wrong. Revocation is not looked up.
#[derive(Debug, clap::Args)]
pub(super) struct Inspect {
    /// A server, or a file: PEM or DER, certificates, requests, keys
    #[arg(value_name = "HOST:PORT|FILE")]
    target: String,
    #[command(flatten)]
    reach: Reach,
    /// The name to ask for and to check, when it is not HOST
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A key that must be the server's or that of an authority above it: sha256/BASE64
    #[arg(long = "pin", value_name = "PIN", value_parser = pin)]
    pins: Vec<Pin>,
    /// Less time left than this is wrong, such as 30d
    #[arg(long, value_name = "DURATION", value_parser = ringfence_policy::duration)]
    warn: Option<Duration>,
    /// A private key to hold against the certificates of FILE
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    key: Option<PathBuf>,
    /// Application protocols to offer, in order; without it h2 and http/1.1
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    alpn: Option<Vec<String>>,
    #[command(flatten)]
    format: FormatOption,
}

fn pin(text: &str) -> Result<Pin, String> {
    Pin::read(text).map_err(|error| error.to_string())
}

impl Inspect {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        match Subject::read(&self.target)? {
            Subject::File(path) => self.file(&path, printer),
            Subject::Server(target) => self.server(&target, printer),
        }
    }

    fn server(&self, target: &Target, printer: &mut Printer) -> Result<Finish, CommandError> {
        if self.key.is_some() {
            let message = "--key is held against a file, and this is a server";
            return Err(CommandError::new(Kind::Usage, message));
        }
        let options = Options {
            name: self.name.clone(),
            alpn: self.alpn.clone(),
            starttls: self.reach.starttls.map(Into::into),
            timeout: self.reach.timeout,
            old_protocols: true,
            expected: self.expected(true)?,
        };
        let seen = match inspect(target, &options) {
            Ok(seen) => seen,
            Err(error) if is_reached(&error) => return self.no_tls(target, &error, printer),
            Err(error) => {
                let kind = match error {
                    ConnectError::Name(_) => Kind::Usage,
                    _ => Kind::Source,
                };
                let wrong = CommandError::new(kind, format!("cannot reach {target}"));
                let hint = match error {
                    ConnectError::Resolve(_) if !self.target.contains(':') => {
                        "there is no file of this name either"
                    }
                    _ => "check host, port and the network",
                };
                return Err(wrong.caused_by(&error).hint(hint));
            }
        };
        match self.format.format {
            Format::Human => printer.text(&report::server(&seen, printer)),
            Format::Json => format::json(&Report::of_server(&seen), printer)?,
        }
        Ok(finish(&seen.findings))
    }

    /// Something answers, and not as it should.
    fn no_tls(
        &self,
        target: &Target,
        error: &ConnectError,
        printer: &mut Printer,
    ) -> Result<Finish, CommandError> {
        match self.format.format {
            Format::Human => {
                let wrong = printer.paint(Style::Bad, "no TLS");
                printer.text(&format!("{target}\n{wrong}: {error}\n"));
            }
            Format::Json => {
                let error = Some(error.to_string());
                let report =
                    Report { schema: 1, target: target.to_string(), error, ..Report::default() };
                format::json(&report, printer)?;
            }
        }
        Ok(Finish::Findings)
    }

    fn file(&self, path: &Path, printer: &mut Printer) -> Result<Finish, CommandError> {
        let asked =
            [("--starttls", self.reach.starttls.is_some()), ("--alpn", self.alpn.is_some())];
        if let Some((option, _)) = asked.iter().find(|(_, given)| *given) {
            let message = format!("{option} is for servers, and {} is a file", path.display());
            return Err(CommandError::new(Kind::Usage, message));
        }
        let mut parts = parts(path)?;
        let mut shared = is_shared(path) && holds_key(&parts);
        if let Some(key) = &self.key {
            let more = self::parts(key)?;
            if !holds_key(&more) {
                let message = format!("{} holds no private key", key.display());
                return Err(CommandError::new(Kind::Source, message));
            }
            shared |= is_shared(key);
            parts.extend(more);
        }
        let ask = self.reach.ca.is_some() || self.name.is_some();
        let (mut findings, trusted) = examine(&parts, &self.expected(ask)?);
        if shared {
            findings.push(shared_key());
        }
        let target = path.display().to_string();
        match self.format.format {
            Format::Human => {
                printer.text(&report::file(&target, &parts, &findings, trusted, printer));
            }
            Format::Json => {
                let report = Report {
                    schema: 1,
                    target,
                    ok: findings.is_empty(),
                    name: self.name.as_deref(),
                    trusted,
                    items: &parts,
                    findings: &findings,
                    ..Report::default()
                };
                format::json(&report, printer)?;
            }
        }
        Ok(finish(&findings))
    }

    fn expected(&self, trust: bool) -> Result<Expected, CommandError> {
        Ok(Expected {
            name: self.name.clone(),
            trust: trust.then(|| self.reach.trust()).transpose()?,
            pins: self.pins.clone(),
            warn: self.warn,
            moment: None,
        })
    }
}

fn finish(findings: &[Finding]) -> Finish {
    if findings.is_empty() { Finish::Clean } else { Finish::Findings }
}

fn shared_key() -> Finding {
    let code = Code::SharedKeyFile;
    let message = "others than its owner may read the file with the private key".to_owned();
    Finding { code, message, section: code.section(), certificate: None }
}

/// Whether somebody answered: what is wrong is the server's then.
const fn is_reached(error: &ConnectError) -> bool {
    use ringfence_crypto::tls::Step;
    !matches!(
        error,
        ConnectError::Resolve(_)
            | ConnectError::NoAddress
            | ConnectError::Connect { .. }
            | ConnectError::Late(Step::Resolve | Step::Connect)
            | ConnectError::Name(_)
            | ConnectError::Random
    )
}

fn parts(path: &Path) -> Result<Vec<Item>, CommandError> {
    let bytes = Secret::new(read(path)?);
    items(bytes.expose()).map_err(|error| {
        let message = format!("nothing can be made of {}", path.display());
        CommandError::new(Kind::Source, message).caused_by(&error)
    })
}

fn holds_key(parts: &[Item]) -> bool {
    parts.iter().any(|part| matches!(part, Item::PrivateKey { encrypted: false, .. }))
}
