//! What the project says about how it is installed and built.

use super::super::{Order, RenderError};
use ringfence_policy::model::VersionRange;
use ringfence_project::lockfile::{self, Lockfile, Manager};
use ringfence_project::package::{self, Package};
use ringfence_project::walk::{self, ReadError};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Versions of Node with an image, those of long support first; the first that the boundary accepts
/// is written.
const VERSIONS: [[u64; 3]; 5] = [[24, 21, 0], [26, 10, 0], [22, 23, 3], [20, 20, 2], [25, 9, 0]];
/// Files at the top that no build needs.
const LEFT_OUT: [&str; 11] = [
    "__tests__",
    "compose.yaml",
    "coverage",
    "docker-compose.yml",
    "dockerfile",
    "docs",
    "node_modules",
    "seccomp.json",
    "spec",
    "test",
    "tests",
];

/// A project as an image needs it.
#[derive(Debug)]
pub(super) struct Project {
    /// Who installs.
    pub(super) manager: Manager,
    /// Version of the manager where it is not part of Node's image.
    pub(super) manager_version: Option<String>,
    /// Name of the lockfile.
    pub(super) lockfile: String,
    /// Yarn 2 and later.
    pub(super) berry: bool,
    /// Whether `package.json` has a script `build`.
    pub(super) builds: bool,
    /// Version of Node in the image.
    pub(super) node: [u64; 3],
    /// What lies at the top of the folder and may be needed to build, by name.
    pub(super) sources: BTreeSet<String>,
    /// Files beside `package.json` that the installation reads, by name.
    pub(super) settings: Vec<String>,
    /// Folders of workspaces, each with a `package.json` of its own.
    pub(super) workspaces: Vec<String>,
}

impl Project {
    /// Reads the folder; what is not there has a default.
    pub(super) fn read(order: &Order<'_>) -> Result<Self, RenderError> {
        let package = package(order)?.unwrap_or_default();
        let lock = lock(order)?;
        let manager = lock.as_ref().map_or(Manager::Npm, |lock| lock.manager);
        let version = lock.as_ref().and_then(|lock| lock.version.clone());
        let berry = manager == Manager::Yarn
            && lock.as_ref().is_some_and(|lock| lock.version.as_deref() != Some("classic"));
        let named = package.manager.as_ref().and_then(|named| {
            let (name, version) = named.value.split_once('@')?;
            (name == manager.id()).then(|| version.split('+').next().unwrap_or(version).to_owned())
        });
        let manager_version = match manager {
            Manager::Npm => None,
            _ => {
                Some(named.unwrap_or_else(|| usual(manager, berry, version.as_deref()).to_owned()))
            }
        };
        let there = |name: &&str| order.folder.join(name).is_file();
        let builds = package.script("build").is_some();
        let settings = ["pnpm-workspace.yaml", ".pnpmfile.cjs", ".yarnrc.yml", "bunfig.toml"];
        let of_manager = |name: &&str| match manager {
            Manager::Pnpm => name.contains("pnpm"),
            Manager::Yarn => name.contains("yarnrc"),
            Manager::Bun => name.contains("bun"),
            Manager::Npm => false,
        };
        Ok(Self {
            manager,
            manager_version,
            lockfile: lock.as_ref().map_or("package-lock.json", |lock| lock.file).to_owned(),
            berry,
            builds,
            node: node_version(order, lock.as_ref()),
            sources: sources(order, builds),
            workspaces: workspaces(order, &package),
            settings: settings
                .into_iter()
                .filter(of_manager)
                .filter(there)
                .map(str::to_owned)
                .collect(),
        })
    }
}

fn unreadable(path: PathBuf, error: impl std::fmt::Display) -> RenderError {
    RenderError::Unreadable { path, source: std::io::Error::other(error.to_string()) }
}

fn package(order: &Order<'_>) -> Result<Option<Package>, RenderError> {
    let path = order.folder.join("package.json");
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let text = walk::text(&path, package::MAX_BYTES)
        .map_err(|error: ReadError| unreadable(path.clone(), error))?;
    package::parse(&text).map(Some).map_err(|error| unreadable(path, error))
}

