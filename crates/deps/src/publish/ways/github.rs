//! Workflows of GitHub.

use super::super::finding::Found;
use super::super::shipped::Package;
use super::commands::{self, commands, install, npm_put_in_place};
use super::read::{Job, Permissions, Step, Workflow};
use super::{actions, tokens};
use crate::Severity;
use nodejs_semver::Version;
use ringfence_policy::display::quoted;

/// Actions that publish by themselves.
const PUBLISHERS: [&str; 4] = [
    "JS-DevTools/npm-publish",
    "changesets/action",
    "cycjimmy/semantic-release-action",
    "google-github-actions/release-please-action",
];

/// Looks at a workflow. Whether it publishes.
pub(super) fn look(workflow: &Workflow, package: &Package<'_>, found: &mut Found<'_>) -> bool {
    untrusted(workflow, found);
    let mut any = false;
    for job in &workflow.jobs {
        let Some(line) = publishing_line(job, package) else { continue };
        any = true;
        publishing(workflow, job, line, package, found);
    }
    any
}

/// The line at which a job publishes.
fn publishing_line(job: &Job, package: &Package<'_>) -> Option<usize> {
    job.steps.iter().find(|step| does_publish(step, package)).map(|step| step.line)
}

fn does_publish(step: &Step, package: &Package<'_>) -> bool {
    let action = step.action();
    if PUBLISHERS.contains(&action) {
        // These two publish only where they are told to.
        let only_if_told = action == "changesets/action" || action.starts_with("google-");
        return !only_if_told || step.with("publish").is_some();
    }
    publishes_with(step.script(), package)
}

/// Whether a script publishes, by itself or by a script of the package.
pub(super) fn publishes_with(script: &str, package: &Package<'_>) -> bool {
    commands::publishes(script)
        || commands(script).iter().any(|words| {
            let named = commands::runs(words).and_then(|name| package.manifest.script(name));
            named.is_some_and(commands::publishes)
        })
}

/// Code of strangers where secrets are.
fn untrusted(workflow: &Workflow, found: &mut Found<'_>) {
    let risky =
        |trigger: &str| matches!(trigger, "pull_request_target" | "workflow_run" | "issue_comment");
    let Some((trigger, _)) = workflow.triggers.iter().find(|(name, _)| risky(name)) else { return };
    for step in workflow.jobs.iter().flat_map(|job| &job.steps) {
        let head = |text: &str| {
            [
                "pull_request.head",
                "github.head_ref",
                "workflow_run.head",
                "refs/pull/",
                "merge_commit_sha",
            ]
            .iter()
            .any(|part| text.contains(part))
        };
        let place = if step.action() == "actions/checkout" {
            let keys = ["ref", "repository"];
            let set = keys.iter().find_map(|key| step.with(key).filter(|set| head(&set.value)));
            set.map(|set| set.line)
        } else {
            let script = step.script();
            let takes = script.contains("gh pr checkout")
                || script.contains("git ") && head(script) && script.contains("checkout");
            takes.then_some(step.line)
        };
        if let Some(line) = place {
            let message = format!(
                "{trigger} runs with the rights of the repository, and this takes the code of the pull request"
            );
            found.in_file(None, "untrusted-checkout", (&workflow.file, line), message);
        }
    }
}

/// A job that publishes.
fn publishing(
    workflow: &Workflow,
    job: &Job,
    line: usize,
    package: &Package<'_>,
    found: &mut Found<'_>,
) {
    let file = workflow.file.as_str();
    let permissions = job.permissions.as_ref().or(workflow.permissions.as_ref());
    let sets: Vec<_> = workflow.env.iter().chain(&job.env).chain(&job.secrets).collect();
    let has_token = tokens::of_job(workflow, &sets, &job.steps, found);
    let trusted = permissions.is_some_and(|one| one.writes("id-token"));
    provenance(file, job, line, (trusted, has_token), package, found);
    rights(file, job, permissions, found);
    actions::pins(file, job, found);
    actions::caches(file, job, found);
    installs(file, job, found);
    if trusted && !has_token {
        old_npm(file, job, found);
    }
    if !job.has_environment {
        let message =
            format!("{} publishes without an environment: nobody has to agree", quoted(&job.name));
        found.in_file(None, "no-environment", (file, job.line), message);
    }
    if job.runs_on.contains("self-hosted") {
        let message =
            "runs on a machine of its own: what an earlier run left there can be in the release"
                .to_owned();
        found.in_file(Some(Severity::Moderate), "local-publish", (file, job.line), message);
    }
}

