//! Which packages want to run code when they are installed, why, and which of them may.
//!
//! Lockfiles do not tell: only npm's newer ones have a flag, and `binding.gyp` alone runs a compiler
//! without any script. The tarball tells, and where it cannot be had the answer is unknown. Who may run
//! is the business of the boundary file, pinned by version and hash; each manager is told in its own
//! form ([`write`]). What a script does when it runs is not judged here.

mod platform;
pub mod write;

use crate::change::releases;
use crate::evidence::{Evidence, Known};
use ringfence_policy::dependencies::{DeniedScript, Dependencies, Script};
use ringfence_project::graph::{Algorithm, Graph, Integrity, Package};
use serde::Serialize;
use std::collections::BTreeSet;
use write::ScriptOf;

/// Why something runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Why {
    /// A script of its manifest.
    Script {
        /// `preinstall`, `install`, `postinstall`; `prepare` of what comes from git.
        name: String,
        /// The command. From outside: show it escaped.
        command: String,
    },
    /// `binding.gyp` at its root, and no script of its own in its place: npm runs `node-gyp rebuild`.
    BindingGyp,
    /// The lockfile says so, and nobody could look.
    Recorded,
}

/// Whether it may; what decides first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Allowed {
    /// This version, and this tarball where a hash is given.
    Yes,
    /// It shall not, on purpose: this version, and this tarball where a hash is given.
    Denied,
    /// The version is allowed with another hash.
    OtherHash,
    /// Another version is allowed.
    OtherVersion,
    /// Nobody decided.
    No,
}

impl Allowed {
    /// Whether the boundary file says one or the other of this tarball.
    #[must_use]
    pub const fn is_decided(self) -> bool {
        matches!(self, Self::Yes | Self::Denied)
    }
}

