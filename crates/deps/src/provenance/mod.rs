//! Who built and who published a package: signatures of its registry, and attestations of Sigstore.
//!
//! Each release of a lockfile is judged against the hash that the lockfile has for it, with roots and keys
//! that the user has ([`Trust`]). A valid attestation is evidence of where something was built and by whose
//! word it was published. It says nothing of whether the package is good: malicious versions have been
//! published with valid provenance, by workflows that were taken over. What nobody said, and what cannot be
//! judged, is [`Part::Unknown`] and never fine.

mod bundle;
mod compare;
mod fuzz;
mod judge;
mod keys;
mod origin;
mod remote;
mod root;
mod statement;
mod stored;

pub use bundle::{Attestation, read as attestations};
pub use compare::{Difference, compare};
pub use fuzz::fuzz_bundle;
pub use judge::{Part, Verdict, judge};
pub use keys::{Key, Usage, of_scope as keys_of_scope, read as read_keys};
pub use origin::Origin;
pub use remote::Remote;
pub use root::{Trust, TrustError};
pub use stored::Stored;

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Why attestations cannot be judged.
const NO_ROOT: &str = "there is no trusted root to judge attestations by";

/// Why signatures cannot be judged.
const NO_KEYS: &str = "there are no keys of the registry to judge signatures by";

fn unknown_key(id: &str) -> String {
    let id = ringfence_policy::display::quoted(id).to_string();
    format!("it is signed with the key {id}, which nobody here vouches for")
}

/// What is judged: a package and the hash that the lockfile has for its tarball.
#[derive(Debug, Clone, Copy)]
struct Expected<'a> {
    name: &'a str,
    version: &'a str,
    sha512: &'a [u8],
    /// The keys that its registry told.
    told: &'a [Key],
}

/// A signature of the registry over `name@version:integrity`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The key, as the registry names it.
    pub keyid: String,
    /// ECDSA, DER, base64.
    pub sig: String,
}

/// What a registry said of a release. A field that is absent was not served.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// The package, so that a file cannot be taken for that of another.
    pub name: String,
    /// Its version.
    pub version: String,
    /// When it was published, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<i64>,
    /// Its signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signatures: Option<Vec<Signature>>,
    /// Its attestations; an empty list where the registry says that there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestations: Option<Vec<Attestation>>,
    /// The keys that the registry itself tells: believed where the trusted root has none of that identifier.
    #[serde(skip)]
    pub keys: Arc<Vec<Key>>,
}

/// Where what a registry says comes from. May be shared by threads.
pub trait Source: Sync {
    /// What was said of a release.
    ///
    /// # Errors
    /// Why nobody said anything: lower case, no period, text of others escaped.
    fn told(&self, name: &str, version: &str) -> Result<Told, String>;
}
