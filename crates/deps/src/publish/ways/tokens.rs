//! Tokens that live long: in variables of workflows, in scripts, in `.npmrc`.

use super::super::finding::Found;
use super::super::repository::Repository;
use super::super::shipped::{Package, token_line};
use super::read::{Set, Step, Workflow};
use crate::Severity;
use ringfence_policy::display::quoted;
use ringfence_project::walk;

/// Whether a variable takes a secret that is a token of a registry.
fn is_token(set: &Set) -> bool {
    let key = set.key.to_ascii_uppercase();
    let named = [
        "NODE_AUTH_TOKEN",
        "NPM_TOKEN",
        "NPM_AUTH_TOKEN",
        "YARN_NPM_AUTH_TOKEN",
        "NPM_PUBLISH_TOKEN",
    ];
    let by_name = named.contains(&key.as_str()) || key.contains("_AUTHTOKEN");
    let value = set.value.to_ascii_uppercase();
    let secret = value.contains("SECRETS.") && !value.contains("SECRETS.GITHUB_TOKEN");
    let by_value = secret && (value.contains("NPM") || value.contains("NODE_AUTH"));
    secret && by_name || by_value
}

/// The tokens that a publishing job is given. Whether there is any.
pub(super) fn of_job(
    workflow: &Workflow,
    sets: &[&Set],
    steps: &[Step],
    found: &mut Found<'_>,
) -> bool {
    let mut any = false;
    let of_steps = steps.iter().flat_map(|step| step.env.iter().chain(&step.with));
    for set in sets.iter().copied().chain(of_steps).filter(|set| is_token(set)) {
        let message =
            format!("{} is a secret that lives until somebody takes it away", quoted(&set.key));
        found.in_file(None, "long-lived-token", (&workflow.file, set.line), message);
        any = true;
    }
    for step in steps {
        let script = step.script();
        let line = step.run.as_ref().map_or(step.line, |(_, line)| *line);
        let upper = script.to_ascii_uppercase();
        let written = upper.contains("_AUTHTOKEN") && upper.contains("TOKEN}")
            || upper.contains("SECRETS.NPM");
        if written && !any {
            let message = "writes the token of a registry into npm's configuration".to_owned();
            found.in_file(None, "long-lived-token", (&workflow.file, line), message);
            any = true;
        }
    }
    any
}

/// Tokens in `.npmrc` of the package and of the repository.
pub(super) fn in_npmrc(package: &Package<'_>, repository: &Repository, found: &mut Found<'_>) {
    let mut seen = Vec::new();
    for folder in [package.folder, repository.root.as_path()] {
        let path = folder.join(".npmrc");
        if seen.contains(&path) {
            continue;
        }
        let Ok(bytes) = walk::bytes(&path, super::LARGEST) else { continue };
        let shown =
            path.strip_prefix(&repository.root).unwrap_or(&path).to_string_lossy().into_owned();
        if let Some(line) = token_line(&bytes) {
            let message =
                "holds the token of a registry, for everybody who has this folder".to_owned();
            let severity = Some(Severity::Critical);
            found.in_file(severity, "long-lived-token", (&shown, line), message);
        }
        seen.push(path);
    }
}
