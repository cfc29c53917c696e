//! Evidence from where npm keeps it: our own cache of facts, npm's cache, files, and, where somebody
//! asks for it, the registry.

use super::{Evidence, Known, RegistryFacts, Remote, TarballFacts, Tarballs};
use crate::cache::Cache;
use crate::change::Release;
use ringfence_project::graph::{Package, Source};

/// Looks for facts, and keeps those of tarballs for the next time.
#[derive(Debug)]
pub struct Looked<'a> {
    tarballs: Tarballs<'a>,
    cache: Option<Cache>,
    remote: Option<&'a Remote>,
}

impl<'a> Looked<'a> {
    /// Looks for tarballs there, and into this cache of facts first.
    #[must_use]
    pub const fn new(tarballs: Tarballs<'a>, cache: Option<Cache>) -> Self {
        Self { tarballs, cache, remote: None }
    }

    /// Asks the registry what it says of a release.
    #[must_use]
    pub const fn with_registry(mut self, remote: Option<&'a Remote>) -> Self {
        self.remote = remote;
        self
    }
}

impl Evidence for Looked<'_> {
    fn tarball(&self, _: &Release<'_>, package: &Package) -> Known<TarballFacts> {
        let cache = self.cache.as_ref();
        if let Some(facts) = cache.and_then(|cache| cache.load(&package.integrity)) {
            return Known::Said(facts);
        }
        match self.tarballs.of(package) {
            Ok(had) => {
                let from_git = matches!(package.source, Source::Git { .. });
                let facts = had.tarball.facts(from_git);
                // A list of pnpm's says less than a tarball, and is not kept for one.
                if let Some(cache) = cache
                    && had.origin != super::Origin::PnpmStore
                {
                    cache.store(&package.integrity, &facts);
                }
                Known::Said(facts)
            }
            Err(missing) => Known::Unknown(missing.0),
        }
    }

    fn registry(&self, release: &Release<'_>) -> Known<RegistryFacts> {
        let Some(remote) = self.remote else {
            return Known::Unknown("no registry was asked".to_owned());
        };
        match remote.packument(release.name) {
            Ok(Some(packument)) => Known::Said(packument.facts(release.version)),
            Ok(None) => {
                Known::Said(RegistryFacts { is_there: Some(false), ..RegistryFacts::default() })
            }
            Err(why) => Known::Unknown(why),
        }
    }
}