/// A release that wants to run code when it is installed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wish {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// SHA-512 of its tarball in base64, where the lockfile has it, or the registry where the lockfile
    /// has no hash at all.
    pub sha512: Option<String>,
    /// Its line in the lockfile.
    pub line: usize,
    /// Why; at least one.
    pub why: Vec<Why>,
    /// What the lockfile says of it: `false` beside a script is worth a question.
    pub recorded: Option<bool>,
    /// Whether it may.
    pub allowed: Allowed,
    /// Why it shall not, where it is denied on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Wish {
    /// `name@version`, or the name alone.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.version {
            Some(version) => format!("{}@{version}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Everything that wants to run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// Releases that want to, in the order of their names.
    pub wishes: Vec<Wish>,
    /// Releases of which it is not known: `name@version` and why.
    pub unknown: Vec<(String, String)>,
    /// Entries of the allowlist that are about nothing in the lockfile: `name@version`.
    pub unused: Vec<String>,
    /// Denials that keep nothing from running: `name@version` and why.
    pub unused_denials: Vec<(String, &'static str)>,
    /// Releases that may run, whether or not anybody could look if they want to: what is written must not
    /// depend on which tarballs lie on a machine.
    #[serde(skip)]
    pub may: BTreeSet<ScriptOf>,
    /// Releases that shall not, likewise.
    #[serde(skip)]
    pub may_not: BTreeSet<ScriptOf>,
    /// Releases that were not seen and that no install brings to a system like this one.
    pub elsewhere: usize,
    /// Releases of the lockfile.
    pub releases: usize,
}

/// Lists what wants to run.
#[must_use]
pub fn list(graph: &Graph, evidence: &dyn Evidence, policy: &Dependencies) -> Listing {
    let mut listing = Listing::default();
    let mut denials = Denials::of(policy);
    for (release, copies) in releases(graph) {
        let package = copies.first();
        // What came inside another tarball runs nothing of its own.
        if copies.all().all(|copy| copy.bundled) {
            continue;
        }
        listing.releases += 1;
        let served = if package.integrity.is_empty() { evidence.served(package) } else { None };
        let sha512 = sha512(served.as_ref().unwrap_or(&package.integrity));
        // Copies of one version may have other tarballs: it may run what every one of them may.
        let others = copies.all().filter(|copy| copy.integrity != package.integrity);
        let allowed = others
            .filter(|copy| !copy.bundled)
            .map(|copy| self::allowed(copy, policy))
            .fold(allowed_with(package, sha512.as_deref(), policy), Ord::max);
        let of = || ScriptOf { name: package.name.clone(), version: package.version.clone() };
        match allowed {
            Allowed::Yes => drop(listing.may.insert(of())),
            Allowed::Denied => drop(listing.may_not.insert(of())),
            _ => {}
        }
        let denial = denials.found(package, sha512.as_deref());
        let why = match evidence.tarball(&release, package) {
            Known::Said(facts) => {
                let gyp = (facts.gyp && !facts.builds_by_script()).then_some(Why::BindingGyp);
                let script = |(name, command)| Why::Script { name, command };
                facts.scripts.into_iter().map(script).chain(gyp).collect()
            }
            Known::Unknown(_) if package.install_script == Some(true) => vec![Why::Recorded],
            // It is not installed here, so it runs nothing here.
            Known::Unknown(_) if !platform::is_for_here(package) => {
                listing.elsewhere += 1;
                continue;
            }
            Known::Unknown(why) => {
                listing.unknown.push((package.label(), why));
                continue;
            }
        };
        if why.is_empty() {
            denials.runs_nothing(denial);
        } else {
            listing.wishes.push(Wish {
                name: package.name.clone(),
                version: package.version.clone(),
                sha512,
                line: package.line,
                why,
                recorded: package.install_script,
                allowed,
                reason: denial.map(|at| policy.denied_scripts[at].reason.value.clone()),
            });
        }
    }
    listing.unused_denials = denials.unused();
    listing.unused = unused(graph, policy);
    listing
}

/// Entries of the allowlist that are about nothing in the lockfile.
fn unused(graph: &Graph, policy: &Dependencies) -> Vec<String> {
    let is_used = |entry: &&Script| {
        graph.packages.iter().any(|package| {
            let version = entry.version.as_ref().map(|version| &version.value);
            package.name == entry.package.value
                && (version.is_none() || version == package.version.as_ref())
        })
    };
    policy.scripts.iter().filter(|entry| !is_used(entry)).map(label_of).collect()
}

/// Denials, and what each of them met.
struct Denials<'a> {
    all: &'a [DeniedScript],
    /// Why it is of no use so far.
    why: Vec<Option<&'static str>>,
}

impl<'a> Denials<'a> {
    fn of(policy: &'a Dependencies) -> Self {
        let all = policy.denied_scripts.as_slice();
        Self { all, why: vec![Some("it is not in the lockfile"); all.len()] }
    }

    /// The one that is about a package.
    fn found(&mut self, package: &Package, sha512: Option<&str>) -> Option<usize> {
        let mut found = None;
        for (at, (denial, why)) in self.all.iter().zip(&mut self.why).enumerate() {
            match judged(&denial.script, package, sha512) {
                Some(Allowed::Yes) => {
                    (found, *why) = (Some(at), None);
                }
                Some(Allowed::OtherHash) if why.is_some() => {
                    *why = Some("the lockfile has another tarball of it");
                }
                _ => {}
            }
        }
        found
    }

    /// What it is about wants nothing.
    fn runs_nothing(&mut self, denial: Option<usize>) {
        let about = denial.and_then(|at| Some((self.all.get(at)?, self.why.get_mut(at)?)));
        // One without a version may be about others that do.
        if let Some((_, why)) = about.filter(|(denial, _)| denial.script.version.is_some()) {
            *why = Some("it runs nothing at install");
        }
    }

    fn unused(self) -> Vec<(String, &'static str)> {
        let all = self.all.iter().zip(self.why);
        all.filter_map(|(denial, why)| Some((label_of(&denial.script), why?))).collect()
    }
}

/// Whether a package may run scripts, by the boundary file.
#[must_use]
pub fn allowed(package: &Package, policy: &Dependencies) -> Allowed {
    allowed_with(package, sha512(&package.integrity).as_deref(), policy)
}

