//! API tokens.

use super::refusal::{Result, refuse};
use napi_derive::napi;
use ringfence_crypto::Secret;
use ringfence_crypto::token::{ServerKey, Token};

/// A new token; its text is the caller's to hand out once.
#[napi(catch_unwind)]
pub fn token_issue(prefix: String) -> Result<String> {
    Ok(Token::issue(&prefix).map_err(refuse)?.expose().to_owned())
}

/// The key that tokens are stored under.
#[napi]
pub struct NativeServerKey(ServerKey);

#[napi]
impl NativeServerKey {
    /// Copies the key.
    #[napi(constructor, catch_unwind)]
    pub fn new(key: &[u8]) -> Result<Self> {
        ServerKey::new(&Secret::new(key.to_vec())).map(Self).map_err(refuse)
    }

    /// What a token is stored under and found by, in hexadecimal.
    #[napi(catch_unwind)]
    pub fn locate(&self, token: String) -> Result<String> {
        let token = Token::parse(&token).map_err(refuse)?;
        Ok(self.0.locate(&token).to_hex())
    }
}
