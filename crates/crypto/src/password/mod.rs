//! Passwords as hashes: Argon2id by default, scrypt accepted, in PHC strings.
//!
//! [`Encoded`] is a stored hash whose parameters were checked against [`Bounds`] before any memory is
//! taken, because who can write the database must not choose how much. [`Hasher`] computes: a fixed
//! number at once in memory that is used again, a bounded queue that refuses at once when it is
//! full, and a limit of attempts by key. A password that matches an outdated hash says so, and is
//! hashed again at that login.

mod argon2id;
pub mod calibrate;
mod encoded;
mod hasher;
mod limiter;
mod quota;
mod scheme;

pub use encoded::{Encoded, Form};
pub use hasher::{Hasher, HasherOptions, Place, Verified};
pub use limiter::{Attempts, Limiter};
pub use scheme::{Bounds, Scheme};

use crate::random::RandomError;
use std::time::Duration;

/// Longest password in bytes: more is refused before it is hashed.
pub const LONGEST_PASSWORD: usize = 4096;

/// Why a password was neither hashed nor compared. No variant holds the password or the hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The stored hash is in no known form.
    #[error("the stored hash is not valid: {0}")]
    Malformed(&'static str),
    /// The stored hash asks for parameters outside the bounds.
    #[error("the stored hash asks for {what} outside the bounds: {value}")]
    OutOfBounds {
        /// Which parameter.
        what: &'static str,
        /// What it asks for.
        value: u64,
    },
    /// The policy's own parameters are below the minimum or outside the bounds.
    #[error("the policy is too weak or too expensive: {0}")]
    Policy(String),
    /// The password is longer than [`LONGEST_PASSWORD`].
    #[error("the password is longer than {LONGEST_PASSWORD} bytes")]
    TooLong,
    /// All workers are busy and the queue is full; nothing was computed.
    #[error("too many passwords are being hashed: {waiting} are waiting")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
    /// Too many attempts for this key; nothing was computed.
    #[error("too many attempts: try again in {} s", retry_after.as_secs().max(1))]
    Limited {
        /// Time until the next attempt is let through.
        retry_after: Duration,
    },
    /// No random salt.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// This processor or this build computes Argon2 wrongly: nothing it made would ever match.
    #[error("a known Argon2 hash is computed wrongly here")]
    Wrong,
    /// The memory for a hash cannot be had.
    #[error("no memory for a hash: {0} KiB")]
    Memory(u64),
}
