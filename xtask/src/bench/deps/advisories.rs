//! An index of advisories as large as that of npm, with made-up advisories.
//!
//! Every tenth package of the lockfiles has one that is about older versions, every fiftieth one that is
//! about all of them; all others are about packages that no lockfile has.

use crate::bench::deps::write;
use crate::failure::Failure;
use crate::process;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Advisories in all: the dump that OSV publishes of npm has about as many.
const ALL: usize = 200_000;

/// Advisories of one file: a list may be 16 MiB long.
const OF_ONE: usize = 10_000;

/// The index, which is made where it is not there yet.
pub(super) fn index(ringfence: &Path, folder: &Path, locks: &[&Value]) -> Result<PathBuf, Failure> {
    let index = folder.join("advisories.index");
    if index.is_file() {
        return Ok(index);
    }
    let documents = folder.join("advisories");
    let all: Vec<usize> = (0..ALL).collect();
    for (number, part) in all.chunks(OF_ONE).enumerate() {
        let part = part.iter().map(|one| advisory(*one, &format!("made-up-{one}"), None));
        write(&documents.join(format!("{number}.json")), &part.collect())?;
    }
    let names = locks.iter().flat_map(|lock| lock["packages"].as_object().into_iter().flatten());
    let names = names.filter_map(|(folder, _)| Some(folder.rsplit_once("node_modules/")?.1));
    let names: BTreeSet<&str> = names.collect();
    let known = names.into_iter().enumerate().filter(|(number, _)| number % 10 == 0);
    let known = known.map(|(number, name)| {
        let fixed = (number % 50 != 0).then_some("0.0.1");
        advisory(ALL + number, name, fixed)
    });
    write(&documents.join("known.json"), &known.collect())?;
    let mut command = process::command(ringfence);
    command.args(["deps", "advisories", "import"]).arg(&documents).arg("--out").arg(&index);
    process::run(&mut command, b"", super::PATIENCE)?
        .success("ringfence deps advisories import")?;
    std::fs::remove_dir_all(&documents).map_err(Failure::file("cannot remove", &documents))?;
    Ok(index)
}

/// A document of OSV.
fn advisory(number: usize, name: &str, fixed: Option<&str>) -> Value {
    let mut events = vec![json!({ "introduced": "0" })];
    events.extend(fixed.map(|version| json!({ "fixed": version })));
    json!({
        "id": format!("MADE-UP-{number}"),
        "modified": "2026-11-20T10:00:00Z",
        "summary": format!("{name} does what it should not do where somebody asks it for something else"),
        "affected": [{
            "package": { "ecosystem": "npm", "name": name },
            "ranges": [{ "type": "SEMVER", "events": events }],
        }],
        "database_specific": { "severity": "MODERATE" },
        "references": [{ "type": "WEB", "url": format!("https://advisories.example/{number}") }],
    })
}
