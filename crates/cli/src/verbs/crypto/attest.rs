//! Signing what `ringfence prove --attest` writes.

use super::choice::{Algorithms, Choice, Signing};
use super::failed;
use super::key_file;
use super::keyring::RingOption;
use super::service::{self, ServiceOption};
use crate::error::{CommandError, Kind};
use ringfence_crypto::dsse;
use ringfence_crypto::signature::Signer;
use std::path::PathBuf;

/// The options of `prove` that sign the attestation.
#[derive(Debug, clap::Args)]
pub(crate) struct SignOption {
    /// Sign the attestation, as a DSSE envelope that `ringfence verify` checks
    ///
    /// With a keyring, or with a private key that stays in a key service: transit:https://HOST:PORT/MOUNT/KEY
    /// (OpenBao, Vault) or aws-kms:ARN. Several times: several signatures.
    #[arg(long, value_name = "KEY", requires = "attest")]
    sign_with: Vec<String>,
    /// The file with the key that protects the keyring
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, requires = "sign_with")]
    sign_key: Option<PathBuf>,
    /// What the key in the service is for; another one is refused
    #[arg(long, value_name = "ALGORITHM", requires = "sign_with")]
    sign_algorithm: Option<Algorithms>,
    #[command(flatten)]
    service: ServiceOption,
}

/// The keys that will sign.
pub(crate) struct Signatures(Vec<Signing>);

impl SignOption {
    /// Reads the keys, and asks services for theirs: a mistake is told before anything is attacked.
    pub(crate) fn prepare(&self) -> Result<Signatures, CommandError> {
        let keys = self.sign_with.iter().map(|named| {
            let signing = self.signing(named)?;
            signing.signer()?;
            Ok(signing)
        });
        keys.collect::<Result<_, CommandError>>().map(Signatures)
    }

    fn signing(&self, named: &str) -> Result<Signing, CommandError> {
        if service::is_address(named) {
            let address = service::address(named)
                .map_err(|why| CommandError::new(Kind::Usage, "--sign-with").hint(why))?;
            let service = Choice::Service(Box::new(self.service.service(&address)?));
            return Signing::of(service, self.sign_algorithm.map(Into::into), None);
        }
        let Some(key) = &self.sign_key else {
            let message = "the key that protects the keyring is missing";
            return Err(CommandError::new(Kind::Usage, message).hint("name it: --sign-key FILE"));
        };
        let ring = RingOption { keyring: named.into() };
        let wrap = key_file::wrapping(&key_file::read_key(key)?)?;
        Signing::of(Choice::Ring(Box::new(ring.open(&wrap)?), ring, wrap), None, None)
    }
}

impl Signatures {
    /// The statement in an envelope; as it is, where nobody signs.
    pub(crate) fn around(&self, statement: String) -> Result<String, CommandError> {
        if self.0.is_empty() {
            return Ok(statement);
        }
        let signers: Vec<Box<dyn Signer + '_>> =
            self.0.iter().map(Signing::signer).collect::<Result<_, _>>()?;
        let signers: Vec<&dyn Signer> = signers.iter().map(AsRef::as_ref).collect();
        let signed = dsse::sign(&signers, dsse::IN_TOTO, statement.as_bytes());
        let signed = signed.map_err(|error| {
            failed("the attestation cannot be signed", &error)
                .hint("the result itself is printed above and is not lost")
        })?;
        Ok(signed + "\n")
    }
}
