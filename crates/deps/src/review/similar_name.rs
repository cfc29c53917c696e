//! A name that is new in the lockfile and could be taken for another one.
//!
//! People mistype what they ask for themselves. A name that other packages alone ask for was chosen by
//! those who wrote them, so it is told and does not fail; neither does a name that moved into a scope.
//! npm before 5 wrote nobody's asking into its file: there it is others who ask for what the project
//! does not, since nearly all names of such a file are theirs.

use super::{Found, Review, Signal};
use crate::Severity;
use crate::similar::{Names, Why};
use ringfence_project::graph::{Edge, Graph, Target};
use std::collections::{BTreeSet, HashSet};

pub(super) const SIGNAL: Signal = Signal {
    code: "similar-name",
    question: "typo or dependency confusion?",
    severity: Severity::High,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    let added: Vec<_> = review
        .added()
        .filter(|(release, copies)| {
            !copies.first().bundled && review.change.is_new_name(release.name)
        })
        .collect();
    if added.is_empty() {
        return;
    }
    let known = Names::new(review.change.before.keys().map(|release| release.name));
    let mut told = BTreeSet::new();
    let new = review.change.new;
    let mine = asked(new, new.importers.iter().map(|importer| importer.edges.as_slice()));
    let others = asked(new, new.packages.iter().map(|package| package.edges.as_slice()));
    let nobody_says = !mine.is_empty() && others.is_empty();
    for (release, copies) in added {
        if let Some((other, why)) = known.similar(release.name)
            && told.insert(release.name)
        {
            let moved = why == Why::Scope && release.name.starts_with('@');
            let theirs = nobody_says || others.contains(release.name);
            let severity = if moved || !mine.contains(release.name) && theirs {
                Severity::Moderate
            } else {
                SIGNAL.severity
            };
            let message = format!("is similar to {other}: {}", why.words());
            found.add_as(severity, copies.first(), message);
        }
    }
}

/// The packages that these edges lead to, by the names they have in their sources.
fn asked<'a>(graph: &'a Graph, edges: impl Iterator<Item = &'a [Edge]>) -> HashSet<&'a str> {
    let ends = edges.flatten().filter_map(|edge| match edge.to {
        Some(Target::Package(id)) => Some(graph.package(id).name.as_str()),
        Some(Target::Importer(_)) | None => None,
    });
    ends.collect()
}

#[cfg(test)]
mod tests {
    use crate::review::testing::{codes, outcome, outcome_between};
    use ringfence_project::graph::{Graph, Manifest};

    #[test]
    fn a_new_name_that_is_near_a_known_one_is_found() {
        let lock = |name: &str| format!(r#""node_modules/{name}": {{"version": "1.0.0"}}"#);
        let old = lock("our-own-helper");
        for (name, is_found) in [
            ("crossenv", true),
            ("our-own-helpers", true),
            ("cross-env", false),
            ("unheard-of", false),
        ] {
            assert_eq!(codes(&old, &lock(name)) == ["similar-name"], is_found, "{name}");
        }
    }

    #[test]
    fn what_other_packages_alone_ask_for_does_not_fail() {
        let lock = |project: &str| {
            format!(
                r#""": {{"dependencies": {{"b": "*"{project}}}}},
                "node_modules/b": {{"version": "2.0.0", "dependencies": {{"crossenv": "*"}}}},
                "node_modules/crossenv": {{"version": "1.0.0"}}"#
            )
        };
        let severity = |project: &str| {
            let old = r#""": {"dependencies": {"b": "*"}}, "node_modules/b": {"version": "1.0.0"}"#;
            let found = outcome(old, &lock(project)).findings;
            found.iter().find(|one| one.code == "similar-name").map(|one| one.severity.id())
        };
        assert_eq!(
            (severity(""), severity(r#", "crossenv": "*""#)),
            (Some("moderate"), Some("high"))
        );
    }

    #[test]
    fn in_a_file_of_npm_before_5_what_the_project_does_not_ask_for_is_asked_for_by_others() {
        let read = |names: &[&str], asked: &str| {
            let all: Vec<_> =
                names.iter().map(|name| format!(r#""{name}": {{"version": "1.0.0"}}"#)).collect();
            let text = format!(r#"{{"dependencies": {{{}}}}}"#, all.join(", "));
            let manifest = format!(r#"{{"dependencies": {{{asked}}}}}"#);
            let manifests = [Manifest { folder: "", text: &manifest }];
            Graph::read("npm-shrinkwrap.json", &text, &manifests).unwrap()
        };
        let severity = |asked: &str| {
            let (old, new) = (read(&["b"], r#""b": "*""#), read(&["b", "crossenv"], asked));
            let found = outcome_between(&old, &new).findings;
            let own = found.iter().find(|one| one.code == "similar-name").unwrap();
            own.severity.id()
        };
        assert_eq!(severity(r#""b": "*""#), "moderate");
        assert_eq!(severity(r#""b": "*", "crossenv": "*""#), "high");
    }

    #[test]
    fn a_name_that_was_there_before_is_not_looked_at() {
        let lock =
            |version: &str| format!(r#""node_modules/crossenv": {{"version": "{version}"}}"#);
        assert!(codes(&lock("1.0.0"), &lock("1.0.1")).is_empty());
    }
}
