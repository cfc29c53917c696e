//! `ringfence crypto`

pub(super) mod attest;
mod calibrate;
pub(super) mod choice;
mod envelope;
pub(super) mod events;
mod hold;
pub(super) mod key_file;
pub(super) mod keyring;
mod password;
pub(super) mod service;
pub(super) mod signature;
mod token;

use crate::error::{CommandError, Finish, Kind};
use crate::printer::Printer;
use std::io::Read as _;
use std::time::{SystemTime, UNIX_EPOCH};

/// Most bytes that are read from standard input.
const LONGEST: u64 = 32 << 20;

/// Hash passwords, issue tokens, seal and sign, keep keys
///
/// Standard formats only: PHC strings, JWE, JWS, JWK. Secrets come by files and standard input, never
/// as arguments, which every process of the machine can read.
#[derive(Debug, clap::Args)]
pub(crate) struct Crypto {
    #[command(subcommand)]
    command: Command,
}

/// What is done.
#[derive(Debug, clap::Subcommand)]
enum Command {
    #[command(subcommand)]
    Password(password::Password),
    Calibrate(calibrate::Calibrate),
    #[command(subcommand)]
    Token(token::Token),
    Seal(envelope::Seal),
    Open(envelope::Open),
    Rewrap(envelope::Rewrap),
    Sign(signature::Sign),
    Verify(signature::Verify),
    #[command(subcommand)]
    Keyring(keyring::Keyring),
}

impl Crypto {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        match &self.command {
            Command::Password(command) => command.execute(printer),
            Command::Calibrate(command) => command.execute(printer),
            Command::Token(command) => command.execute(printer),
            Command::Seal(command) => command.execute(printer),
            Command::Open(command) => command.execute(printer),
            Command::Rewrap(command) => command.execute(printer),
            Command::Sign(command) => command.execute(printer),
            Command::Verify(command) => command.execute(printer),
            Command::Keyring(command) => command.execute(printer),
        }
    }
}

/// All of standard input.
fn input() -> Result<Vec<u8>, CommandError> {
    input_within(LONGEST)
}

/// All of standard input, at most this many bytes.
fn input_within(longest: u64) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(longest + 1).read_to_end(&mut bytes);
    read.map_err(|error| {
        CommandError::new(Kind::Source, "cannot read standard input").caused_by(&error)
    })?;
    if bytes.len() as u64 > longest {
        let message = format!("standard input is longer than {longest} bytes");
        return Err(CommandError::new(Kind::Source, message));
    }
    Ok(bytes)
}

/// One line of standard input, without what ends it.
fn line(bytes: &[u8]) -> &[u8] {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Text of one line of standard input.
fn input_line(what: &str) -> Result<String, CommandError> {
    let bytes = input()?;
    let text = std::str::from_utf8(line(&bytes)).map(str::to_owned);
    text.map_err(|_| CommandError::new(Kind::Source, format!("the {what} is not UTF-8")))
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A failure whose text holds no secret.
pub(super) fn failed(what: &str, error: &dyn std::error::Error) -> CommandError {
    CommandError::new(Kind::Source, what).caused_by(error)
}
