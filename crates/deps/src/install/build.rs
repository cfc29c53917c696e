//! The project's own build, on request: without a network, writing the project but not what it is
//! installed from.

use super::bounds::{Access, Room, is_hidden};
use super::changes::{Changes, Files};
use super::error::InstallError;
use super::fetch::Fetch;
use super::phase::{self, Watch};
use super::run::{ScriptEnd, ScriptRun, note_unlimited, tools};
use super::scripts::{Environment, Wanted};
use super::staging::{NAME, Staging, may_write};
use super::{Install, Report, attempt};
use crate::scripts::Allowed;
use ringfence_project::lockfile::NAMES;
use ringfence_project::walk;
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest time of a build.
const DEADLINE: Duration = Duration::from_mins(30);
/// Largest manifest, in bytes.
const MANIFEST: u64 = 4 << 20;

/// Largest lockfile that is compared, in bytes.
const LOCKFILE: u64 = 64 << 20;

/// What a build may read and not write, besides lockfiles.
const FIXED: [&str; 6] =
    [".npmrc", "package.json", "pnpm-workspace.yaml", ".pnpmfile.cjs", "ringfence.toml", ".git"];

/// Folders below `node_modules` in which tools keep what they like.
const KEPT_BY_TOOLS: [&str; 5] = [".cache", ".vite", ".vite-temp", ".vitest", ".prisma"];

/// Refuses a script that is not there, and a project in which no build can write.
pub(super) fn check(install: &Install<'_>, script: &str) -> Result<(), InstallError> {
    command(install, script).ok_or_else(|| InstallError::NoScript(script.to_owned()))?;
    let owner = fs::metadata(install.folder).map(|found| found.uid()).unwrap_or_default();
    if install.caller.uid == 0 && owner == 0 {
        return Err(InstallError::BuildAsRoot);
    }
    if !may_write(install.folder) {
        let denied = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        return Err(InstallError::files("write", install.folder)(denied));
    }
    Ok(())
}

