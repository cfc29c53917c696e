//! `ringfence crypto sign` and `verify`

use super::key_file::{self, KeyOption};
use super::keyring::{RingOption, refused};
use super::{failed, input, input_line, now};
use crate::error::{CommandError, Finish, Kind};
use crate::printer::Printer;
use ringfence_crypto::signature::{self, JwkSet, KeySet, Window};
use std::path::PathBuf;

/// Sign standard input (JWS EdDSA, ES256 or PS256, by the keyring)
#[derive(Debug, clap::Args)]
pub(super) struct Sign {
    #[command(flatten)]
    ring: RingOption,
    #[command(flatten)]
    key: KeyOption,
    /// The header's `typ`, such as JWT
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
}

/// Verify the signed text on standard input and print what was signed
///
/// Exits 1 when the signature does not fit. What is printed was signed; whether its claims still
/// count is the reader's to check.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Verify {
    /// A keyring, whose keys verify in their windows
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    keyring: Option<PathBuf>,
    /// A JWK set, as `keyring jwks` prints it
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    jwks: Option<PathBuf>,
}

impl Sign {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let ring = self.ring.load()?;
        let wrap = key_file::wrapping(&self.key.read()?)?;
        let key = ring.signing_key(&wrap).map_err(|error| refused(&error))?;
        let signed = signature::sign(&key, self.kind.as_deref(), &input()?)
            .map_err(|error| failed("nothing is signed", &error))?;
        printer.text(&format!("{signed}\n"));
        Ok(Finish::Clean)
    }
}

impl Verify {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let keys = self.keys()?;
        let text = input_line("signed text")?;
        match signature::verify(&keys, &text, now()) {
            Ok(verified) => {
                printer.bytes(&verified.payload);
                Ok(Finish::Clean)
            }
            Err(error) => {
                printer.error(&format!("refused: {error}\n"));
                Ok(Finish::Findings)
            }
        }
    }

    fn keys(&self) -> Result<KeySet, CommandError> {
        if let Some(path) = &self.keyring {
            let ring = RingOption { keyring: path.clone() }.load()?;
            return ring.verifying_keys().map_err(|error| refused(&error));
        }
        let Some(path) = &self.jwks else {
            return Err(CommandError::new(Kind::Usage, "neither --keyring nor --jwks"));
        };
        let text = key_file::read_text(path)?;
        let wrong = |error: &dyn std::error::Error| {
            failed(&format!("{} cannot be used", path.display()), error)
        };
        let mut keys = KeySet::new();
        for key in JwkSet::parse(&text).map_err(|error| wrong(&error))? {
            keys.add(key, Window::default()).map_err(|error| wrong(&error))?;
        }
        Ok(keys)
    }
}
