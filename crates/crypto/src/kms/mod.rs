//! Keys that stay in a key service: `OpenBao` or Vault (transit), and AWS KMS.
//!
//! A service wraps the data keys of envelopes ([`crate::envelope::Wrapping`]) and signs
//! ([`crate::signature::Signer`]); the key itself never comes here. What comes back is not believed:
//! lengths, versions and algorithms are checked, answers are bounded in size and time, and a
//! signature must verify under the public key that was read before it is handed out. `OpenBao` wraps
//! without the context (its `rewrap` knows no additional data): the envelope's own header binds it.
//! Not defended against: a service, or a holder of its token, that wants to read what it wraps; and
//! the HTTP client's own buffers are not erased.

mod error;

#[cfg(feature = "kms")]
mod aws;
#[cfg(feature = "kms")]
mod client;
#[cfg(feature = "kms")]
mod public;
#[cfg(feature = "kms")]
mod transit;

pub use error::KmsError;

#[cfg(feature = "kms")]
pub use aws::{AwsKey, AwsKms, AwsSigner, Credentials};
#[cfg(feature = "kms")]
pub use client::{Connection, Trust};
#[cfg(feature = "kms")]
pub use transit::{Login, Transit, TransitKey, TransitSigner};

#[cfg(test)]
#[cfg(feature = "kms")]
mod tests;
