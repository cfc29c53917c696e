//! Pipelines of `GitLab`.

use super::super::finding::Found;
use super::super::shipped::Package;
use super::commands::{commands, install};
use super::github::publishes_with;
use super::read::Workflow;
use super::tokens;

/// Looks at a pipeline. Whether it publishes.
pub(super) fn look(pipeline: &Workflow, package: &Package<'_>, found: &mut Found<'_>) -> bool {
    let mut any = false;
    for job in &pipeline.jobs {
        let Some(step) = job.steps.iter().find(|step| publishes_with(step.script(), package))
        else {
            continue;
        };
        any = true;
        let place = (pipeline.file.as_str(), step.line);
        let sets: Vec<_> = pipeline.env.iter().collect();
        tokens::of_job(pipeline, &sets, &job.steps, found);
        let has = |name: &str| step.with.iter().any(|set| set.key == name);
        if !has("NPM_ID_TOKEN") {
            let message =
                "publishes without id_tokens: NPM_ID_TOKEN, so without a trusted publisher";
            found.in_file(None, "no-trusted-publishing", place, message.to_owned());
        }
        if !has("SIGSTORE_ID_TOKEN") {
            let message = "publishes without id_tokens: SIGSTORE_ID_TOKEN, which provenance needs";
            found.in_file(None, "no-provenance", place, message.to_owned());
        }
        if let Some(set) = step.with("cache") {
            let message = "takes files from a cache that other jobs can write";
            found.in_file(None, "shared-cache", (&pipeline.file, set.line), message.to_owned());
        }
        for words in commands(step.script()) {
            let Some(one) = install(&words) else { continue };
            if !one.frozen {
                let message = "installs other versions than the lockfile has, if there are any";
                found.in_file(None, "unfrozen-install", place, message.to_owned());
            }
            if one.scripts {
                let message = "lets packages run code in the job that publishes";
                found.in_file(None, "install-scripts-on", place, message.to_owned());
            }
        }
    }
    any
}