/// Trusted publishing, and provenance, which it implies.
fn provenance(
    file: &str,
    job: &Job,
    line: usize,
    (trusted, has_token): (bool, bool),
    package: &Package<'_>,
    found: &mut Found<'_>,
) {
    if !trusted {
        let message =
            "publishes without id-token: write, so without a trusted publisher".to_owned();
        found.in_file(None, "no-trusted-publishing", (file, line), message);
    }
    let told = job.steps.iter().any(|step| {
        step.script().contains("--provenance")
            || step.env.iter().chain(&step.with).any(|set| {
                let key = set.key.to_ascii_lowercase();
                key.contains("provenance") && set.value == "true"
            })
    });
    let said = package.manifest.provenance();
    let told = told
        || said == Some(true)
        || job.env.iter().any(|set| set.key.eq_ignore_ascii_case("NPM_CONFIG_PROVENANCE"));
    if said == Some(false) {
        let place = package.line(&["publishConfig", "provenance"]);
        let message = "publishConfig switches provenance off".to_owned();
        found.in_package("no-provenance", "package.json", place, message);
    } else if !(trusted && (told || !has_token)) {
        let message = if trusted {
            "publishes with a token and without --provenance".to_owned()
        } else {
            "publishes without provenance, which needs id-token: write".to_owned()
        };
        found.in_file(None, "no-provenance", (file, line), message);
    }
}

/// What a job may write.
fn rights(file: &str, job: &Job, permissions: Option<&Permissions>, found: &mut Found<'_>) {
    let Some(permissions) = permissions else {
        let message = "says nothing of permissions: the token of the job may write what the repository's settings allow".to_owned();
        found.in_file(None, "wide-permissions", (file, job.line), message);
        return;
    };
    if permissions.all.as_deref() == Some("write-all") {
        let message = "the token of the job may write everything".to_owned();
        found.in_file(Some(Severity::High), "wide-permissions", (file, permissions.line), message);
        return;
    }
    for set in permissions.each.iter().filter(|set| set.value == "write") {
        let severity = match set.key.as_str() {
            "id-token" | "attestations" => continue,
            // Releases and tags are often written by the job that publishes.
            "contents" | "pull-requests" | "issues" | "packages" | "discussions" => Severity::Low,
            _ => Severity::Moderate,
        };
        let message = format!("the token of the job may write {}", quoted(&set.key));
        found.in_file(Some(severity), "wide-permissions", (file, set.line), message);
    }
}

/// What is installed beside the right to publish.
fn installs(file: &str, job: &Job, found: &mut Found<'_>) {
    for step in &job.steps {
        let line = step.run.as_ref().map_or(step.line, |(_, line)| *line);
        for words in commands(step.script()) {
            let Some(one) = install(&words) else { continue };
            if !one.frozen {
                let told = words.join(" ");
                let message =
                    format!("{} can take other versions than the lockfile has", quoted(&told));
                found.in_file(None, "unfrozen-install", (file, line), message);
            }
            if one.scripts {
                let message = format!(
                    "{} lets packages run code in the job that publishes (npm 12 asks first)",
                    one.manager
                );
                found.in_file(None, "install-scripts-on", (file, line), message);
            }
        }
    }
}

/// npm before 11.5.1 knows no trusted publishers.
fn old_npm(file: &str, job: &Job, found: &mut Found<'_>) {
    let uses_npm = job.steps.iter().any(|step| {
        commands(step.script()).iter().any(|words| {
            words.first().is_some_and(|word| word == "npm")
                && words.iter().any(|word| word == "publish")
        })
    });
    if !uses_npm {
        return;
    }
    for words in job.steps.iter().flat_map(|step| commands(step.script())) {
        let Some(asked) = npm_put_in_place(&words) else { continue };
        if is_old_npm(asked) == Some(true) {
            let message =
                format!("npm@{} is put in place: trusted publishing needs 11.5.1", quoted(asked));
            found.in_file(None, "old-npm", (file, job.line), message);
        }
        return;
    }
    let setup = job.steps.iter().find(|step| step.action() == "actions/setup-node");
    let version = setup.and_then(|step| step.with("node-version"));
    let Some(set) = version else {
        found.not_judged(
            "npm of the release",
            "the workflow does not say which Node it uses: npm has to be 11.5.1 or later",
        );
        return;
    };
    match major(&set.value) {
        Some(major) if major < 24 => {
            let message = format!(
                "Node {} brings an npm that knows no trusted publishers: they need 11.5.1",
                quoted(&set.value)
            );
            found.in_file(None, "old-npm", (file, set.line), message);
        }
        Some(_) => {}
        None if set.value.starts_with("lts")
            || matches!(set.value.as_str(), "latest" | "node" | "current" | "*") => {}
        None => found.not_judged(
            "npm of the release",
            "the version of Node is an expression: npm has to be 11.5.1 or later",
        ),
    }
}

fn major(text: &str) -> Option<u64> {
    let digits: String = text
        .trim_start_matches(['v', '^', '~', '>', '=', ' '])
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

/// Whether an npm is older than trusted publishing; `None` where it is no number.
fn is_old_npm(asked: &str) -> Option<bool> {
    let bare = asked.trim_start_matches(['^', '~', '>', '=', 'v']);
    if let Ok(version) = Version::parse(bare) {
        return Some(version < Version::from((11_u64, 5_u64, 1_u64)));
    }
    major(bare).map(|major| major < 11)
}
