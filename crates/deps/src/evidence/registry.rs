//! What the registry says of a release.

use serde::{Deserialize, Serialize};

/// What the registry says of a release; a field that it does not serve is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryFacts {
    /// When it was published, in seconds since 1970.
    pub published: Option<u64>,
    /// Names of those who may publish.
    pub maintainers: Option<Vec<String>>,
    /// Who published this release.
    pub publisher: Option<String>,
    /// Whether it has a provenance attestation.
    pub provenance: Option<bool>,
    /// Why it should not be used any more.
    pub deprecated: Option<String>,
    /// `repository` of its manifest: the address.
    pub repository: Option<String>,
    /// Whether the registry still has this version.
    pub is_there: Option<bool>,
    /// When the first version of this name was published, in seconds since 1970.
    pub first_published: Option<u64>,
    /// Whether its manifest has install scripts.
    pub install_script: Option<bool>,
}
