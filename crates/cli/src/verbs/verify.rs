//! `ringfence verify`

use super::crypto::events::EventsOption;
use super::crypto::signature::{of_jwks, of_ring};
use super::crypto::{failed, key_file, now};
use crate::error::{CommandError, Finish, Kind};
use crate::format;
use crate::printer::{Printer, Style};
use crate::table::{self, Cell};
use ringfence_crypto::dsse::{self, DsseError, Statement};
use ringfence_crypto::signature::KeySet;
use ringfence_policy::display::{hex, untrusted};
use ringfence_policy::time;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Type of a proof, as `prove --attest` writes it; a test compares.
const PREDICATE: &str = "https://ringfence.dev/attestation/boundary-proof/v1";
/// By how much the clock of the machine that proved may be ahead, in seconds.
const SKEW: i64 = 300;

/// Check a signed attestation: who signed it, which boundary it is about, what was proven
///
/// Exits 0 when enough of the keys have signed it and everything that is asked for holds, 1 when
/// not, and 2 when the file is no attestation or cannot be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// What `ringfence prove --attest FILE --sign-with KEY` wrote
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// Keys that may have signed: a JWK set, or a keyring; may be given several times
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, required = true)]
    keys: Vec<PathBuf>,
    /// The file with the key that protects the keyrings: refuses one that was changed
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    key: Option<PathBuf>,
    /// How many different keys must have signed
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    threshold: usize,
    /// The boundary it must be about: its file, or its SHA-256
    #[arg(long, value_name = "FILE|HASH", value_hint = clap::ValueHint::FilePath)]
    boundary: Option<String>,
    /// How old the proof may be, such as 7d
    #[arg(long, value_name = "DURATION", value_parser = ringfence_policy::duration)]
    max_age: Option<Duration>,
    /// Accept that this claim was not proven; may be given several times
    #[arg(long, value_name = "CLAIM")]
    accept: Vec<String>,
    #[command(flatten)]
    events: EventsOption,
    #[command(flatten)]
    format: format::FormatOption,
}

/// What is read of a proof.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    service: String,
    result: Outcome,
    made: Made,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    verdict: Verdict,
    not_proven: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Broken,
    Partial,
    Proven,
    Undecided,
}

#[derive(Debug, Deserialize, Serialize)]
struct Made {
    ended: String,
    host: String,
    kernel: String,
    ringfence: String,
}

/// What the verifier says.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    schema: u32,
    accepted: bool,
    signed_by: Vec<String>,
    boundary: Option<Named>,
    proof: Option<Proof>,
    refused: Vec<Refusal>,
}

#[derive(Debug, Serialize)]
struct Named {
    name: String,
    sha256: String,
}

#[derive(Debug, Serialize)]
struct Refusal {
    code: &'static str,
    message: String,
}