/// Why a package shall run nothing, where it is denied.
#[must_use]
pub fn denied<'a>(package: &Package, policy: &'a Dependencies) -> Option<&'a str> {
    let sha512 = sha512(&package.integrity);
    let is_it =
        |one: &&DeniedScript| judged(&one.script, package, sha512.as_deref()) == Some(Allowed::Yes);
    policy.denied_scripts.iter().find(is_it).map(|one| one.reason.value.as_str())
}

fn allowed_with(package: &Package, sha512: Option<&str>, policy: &Dependencies) -> Allowed {
    let allows = policy.scripts.iter().filter_map(|entry| judged(entry, package, sha512));
    let denies = policy.denied_scripts.iter();
    let denies = denies
        .filter(|one| judged(&one.script, package, sha512) == Some(Allowed::Yes))
        .map(|_| Allowed::Denied);
    allows.chain(denies).min().unwrap_or(Allowed::No)
}

/// How far an entry is about a package; nothing for one of another name.
fn judged(entry: &Script, package: &Package, sha512: Option<&str>) -> Option<Allowed> {
    if entry.package.value != package.name {
        return None;
    }
    let version = entry.version.as_ref().map(|version| version.value.as_str());
    if version.is_some_and(|version| package.version.as_deref() != Some(version)) {
        return Some(Allowed::OtherVersion);
    }
    Some(match &entry.sha512 {
        Some(hash) if sha512 != Some(hash.value.as_str()) => Allowed::OtherHash,
        _ => Allowed::Yes,
    })
}

fn sha512(integrity: &Integrity) -> Option<String> {
    let found = integrity.hashes().find(|(algorithm, _)| *algorithm == Algorithm::Sha512);
    found.map(|(_, hash)| hash.to_owned())
}

