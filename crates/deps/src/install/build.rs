//! The project's own build, on request: without a network, writing the project but not what it is
//! installed from.

use super::bounds::{Access, Room, is_hidden};
use super::changes::Files;
use super::error::InstallError;
use super::fetch::Fetch;
use super::phase::{self, Watch};
use super::run::{ScriptEnd, ScriptRun, note_unlimited, tools};
use super::scripts::{Environment, Wanted};
use super::staging::may_write;
use super::{Install, Report, attempt};
use crate::scripts::Allowed;
use ringfence_project::lockfile::NAMES;
use ringfence_project::walk;
use serde_json::Value;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

/// Longest time of a build.
const DEADLINE: Duration = Duration::from_mins(30);
/// Largest manifest, in bytes.
const MANIFEST: u64 = 4 << 20;

/// What a build may read and not write, besides lockfiles.
const FIXED: [&str; 6] =
    [".npmrc", "package.json", "pnpm-workspace.yaml", ".pnpmfile.cjs", "ringfence.toml", ".git"];

/// Folders below `node_modules` in which tools keep what they like.
const KEPT_BY_TOOLS: [&str; 5] = [".cache/", ".vite/", ".vite-temp/", ".vitest/", ".prisma/"];

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
    let tree = fetch.staging.tree("");
    let read = |tree: &Path| Files::of(tree).map_err(InstallError::files("read", tree));
    let before = read(&tree)?;
    for importer in fetch.importers {
        fetch.staging.make_place(importer)?;
    }
    let mut command_line = install.tools.command();
    command_line.extend(["run", script].map(OsString::from));
    let mut room = Room::new("build", command_line, install.folder);
    room.builds = true;
    room.started = Some(install.tools.manager.root.clone());
    room.bind(install.folder, install.folder, Access::Build, "the project");
    fixed(&mut room, install.folder);
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
    let mut files = before.compared(&read(&tree)?, "node_modules");
    for list in [&mut files.written, &mut files.changed, &mut files.removed] {
        list.retain(|path| {
            let below = path.strip_prefix("node_modules/").unwrap_or(path);
            !KEPT_BY_TOOLS.iter().any(|own| below.starts_with(own))
        });
    }
    note_unlimited(ran.unlimited.clone(), report);
    let name = manifest(install).and_then(|found| Some(found.get("name")?.as_str()?.to_owned()));
    let wanted = Wanted {
        package: name.clone().unwrap_or_else(|| "the project".to_owned()),
        name: name.unwrap_or_default(),
        version: String::new(),
        folder: String::new(),
        commands: Vec::new(),
        allowed: Allowed::Yes,
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

/// What decides what is installed is read-only, and files with secrets by their names are hidden.
fn fixed(room: &mut Room, folder: &Path) {
    let lockfiles = NAMES.iter().map(|(name, _)| *name);
    for name in FIXED.into_iter().chain(lockfiles) {
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
