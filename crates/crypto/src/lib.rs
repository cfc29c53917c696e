//! The cryptography a service calls, in standard formats only: random identifiers, password hashes
//! (PHC strings), API tokens, envelopes (JWE) and signatures (JWS).
//!
//! Nothing here is home-made: ciphers, MACs, signatures and random bytes are aws-lc's, Argon2id is
//! `argon2-rust`'s, scrypt is `RustCrypto`'s. What is ours is what is easy to get wrong around them: bounds on
//! parameters that come from outside, nonces, algorithms pinned to keys, errors that never echo a
//! secret, and refusing instead of melting under load. Secrets are [`Secret`]: erased when dropped and
//! never displayed. Not defended against: somebody who reads this process's memory, and side channels
//! of the processor.

pub mod compare;
pub mod dsse;
pub mod envelope;
pub mod event;
pub mod keyring;
pub mod kms;
pub mod mac;
pub mod password;
pub mod random;
pub mod secret;
pub mod signature;
#[cfg(feature = "tls")]
pub mod tls;
pub mod token;

mod text;

pub use compare::secret_equals;
pub use secret::Secret;
