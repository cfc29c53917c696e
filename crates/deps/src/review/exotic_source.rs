//! A package that comes from no registry: a tarball of somebody's own, git, a file.

use super::{Found, Review, Signal};
use crate::Severity;
use ringfence_project::graph::Source;

pub(super) const SIGNAL: Signal = Signal {
    code: "exotic-source",
    question: "registry or source changed?",
    severity: Severity::High,
    find,
};

fn find(review: &Review<'_>, found: &mut Found<'_>) {
    for (_, copies) in review.change.added() {
        for package in copies.all() {
            let message = match &package.source {
                Source::Git { url, commit: Some(_) } => format!("comes from git: {url}"),
                Source::Git { url, commit: None } => {
                    format!("comes from git, and no commit is named: {url}")
                }
                Source::Tarball { url } => format!("comes from an address of its own: {url}"),
                Source::File { .. } | Source::Link { .. } | Source::Registry { .. } => continue,
            };
            found.add(package.label(), package.line, message);
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::review::testing::codes;

    #[test]
    fn what_comes_from_no_registry_is_found() {
        let lock = |resolved: &str| {
            format!(r#""node_modules/a": {{"version": "1.0.0", "resolved": "{resolved}"}}"#)
        };
        let none = r#""node_modules/b": {"version": "1.0.0"}"#;
        assert!(codes(none, &lock("https://registry.example/a/-/a-1.0.0.tgz")).is_empty());
        for exotic in ["git+https://code.example/a.git#main", "https://files.example/a.tgz"] {
            assert_eq!(codes(none, &lock(exotic)), ["exotic-source"]);
        }
    }
}
