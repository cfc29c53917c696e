//! What is run, what it knows, its limits, who it is, and which layers must hold.

use super::{Changes, Effect};
use crate::display::quoted;
use crate::layer::Layer;
use crate::model::{
    Delivery, Environment, Identity, Limits, RequiredLayers, Secret, SecretSource, Service,
};
use crate::source::Located;
use crate::statement;

pub(super) fn service(changes: &mut Changes, old: &Service, new: &Service) {
    let start = |service: &Service| -> Vec<String> {
        service.start.iter().map(|word| word.value.clone()).collect()
    };
    let (before, after) = (start(old), start(new));
    if before != after {
        let program = after.first().map_or("", String::as_str);
        let sentence = format!("is started as {}, not {}", command(&after), command(&before));
        let change = changes.push(Effect::Moved, "service.start", "", sentence);
        if before.first() != after.first() && statement::is_package_manager(program) {
            change.ways_out.push("a package manager runs other people's code".to_owned());
        }
    }
    let range = |service: &Service| {
        service.node.as_ref().map_or_else(|| "any".to_owned(), |range| range.value.to_string())
    };
    let stop = |service: &Service| {
        format!("signal {} and {:?}", service.stop_signal, service.stop_timeout)
    };
    for (key, was, is, what) in [
        ("service.cwd", old.cwd.value.clone(), new.cwd.value.clone(), "starts in"),
        ("service.node", range(old), range(new), "runs on Node"),
        ("service.stop-signal", stop(old), stop(new), "is stopped with"),
    ] {
        if was != is {
            let sentence = format!("{what} {}, not {}", quoted(&is), quoted(&was));
            changes.push(Effect::Moved, key, "", sentence);
        }
    }
}

/// The words of a command, each told from the next, escaped and cut.
fn command(words: &[String]) -> String {
    let words: Vec<String> = words
        .iter()
        .map(|word| if word.contains(' ') { format!("\"{word}\"") } else { word.clone() })
        .collect();
    format!("`{}`", quoted(&words.join(" ")))
}

pub(super) fn environment(changes: &mut Changes, old: &Environment, new: &Environment) {
    let words = ["receives # of the environment it is started in", "no longer receives #"];
    changes.entries("env.pass", (old.pass.as_slice(), new.pass.as_slice()), Clone::clone, words);
    for (name, value) in &new.set {
        match old.set.get(name) {
            Some(known) if known.value == value.value => {}
            Some(_) => {
                changes.push(Effect::Moved, "env.set", name, format!("receives another {name}"));
            }
            None => {
                changes.push(Effect::Moved, "env.set", name, format!("receives a fixed {name}"));
            }
        }
    }
    for name in old.set.keys().filter(|name| !new.set.contains_key(*name)) {
        changes.push(Effect::Moved, "env.set", name, format!("receives no fixed {name}"));
    }
}

pub(super) fn secrets(changes: &mut Changes, old: &[Secret], new: &[Secret]) {
    for secret in new {
        let name = &secret.name.value;
        let key = format!("secrets.{name}");
        let Some(known) = old.iter().find(|known| known.name.value == *name) else {
            let how = delivery(&secret.delivery);
            changes.push(Effect::Widened, &key, "", format!("receives the secret {name} {how}"));
            continue;
        };
        if known.from.value != secret.from.value {
            let from = scheme(&secret.from.value);
            let sentence = format!("receives the secret {name} from another source ({from})");
            changes.push(Effect::Moved, &key, "from", sentence);
        }
        match (is_weak(&known.delivery), is_weak(&secret.delivery)) {
            (false, true) => {
                let sentence = format!("receives the secret {name} in a variable, which is weaker");
                changes.push(Effect::Widened, &key, "as", sentence);
            }
            (true, false) => {
                let how = delivery(&secret.delivery);
                let sentence = format!("receives the secret {name} {how} and not in a variable");
                changes.push(Effect::Narrowed, &key, "as", sentence);
            }
            _ if !same_delivery(&known.delivery, &secret.delivery) => {
                let how = delivery(&secret.delivery);
                let sentence = format!("receives the secret {name} {how}");
                changes.push(Effect::Moved, &key, "as", sentence);
            }
            _ => {}
        }
        if known.mode != secret.mode {
            let more = secret.mode & !known.mode != 0;
            let effect = if more { Effect::Widened } else { Effect::Narrowed };
            let (was, is) = (known.mode, secret.mode);
            let sentence = format!("receives the secret {name} with mode {is:04o}, not {was:04o}");
            changes.push(effect, &key, "mode", sentence);
        }
        if (known.refresh, known.overlap) != (secret.refresh, secret.overlap) {
            let sentence = format!("has the secret {name} renewed at another time");
            changes.push(Effect::Moved, &key, "refresh", sentence);
        }
    }
    for secret in old {
        let name = &secret.name.value;
        if !new.iter().any(|kept| kept.name.value == *name) {
            let sentence = format!("no longer receives the secret {name}");
            changes.push(Effect::Narrowed, &format!("secrets.{name}"), "", sentence);
        }
    }
}

