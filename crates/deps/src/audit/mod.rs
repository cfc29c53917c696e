//! Which packages of a lockfile have known advisories, who brings them in, and what would mend it.
//!
//! Every release is judged against every advisory of its name. Advisories that are names of the same
//! thing (GHSA, CVE, MAL) are one [`Vulnerability`]. What cannot be judged is told and never left out.
//! An audit says what databases know: that nothing is known of a package does not make it good, and that
//! code is vulnerable does not say that it is reached.

mod accept;
mod fix;
mod path;

pub use accept::{Accept, Accepted, Unused};
pub use fix::{Fix, Hindrance};

use crate::Severity;
use crate::advisories::bulk::Asked;
use crate::advisories::{Advisories, Advisory, Verdict};
use crate::change::{Copies, Release, Releases, releases};
use crate::npmrc::Npmrc;
use path::Ways;
use ringfence_project::graph::{Graph, Need, Package, Source};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is audited, against what.
#[derive(Debug)]
pub struct Audit<'a> {
    /// The lockfile.
    pub graph: &'a Graph,
    /// What is known about its packages.
    pub advisories: &'a Advisories,
    /// What was asked for it; `None` where everything that is known was looked at.
    pub asked: Option<&'a Asked>,
    /// What somebody agreed to.
    pub accept: &'a [Accept],
    /// Leaves out what is needed to develop alone.
    pub omit_dev: bool,
    /// The clock, in seconds since 1970.
    pub now: i64,
}

/// What came of an audit.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// Releases that were judged.
    pub judged: usize,
    /// Found and accepted by nobody, the worst first.
    pub vulnerabilities: Vec<Vulnerability>,
    /// Found, and somebody agreed.
    pub accepted: Vec<Accepted>,
    /// Agreements that hold for nothing: expired, or about nothing that was found.
    pub unused: Vec<Unused>,
    /// Releases that could not be judged: `name@version`, or a name.
    pub unjudged: Vec<Unjudged>,
}

/// A release that could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unjudged {
    /// `name@version`, or a name.
    pub package: String,
    /// Why: lower case, no period.
    pub why: &'static str,
}

/// Something that is wrong with a release of the lockfile. Texts in it are not escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vulnerability {
    /// The name of the advisory.
    pub id: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// How bad; `null` where nobody said.
    pub severity: Option<Severity>,
    /// What it is about.
    pub summary: String,
    /// `name@version`
    pub package: String,
    /// Name of the package.
    pub name: String,
    /// Line of its first copy in the lockfile, counted from 1.
    pub line: usize,
    /// Who needs it.
    pub need: &'static str,
    /// Whether it can be told that this version is affected; `false` where it could not be compared.
    pub certain: bool,
    /// What is told beside it, such as that it comes from git.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The dependencies of the project that bring it in, `name@version` each.
    pub direct: Vec<String>,
    /// The shortest way from the project to it, the package last.
    pub path: Vec<String>,
    /// What would mend it.
    pub fix: Fix,
}

impl Vulnerability {
    /// Whether it counts where this severity is the least that does. What nobody rated always does.
    #[must_use]
    pub fn counts(&self, least: Severity) -> bool {
        self.severity.is_none_or(|severity| severity >= least)
    }
}

/// Audits a lockfile.
#[must_use]
pub fn audit(audit: &Audit<'_>) -> Report {
    let mut report = Report::default();
    let releases = judged(audit.graph, audit.omit_dev);
    let ways = Ways::of(audit.graph, audit.omit_dev);
    let mut accepts = accept::Accepts::new(audit.accept, audit.now);
    for (release, copies) in &releases {
        let known = audit.advisories.get(release.name).map_or(&[][..], Vec::as_slice);
        let first = copies.first();
        if let Some(why) = audit.why_not(release, first, known) {
            report.unjudged.push(Unjudged { package: first.label(), why });
            continue;
        }
        report.judged += 1;
        for group in groups(release, copies, known) {
            let found = vulnerability(&group, release, copies, known, &ways);
            match accepts.of(&found) {
                Some(agreed) => report.accepted.push(Accepted::new(found, agreed)),
                None => report.vulnerabilities.push(found),
            }
        }
    }
    report.unused = accepts.unused();
    let worst = |one: &Vulnerability| one.severity.unwrap_or(Severity::Critical);
    report.vulnerabilities.sort_by(|one, two| {
        worst(two)
            .cmp(&worst(one))
            .then_with(|| (&one.package, &one.id).cmp(&(&two.package, &two.id)))
    });
    report
}

impl Audit<'_> {
    /// Why a release cannot be judged.
    fn why_not(
        &self,
        release: &Release<'_>,
        first: &Package,
        known: &[Advisory],
    ) -> Option<&'static str> {
        let was_asked = |asked: &Asked| {
            let versions = asked.get(release.name).map_or(&[][..], Vec::as_slice);
            versions.iter().any(|version| version == release.version)
        };
        if first.version.is_none() && known.is_empty() {
            return Some("the lockfile tells no version of it");
        }
        if self.asked.is_some_and(|asked| !was_asked(asked)) {
            return Some("the registry was not asked about it: it comes from elsewhere");
        }
        None
    }
}