fn manifest(install: &Install<'_>) -> Option<Value> {
    let bytes = walk::bytes(&install.folder.join("package.json"), MANIFEST).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn command(install: &Install<'_>, script: &str) -> Option<String> {
    Some(manifest(install)?.get("scripts")?.get(script)?.as_str()?.to_owned())
}

/// Builds; answers whether it went well.
pub(super) fn run(
    fetch: &Fetch<'_>,
    script: &str,
    report: &mut Report,
) -> Result<bool, InstallError> {
    let install = fetch.install;
    let before = Installed::read(fetch)?;
    for importer in fetch.importers {
        fetch.staging.make_place(importer)?;
    }
    let mut command_line = install.tools.command();
    command_line.extend(["run", script].map(OsString::from));
    let mut room = Room::new("build", command_line, install.folder);
    room.builds = true;
    room.started = Some(install.tools.manager.root.clone());
    room.bind(install.folder, install.folder, Access::Build, "the project");
    for importer in fetch.importers {
        fixed(&mut room, &install.folder.join(importer));
    }
    // What is staged, and what says how it is put in place.
    let empty = fetch.staging.own.join("empty");
    Staging::folder(&empty)?;
    room.bind(&empty, &install.folder.join(NAME), Access::Read, "what is installed is staged here");
    fetch.trees(&mut room, Access::Build);
    tools(&mut room, fetch);
    let home = Path::new(install.home());
    let environment =
        Environment { tools: install.tools, project: install.folder, home, omit_dev: false };
    room.env = environment.common(install.folder);
    let plan = install.bounds().plan(room)?;
    let trees = fetch.places();
    let stops = |event: &_| attempt::judge(event, &trees).is_some_and(|one| one.stops);
    let ran = phase::run(&plan, &Watch { trace: true, deadline: DEADLINE, stops: &stops })?;
    let files = before.compared(fetch)?;
    note_unlimited(ran.unlimited.clone(), report);
    let name = manifest(install).and_then(|found| Some(found.get("name")?.as_str()?.to_owned()));
    let wanted = Wanted {
        package: name.clone().unwrap_or_else(|| "the project".to_owned()),
        name: name.unwrap_or_default(),
        version: String::new(),
        folder: String::new(),
        commands: Vec::new(),
        allowed: Allowed::Yes,
        reason: None,
        optional: false,
    };
    let text = command(install, script).unwrap_or_default();
    let is_changed =
        !(files.written.is_empty() && files.changed.is_empty() && files.removed.is_empty());
    let mut built = ScriptRun::of(&wanted, script, &text, &ran, (files, &trees));
    // What was compared with the tarballs must be what is installed.
    if built.end == ScriptEnd::Done && is_changed {
        built.end = ScriptEnd::Stopped;
    }
    let went_well = built.end == ScriptEnd::Done;
    report.build = Some(built);
    Ok(went_well)
}

/// What a build must leave as it is.
struct Installed {
    /// The new tree of each importer.
    trees: Vec<Files>,
    /// What decides what is installed, by path from the project's folder; nothing where it is missing.
    deciding: BTreeMap<PathBuf, Option<Vec<u8>>>,
}

impl Installed {
    fn read(fetch: &Fetch<'_>) -> Result<Self, InstallError> {
        let tree = |importer: &String| {
            let tree = fetch.staging.tree(importer);
            Files::read(&tree, false).map_err(InstallError::files("read", &tree))
        };
        let trees = fetch.importers.iter().map(tree).collect::<Result<_, _>>()?;
        let names = fetch
            .importers
            .iter()
            .flat_map(|importer| deciding().map(move |name| Path::new(importer).join(name)));
        let bytes = |name: &PathBuf| {
            let path = fetch.install.folder.join(name);
            // A folder and what cannot be read are there all the same.
            path.symlink_metadata().ok().map(|_| walk::bytes(&path, LOCKFILE).unwrap_or_default())
        };
        Ok(Self { trees, deciding: names.map(|name| (name.clone(), bytes(&name))).collect() })
    }

    /// What is another now. Files that decide and were not there are taken away again.
    fn compared(&self, fetch: &Fetch<'_>) -> Result<Changes, InstallError> {
        let now = Self::read(fetch)?;
        let mut all = Changes::default();
        for (importer, (before, after)) in
            fetch.importers.iter().zip(self.trees.iter().zip(&now.trees))
        {
            let tree = Path::new(importer).join("node_modules");
            let mut files = before.compared(after, &tree.to_string_lossy());
            for list in [&mut files.written, &mut files.changed, &mut files.removed] {
                list.retain(|path| {
                    let below = Path::new(path).strip_prefix(&tree).unwrap_or(Path::new(path));
                    !KEPT_BY_TOOLS.iter().any(|own| below.starts_with(own))
                });
            }
            all.written.append(&mut files.written);
            all.changed.append(&mut files.changed);
            all.removed.append(&mut files.removed);
        }
        for ((name, before), after) in self.deciding.iter().zip(now.deciding.values()) {
            let told = name.to_string_lossy().into_owned();
            match (before, after) {
                (None, Some(_)) => {
                    fetch.staging.take_away(name);
                    all.written.push(told);
                }
                (Some(_), None) => all.removed.push(told),
                (before, after) if before != after => all.changed.push(told),
                _ => {}
            }
        }
        Ok(all)
    }
}

/// Names of what decides what is installed.
fn deciding() -> impl Iterator<Item = &'static str> {
    FIXED.into_iter().chain(NAMES.iter().map(|(name, _)| *name))
}

/// What decides what is installed is read-only, and files with secrets by their names are hidden.
fn fixed(room: &mut Room, folder: &Path) {
    for name in deciding() {
        let path = folder.join(name);
        if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_symlink()) {
            room.bind(&path, &path, Access::Read, "what is installed is decided here");
        }
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && entry.file_name().to_str().is_some_and(is_hidden) {
            room.hide(&entry.path(), "a secret, by its name");
        }
    }
}