/// A variable is inherited by children and shown in reports.
const fn is_weak(delivery: &Delivery) -> bool {
    matches!(delivery, Delivery::Environment(_))
}

fn same_delivery(old: &Delivery, new: &Delivery) -> bool {
    match (old, new) {
        (Delivery::File(old), Delivery::File(new)) => old.value == new.value,
        (old, new) => old == new,
    }
}

fn delivery(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Environment(name) => {
            format!("in the variable {name}, which is weaker than a file")
        }
        Delivery::Descriptor => "through a descriptor".to_owned(),
        Delivery::File(to) => format!("as the file {}", crate::display::untrusted(&to.value)),
        Delivery::Socket => "through a socket".to_owned(),
    }
}

const fn scheme(source: &SecretSource) -> &'static str {
    match source {
        SecretSource::AwsKms(_) => "aws-kms",
        SecretSource::AwsSecretsManager(_) => "aws-sm",
        SecretSource::Environment(_) => "env",
        SecretSource::File(_) => "file",
        SecretSource::Sealed(_) => "sealed",
        SecretSource::Vault(_) => "vault",
    }
}

pub(super) fn limits(changes: &mut Changes, old: &Limits, new: &Limits) {
    let bytes = |limit: &Option<Located<u64>>| {
        limit.as_ref().map(|limit| (as_float(limit.value), statement::bytes(limit.value)))
    };
    let count = |limit: &Option<Located<u64>>| {
        limit.as_ref().map(|limit| (as_float(limit.value), limit.value.to_string()))
    };
    let cpu = |limits: &Limits| limits.cpu.as_ref().map(|l| (l.value, l.value.to_string()));
    for (key, what, old, new) in [
        ("limits.memory", "of memory", bytes(&old.memory), bytes(&new.memory)),
        ("limits.pids", "processes and threads", count(&old.pids), count(&new.pids)),
        ("limits.cpu", "processors", cpu(old), cpu(new)),
        ("limits.open-files", "open descriptors", count(&old.open_files), count(&new.open_files)),
        ("limits.file-size", "in one file", bytes(&old.file_size), bytes(&new.file_size)),
        ("limits.tmp", "in its private /tmp", bytes(&old.tmp), bytes(&new.tmp)),
    ] {
        let (effect, sentence) = match (old, new) {
            (Some((_, was)), None) => {
                (Effect::Widened, format!("has no limit any more where it had {was} {what}"))
            }
            (None, Some((_, is))) => (Effect::Narrowed, format!("is limited to {is} {what}")),
            (Some((before, was)), Some((after, is))) if before < after => {
                (Effect::Widened, format!("has up to {is} {what}, not {was}"))
            }
            (Some((before, was)), Some((after, is))) if before > after => {
                (Effect::Narrowed, format!("has up to {is} {what}, not {was}"))
            }
            _ => continue,
        };
        changes.push(effect, key, "", sentence);
    }
}

/// Only for comparing: what is lost beyond 2^53 makes no limit larger.
#[expect(clippy::cast_precision_loss, reason = "limits are compared, and shown from the integer")]
const fn as_float(value: u64) -> f64 {
    value as f64
}

pub(super) fn identity(changes: &mut Changes, old: &Identity, new: &Identity) {
    let text = |name: &Option<Located<String>>| name.as_ref().map(|name| name.value.clone());
    for (key, before, after) in [
        ("identity.user", text(&old.user), text(&new.user)),
        ("identity.group", text(&old.group), text(&new.group)),
    ] {
        if before == after {
            continue;
        }
        let who = after.as_deref().map_or_else(
            || "the one that its folder or its caller decides".to_owned(),
            |name| crate::display::untrusted(name).to_string(),
        );
        let what = key.trim_start_matches("identity.");
        changes.push(Effect::Moved, key, "", format!("runs as another {what}: {who}"));
    }
    let words = ["has the rights of the group #", "no longer has the rights of the group #"];
    let groups = (old.groups.as_slice(), new.groups.as_slice());
    changes.entries("identity.groups", groups, Clone::clone, words);
}

pub(super) fn require(changes: &mut Changes, old: &RequiredLayers, new: &RequiredLayers) {
    let required = |layers: &RequiredLayers, layer: Layer| match layers {
        RequiredLayers::All => true,
        RequiredLayers::Listed(listed) => listed.contains(&layer),
    };
    for layer in Layer::ALL {
        match (required(old, layer), required(new, layer)) {
            (true, false) => {
                let sentence = format!("starts even where the layer {layer} is absent");
                changes.push(Effect::Widened, "require.layers", layer.id(), sentence);
            }
            (false, true) => {
                let sentence = format!("does not start where the layer {layer} is absent");
                changes.push(Effect::Narrowed, "require.layers", layer.id(), sentence);
            }
            _ => {}
        }
    }
}
