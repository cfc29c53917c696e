//! What was judged, as the formats show it.

use super::Side;
use ringfence_deps::provenance::{Difference, Part, Trust, Verdict, compare};
use serde::Serialize;
use std::collections::BTreeMap;

/// The codes of findings, with what each is. Frozen: others match on them.
pub(super) const CODES: [(&str, &str); 5] = [
    ("attestation-invalid", "An attestation is wrong, or about something else than the package"),
    (
        "origin-changed",
        "A package is built elsewhere, or by another workflow, than the version before",
    ),
    ("provenance-lost", "The version before had provenance, and this one has none"),
    ("signature-invalid", "A signature of the registry is wrong, or over something else"),
    ("signature-missing", "The registry signs packages, and this one has no signature"),
];

/// What is said with every result.
pub(super) const CAVEAT: &str =
    "valid provenance is evidence of where a package was built, and not that it is good";

/// The JSON form, and what the others are made of.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Report {
    schema: u32,
    /// The lockfile, as its lines are counted.
    pub(super) lockfile: String,
    /// What it was compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<String>,
    /// Where the trusted root was; none where there was none.
    pub(super) trusted_root: Option<String>,
    /// Whether that lies in the tree that is judged.
    pub(super) root_of_tree: bool,
    pub(super) findings: Vec<Found>,
    pub(super) unknown: Vec<Unknown>,
    pub(super) packages: Vec<Verdict>,
    caveat: &'static str,
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    pub(super) code: &'static str,
    /// `name@version`
    pub(super) package: String,
    pub(super) line: usize,
    pub(super) message: String,
}

/// What could not be judged, for one reason.
#[derive(Debug, Serialize)]
pub(super) struct Unknown {
    pub(super) what: &'static str,
    pub(super) why: String,
    pub(super) packages: Vec<String>,
}

/// An older lockfile: what became of its releases, and which took the place of which.
pub(super) struct Since {
    pub(super) old: String,
    pub(super) before: Vec<Verdict>,
    /// Newer and older, as `name@version`.
    pub(super) pairs: Vec<(String, String)>,
}

/// Reasons with the packages they hold for.
type Reasons = BTreeMap<(&'static str, String), Vec<String>>;

impl Report {
    pub(super) fn of(
        side: &Side,
        packages: Vec<Verdict>,
        since: Option<Since>,
        trust: &Trust,
        root_of_tree: bool,
    ) -> Self {
        let mut findings = Vec::new();
        let mut reasons = Reasons::new();
        for verdict in &packages {
            for (what, part) in verdict.parts() {
                let found = |code, message: String| Found {
                    code,
                    package: verdict.package(),
                    line: verdict.line,
                    message,
                };
                match part {
                    Part::Wrong(why) if what == "signature" => {
                        findings.push(found("signature-invalid", format!("its signature: {why}")));
                    }
                    Part::Wrong(why) => {
                        findings.push(found("attestation-invalid", format!("its {what}: {why}")));
                    }
                    Part::None if what == "signature" => {
                        let message = "the registry signs packages, and this one has no signature";
                        findings.push(found("signature-missing", message.to_owned()));
                    }
                    Part::Unknown(why) => {
                        reasons.entry((what, why.clone())).or_default().push(verdict.package());
                    }
                    Part::None | Part::Verified => {}
                }
            }
        }
        if let Some(since) = &since {
            add_differences(since, &packages, &mut findings, &mut reasons);
        }
        let unknown =
            reasons.into_iter().map(|((what, why), packages)| Unknown { what, why, packages });
        Self {
            schema: 1,
            lockfile: side.path.clone(),
            since: since.map(|since| since.old),
            trusted_root: trust.place.as_ref().map(|place| place.display().to_string()),
            root_of_tree,
            findings,
            unknown: unknown.collect(),
            packages,
            caveat: CAVEAT,
        }
    }

    /// Whether nothing at all was verified or known to be absent.
    pub(super) fn nothing_judged(&self) -> bool {
        let judged = |one: &Verdict| {
            one.parts().any(|(_, part)| matches!(part, Part::Verified | Part::Wrong(_)))
        };
        !self.packages.iter().any(judged)
    }

    /// Those with provenance that is right.
    pub(super) fn built(&self) -> impl Iterator<Item = &Verdict> {
        self.packages.iter().filter(|one| one.provenance == Part::Verified)
    }

    /// Those that have none.
    pub(super) fn without(&self) -> impl Iterator<Item = &Verdict> {
        self.packages.iter().filter(|one| one.provenance == Part::None)
    }

    pub(super) fn signed(&self) -> usize {
        self.packages.iter().filter(|one| one.signature == Part::Verified).count()
    }

    /// Whether a signature counts by a key that the registry alone vouches for.
    pub(super) fn told_keys(&self) -> bool {
        self.packages.iter().any(|one| one.told_key)
    }
}

fn add_differences(
    since: &Since,
    packages: &[Verdict],
    findings: &mut Vec<Found>,
    reasons: &mut Reasons,
) {
    let of = |all: &'_ [Verdict]| -> BTreeMap<String, usize> {
        all.iter().enumerate().map(|(index, one)| (one.package(), index)).collect()
    };
    let (now, before) = (of(packages), of(&since.before));
    for (newer, older) in &since.pairs {
        let (Some(newer), Some(older)) = (now.get(newer), before.get(older)) else { continue };
        let (newer, older) = (&packages[*newer], &since.before[*older]);
        let found =
            |code, message| Found { code, package: newer.package(), line: newer.line, message };
        match compare(older, newer) {
            None => {}
            Some(Difference::Lost) => {
                let message =
                    format!("{} had provenance, and this version has none", older.package());
                findings.push(found("provenance-lost", message));
            }
            Some(Difference::Changed { what }) => {
                let message = format!("not built as {}: {}", older.package(), what.join("; "));
                findings.push(found("origin-changed", message));
            }
            Some(Difference::Unknown { why }) => {
                reasons.entry(("comparison", why)).or_default().push(newer.package());
            }
        }
    }
}
