//! The boundary in plain sentences, as a security review asks for it.
//!
//! "Use permissions" is not a boundary; "runs as non-root, cannot write outside /tmp, cannot open
//! outbound sockets except to ..." is one. Each sentence belongs to a claim with a stable id, which
//! is what `prove` attacks. What is a way out in spite of the boundary, or not limited at all, is
//! said as plainly. Sentences speak of this file only: whether a host can enforce them is what the
//! layers answer.

mod claim;
mod files;
mod network;
mod process;
mod rest;
mod words;

pub use claim::Claim;
pub(crate) use network::{controls_host, ways_out};
pub(crate) use process::is_package_manager;
pub use words::bytes;

use crate::model::Boundary;
use serde::Serialize;

/// What a sentence is to a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Something the service cannot do, or can do within limits that hold.
    Claim,
    /// Something that is allowed, not limited or not seen.
    Note,
    /// A grant through which data or control can leave the boundary.
    WayOut,
}

/// One sentence: what the service does or cannot do, lower case, without subject and period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// What it is about.
    pub claim: Claim,
    /// What it is to a reader.
    pub weight: Weight,
    /// The sentence, in printable ASCII.
    pub text: String,
}

/// Every sentence about this boundary, in the order of [`Claim::ALL`].
///
/// What the runtime itself is granted (its binary, libraries, certificates) is not in the file and
/// not in here: who resolves the boundary adds it.
#[must_use]
pub fn statement(boundary: &Boundary) -> Vec<Sentence> {
    let mut page = Page::default();
    rest::identity(&mut page, &boundary.identity);
    files::write(&mut page, &boundary.fs);
    network::write(&mut page, &boundary.net, &boundary.env);
    process::write(&mut page, &boundary.process, &boundary.service);
    rest::environment(&mut page, &boundary.env);
    rest::secrets(&mut page, &boundary.secrets);
    rest::limits(&mut page, &boundary.limits);
    rest::require(&mut page, &boundary.require);
    page.0.sort_by_key(|sentence| sentence.claim);
    page.0
}

/// Sentences in the making.
#[derive(Default)]
struct Page(Vec<Sentence>);

impl Page {
    fn claim(&mut self, claim: Claim, text: impl Into<String>) {
        self.push(claim, Weight::Claim, text);
    }

    fn note(&mut self, claim: Claim, text: impl Into<String>) {
        self.push(claim, Weight::Note, text);
    }

    fn way_out(&mut self, claim: Claim, text: impl Into<String>) {
        self.push(claim, Weight::WayOut, text);
    }

    fn push(&mut self, claim: Claim, weight: Weight, text: impl Into<String>) {
        self.0.push(Sentence { claim, weight, text: text.into() });
    }
}

#[cfg(test)]
mod tests;
