//! Where packages may be fetched from: the registries of npm's configuration, and what was agreed.
//!
//! A lockfile names addresses, and an edited one can name any. So a host is reached only where npm's
//! own configuration names it, or where the boundary file accepts this package from elsewhere. Git is
//! never fetched: to make a package of a repository is to run its code.

use crate::npmrc::Npmrc;
use ringfence_policy::dependencies::Accepted;
use ringfence_project::graph::{Graph, Package, Source};
use serde::Serialize;
use std::collections::BTreeSet;

/// A host and port that the fetch may reach.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Endpoint {
    /// Name or address, in lower case; IPv6 in brackets.
    pub(super) host: String,
    /// TCP port.
    pub(super) port: u16,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Endpoint {
    /// Of an http or https address.
    pub(super) fn of(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let usual = match scheme.to_ascii_lowercase().as_str() {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let authority = rest.split(['/', '?', '#']).next()?;
        let authority = authority.rsplit('@').next()?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (authority, usual),
        };
        (!host.is_empty()).then(|| Self { host: host.to_ascii_lowercase(), port })
    }
}

/// A package that is not installed, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refused {
    /// `name@version`
    pub package: String,
    /// Its line in the lockfile.
    pub line: usize,
    /// Why: lower case, no period.
    pub why: String,
}

/// What a lockfile asks for.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// What may be reached.
    pub(super) reach: BTreeSet<Endpoint>,
    /// What is refused.
    pub(super) refused: Vec<Refused>,
}

/// What is known besides the lockfile.
pub(super) struct Rules<'a> {
    /// npm's configuration.
    pub(super) npmrc: &'a Npmrc,
    /// The host whose addresses npm replaces by the configured registry's, by its own default.
    pub(super) replaced: Option<Endpoint>,
    /// What was agreed.
    pub(super) accept: &'a [Accepted],
    /// Seconds since 1970.
    pub(super) now: i64,
}

impl Rules<'_> {
    /// Looks at every package.
    pub(super) fn judge(&self, graph: &Graph) -> Sources {
        let mut sources = Sources::default();
        sources.reach.extend(self.npmrc.registries().filter_map(Endpoint::of));
        let configured = sources.reach.clone();
        for package in graph.packages.iter().filter(|package| !package.bundled) {
            if let Err(why) = self.package(package, &configured, &mut sources.reach) {
                let (package, line) = (package.label(), package.line);
                sources.refused.push(Refused { package, line, why });
            }
        }
        for importer in graph.importers.iter().filter(|importer| !is_inside(&importer.folder)) {
            let why = "the folder lies outside of the project".to_owned();
            sources.refused.push(Refused { package: importer.folder.clone(), line: 0, why });
        }
        sources.refused.sort();
        sources.refused.dedup();
        sources
    }

    fn package(
        &self,
        package: &Package,
        configured: &BTreeSet<Endpoint>,
        reach: &mut BTreeSet<Endpoint>,
    ) -> Result<(), String> {
        let (url, is_registry) = match &package.source {
            Source::Link { .. } => return Ok(()),
            Source::File { path } if is_inside(path) => return Ok(()),
            Source::File { .. } => return Err("it lies outside of the project".to_owned()),
            Source::Git { .. } => {
                return Err(
                    "it comes from git: making a package of it runs its own code".to_owned()
                );
            }
            Source::Registry { url: None } => return has_hash(package),
            Source::Registry { url: Some(url) } => (url, true),
            Source::Tarball { url } => (url, false),
        };
        has_hash(package)?;
        let place = Endpoint::of(url).ok_or("its address is neither https nor http")?;
        let own = self.npmrc.registry(&package.name).and_then(Endpoint::of);
        if is_registry && (Some(&place) == own.as_ref() || configured.contains(&place)) {
            return Ok(());
        }
        if is_registry && own.is_some() && Some(&place) == self.replaced.as_ref() {
            return Ok(());
        }
        if self.is_agreed(package) {
            reach.insert(place);
            return Ok(());
        }
        Err(format!("it comes from {place}, which no registry of npm's configuration is"))
    }

    fn is_agreed(&self, package: &Package) -> bool {
        let label = package.label();
        self.accept.iter().any(|one| {
            matches!(one.code.value.as_str(), "exotic-source" | "source-changed")
                && one.until.as_ref().is_none_or(|until| self.now < until.value)
                && one.is_about(&label)
        })
    }
}

