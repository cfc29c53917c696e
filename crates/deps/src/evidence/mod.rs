//! What is known of a release beyond its line in a lockfile: what its tarball holds, and what the
//! registry says of it.
//!
//! Whoever reviews decides where to look: nowhere (offline), in npm's cache, at the registry. What
//! could not be had is [`Known::Unknown`] with the reason, so that no signal takes silence for an answer.

mod each;
pub(crate) mod lenient;
mod looked;
mod packument;
mod pnpm_store;
mod registry;
mod remote;
mod tarball;
mod tarballs;

pub use each::each;
pub use looked::{Lacking, Looked, Place, Sources};
pub use packument::{Packument, Version};
pub use pnpm_store::pnpm_stores;
pub use registry::RegistryFacts;
pub use remote::Remote;
pub(crate) use remote::is_name;
pub use tarball::TarballFacts;
pub use tarballs::{Had, Missing, Origin, Tarballs};

use crate::change::Release;
use ringfence_project::graph::{Integrity, Package};

/// What somebody said, or why nobody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known<T> {
    /// It was said.
    Said(T),
    /// Nobody said it: why, in lower case without a period.
    Unknown(String),
}

impl<T> Known<T> {
    /// What was said.
    pub const fn said(&self) -> Option<&T> {
        match self {
            Self::Said(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

/// Where facts come from.
pub trait Evidence {
    /// What the tarball of a release holds.
    fn tarball(&self, release: &Release<'_>, package: &Package) -> Known<TarballFacts>;

    /// What the registry says of a release.
    fn registry(&self, release: &Release<'_>) -> Known<RegistryFacts>;

    /// The hash by which the registry serves a tarball whose hash no lockfile tells, as those of Yarn 2
    /// and later: the registry's word alone.
    fn served(&self, _package: &Package) -> Option<Integrity> {
        None
    }
}

/// Nothing but the lockfile.
#[derive(Debug, Clone, Copy, Default)]
pub struct LockfileAlone;

impl Evidence for LockfileAlone {
    fn tarball(&self, _: &Release<'_>, _: &Package) -> Known<TarballFacts> {
        Known::Unknown("no tarball was looked at".to_owned())
    }

    fn registry(&self, _: &Release<'_>) -> Known<RegistryFacts> {
        Known::Unknown("no registry was asked".to_owned())
    }
}