/// What is to be asked of the registry that is configured for packages without a scope: what comes from
/// elsewhere is nothing that it should hear of.
#[must_use]
pub fn question(graph: &Graph, config: &Npmrc, omit_dev: bool) -> Asked {
    let usual = config.registry("");
    let mut asked = Asked::new();
    for (release, copies) in judged(graph, omit_dev) {
        let comes = copies.all().any(|one| {
            matches!(one.source, Source::Registry { .. } | Source::Tarball { .. })
                && one.version.is_some()
        });
        let own = config.registry(release.name);
        if comes && (own == usual || own.is_none()) {
            asked.entry(release.name.to_owned()).or_default().push(release.version.to_owned());
        }
    }
    asked
}

/// The releases that are judged. Folders of the project itself are its own code.
fn judged(graph: &Graph, omit_dev: bool) -> Releases<'_> {
    let mut all = releases(graph);
    all.retain(|_, copies| {
        let own = copies.all().all(|one| matches!(one.source, Source::Link { .. }));
        let dev = copies.all().all(|one| one.need == Need::Dev);
        !(own || omit_dev && dev)
    });
    all
}

/// The advisories that are about a release, those with a name in common together; and whether one of
/// them surely is.
struct Group<'a> {
    advisories: Vec<&'a Advisory>,
    certain: bool,
}

fn groups<'a>(release: &Release<'_>, copies: &Copies<'_>, known: &'a [Advisory]) -> Vec<Group<'a>> {
    let mut about: Vec<(&Advisory, bool)> = Vec::new();
    for advisory in known {
        match copies.first().version.as_ref().map(|_| advisory.affected.judge(release.version)) {
            Some(Verdict::Unaffected) => {}
            verdict => about.push((advisory, verdict == Some(Verdict::Affected))),
        }
    }
    // Two of them may turn out to be one by a third name.
    let mut parents: Vec<usize> = (0..about.len()).collect();
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (at, (advisory, _)) in about.iter().enumerate() {
        for name in names(advisory) {
            let other = *first.entry(name).or_insert(at);
            let (one, two) = (root(&mut parents, at), root(&mut parents, other));
            parents[one.max(two)] = one.min(two);
        }
    }
    let mut groups: BTreeMap<usize, Group<'a>> = BTreeMap::new();
    for (at, (advisory, certain)) in about.into_iter().enumerate() {
        let empty = || Group { advisories: Vec::new(), certain: false };
        let group = groups.entry(root(&mut parents, at)).or_insert_with(empty);
        group.advisories.push(advisory);
        group.certain |= certain;
    }
    groups.into_values().collect()
}

/// The first of those that are one with this one; the way there gets shorter by looking.
fn root(parents: &mut [usize], at: usize) -> usize {
    let mut at = at;
    while parents[at] != at {
        parents[at] = parents[parents[at]];
        at = parents[at];
    }
    at
}

fn names(advisory: &Advisory) -> impl Iterator<Item = &str> {
    std::iter::once(advisory.id.as_str()).chain(advisory.aliases.iter().map(String::as_str))
}

fn vulnerability(
    group: &Group<'_>,
    release: &Release<'_>,
    copies: &Copies<'_>,
    known: &[Advisory],
    ways: &Ways<'_>,
) -> Vulnerability {
    let first = copies.first();
    // What is malicious is called so, whatever else it is called.
    let malicious = |one: &&&Advisory| !one.id.starts_with("MAL-");
    let main = group.advisories.iter().min_by_key(|one| (malicious(one), one.id.as_str()));
    let id = main.map_or_else(String::new, |one| one.id.clone());
    let mut aliases: BTreeSet<&str> = group.advisories.iter().flat_map(|one| names(one)).collect();
    aliases.remove(id.as_str());
    let severity = group.advisories.iter().map(|one| one.severity).max().flatten();
    let summary = main.map_or_else(String::new, |one| one.summary.clone());
    let way = ways.to(copies.ids());
    Vulnerability {
        aliases: aliases.into_iter().map(str::to_owned).collect(),
        id,
        severity,
        summary,
        package: first.label(),
        name: first.name.clone(),
        line: first.line,
        need: need(copies),
        certain: group.certain,
        note: note(&first.source),
        direct: way.direct,
        path: way.shortest,
        fix: fix::fix(release, &group.advisories, known, ways, copies.ids()),
    }
}

/// The strongest reason for which a copy is there.
fn need(copies: &Copies<'_>) -> &'static str {
    match copies.all().map(|one| one.need).max() {
        Some(Need::Production) => "production",
        Some(Need::Optional) => "optional",
        Some(Need::DevOptional) => "dev-optional",
        Some(Need::Dev) => "dev",
        Some(Need::Nobody) => "nobody",
        Some(Need::Unknown) | None => "unknown",
    }
}

fn note(source: &Source) -> Option<String> {
    let from = match source {
        Source::Git { .. } => "git",
        Source::Tarball { .. } => "an address of its own",
        Source::File { .. } => "a file",
        Source::Link { .. } => "a folder",
        Source::Registry { .. } => return None,
    };
    Some(format!(
        "it comes from {from}: a copy with this version may have been mended, or made worse"
    ))
}

#[cfg(test)]
mod tests;
