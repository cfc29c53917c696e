//! TLS as a service meets it: what a server or a file shows, whether it would be trusted, and clients
//! that trust one authority and no other.
//!
//! Handshakes are rustls with aws-lc below it; certificates are read by x509-parser and made by rcgen.
//! An inspection sees certificates that do not verify, because it records them instead of refusing
//! them, and therefore never sends a byte of data over such a connection: after the handshake it says
//! goodbye. Whatever a peer sends is bounded in size and in time. Not looked at: whether a certificate
//! was revoked (no CRL and no OCSP is fetched), Certificate Transparency, and DANE.

mod authority;
mod certificate;
mod client;
mod clock;
mod file;
mod finding;
mod handshake;
mod inspection;
mod judge;
mod legacy;
mod level;
mod starttls;
mod stream;
mod trust;

pub use authority::{Authority, AuthorityError, Issued, LEAF_DAYS, Purpose};
pub use certificate::{Certificate, PublicKey};
pub use client::{Client, ClientError, Reloading};
pub use file::{FileError, Item, LARGEST, examine, items};
pub use finding::{Code, Finding};
pub use handshake::{ConnectError, Handshake, Step, Target};
pub use inspection::{Inspection, Options, inspect};
pub use judge::Expected;
pub use legacy::Old;
pub use level::{Level, Thresholds};
pub use starttls::StartTls;
pub use trust::{Pin, Trust, TrustError};

/// Most certificates of one chain that are looked at: honest chains have two to four.
pub const CHAIN_AT_MOST: usize = 32;

#[cfg(test)]
mod tests;
