//! Cryptography: the crate `crypto` for JavaScript.
//!
//! Every function here takes bytes as `Uint8Array` and text as string; `npm/crypto/` has checked both
//! (types, detached and shared memory, ranges that overlap) before it calls. What blocks the event
//! loop noticeably, passwords and new keys, runs on other threads.

mod envelope;
mod keyring;
mod mac;
mod password;
mod pool;
mod random;
mod refusal;
mod signature;
mod token;