fn label_of(entry: &Script) -> String {
    match &entry.version {
        Some(version) => format!("{}@{}", entry.package.value, version.value),
        None => entry.package.value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Release;
    use crate::evidence::{RegistryFacts, TarballFacts};
    use ringfence_policy::source::Located;

    /// What tarballs hold, by name.
    struct Told;

    impl Evidence for Told {
        fn tarball(&self, release: &Release<'_>, _: &Package) -> Known<TarballFacts> {
            let script = ("postinstall".to_owned(), "node x".to_owned());
            match release.name {
                "script" => {
                    Known::Said(TarballFacts { scripts: vec![script], ..Default::default() })
                }
                "gyp" => Known::Said(TarballFacts { gyp: true, ..TarballFacts::default() }),
                "plain" => Known::Said(TarballFacts::default()),
                _ => Known::Unknown("nobody looked".to_owned()),
            }
        }

        fn registry(&self, _: &Release<'_>) -> Known<RegistryFacts> {
            Known::Unknown("nobody asked".to_owned())
        }
    }

    fn entry(name: &str, version: Option<&str>, sha512: Option<&str>) -> Script {
        let located = |text: &str| Located { value: text.to_owned(), span: 0..0 };
        let (version, sha512) = (version.map(located), sha512.map(located));
        Script { package: located(name), version, sha512 }
    }

    fn listing(allow: &[Script]) -> Listing {
        listing_of(allow, &[])
    }

    fn listing_of(allow: &[Script], deny: &[Script]) -> Listing {
        let denied = |script: &Script| DeniedScript {
            script: script.clone(),
            reason: Located { value: "why not".to_owned(), span: 0..0 },
        };
        let policy = Dependencies {
            scripts: allow.to_vec(),
            denied_scripts: deny.iter().map(denied).collect(),
            ..Dependencies::default()
        };
        let lock = |name: &str, more: &str| {
            format!(
                r#""node_modules/{name}": {{"version": "1.0.0", "integrity": "sha512-{name}"{more}}}"#
            )
        };
        let packages = [
            lock("script", ""),
            lock("gyp", r#", "hasInstallScript": false"#),
            lock("plain", ""),
            lock("flag", r#", "hasInstallScript": true"#),
            lock("unseen", ""),
        ];
        let text =
            format!("{{\"lockfileVersion\": 3, \"packages\": {{{}}}}}", packages.join(",\n"));
        list(&Graph::read("package-lock.json", &text, &[]).unwrap(), &Told, &policy)
    }

    #[test]
    fn scripts_compilers_and_flags_are_told_and_the_unseen_is_unknown() {
        let listing = listing(&[]);
        let told: Vec<_> =
            listing.wishes.iter().map(|wish| (wish.name.as_str(), &wish.why[0])).collect();
        let script = Why::Script { name: "postinstall".into(), command: "node x".into() };
        assert_eq!(
            told,
            [("flag", &Why::Recorded), ("gyp", &Why::BindingGyp), ("script", &script)]
        );
        assert_eq!(listing.unknown, [("unseen@1.0.0".to_owned(), "nobody looked".to_owned())]);
        assert!(listing.wishes.iter().all(|wish| wish.allowed == Allowed::No));
        assert_eq!(listing.wishes[1].recorded, Some(false));
    }

    #[test]
    fn an_allowance_is_for_every_tarball_that_a_version_has() {
        let text = r#"{"lockfileVersion": 3, "packages": {
            "node_modules/script": {"version": "1.0.0", "integrity": "sha512-script"},
            "node_modules/b/node_modules/script": {"version": "1.0.0", "integrity": "sha512-other"}}}"#;
        let graph = Graph::read("package-lock.json", text, &[]).unwrap();
        let scripts = vec![entry("script", Some("1.0.0"), Some("script"))];
        let policy = Dependencies { scripts, ..Dependencies::default() };
        let listing = list(&graph, &Told, &policy);
        assert_eq!(listing.wishes[0].allowed, Allowed::OtherHash);
        assert!(listing.may.is_empty());
    }

    #[test]
    fn an_allowance_is_for_its_version_and_its_tarball() {
        let of = |entry: Script| listing(&[entry]).wishes[2].allowed;
        assert_eq!(of(entry("script", Some("1.0.0"), Some("script"))), Allowed::Yes);
        assert_eq!(of(entry("script", Some("1.0.0"), None)), Allowed::Yes);
        assert_eq!(of(entry("script", None, None)), Allowed::Yes);
        assert_eq!(of(entry("script", Some("1.0.0"), Some("other"))), Allowed::OtherHash);
        assert_eq!(of(entry("script", Some("1.0.1"), Some("script"))), Allowed::OtherVersion);
        let may = |name: &str| listing(&[entry(name, Some("1.0.0"), Some(name))]).may;
        assert_eq!(may("unseen").len(), 1, "nobody has to look for what was agreed");
        assert_eq!(of(entry("scrip", Some("1.0.0"), None)), Allowed::No);
        let listing = listing(&[entry("script", Some("1.0.1"), None), entry("gone", None, None)]);
        assert_eq!(listing.unused, ["script@1.0.1", "gone"]);
    }

    #[test]
    fn a_denial_is_for_its_tarball_and_one_that_keeps_nothing_from_running_is_told() {
        let listing = listing_of(
            &[],
            &[
                entry("script", Some("1.0.0"), Some("script")),
                entry("gyp", Some("1.0.0"), Some("other")),
                entry("plain", Some("1.0.0"), None),
                entry("flag", None, None),
                entry("gone", Some("1.0.0"), None),
                entry("unseen", Some("1.0.0"), None),
            ],
        );
        let told: Vec<_> = listing
            .wishes
            .iter()
            .map(|wish| (wish.name.as_str(), wish.allowed, wish.reason.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("flag", Allowed::Denied, Some("why not")),
                ("gyp", Allowed::No, None),
                ("script", Allowed::Denied, Some("why not"))
            ]
        );
        let unused: Vec<_> = listing.unused_denials.iter().map(|(label, _)| label).collect();
        assert_eq!(unused, ["gyp@1.0.0", "plain@1.0.0", "gone@1.0.0"]);
        let may_not: Vec<_> = listing.may_not.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(may_not, ["flag", "plain", "script", "unseen"]);
    }
}
