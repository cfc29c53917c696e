//! Commands in `.bin`: links and small scripts that start a file of a package. Each must start what the
//! package's own manifest names, whose bytes are compared elsewhere.

use super::discover::{Found, followed, list};
use super::shim::Started;
use super::{Kind, Report, Verification, shim};
use crate::tarball::Manifest;
use ringfence_project::graph::{Edge, EdgeKind, Format, Package};
use ringfence_project::walk;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read as _;

/// Largest script or manifest that is read, in bytes.
const LARGEST: u64 = 8 << 20;

pub(super) fn check(verification: &Verification<'_>, found: &Found, report: &mut Report) {
    let mut manifests = HashMap::new();
    for folder in &found.commands {
        let Ok(listed) = list(&verification.folder.join(folder)) else {
            report.unknown("", format!("{folder} cannot be read"));
            continue;
        };
        for odd in listed.odd(folder) {
            report.deviates("", Kind::CommandChanged, &odd, "its name is not UTF-8");
        }
        for (name, kind) in listed.entries {
            let path = format!("{folder}/{name}");
            let file = verification.folder.join(&path);
            let target = if kind.is_symlink() {
                let target = fs::read_link(&file).unwrap_or_default();
                followed(verification.folder, &path, &target.to_string_lossy())
                    .map(Started::directly)
                    .ok_or("it leads out of the project")
            } else if kind.is_file() {
                match walk::text(&file, LARGEST) {
                    Ok(text) => {
                        shim::target(&text, &path, verification.folder, verification.project)
                    }
                    Err(_) => Err("it is no script that a manager writes"),
                }
            } else {
                Err("it is neither a link nor a script")
            };
            let problem = target.and_then(|started| {
                is_named(verification, found, &name, &started.file, &mut manifests)?;
                runs_as_written(verification, &started)
            });
            if let Err(message) = problem {
                report.deviates("", Kind::CommandChanged, &path, message);
            }
        }
    }
}

/// Whether a script runs its file with the program that the file itself names: any other program, and
/// any option more, would run something else first.
fn runs_as_written(verification: &Verification<'_>, started: &Started) -> Result<(), &'static str> {
    if started.programs.is_empty() {
        return Ok(());
    }
    let mut line = [0_u8; 4096];
    // What lies outside of `node_modules` is the project's own, and the tree may wait beside it.
    let is_packages = package_of(&started.file).is_some();
    let root = if is_packages { verification.folder } else { verification.project };
    let file = root.join(&started.file);
    let is_file = fs::metadata(&file).is_ok_and(|found| found.is_file());
    let mut read = || File::open(&file)?.read(&mut line);
    let length = if is_file { read().unwrap_or_default() } else { 0 };
    let text = String::from_utf8_lossy(&line[..length]);
    let first = text.lines().next().unwrap_or_default();
    let fits = |program: &String| shim::is_program(program, first, &started.file);
    if started.programs.iter().all(fits) {
        return Ok(());
    }
    Err("it runs its file with another program than the file says")
}

/// Whether a package names this file as this command.
fn is_named(
    verification: &Verification<'_>,
    found: &Found,
    name: &str,
    target: &str,
    manifests: &mut HashMap<String, Option<Manifest>>,
) -> Result<(), &'static str> {
    let importers = verification.graph.importers.iter();
    let (root, package, file) = match package_of(target) {
        // What nobody looked at could name any file.
        Some((package, _))
            if !found.packages.contains(package) && !found.links.contains_key(package) =>
        {
            return Err("it starts something that is no package's");
        }
        Some((package, file)) => (verification.folder, package, file),
        None => importers
            .filter_map(|one| {
                let inside = target.strip_prefix(one.folder.as_str())?;
                let inside =
                    if one.folder.is_empty() { inside } else { inside.strip_prefix('/')? };
                Some((verification.project, one.folder.as_str(), inside))
            })
            .max_by_key(|(_, folder, _)| folder.len())
            .ok_or("it starts something that is no package's")?,
    };
    let manifest = manifests.entry(package.to_owned()).or_insert_with(|| {
        let file = root.join(package).join("package.json");
        walk::bytes(&file, LARGEST).ok().map(|bytes| Manifest::read(&bytes))
    });
    let Some(manifest) = manifest else {
        return Err("it starts something of a package that is not there");
    };
    let named = manifest.bin.iter().any(|(command, own)| command == name && own == file);
    let in_folder = manifest.command_folder.as_deref().is_some_and(|folder| {
        file.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) == Some(name)
    });
    let is_right = named || in_folder || is_of_platform(verification, name, package, file);
    if is_right { Ok(()) } else { Err("it starts another file than its package says") }
}

/// Whether Bun has put the program of a platform's package in the place of the same file of the package
/// that asks for it: `esbuild` starts `@esbuild/linux-x64/bin/esbuild`.
fn is_of_platform(verification: &Verification<'_>, name: &str, package: &str, file: &str) -> bool {
    let graph = verification.graph;
    let Some((above, own)) = package.rsplit_once("node_modules/") else { return false };
    let asks = |asker: &Package| {
        let asks = |edge: &Edge| edge.kind == EdgeKind::Optional && edge.name == own;
        asker.edges.iter().any(asks)
    };
    matches!(graph.format, Format::Bun(_))
        && graph.packages.iter().filter(|asker| asks(asker)).any(|asker| {
            let place = format!("{above}node_modules/{}/package.json", asker.name);
            walk::bytes(&verification.folder.join(place), LARGEST).is_ok_and(|bytes| {
                Manifest::read(&bytes)
                    .bin
                    .iter()
                    .any(|(command, own)| command == name && own == file)
            })
        })
}

/// The folder of the package that a path lies in, and the rest.
fn package_of(path: &str) -> Option<(&str, &str)> {
    let start = path.rfind("node_modules/")? + "node_modules/".len();
    let rest = &path[start..];
    let take = if rest.starts_with('@') { 2 } else { 1 };
    let end = rest.match_indices('/').nth(take - 1).map(|(at, _)| at)?;
    Some((&path[..start + end], &rest[end + 1..]))
}