/// The managers compare a tarball with the hash of the lockfile, and take anything where it has none.
fn has_hash(package: &Package) -> Result<(), String> {
    if package.integrity.hashes().next().is_some() {
        return Ok(());
    }
    Err("the lockfile has no hash of its tarball, so anything could be installed".to_owned())
}

fn is_inside(path: &str) -> bool {
    let mut depth = 0_i32;
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => depth -= 1,
            _ => depth += 1,
        }
        if depth < 0 {
            return false;
        }
    }
    !path.starts_with('/') && !path.starts_with('~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::npmrc::Variables;
    use ringfence_policy::source::Located;

    fn judged(packages: &str, accept: &[Accepted]) -> (Vec<String>, Vec<(String, String)>) {
        let place = tempfile::tempdir().unwrap();
        let config = "registry=https://one.example/npm/\n@s:registry=http://127.0.0.1:4873\n";
        std::fs::write(place.path().join(".npmrc"), config).unwrap();
        let npmrc = Npmrc::read(place.path(), &Variables::new()).unwrap();
        let text = format!("{{\"lockfileVersion\": 3, \"packages\": {{{packages}}}}}");
        let graph = Graph::read("package-lock.json", &text, &[]).unwrap();
        let replaced = Endpoint::of("https://default.example/");
        let rules = Rules { npmrc: &npmrc, replaced, accept, now: 100 };
        let sources = rules.judge(&graph);
        let refused = sources.refused.into_iter().map(|one| (one.package, one.why)).collect();
        (sources.reach.iter().map(ToString::to_string).collect(), refused)
    }

    fn entry(name: &str, resolved: &str, hash: &str) -> String {
        format!(r#""node_modules/{name}": {{"version": "1.0.0", "resolved": "{resolved}"{hash}}}"#)
    }

    const HASH: &str = r#", "integrity": "sha512-aaaa""#;

    #[test]
    fn the_registries_of_the_configuration_are_reached_and_nothing_else() {
        let own = entry("a", "https://one.example/npm/a/-/a-1.0.0.tgz", HASH);
        let of_scope = entry("@s/b", "http://127.0.0.1:4873/@s/b/-/b-1.0.0.tgz", HASH);
        let replaced = entry("c", "https://default.example/c/-/c-1.0.0.tgz", HASH);
        let (reach, refused) = judged(&[own, of_scope, replaced].join(","), &[]);
        assert_eq!(reach, ["127.0.0.1:4873", "one.example:443"]);
        assert_eq!(refused, []);
        for foreign in ["https://evil.example/d/-/d-1.0.0.tgz", "https://evil.example/d.tgz"] {
            let (reach, refused) = judged(&entry("d", foreign, HASH), &[]);
            assert_eq!(reach.len(), 2);
            assert_eq!(refused[0].0, "d@1.0.0");
            assert!(refused[0].1.contains("evil.example:443"), "{refused:?}");
        }
    }

    #[test]
    fn git_outside_folders_and_what_has_no_hash_are_refused() {
        let git = entry(
            "a",
            "git+ssh://git@code.example/a.git#0123456789abcdef0123456789abcdef01234567",
            "",
        );
        let outside = entry("b", "file:../../b.tgz", "");
        let bare = entry("c", "https://one.example/npm/c/-/c-1.0.0.tgz", "");
        let inside = entry("d", "file:vendor/d.tgz", "");
        let (_, refused) = judged(&[git, outside, bare, inside].join(","), &[]);
        let names: Vec<_> = refused.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a@1.0.0", "b@1.0.0", "c@1.0.0"]);
    }

    #[test]
    fn an_agreement_is_for_its_package_and_its_time() {
        let located = |text: &str| Located { value: text.to_owned(), span: 0..0 };
        let agreed = |package: &str, until: Option<i64>| Accepted {
            code: located("exotic-source"),
            package: located(package),
            reason: located("ours"),
            until: until.map(|value| Located { value, span: 0..0 }),
        };
        let lock = entry("a", "https://files.example:8443/a.tgz", HASH);
        let (reach, refused) = judged(&lock, &[agreed("a@1.0.0", Some(101))]);
        assert!(refused.is_empty() && reach.contains(&"files.example:8443".to_owned()));
        assert_eq!(judged(&lock, &[agreed("a", Some(100))]).1.len(), 1);
        assert_eq!(judged(&lock, &[agreed("b", None)]).1.len(), 1);
    }
}
