//! `[limits]` and `[identity]`: what manifests say, and nothing else.

use super::super::facts::{Fact, Limit, Mounted};
use super::super::page::{Ground, Item, Page};
use super::{Ground as Given, accepts, service};

pub(super) fn write(page: &mut Page, given: &mut Given<'_>) {
    let mut lines: Vec<(&str, Item)> = Vec::new();
    let scratch = given.facts.mounts.iter().filter_map(|mount| match mount.value.what {
        Mounted::Scratch(Some(bytes)) if mount.value.at == "/tmp" => {
            Some(Fact::new(Limit::Tmp(bytes), mount.origin.clone()))
        }
        _ => None,
    });
    let all: Vec<Fact<Limit>> = given.facts.limits.iter().cloned().chain(scratch).collect();
    for limit in all {
        let (key, toml) = match limit.value {
            Limit::Cpu(cores) => ("cpu", format!("{cores:?}")),
            Limit::Memory(bytes) => ("memory", bytes_of(bytes)),
            Limit::OpenFiles(files) => ("open-files", files.to_string()),
            Limit::Pids(pids) => ("pids", pids.to_string()),
            Limit::Tmp(bytes) => ("tmp", bytes_of(bytes)),
        };
        if let Err(why) = accepts("limits", key, &toml) {
            given.facts.note(format!("{}: left out of limits.{key}: {why}", limit.origin));
            continue;
        }
        let item = Item { toml, ground: Ground::from(&limit.origin) };
        match lines.iter_mut().find(|(known, _)| *known == key) {
            Some((_, known)) if known.toml != item.toml => {
                given.facts.note(format!(
                    "limits.{key}: {} says {}, which replaces {}",
                    limit.origin, item.toml, known.toml
                ));
                *known = item;
            }
            Some(_) => {}
            None => lines.push((key, item)),
        }
    }
    if !lines.is_empty() {
        page.section("limits");
        for (key, item) in &lines {
            page.key(key, item);
        }
    }
    identity(page, given);
}

/// In the largest unit that needs no fraction.
fn bytes_of(bytes: u64) -> String {
    let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = units.into_iter().find(|(_, size)| bytes.is_multiple_of(*size));
    match unit {
        Some((unit, size)) => format!("\"{}{unit}\"", bytes / size),
        None => format!("\"{bytes}B\""),
    }
}

fn identity(page: &mut Page, given: &mut Given<'_>) {
    let users = std::mem::take(&mut given.facts.users);
    let Some(said) = service::last(&users, "identity.user", given.facts) else { return };
    let (user, group) = match said.value.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (said.value.as_str(), None),
    };
    if matches!(user, "root" | "0") {
        given.facts.note(format!(
            "{} runs as root, which no boundary does: the owner of the folder is taken instead",
            said.origin
        ));
        return;
    }
    let mut lines = Vec::new();
    for (key, value) in [("user", Some(user)), ("group", group)] {
        let Some(value) =
            value.filter(|value| !value.is_empty() && !matches!(*value, "root" | "0"))
        else {
            continue;
        };
        let item = Item::text(value, Ground::from(&said.origin));
        match accepts("identity", key, &item.toml) {
            Ok(()) => lines.push((key, item)),
            Err(why) => {
                given.facts.note(format!("{}: left out of identity.{key}: {why}", said.origin));
            }
        }
    }
    if !lines.is_empty() {
        page.section("identity");
        for (key, item) in &lines {
            page.key(key, item);
        }
    }
}
