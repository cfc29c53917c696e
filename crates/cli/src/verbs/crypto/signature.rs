//! `ringfence crypto sign` and `verify`

use super::choice::{Algorithms, ChoiceOption, Signing};
use super::events::EventsOption;
use super::key_file;
use super::keyring::{RingOption, refused};
use super::{failed, input, input_line, now};
use crate::error::{CommandError, Finish, Kind};
use crate::printer::Printer;
use ringfence_crypto::signature::{self, JwkSet, KeySet, Window};
use std::path::{Path, PathBuf};

/// Sign standard input (JWS EdDSA, ES256 or PS256)
///
/// With the key in use of a keyring, or with a private key that stays in a key service.
#[derive(Debug, clap::Args)]
pub(super) struct Sign {
    #[command(flatten)]
    choice: ChoiceOption,
    /// What the key in the service is for; another one is refused
    #[arg(long, value_name = "ALGORITHM", requires = "kms")]
    algorithm: Option<Algorithms>,
    /// Version of the key in transit: by itself the newest
    #[arg(long, value_name = "NUMBER", requires = "kms")]
    key_version: Option<u64>,
    /// The header's `typ`, such as JWT
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
}

/// Verify the signed text on standard input and print what was signed
///
/// Exits 1 when the signature does not fit. What is printed was signed; whether its claims still
/// count is the reader's to check.
#[derive(Debug, clap::Args)]
#[group(id = "where", required = true, multiple = false, args = ["keyring", "jwks"])]
pub(super) struct Verify {
    /// A keyring, whose keys verify in their windows
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    keyring: Option<PathBuf>,
    /// A JWK set, as `keyring jwks` prints it
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    jwks: Option<PathBuf>,
    /// The file with the key that protects the keyring: refuses one that was changed
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, requires = "keyring")]
    key: Option<PathBuf>,
    #[command(flatten)]
    events: EventsOption,
}

impl Sign {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let algorithm = self.algorithm.map(Into::into);
        let signing = Signing::of(self.choice.load()?, algorithm, self.key_version)?;
        let signed = signature::sign(&*signing.signer()?, self.kind.as_deref(), &input()?)
            .map_err(|error| failed("nothing is signed", &error))?;
        printer.text(&format!("{signed}\n"));
        Ok(Finish::Clean)
    }
}

impl Verify {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        let keys = match (&self.keyring, &self.jwks) {
            (Some(keyring), _) => of_ring(keyring, self.key.as_deref())?,
            (None, Some(jwks)) => of_jwks(jwks, &key_file::read_text(jwks)?)?,
            (None, None) => {
                return Err(CommandError::new(Kind::Usage, "neither --keyring nor --jwks"));
            }
        };
        let text = input_line("signed text")?;
        let (verified, events) = self.events.watch(|on| on.verify(&keys, &text, now()))?;
        match verified {
            Ok(verified) => {
                printer.bytes(&verified.payload);
                Ok(Finish::Clean)
            }
            Err(error) => {
                printer.error(&format!("refused: {error}\n"));
                printer.event(&events);
                Ok(Finish::Findings)
            }
        }
    }
}

/// The keys of a keyring, each in its window.
pub(in crate::verbs) fn of_ring(path: &Path, key: Option<&Path>) -> Result<KeySet, CommandError> {
    let ring = RingOption { keyring: path.to_owned() }.read(key)?;
    ring.verifying_keys().map_err(|error| refused(&error))
}

/// The keys of a JWK set.
pub(in crate::verbs) fn of_jwks(path: &Path, text: &str) -> Result<KeySet, CommandError> {
    let wrong = |error: &dyn std::error::Error| {
        failed(&format!("{} cannot be used", path.display()), error)
    };
    let mut keys = KeySet::new();
    for key in JwkSet::parse(text).map_err(|error| wrong(&error))? {
        keys.add(key, Window::default()).map_err(|error| wrong(&error))?;
    }
    Ok(keys)
}
