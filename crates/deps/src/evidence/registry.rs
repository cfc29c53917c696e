//! What the registry says of a release.

use serde::{Deserialize, Serialize};

/// What the registry says of a release; a field that it does not serve is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryFacts {
    /// When it was published, in seconds since 1970.
    pub published: Option<u64>,
    /// Names of those who could publish when it was published; where the registry does not say that,
    /// of those who may now.
    pub maintainers: Option<Vec<String>>,
    /// Who published this release.
    pub publisher: Option<String>,
    /// Whether a workflow published it that the maintainers named to the registry (trusted publishing):
    /// the publisher is then the name of a service.
    #[serde(default)]
    pub by_workflow: bool,
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
