//! The project's own Node and manager, found as a shell would find them.
//!
//! They are trusted: they are what installs without ringfence too. Shims that would choose or download
//! another one are not followed, because what they start is not known beforehand.

use super::error::InstallError;
use ringfence_project::walk;
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Largest manifest of a manager, in bytes.
const MANIFEST: u64 = 4 << 20;

/// A manager whose frozen install is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Npm,
    Pnpm,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pnpm => "pnpm",
        }
    }
}

/// A package manager.
#[derive(Debug, Clone)]
pub(super) struct Manager {
    pub(super) kind: Kind,
    /// Its folder.
    pub(super) root: PathBuf,
    /// What is started: a script of Node's, or a program.
    pub(super) entry: PathBuf,
    /// Whether `entry` is a program of its own.
    pub(super) is_program: bool,
    /// Its version.
    pub(super) version: String,
}

/// Node, the manager, and what builds native code.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    /// Real path of Node's program.
    pub(super) node: PathBuf,
    /// `v20.20.2`
    pub(super) node_version: String,
    /// The folder whose `include/node` has Node's headers.
    pub(super) headers: Option<PathBuf>,
    pub(super) manager: Manager,
    /// npm's folder, for its node-gyp; the manager's own where it is npm.
    pub(super) npm: Option<PathBuf>,
}

impl Tools {
    /// Finds them in a `PATH`. `nodedir` is where the caller says that Node's headers are.
    pub(super) fn find(
        kind: Kind,
        path: &OsStr,
        nodedir: Option<&Path>,
    ) -> Result<Self, InstallError> {
        let missing = |what, why: &str| InstallError::Tool { what, why: why.to_owned() };
        let node = find("node", path).ok_or_else(|| missing("node", "it is not in PATH"))?;
        if !is_program(&node) {
            return Err(missing("node", "what PATH finds first is a script"));
        }
        let found = find(kind.name(), path).ok_or_else(|| {
            missing(kind.name(), "it is not in PATH, and the lockfile is its own")
        })?;
        let manager = manager(kind, found)?;
        let npm = match kind {
            Kind::Npm => Some(manager.root.clone()),
            Kind::Pnpm => {
                find("npm", path).and_then(|npm| package("npm", &npm)).map(|(root, _)| root)
            }
        };
        let prefix = node.parent().and_then(Path::parent).map(Path::to_owned);
        let headers = nodedir.map(Path::to_owned).into_iter().chain(prefix);
        let headers =
            headers.into_iter().find(|folder| folder.join("include/node/node.h").is_file());
        let node_version = said(
            &node,
            &["--version".as_ref()],
            &Asked { folder: Path::new("/"), path, alone: true },
        )
        .ok_or_else(|| missing("node", "it does not say its version"))?;
        Ok(Self { node, node_version, headers, manager, npm })
    }

    /// The program and its first arguments that start the manager.
    pub(super) fn command(&self) -> Vec<OsString> {
        let entry = self.manager.entry.clone().into_os_string();
        if self.manager.is_program { vec![entry] } else { vec![self.node.clone().into(), entry] }
    }

    /// What the manager says to a question; `None` where it says nothing.
    pub(super) fn ask(&self, arguments: &[&str], folder: &Path, path: &OsStr) -> Option<String> {
        let mut command = self.command();
        let program = command.remove(0);
        let rest = arguments.iter().map(OsString::from);
        let all: Vec<OsString> = command.into_iter().chain(rest).collect();
        let all: Vec<&OsStr> = all.iter().map(OsString::as_os_str).collect();
        said(Path::new(&program), &all, &Asked { folder, path, alone: false })
    }

    /// The registry that npm was made for: what stands in its own defaults.
    pub(super) fn own_registry(&self) -> Option<String> {
        let entry = self.manager.entry.as_os_str();
        let rest =
            ["config", "get", "registry", "--userconfig=/dev/null", "--globalconfig=/dev/null"];
        let rest = rest.map(OsStr::new);
        let all: Vec<&OsStr> = [entry].into_iter().chain(rest).collect();
        let asked =
            Asked { folder: Path::new("/"), path: OsStr::new("/usr/bin:/bin"), alone: true };
        said(&self.node, &all, &asked).filter(|url| url.starts_with("http"))
    }

    /// The folder with a `node-gyp` for `PATH`, and node-gyp's own script.
    pub(super) fn node_gyp(&self) -> Option<(PathBuf, PathBuf)> {
        let places = [
            (
                self.npm.as_deref(),
                "node_modules/@npmcli/run-script/lib/node-gyp-bin",
                "node_modules/node-gyp/bin/node-gyp.js",
            ),
            (self.npm.as_deref(), "bin/node-gyp-bin", "node_modules/node-gyp/bin/node-gyp.js"),
            (
                Some(self.manager.root.as_path()),
                "dist/node-gyp-bin",
                "dist/node_modules/node-gyp/bin/node-gyp.js",
            ),
        ];
        let found = places.into_iter().filter_map(|(root, folder, script)| {
            let root = root?;
            Some((root.join(folder), root.join(script)))
        });
        found
            .into_iter()
            .find(|(folder, script)| folder.join("node-gyp").is_file() && script.is_file())
    }
}

/// The first ordinary file of a name, by its real path.
fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    let mut real = folders.filter_map(|folder| folder.join(name).canonicalize().ok());
    real.find(|found| found.is_file())
}

fn is_program(path: &Path) -> bool {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok()
        && &magic == b"\x7fELF"
}

fn manager(kind: Kind, entry: PathBuf) -> Result<Manager, InstallError> {
    let refused = |why: String| InstallError::Tool { what: kind.name(), why };
    let is_program = is_program(&entry);
    if let Some((root, version)) = package(kind.name(), &entry) {
        return Ok(Manager { kind, root, entry, is_program, version });
    }
    Err(refused(format!("{} belongs to no package of that name", entry.display())))
}

/// The folder and version of the package `name` that a file belongs to.
fn package(name: &str, file: &Path) -> Option<(PathBuf, String)> {
    for folder in file.ancestors().skip(1).take(4) {
        let Ok(bytes) = walk::bytes(&folder.join("package.json"), MANIFEST) else { continue };
        let manifest: Value = serde_json::from_slice(&bytes).ok()?;
        let text = |key: &str| manifest.get(key).and_then(Value::as_str);
        let Some(own) = text("name") else { continue };
        // pnpm's programs are packages of its scope.
        let is_own = own == name || (name == "pnpm" && own.starts_with("@pnpm/"));
        return is_own.then(|| (folder.to_owned(), text("version").unwrap_or_default().to_owned()));
    }
    None
}

/// How a program is asked.
struct Asked<'a> {
    folder: &'a Path,
    path: &'a OsStr,
    /// Without the caller's environment.
    alone: bool,
}

/// The first line that a program says.
#[expect(
    clippy::disallowed_methods,
    reason = "the manager is asked with the caller's own settings"
)]
fn said(program: &Path, arguments: &[&OsStr], asked: &Asked<'_>) -> Option<String> {
    let mut command = Command::new(program);
    if asked.alone {
        command.env_clear();
    }
    let output = command
        .args(arguments)
        .current_dir(asked.folder)
        .env("PATH", asked.path)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}