impl Verify {
    pub(crate) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let keys = self.trusted()?;
        if self.threshold == 0 || self.threshold > keys.len() {
            let message = format!("a threshold of {} for {} keys", self.threshold, keys.len());
            return Err(CommandError::new(Kind::Usage, message)
                .hint("it is at least 1 and at most the number of keys"));
        }
        let boundary = self.boundary.as_deref().map(hash_of).transpose()?;
        let text = key_file::read_text(&self.file)?;
        let mut report = Report { schema: 1, ..Report::default() };
        let (verified, events) = self
            .events
            .watch(|on| on.verify_statement(&keys, self.threshold, dsse::IN_TOTO, &text, now()))?;
        match verified {
            Ok(verified) => {
                report.signed_by = verified.kids;
                self.judge(&verified.payload, boundary.as_deref(), &mut report);
            }
            Err(error) => report.refused.push(self.refusal(&error)?),
        }
        report.accepted = report.refused.is_empty();
        match self.format.format {
            format::Format::Json => format::json(&report, printer)?,
            format::Format::Human => printer.text(&human(&report, printer)),
        }
        printer.event(&events);
        Ok(if report.accepted { Finish::Clean } else { Finish::Findings })
    }

    /// The keys of all files. Two keys of one name could be confused.
    fn trusted(&self) -> Result<KeySet, CommandError> {
        let mut all = KeySet::new();
        for path in &self.keys {
            let text = key_file::read_text(path)?;
            let keys = if is_keyring(&text) {
                of_ring(path, self.key.as_deref())?
            } else {
                of_jwks(path, &text)?
            };
            all.merge(keys)
                .map_err(|error| failed(&format!("{} cannot be used", path.display()), &error))?;
        }
        Ok(all)
    }

    /// What is refused for not being signed; what is no attestation at all is an error.
    fn refusal(&self, error: &DsseError) -> Result<Refusal, CommandError> {
        let code = match error {
            DsseError::Threshold { .. } | DsseError::Unsigned => "signature",
            DsseError::PayloadType => "payload-type",
            other => {
                let message = format!("{} cannot be verified", self.file.display());
                return Err(failed(&message, other));
            }
        };
        Ok(Refusal { code, message: error.to_string() })
    }

    /// Holds what was signed against what is asked for.
    fn judge(&self, payload: &[u8], boundary: Option<&str>, report: &mut Report) {
        let mut refuse = |code, message: String| report.refused.push(Refusal { code, message });
        let statement = match Statement::read(payload, PREDICATE) {
            Ok(statement) => statement,
            Err(error) => return refuse("predicate", error.to_string()),
        };
        report.boundary = statement.of_role("boundary").map(|subject| Named {
            name: subject.name.clone(),
            sha256: subject.sha256().to_owned(),
        });
        if report.boundary.is_none() {
            refuse("boundary", "it names no boundary".to_owned());
        }
        if let Some(hash) = boundary
            && let Err(error) = statement.check_subject("boundary", hash)
        {
            refuse("boundary", error.to_string());
        }
        let Ok(proof) = serde_json::from_value::<Proof>(statement.predicate) else {
            return refuse("predicate", "its predicate is no proof of a boundary".to_owned());
        };
        if let Some(why) = self.too_old(&proof.made.ended) {
            refuse("age", why);
        }
        let left: Vec<_> =
            proof.result.not_proven.iter().filter(|claim| !self.accept.contains(claim)).collect();
        match proof.result.verdict {
            Verdict::Broken => refuse("broken", "an attack went through".to_owned()),
            Verdict::Proven if proof.result.not_proven.is_empty() => {}
            _ if left.is_empty() && !proof.result.not_proven.is_empty() => {}
            _ => {
                let left: Vec<_> = left.iter().map(|claim| untrusted(claim).to_string()).collect();
                let accepts = format!("--accept {}", left.join(" --accept "));
                let left = left.join(", ");
                refuse("not-proven", format!("not proven: {left} (taken as it is with {accepts})"));
            }
        }
        report.proof = Some(proof);
    }

    /// Why the proof is too old, or of a time that cannot be.
    fn too_old(&self, ended: &str) -> Option<String> {
        let Some(ended) = time::read(ended) else {
            return Some("it does not say when it was made".to_owned());
        };
        let now = time::seconds(SystemTime::now());
        if ended > now.saturating_add(SKEW) {
            return Some("it was made in the future: a clock is wrong".to_owned());
        }
        let age = now.saturating_sub(ended).unsigned_abs();
        let most = self.max_age?.as_secs();
        (age > most).then(|| format!("it is {age} s old, and {most} s are accepted"))
    }
}

/// A keyring says which schema it is of; a JWK set does not.
fn is_keyring(text: &str) -> bool {
    #[derive(Deserialize)]
    struct Ring {
        #[serde(rename = "schema")]
        _schema: u32,
        #[serde(rename = "kind")]
        _kind: String,
    }
    serde_json::from_str::<Ring>(text).is_ok()
}

/// A hash as it is, or that of a file.
fn hash_of(named: &str) -> Result<String, CommandError> {
    let hexadecimal = named.len() == 64 && named.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hexadecimal {
        return Ok(named.to_ascii_lowercase());
    }
    let text = key_file::read_text(Path::new(named))?;
    Ok(hex(&Sha256::digest(text.as_bytes())))
}

fn human(report: &Report, printer: &Printer) -> String {
    let mut rows = Vec::new();
    let mut row = |name: &str, text: String| rows.push([Cell::plain(name), Cell::plain(text)]);
    if !report.signed_by.is_empty() {
        row("signed by", report.signed_by.join(", "));
    }
    if let Some(boundary) = &report.boundary {
        row("boundary", format!("{} sha256:{}", untrusted(&boundary.name), boundary.sha256));
    }
    if let Some(proof) = &report.proof {
        row("service", untrusted(&proof.service).to_string());
        let Outcome { verdict, not_proven } = &proof.result;
        let left: Vec<_> = not_proven.iter().map(|claim| untrusted(claim).to_string()).collect();
        let left = if left.is_empty() {
            String::new()
        } else {
            format!(", not proven: {}", left.join(", "))
        };
        row("result", format!("{}{left}", word(*verdict)));
        let Made { ended, host, kernel, ringfence } = &proof.made;
        let made = format!("{ended} on {host}, {kernel}, by ringfence {ringfence}");
        row("made", untrusted(&made).to_string());
    }
    let mut text = table::draw(&rows, printer);
    for refusal in &report.refused {
        let label = printer.paint(Style::Bad, "refused:");
        let _ = writeln!(text, "{label} {} ({})", refusal.message, refusal.code);
    }
    if report.refused.iter().any(|refusal| refusal.code == "not-proven") {
        let _ = writeln!(text, "accept a claim that is not proven with --accept CLAIM");
    }
    if report.accepted {
        let _ = writeln!(text, "{}", printer.paint(Style::Good, "accepted"));
    }
    text
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Broken => "broken",
        Verdict::Partial => "partial",
        Verdict::Proven => "proven",
        Verdict::Undecided => "undecided",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_verified_is_what_prove_writes() {
        assert_eq!(PREDICATE, ringfence_boundary::prove::attest::PREDICATE);
    }
}
