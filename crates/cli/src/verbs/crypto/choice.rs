//! Where the key of a command is: in a keyring, or in a key service.

use super::hold::{Hold, hold};
use super::key_file;
use super::keyring::{RingOption, refused};
use super::service::{self, KeyAddress, Service, ServiceOption};
use crate::error::{CommandError, Kind};
use ringfence_crypto::envelope::Key;
use ringfence_crypto::keyring::Keyring;
use ringfence_crypto::signature::{Algorithm, Signer, SigningKey};
use std::path::PathBuf;

/// The options of commands that take either.
#[derive(Debug, clap::Args)]
pub(super) struct ChoiceOption {
    /// The keyring
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath,
          required_unless_present = "kms", conflicts_with = "kms")]
    keyring: Option<PathBuf>,
    /// A file with the key that protects the keyring: 32 bytes, or 64 hexadecimal digits
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath,
          required_unless_present = "kms", conflicts_with = "kms")]
    key: Option<PathBuf>,
    /// A key in a key service instead: transit:https://HOST:PORT/MOUNT/KEY (OpenBao, Vault) or
    /// aws-kms:ARN
    #[arg(long, value_name = "ADDRESS", value_parser = service::address)]
    kms: Option<KeyAddress>,
    #[command(flatten)]
    service: ServiceOption,
}

/// What was chosen.
pub(super) enum Choice {
    /// A keyring, where it lies, and the key around it.
    Ring(Box<Keyring>, RingOption, Key),
    /// A key service.
    Service(Box<Service>),
}

impl ChoiceOption {
    /// Reads the keyring, or sets the service up.
    pub(super) fn load(&self) -> Result<Choice, CommandError> {
        if let Some(address) = &self.kms {
            return self.service.service(address).map(Box::new).map(Choice::Service);
        }
        let (Some(keyring), Some(key)) = (&self.keyring, &self.key) else {
            return Err(CommandError::new(Kind::Usage, "neither --keyring with --key nor --kms"));
        };
        let option = RingOption { keyring: keyring.clone() };
        let wrap = key_file::wrapping(&key_file::read_key(key)?)?;
        let ring = option.open(&wrap)?;
        Ok(Choice::Ring(Box::new(ring), option, wrap))
    }

    /// Keeps other commands from changing the keyring, if it is one, until what this gives is dropped.
    pub(super) fn hold(&self) -> Result<Option<Hold>, CommandError> {
        self.keyring.as_deref().map(hold).transpose()
    }

    /// Another key of a service that is reached in the same way.
    pub(super) fn other(&self, address: &KeyAddress) -> Result<Service, CommandError> {
        self.service.service(address)
    }
}

/// What signs, once it has been read or found.
pub(crate) enum Signing {
    Local(SigningKey),
    Service(Box<Service>, Algorithm, Option<u64>),
}

impl Signing {
    /// From a choice; a key service has to be told which algorithm its key must have.
    pub(super) fn of(
        choice: Choice,
        algorithm: Option<Algorithm>,
        version: Option<u64>,
    ) -> Result<Self, CommandError> {
        match choice {
            Choice::Ring(..) if algorithm.is_some() || version.is_some() => {
                Err(CommandError::new(Kind::Usage, "a keyring decides algorithm and key itself")
                    .hint("--algorithm and --key-version go with --kms"))
            }
            Choice::Ring(ring, _, wrap) => {
                ring.signing_key(&wrap).map(Self::Local).map_err(|error| refused(&error))
            }
            Choice::Service(service) => {
                let algorithm = algorithm.ok_or_else(|| {
                    CommandError::new(Kind::Usage, "the key's algorithm is not said")
                        .hint("name it: --algorithm eddsa, es256 or ps256")
                })?;
                Ok(Self::Service(service, algorithm, version))
            }
        }
    }

    /// What signs now.
    pub(crate) fn signer(&self) -> Result<Box<dyn Signer + '_>, CommandError> {
        match self {
            Self::Local(key) => Ok(Box::new(Borrowed(key))),
            Self::Service(service, algorithm, version) => service.signer(*algorithm, *version),
        }
    }
}

/// A key that somebody else keeps.
struct Borrowed<'key>(&'key SigningKey);

impl Signer for Borrowed<'_> {
    fn kid(&self) -> &str {
        self.0.kid()
    }

    fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }

    fn public(
        &self,
    ) -> Result<
        ringfence_crypto::signature::VerifyingKey,
        ringfence_crypto::signature::SignatureError,
    > {
        self.0.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ringfence_crypto::signature::SignatureError> {
        self.0.sign(message)
    }
}

/// The algorithms, as they are named on a command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Algorithms {
    Eddsa,
    Es256,
    Ps256,
}

impl From<Algorithms> for Algorithm {
    fn from(named: Algorithms) -> Self {
        match named {
            Algorithms::Eddsa => Self::EdDsa,
            Algorithms::Es256 => Self::Es256,
            Algorithms::Ps256 => Self::Ps256,
        }
    }
}
