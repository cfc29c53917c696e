//! How a package is published: the workflows of the repository, and what no file tells of them.

mod actions;
mod commands;
mod github;
mod gitlab;
mod owners;
mod read;
mod tokens;

pub use read::WorkflowError;

use super::finding::Found;
use super::repository::Repository;
use super::shipped::Package;
use crate::Severity;
use ringfence_policy::display::quoted;
use ringfence_project::walk::{self, EntryKind, Limits};
use std::path::Path;

/// Where GitHub looks for workflows.
const WORKFLOWS: &str = ".github/workflows";
/// Where `GitLab` looks.
const GITLAB: &str = ".gitlab-ci.yml";
/// Largest file that is read, in bytes.
const LARGEST: u64 = 2 << 20;

/// Everything that is found about how it is published.
pub(super) fn look(
    package: &Package<'_>,
    repository: &Repository,
    found: &mut Found<'_>,
) -> Result<(), WorkflowError> {
    let mut publishes = Vec::new();
    let folder = repository.root.join(WORKFLOWS);
    let walked = walk::walk(&folder, Limits { entries: 1000, depth: 0 }, |_, _| true);
    let is_yaml =
        |name: &str| Path::new(name).extension().is_some_and(|end| end == "yml" || end == "yaml");
    for entry in walked.entries.iter().filter(|entry| is_yaml(&entry.path)) {
        if !matches!(entry.kind, EntryKind::File | EntryKind::Link) {
            continue;
        }
        let shown = format!("{WORKFLOWS}/{}", entry.path);
        let workflow = read::github(&folder.join(&entry.path), &shown)?;
        if github::look(&workflow, package, found) {
            publishes.push(shown);
        }
    }
    if repository.root.join(GITLAB).is_file() {
        let pipeline = read::gitlab(&repository.root.join(GITLAB), GITLAB)?;
        if gitlab::look(&pipeline, package, found) {
            publishes.push(GITLAB.to_owned());
        }
    }
    tokens::in_npmrc(package, repository, found);
    local(package, &publishes, found);
    if publishes.iter().any(|file| file.starts_with(WORKFLOWS)) {
        owners::look(repository, &publishes, found);
    }
    unseen(&publishes, package, found);
    Ok(())
}

/// A script that publishes where no workflow does.
fn local(package: &Package<'_>, publishes: &[String], found: &mut Found<'_>) {
    if !publishes.is_empty() {
        return;
    }
    for (name, script) in package.manifest.scripts() {
        if commands::publishes(&script) {
            let line = package.line(&["scripts", &name]);
            let message = format!("{} publishes, and no workflow here does", quoted(&name));
            found.in_package("local-publish", "package.json", line, message);
        }
    }
}

/// What no file of a repository tells.
fn unseen(publishes: &[String], package: &Package<'_>, found: &mut Found<'_>) {
    if package.manifest.is_private() {
        found.not_judged("publishing", "the package is private: npm does not publish it");
        return;
    }
    if publishes.is_empty() {
        let why = "no workflow here publishes: look at how and from where a release is made";
        found.not_judged("publishing", why);
    }
    for (what, why) in [
        (
            "branch protection",
            "look at the rules of the branch that releases come from: reviews required, no force push",
        ),
        (
            "trusted publisher",
            "look at the settings of the package in the registry: which repository, workflow and environment it trusts",
        ),
        (
            "two-factor authentication",
            "look at the settings of the package in the registry: required, and tokens not allowed",
        ),
        ("maintainers", "look at who may publish the package, and take away who no longer does"),
    ] {
        found.not_judged(what, why);
    }
    if publishes.iter().any(|file| file.starts_with(WORKFLOWS)) {
        let why = "look at the environment of the job in the settings of the repository: reviewers, branches and tags";
        found.not_judged("environment protection", why);
    }
}

/// What is worse where others wrote it.
const fn severity_of_action(is_of_platform: bool) -> Severity {
    if is_of_platform { Severity::Moderate } else { Severity::High }
}
