//! Projects to lock: the same one, as each manager wants it written.

use crate::manager::{Kind, Manager, done, folder};
use ringfence_project::graph::{Graph, Manifest};
use ringfence_tests::command::other;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A project, locked by one manager.
pub(crate) struct Locked {
    folder: tempfile::TempDir,
    manager: &'static Manager,
    /// Folders of its manifests.
    folders: Vec<String>,
}

/// What a project is made of, as one manager wants it.
#[derive(Default)]
pub(crate) struct Project {
    /// Manifests by folder; the project's own is at the empty one. Folders below `vendor` are named by
    /// their path, others are workspaces.
    pub(crate) manifests: Vec<(&'static str, Value)>,
    /// More of `pnpm-workspace.yaml`, with a newline at its end.
    pub(crate) yaml: String,
    /// Other files.
    pub(crate) files: Vec<(&'static str, Vec<u8>)>,
}

impl Project {
    /// Locks it; `None`, and said by name, where the manager cannot be had.
    pub(crate) fn lock(&self, manager: &'static Manager) -> Option<Locked> {
        let folder = tempfile::tempdir().unwrap();
        let folders = self.manifests.iter().map(|(folder, _)| (*folder).to_owned()).collect();
        let locked = Locked { folder, manager, folders };
        self.write(&locked);
        let arguments: &[&str] = match manager.kind {
            Kind::Npm => &["install", "--package-lock-only", "--no-audit", "--no-fund"],
            Kind::Pnpm => &["install", "--lockfile-only", "--no-frozen-lockfile"],
            // It cannot write a lockfile without installing.
            Kind::Yarn1 => &["install", "--ignore-scripts", "--non-interactive"],
            Kind::Yarn => &["install", "--mode=update-lockfile", "--no-immutable"],
            Kind::Bun => &["install", "--lockfile-only"],
        };
        done(locked.command()?.args(arguments));
        Some(locked)
    }

    fn write(&self, locked: &Locked) {
        let kind = locked.manager.kind;
        let workspaces: Vec<&str> = self.workspaces().collect();
        for (folder, manifest) in &self.manifests {
            let mut manifest = manifest.clone();
            if folder.is_empty() && !workspaces.is_empty() && kind != Kind::Pnpm {
                manifest["workspaces"] = json!(workspaces);
            }
            locked.write(&format!("{folder}/package.json"), format!("{manifest:#}\n").as_bytes());
        }
        for (name, bytes) in &self.files {
            locked.write(name, bytes);
        }
        let registry = registry();
        let npmrc = format!(
            "registry={registry}\nallow-remote=all\nlink-workspace-packages=true\nauto-install-peers=true\n"
        );
        locked.write(".npmrc", npmrc.as_bytes());
        // Before version 10 it is of workspaces alone.
        if kind == Kind::Pnpm && (locked.manager.major() > 9 || !workspaces.is_empty()) {
            let mut text = "linkWorkspacePackages: true\nminimumReleaseAge: 0\n".to_owned();
            text += &self.yaml;
            if !workspaces.is_empty() {
                text = format!("{text}packages: {workspaces:?}\n");
            }
            locked.write("pnpm-workspace.yaml", text.as_bytes());
        }
        if kind == Kind::Yarn {
            let text = format!(
                "npmRegistryServer: \"{registry}\"\nenableGlobalCache: true\nnpmMinimalAgeGate: 0\n"
            );
            locked.write(".yarnrc.yml", text.as_bytes());
            // Without it, Yarn looks for the project in the folders above.
            locked.write("yarn.lock", b"");
        }
    }

    /// Names of what is made here: of workspaces, and of folders that are named by their path.
    pub(crate) fn own(&self, workspaces: bool) -> Vec<&str> {
        let own = self
            .manifests
            .iter()
            .filter(|(folder, _)| !folder.is_empty() && folder.starts_with("vendor") != workspaces);
        own.filter_map(|(_, manifest)| manifest["name"].as_str()).collect()
    }

    /// Folders of workspaces: those that are no folder which something names by its path.
    fn workspaces(&self) -> impl Iterator<Item = &'static str> {
        let folders = self.manifests.iter().map(|(folder, _)| *folder);
        folders.filter(|folder| !folder.is_empty() && !folder.starts_with("vendor"))
    }
}

impl Locked {
    /// The project's folder.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// A command of the manager here, with caches that outlive the test.
    pub(crate) fn command(&self) -> Option<Command> {
        let mut command = self.manager.command(&self.path())?;
        let home = folder().join("home");
        fs::create_dir_all(&home).unwrap();
        if self.manager.kind == Kind::Yarn1 {
            // Two at once spoil its cache.
            command.arg("--mutex").arg(format!("file:{}", home.join(".yarn-mutex").display()));
        }
        command.env("HOME", home);
        if self.manager.kind == Kind::Pnpm {
            // pnpm 8 keeps what overrides made of a manifest as if the registry had said it.
            command.env("XDG_CACHE_HOME", self.path().join(".cache"));
        }
        let registry = registry();
        for name in ["npm_config_registry", "YARN_REGISTRY", "BUN_CONFIG_REGISTRY"] {
            command.env(name, registry);
        }
        Some(command)
    }

    /// What ringfence reads of it.
    pub(crate) fn graph(&self) -> Graph {
        let text = |name: &Path| fs::read_to_string(self.path().join(name)).unwrap();
        let manifests: Vec<(String, String)> = self
            .folders
            .iter()
            .filter(|folder| !folder.starts_with("vendor"))
            .map(|folder| (folder.clone(), text(&Path::new(folder).join("package.json"))))
            .collect();
        let manifests: Vec<Manifest<'_>> =
            manifests.iter().map(|(folder, text)| Manifest { folder, text }).collect();
        let name = self.manager.lockfile();
        Graph::read(name, &text(Path::new(name)), &manifests).unwrap()
    }
}

/// The registry that npm is configured to use on this machine.
pub(crate) fn registry() -> &'static str {
    static REGISTRY: OnceLock<String> = OnceLock::new();
    REGISTRY.get_or_init(|| setting("registry"))
}

/// The file of authorities that npm is configured to believe on this machine, where there is one.
pub(crate) fn authorities() -> Option<&'static str> {
    static AUTHORITIES: OnceLock<String> = OnceLock::new();
    let path = AUTHORITIES.get_or_init(|| setting("cafile"));
    (!matches!(path.as_str(), "null" | "undefined" | "")).then_some(path)
}

fn setting(name: &str) -> String {
    let mut npm = other("npm");
    npm.envs(std::env::vars_os()).args(["config", "get", name]);
    npm.current_dir("/");
    done(&mut npm).stdout.trim().to_owned()
}
