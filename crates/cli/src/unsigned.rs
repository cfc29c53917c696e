//! `ringfence prove` without the area that signs: attestations are written as they are.

use crate::error::CommandError;

/// No options.
#[derive(Debug, clap::Args)]
pub(crate) struct SignOption {}

/// Nobody signs.
pub(crate) struct Signatures;

impl SignOption {
    /// Nothing to read.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as the area that signs")]
    pub(crate) fn prepare(&self) -> Result<Signatures, CommandError> {
        Ok(Signatures)
    }
}

impl Signatures {
    /// The statement as it is.
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as the area that signs")]
    pub(crate) fn around(&self, statement: String) -> Result<String, CommandError> {
        Ok(statement)
    }
}