/// The first lockfile, as the managers themselves prefer them.
fn lock(order: &Order<'_>) -> Result<Option<Lockfile>, RenderError> {
    match lockfile::detect(order.folder).into_iter().next() {
        None => Ok(None),
        Some((_, Ok(lock))) => Ok(Some(lock)),
        Some((name, Err(error))) => Err(unreadable(order.folder.join(name), error)),
    }
}

/// A version of a manager that reads this lockfile, where `package.json` names none.
const fn usual(manager: Manager, berry: bool, lockfile: Option<&str>) -> &'static str {
    let old = matches!(lockfile, Some(version) if version.as_bytes()[0] == b'6');
    let older = matches!(lockfile, Some(version) if version.as_bytes()[0] == b'5');
    match manager {
        Manager::Npm => "",
        Manager::Pnpm if older => "7.33.7",
        Manager::Pnpm if old => "8.15.9",
        Manager::Pnpm => "9.15.9",
        Manager::Yarn if berry => "4.9.1",
        Manager::Yarn => "1.22.22",
        Manager::Bun => "1.2.15",
    }
}

/// The Node that the lockfile installs where the service starts that one, else one with an image
/// that the boundary accepts.
fn node_version(order: &Order<'_>, lock: Option<&Lockfile>) -> [u64; 3] {
    let program = order.boundary.service.start.first().map_or("", |word| word.value.as_str());
    let program = ringfence_policy::paths::normal(program);
    let installed = lock.and_then(|lock| lock.packages.as_ref()).into_iter().flatten();
    let installed = installed
        .filter(|package| program.starts_with(&format!("{}/", package.folder)))
        .find_map(|package| three(package.version.as_deref()?));
    installed.unwrap_or_else(|| match &order.boundary.service.node {
        Some(range) => accepted(&range.value),
        None => VERSIONS[0],
    })
}

fn three(version: &str) -> Option<[u64; 3]> {
    let mut numbers = version.split('.').map(|part| part.parse::<u64>().ok());
    Some([numbers.next()??, numbers.next()??, numbers.next()??])
}

fn accepted(range: &VersionRange) -> [u64; 3] {
    let known = VERSIONS.into_iter().find(|version| range.matches(*version));
    let named =
        || range.comparators.iter().map(|(_, version)| *version).find(|v| range.matches(*v));
    known.or_else(named).unwrap_or(VERSIONS[0])
}

/// Folders that the patterns of `workspaces` mean; a star stands for one name.
fn workspaces(order: &Order<'_>, package: &Package) -> Vec<String> {
    let mut all = BTreeSet::new();
    for pattern in &package.workspaces {
        let pattern = ringfence_policy::paths::normal(&pattern.value);
        let (above, star) = match pattern.split_once("/*") {
            Some((above, _)) => (above.to_owned(), true),
            None => (pattern.clone(), false),
        };
        if !star {
            all.insert(above);
            continue;
        }
        let Ok(entries) = std::fs::read_dir(order.folder.join(&above)) else { continue };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        all.extend(names.map(|name| format!("{above}/{name}")));
    }
    all.retain(|folder| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "@._-/".contains(c);
        folder.chars().all(plain)
            && !folder.split('/').any(|part| part == "..")
            && order.folder.join(folder).join("package.json").is_file()
    });
    all.into_iter().collect()
}

/// What lies at the top, without what is installed or built, tests, dot files and secrets.
fn sources(order: &Order<'_>, builds: bool) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(order.folder) else { return BTreeSet::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names
        // What the build makes is made there.
        .filter(|name| !(builds && ["build", "dist", "out"].contains(&name.as_str())))
        .filter(|name| !name.starts_with('.') && !LEFT_OUT.contains(&name.to_lowercase().as_str()))
        .filter(|name| ringfence_project::variables::suspicion_of_file(name).is_none())
        .filter(|name| name.chars().all(|c| !c.is_control() && !c.is_whitespace()))
        .filter(|name| name.rsplit('.').next() != Some("toml") || name == "bunfig.toml")
        .collect()
}
