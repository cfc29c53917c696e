//! What signs: a private key here, or one that a key service keeps.

use super::{Algorithm, SignatureError, SigningKey, VerifyingKey};

/// A private key, wherever it is.
///
/// Its algorithm is its own and never the caller's to choose. An implementation that asks a service
/// must verify what comes back before it returns it.
pub trait Signer {
    /// Its name.
    fn kid(&self) -> &str;

    /// Its algorithm.
    fn algorithm(&self) -> Algorithm;

    /// What verifies its signatures.
    ///
    /// # Errors
    /// [`SignatureError::Key`], [`SignatureError::Service`].
    fn public(&self) -> Result<VerifyingKey, SignatureError>;

    /// The bare signature of `message`, in the form of JWS.
    ///
    /// # Errors
    /// [`SignatureError::Key`], [`SignatureError::Service`].
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError>;
}

impl Signer for SigningKey {
    fn kid(&self) -> &str {
        self.kid()
    }

    fn algorithm(&self) -> Algorithm {
        self.algorithm()
    }

    fn public(&self) -> Result<VerifyingKey, SignatureError> {
        self.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        self.sign(message)
    }
}
