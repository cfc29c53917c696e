//! Files that `package.json` names for others to use: are they shipped?

use super::super::contents::Contents;
use super::super::finding::Found;
use super::Package;
use crate::Severity;
use crate::tarball::joined;
use ringfence_policy::display::quoted;
use serde_json::Value;

pub(super) fn look(package: &Package<'_>, all: &Contents, found: &mut Found<'_>) {
    let has = |path: &str| all.files.contains_key(path);
    let mut missing: Vec<(&'static str, Vec<&str>, String)> = Vec::new();
    for key in ["main", "module", "types", "typings"] {
        let Some(path) = package.manifest.text(key).filter(|path| !path.is_empty()) else {
            continue;
        };
        let plain = joined(path);
        let ends = ["", ".js", ".json", ".node", ".cjs", ".mjs", ".d.ts"];
        let folder = ["index.js", "index.json", "index.node", "index.d.ts"];
        let inside = |name: &&str| {
            has(&if plain.is_empty() { (*name).to_owned() } else { format!("{plain}/{name}") })
        };
        let there =
            ends.iter().any(|end| has(&format!("{plain}{end}"))) || folder.iter().any(inside);
        // Node falls back to index.js, with a warning.
        if !there {
            missing.push((key, vec![key], path.to_owned()));
        }
    }
    for file in package.manifest.commands(package.folder) {
        if !has(&file) && package.manifest.value("bin").is_some() {
            missing.push(("bin", vec!["bin"], file));
        }
    }
    let mut leaves = Vec::new();
    if let Some(exports) = package.manifest.value("exports") {
        collect(exports, &mut leaves);
    }
    for path in leaves {
        if !is_there(&path, all) {
            missing.push(("exports", vec!["exports"], path));
        }
    }
    missing.dedup();
    let built = package.builds();
    for (key, keys, path) in missing {
        let line = package.line(&keys);
        let shown = quoted(&path).to_string();
        let (severity, message) = match built {
            Some(script) => (
                Severity::Moderate,
                format!("{key} names {shown}, which is not there now: does {script} make it"),
            ),
            None => (Severity::High, format!("{key} names {shown}, which is not shipped")),
        };
        found.in_package_as(severity, "missing-target", ("package.json", line), message);
    }
}

/// Every path of `exports`. What begins with another thing than `./` is no file of this package.
fn collect(value: &Value, leaves: &mut Vec<String>) {
    match value {
        Value::String(path) if path.starts_with("./") => leaves.push(path.clone()),
        Value::Array(all) => all.iter().for_each(|one| collect(one, leaves)),
        Value::Object(all) => {
            for (key, one) in all {
                // A condition of its own for those who work on the package.
                if !matches!(key.as_str(), "development" | "source") && !key.contains("/src") {
                    collect(one, leaves);
                }
            }
        }
        _ => {}
    }
}

/// Whether a path is shipped; `*` stands for anything.
fn is_there(path: &str, all: &Contents) -> bool {
    let plain = path.trim_start_matches("./");
    match plain.split_once('*') {
        Some((start, end)) => {
            let end = end.rsplit('*').next().unwrap_or(end);
            all.files.keys().any(|file| file.starts_with(start) && file.ends_with(end))
        }
        None if plain.is_empty() => true,
        None if plain.ends_with('/') => all.files.keys().any(|file| file.starts_with(plain)),
        None => all.files.contains_key(&joined(plain)),
    }
}
