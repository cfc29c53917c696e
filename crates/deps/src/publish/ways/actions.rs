//! Actions that a publishing job uses: are they pinned, and what do they bring along?

use super::super::finding::Found;
use super::read::{Job, Step};
use super::severity_of_action;
use ringfence_policy::display::quoted;

/// Whether a reference is a whole commit, or the digest of an image.
fn is_pinned(uses: &str) -> bool {
    if uses.starts_with("./") || uses.starts_with("../") {
        return true;
    }
    if uses.starts_with("docker://") {
        return uses.contains("@sha256:");
    }
    let reference = uses.rsplit_once('@').map_or("", |(_, reference)| reference);
    matches!(reference.len(), 40 | 64) && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Every action of a job, and the workflow that it is.
pub(super) fn pins(file: &str, job: &Job, found: &mut Found<'_>) {
    let all = job.steps.iter().filter_map(|step| step.uses.as_ref()).chain(&job.uses);
    for (uses, line) in all.filter(|(uses, _)| !is_pinned(uses)) {
        let of_platform = uses.starts_with("actions/") || uses.starts_with("github/");
        let message = format!(
            "{} can change without a change here: pin the whole hash of a commit",
            quoted(uses)
        );
        found.in_file(
            Some(severity_of_action(of_platform)),
            "unpinned-action",
            (file, *line),
            message,
        );
    }
}

/// What a job takes from a cache.
pub(super) fn caches(file: &str, job: &Job, found: &mut Found<'_>) {
    for step in &job.steps {
        let Some((line, what)) = cache(step) else { continue };
        let message = format!(
            "{what} takes files from a cache that other workflows of the repository can write"
        );
        found.in_file(None, "shared-cache", (file, line), message);
    }
}

fn cache(step: &Step) -> Option<(usize, String)> {
    let action = step.action();
    if action == "actions/cache" || action == "actions/cache/restore" {
        return Some((step.line, action.to_owned()));
    }
    let is_setup = action.starts_with("actions/setup-") || action.ends_with("/action-setup");
    let set = step.with("cache").filter(|_| is_setup)?;
    let off = set.value.is_empty() || set.value == "false" || set.value == "null";
    (!off).then(|| (set.line, format!("{action} with cache")))
}

#[cfg(test)]
mod tests {
    use super::is_pinned;

    #[test]
    fn only_a_whole_hash_is_a_pin() {
        let hash = "a".repeat(40);
        assert!(is_pinned(&format!("actions/checkout@{hash}")));
        assert!(is_pinned("./.github/actions/x"));
        assert!(is_pinned(&format!("docker://a@sha256:{}", "b".repeat(64))));
        for uses in ["actions/checkout@v4", "a/b@main", "a/b", "a/b@abc1234", "docker://node:20"] {
            assert!(!is_pinned(uses), "{uses}");
        }
    }
}
