//! Where tarballs come from: a file, npm's cache, pnpm's store, the registry; each by its hash.

use super::Remote;
use super::pnpm_store;
use crate::tarball::{self, Limits, Tarball, TarballError, check};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use ringfence_project::graph::{Algorithm, Integrity, Package, Source};
use ringfence_project::walk;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Where a tarball was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A file of this machine, which the lockfile names.
    File,
    /// npm's cache.
    NpmCache,
    /// pnpm's store: not the tarball, but pnpm's own list of what was in it, which no hash of the
    /// lockfile covers.
    PnpmStore,
    /// The registry.
    Registry,
    /// The registry, by the hash that it says itself: the lockfile has none.
    RegistryAlone,
}

/// A tarball, and where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Had {
    /// What is in it.
    pub tarball: Tarball,
    /// Where it was.
    pub origin: Origin,
}

/// Why a tarball could not be had: lower case, no period. Text of others in it is escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Missing(pub String);

/// Looks for tarballs. May be shared by threads.
#[derive(Debug)]
pub struct Tarballs<'a> {
    project: PathBuf,
    cache: Option<PathBuf>,
    stores: Vec<PathBuf>,
    remote: Option<&'a Remote>,
    limits: Limits,
}

impl<'a> Tarballs<'a> {
    /// Looks into npm's cache, for the lockfile in `project`. A cache that is not there now is not
    /// looked into.
    #[must_use]
    pub fn new(project: &Path, cache: Option<&Path>) -> Self {
        let cache = cache.map(|cache| cache.join("_cacache/content-v2"));
        let cache = cache.filter(|cache| cache.is_dir());
        let project = project.to_path_buf();
        Self { project, cache, stores: Vec::new(), remote: None, limits: Limits::default() }
    }

    /// Looks into pnpm's stores too: folders such as `store/v10`, where they are there now.
    #[must_use]
    pub fn with_stores(mut self, stores: Vec<PathBuf>) -> Self {
        self.stores = stores;
        self.stores.retain(|store| store.is_dir());
        self
    }

    /// Asks the registry for what is nowhere else.
    #[must_use]
    pub const fn with_registry(mut self, remote: Option<&'a Remote>) -> Self {
        self.remote = remote;
        self
    }

    /// Whether there is neither a cache nor a store nor a registry: no tarball but a file can be had.
    #[must_use]
    pub const fn are_nowhere(&self) -> bool {
        self.cache.is_none() && self.stores.is_empty() && self.remote.is_none()
    }

    /// The tarball of a package.
    ///
    /// # Errors
    /// Why it could not be had.
    pub fn of(&self, package: &Package) -> Result<Had, Missing> {
        let missing = |text: &str| Err(Missing(text.to_owned()));
        match &package.source {
            Source::File { path } => return self.file(path, &package.integrity),
            Source::Git { .. } => return missing("it comes from git, which has no tarball"),
            Source::Link { .. } => return missing("it is a folder of this machine"),
            Source::Registry { .. } | Source::Tarball { .. } => {}
        }
        if package.integrity.is_empty() {
            return missing("the lockfile has no hash of its tarball");
        }
        let mut told = None;
        match self.cached(&package.integrity) {
            Ok(Some(tarball)) => return Ok(Had { tarball, origin: Origin::NpmCache }),
            Ok(None) => {}
            Err(error) => told = Some(format!("in npm's cache, {error}")),
        }
        if let Some(remote) = self.remote
            && matches!(package.source, Source::Registry { .. })
        {
            match remote.tarball(package, self.limits.packed) {
                Ok(bytes) => {
                    let read = Tarball::read_checked(&bytes, &package.integrity, self.limits);
                    let tarball =
                        read.map_err(|error| Missing(format!("from the registry, {error}")))?;
                    return Ok(Had { tarball, origin: Origin::Registry });
                }
                Err(why) => told = Some(why),
            }
        }
        for store in &self.stores {
            if let Some(tarball) = pnpm_store::listed(store, package) {
                return Ok(Had { tarball, origin: Origin::PnpmStore });
            }
        }
        Err(Missing(told.unwrap_or_else(|| match (&self.remote, &package.source) {
            (Some(_), _) => "it comes from an address of its own, which is not asked".to_owned(),
            (None, _) => "it is not in npm's cache, and no registry was asked".to_owned(),
        })))
    }

    /// The tarball that the registry has of a version whose hash no lockfile tells, as those of Yarn 2
    /// and later: that it is the one that was meant is the registry's word alone.
    ///
    /// # Errors
    /// Why it could not be had.
    pub fn by_registry(&self, package: &Package) -> Result<Had, Missing> {
        let (Some(remote), Source::Registry { .. }) = (self.remote, &package.source) else {
            return Err(Missing("the lockfile has no hash of its tarball".to_owned()));
        };
        let version = package.version.as_deref().unwrap_or_default();
        let told = remote.integrity(&package.name, version).map_err(Missing)?;
        let integrity = told.as_deref().map(Integrity::parse).unwrap_or_default();
        if integrity.is_empty() {
            let why = "neither the lockfile nor the registry has a hash of its tarball";
            return Err(Missing(why.to_owned()));
        }
        let had = self.of(&Package { integrity, ..package.clone() })?;
        Ok(Had { origin: Origin::RegistryAlone, ..had })
    }

    /// What npm's cache has of a hash.
    ///
    /// # Errors
    /// What it has is not what the hash names.
    pub fn cached(&self, integrity: &Integrity) -> Result<Option<Tarball>, TarballError> {
        let Some(cache) = &self.cache else { return Ok(None) };
        for (algorithm, hash) in integrity.hashes() {
            let Some(hex) = hex(hash).filter(|hex| hex.len() > 4) else { continue };
            let (first, rest) = hex.split_at(2);
            let (second, rest) = rest.split_at(2);
            let path = cache.join([algorithm.id(), first, second, rest].join("/"));
            let Ok(bytes) = walk::bytes(&path, self.limits.packed) else { continue };
            // A weaker hash than the strongest named is looked up and not believed.
            check(&bytes, integrity)?;
            return Tarball::read(&bytes, self.limits).map(Some);
        }
        Ok(None)
    }

    fn file(&self, path: &str, integrity: &Integrity) -> Result<Had, Missing> {
        let path = self.project.join(path);
        let told = |error: &dyn std::fmt::Display| Missing(format!("its file: {error}"));
        let bytes = walk::bytes(&path, self.limits.packed).map_err(|error| told(&error))?;
        let tarball = if integrity.is_empty() {
            Tarball::read(&bytes, self.limits)
        } else {
            Tarball::read_checked(&bytes, integrity, self.limits)
        };
        Ok(Had { tarball: tarball.map_err(|error| told(&error))?, origin: Origin::File })
    }
}

/// The hash of an algorithm in hexadecimal digits.
pub(super) fn hex_of(integrity: &Integrity, wanted: Algorithm) -> Option<String> {
    integrity.hashes().find(|(algorithm, _)| *algorithm == wanted).and_then(|(_, hash)| hex(hash))
}

fn hex(hash: &str) -> Option<String> {
    BASE64.decode(hash).ok().map(|bytes| tarball::hex(&bytes))
}
