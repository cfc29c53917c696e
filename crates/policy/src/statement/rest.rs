//! Sentences about identity, environment, secrets, limits and required layers.

use super::{Claim, Page, words};
use crate::layer::Layer;
use crate::model::{Delivery, Environment, Identity, Limits, Require, RequiredLayers, Secret};
use crate::source::Located;

pub(super) fn identity(page: &mut Page, identity: &Identity) {
    let mut text = match &identity.user {
        Some(user) => format!("runs as non-root user {}", words::list([&user.value])),
        None => "runs as a non-root user: its caller, or the owner of this file's folder where \
                 root starts it"
            .to_owned(),
    };
    if let Some(group) = &identity.group {
        text = format!("{text}, group {}", words::list([&group.value]));
    }
    if !identity.groups.is_empty() {
        text = format!("{text}, with the supplementary groups {}", words::grants(&identity.groups));
    }
    page.claim(Claim::IdentityNonRoot, text);
    page.claim(Claim::IdentityNoPrivileges, "has no capabilities and cannot gain privileges");
}

pub(super) fn environment(page: &mut Page, env: &Environment) {
    let mut parts: Vec<String> = env.pass.iter().map(|name| name.value.clone()).collect();
    parts.extend(env.set.keys().map(|name| format!("{name} (fixed)")));
    let defaults = ["PATH", "HOME", "TMPDIR", "LANG"];
    parts.extend(
        defaults
            .iter()
            .filter(|name| env.passes(name).is_err() && !env.set.contains_key(**name))
            .map(|name| format!("{name} (fixed)")),
    );
    // Whether the program is Node is known only where the boundary is resolved.
    let text = format!(
        "receives only the environment variables {}, and a Node program RINGFENCE_CONTROL, by which \
         it asks about its boundary",
        words::list(parts)
    );
    page.claim(Claim::EnvironmentListed, text);
    page.claim(
        Claim::EnvironmentLoaders,
        "receives no environment variable that loads code or switches verification off",
    );
}

pub(super) fn secrets(page: &mut Page, secrets: &[Secret]) {
    let claim = Claim::SecretsDelivered;
    if secrets.is_empty() {
        page.claim(claim, "receives no secrets");
    }
    for secret in secrets {
        let name = &secret.name.value;
        match &secret.delivery {
            Delivery::Descriptor => {
                page.claim(claim, format!("receives the secret {name} as an open descriptor"));
            }
            Delivery::Environment(variable) => page.note(claim, format!(
                "receives the secret {name} in the environment variable {variable}: the weakest form, \
                 all its code and its diagnostic reports have it"
            )),
            Delivery::File(to) => {
                let (to, mode) = (words::list([&to.value]), secret.mode);
                let text = format!("receives the secret {name} as {to}, in memory only, mode {mode:04o}");
                page.claim(claim, text);
            }
            Delivery::Socket => {
                page.claim(claim, format!("receives the secret {name} over the control socket"));
            }
        }
    }
}

pub(super) fn limits(page: &mut Page, limits: &Limits) {
    let size = |limit: &Option<Located<u64>>| limit.as_ref().map(|limit| words::bytes(limit.value));
    let count = |limit: &Option<Located<u64>>| limit.as_ref().map(|limit| limit.value.to_string());
    let cpu = limits.cpu.as_ref().map(|limit| limit.value.to_string());
    for (claim, limit, with, without) in [
        (
            Claim::LimitsMemory,
            size(&limits.memory),
            "uses at most # of memory",
            "may use all memory",
        ),
        (
            Claim::LimitsPids,
            count(&limits.pids),
            "has at most # processes and threads",
            "may have any number of processes and threads",
        ),
        (Claim::LimitsCpu, cpu, "uses at most # processor cores", "may use all processor cores"),
        (
            Claim::LimitsOpenFiles,
            count(&limits.open_files),
            "has at most # open descriptors per process",
            "may have as many open descriptors as its host gives a process",
        ),
        (
            Claim::LimitsFileSize,
            size(&limits.file_size),
            "writes at most # into one file",
            "may write files of any size",
        ),
        (
            Claim::LimitsTmp,
            size(&limits.tmp),
            "keeps at most # in its private /tmp",
            "may keep any amount in its private /tmp",
        ),
    ] {
        match limit {
            Some(limit) => page.claim(claim, with.replace('#', &limit)),
            None => page.note(claim, without),
        }
    }
}

pub(super) fn require(page: &mut Page, require: &Require) {
    let claim = Claim::RequireLayers;
    match &require.layers {
        RequiredLayers::All => page.claim(claim, "does not start when a layer it needs is absent"),
        RequiredLayers::Listed(listed) => {
            let others: Vec<Layer> =
                Layer::ALL.into_iter().filter(|layer| !listed.contains(layer)).collect();
            if others.is_empty() {
                page.claim(claim, "does not start when a layer it needs is absent");
            } else {
                page.note(
                    claim,
                    format!("starts even where these layers are absent: {}", words::list(others)),
                );
            }
        }
    }
}
