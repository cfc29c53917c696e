//! How much of a boundary a run exercised, so that a thin run is seen to be one.

use super::{Drafting, Kind, Value};
use crate::record::FileKind;
use serde::Serialize;
use std::collections::BTreeSet;

/// How much a run exercised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Each section's grants; empty where there was no boundary yet.
    pub sections: Vec<Section>,
    /// Grants that this run did not use. They stay: another run may.
    pub unused: Vec<Unused>,
    /// Processes that did anything.
    pub processes: usize,
    /// Files that were there and were used.
    pub files: usize,
    /// Different names that were looked up or connected to.
    pub names: usize,
    /// Milliseconds from the start to the end, or to the last thing seen.
    pub milliseconds: u64,
    /// Calls that were looked at.
    pub calls: u64,
    /// Node processes in which packages and names could not be told.
    pub untold: u64,
    /// Different things that found no room in the record.
    pub left_out: u64,
    /// Lines that could not be read.
    pub unknown: u64,
    /// Whether the record ends before the run did.
    pub cut_short: bool,
    /// Exit code of the program, when it ended.
    pub exit_code: Option<i32>,
    /// What such a run cannot see, one sentence each.
    pub blind: Vec<String>,
}

/// Grants of a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Such as `fs`.
    pub section: &'static str,
    /// Grants in the file.
    pub granted: usize,
    /// Grants that were used.
    pub used: usize,
}

/// A grant that was not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unused {
    /// Such as `net.connect`.
    pub key: &'static str,
    /// As the file has it.
    pub entry: String,
}

pub(super) fn measure(drafting: &Drafting<'_>) -> Coverage {
    let record = drafting.record;
    let there = |seen: &crate::record::FileSeen| {
        seen.uses.values().any(|first| first.found != FileKind::Missing)
    };
    let mut pids: BTreeSet<i32> = record.told.clone();
    let files = record.files.values().flat_map(|seen| seen.uses.values());
    pids.extend(files.clone().map(|first| first.pid));
    pids.extend(record.programs.values().map(|seen| seen.pid));
    pids.extend(record.connects.values().map(|seen| seen.pid));
    let last = files.map(|first| first.at).chain(record.connects.values().map(|seen| seen.at));
    let names: BTreeSet<&String> = record.resolved.keys().chain(record.queries.keys()).collect();
    let mut coverage = Coverage {
        processes: pids.len(),
        files: record.files.values().filter(|seen| there(seen)).count(),
        names: names.len(),
        milliseconds: record.end.as_ref().map_or_else(|| last.max().unwrap_or(0), |end| end.at),
        calls: record.end.as_ref().map_or(0, |end| end.calls),
        untold: record.end.as_ref().map_or(0, |end| end.untold),
        left_out: record.end.as_ref().map_or(0, |end| end.left_out),
        unknown: record.unknown,
        cut_short: record.end.is_none(),
        exit_code: record.end.as_ref().map(|end| end.code),
        blind: record.begin.blind.clone(),
        ..Coverage::default()
    };
    grants(drafting, &mut coverage);
    coverage
}

fn grants(drafting: &Drafting<'_>, coverage: &mut Coverage) {
    let Some(boundary) = drafting.facts.boundary else { return };
    let used = |key: &str, entry: &Value| {
        drafting.draft.proposed.iter().any(|proposed| {
            proposed.kind == Kind::AlreadyGranted && proposed.key == key && proposed.value == *entry
        })
    };
    for (key, entry) in listed(boundary) {
        let (section, _) = key.split_once('.').unwrap_or((key, ""));
        let at = coverage.sections.iter().position(|known| known.section == section);
        let at = at.unwrap_or_else(|| {
            coverage.sections.push(Section { section, granted: 0, used: 0 });
            coverage.sections.len() - 1
        });
        let Some(counted) = coverage.sections.get_mut(at) else { continue };
        counted.granted += 1;
        if used(key, &entry) {
            counted.used += 1;
        } else {
            let entry = match entry {
                Value::Entry(text) => text,
                other => other.shown(),
            };
            coverage.unused.push(Unused { key, entry });
        }
    }
}

/// Every grant of a boundary, in the order of the file.
fn listed(boundary: &ringfence_policy::model::Boundary) -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    let mut add = |key: &'static str, entries: Vec<String>| {
        all.extend(entries.into_iter().map(|entry| (key, Value::Entry(entry))));
    };
    macro_rules! entries {
        ($list:expr) => {
            $list.iter().map(|entry| entry.value.to_string()).collect()
        };
    }
    let (fs, net, process) = (&boundary.fs, &boundary.net, &boundary.process);
    add("fs.read", entries!(fs.read));
    add("fs.write", entries!(fs.write));
    add("fs.optional", entries!(fs.optional));
    add("fs.droppable", entries!(fs.droppable));
    add("net.connect", entries!(net.connect));
    add("net.listen", entries!(net.listen));
    add("net.udp", entries!(net.udp));
    add("net.udp-listen", entries!(net.udp_listen));
    add("net.unix", entries!(net.unix));
    add("net.private", entries!(net.private));
    add("process.children", entries!(process.children));
    add("env.pass", entries!(boundary.env.pass));
    for addon in &process.addons {
        let (package, sha256) = (addon.package.value.clone(), addon.sha256.value.clone());
        all.push(("process.addons", Value::Addon { package, sha256 }));
    }
    let switches = [
        ("process.workers", process.workers),
        ("process.wasi", process.wasi),
        ("process.ffi", process.ffi),
        ("process.inspector", process.inspector),
    ];
    for (key, _) in switches.into_iter().filter(|(_, on)| *on) {
        all.push((key, Value::Switch(true)));
    }
    all
}
