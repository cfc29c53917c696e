//! `ringfence deps install` with each npm and pnpm: native code is really built, without a network, and
//! the tree is the one that the manager makes by itself, byte for byte.

use crate::manager::{ALL, Kind, Manager, done};
use crate::project::registry;
use crate::registry::{Published, Registry};
use ringfence_tests::command::{Playground, Run, other};
use ringfence_tests::{not_run, workspace};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where node-gyp notes the npm configuration that it was started with, and the path of the node-gyp and of the
/// Python that wrote a build's rules.
const OF_NODE_GYP: [&str; 2] = ["/build/config.gypi", "/build/Makefile"];

/// Where pnpm notes times, and which scripts it ran by itself.
const OF_PNPM: [&str; 2] = [".modules.yaml", ".pnpm-workspace-state-v1.json"];

/// Commands of a package that it builds, which pnpm 10 then writes again, without `NODE_PATH`.
const OF_PNPM_10: &str = "/bufferutil/node_modules/.bin/";

/// A project that one manager has locked.
struct Project {
    playground: Playground,
    manager: &'static Manager,
    path: String,
    registry: String,
}

/// What a project is made of.
struct Files<'a> {
    manifests: &'a [(&'a str, Value)],
    npmrc: &'a str,
    /// Packages whose scripts run, by name and version.
    scripts: &'a [(&'a str, &'a str)],
}

impl Project {
    /// Writes and locks it; `None`, and said by name, where the manager cannot be had.
    fn new(manager: &'static Manager, registry: &str, files: &Files<'_>) -> Option<Self> {
        // Not in /tmp, which a boundary shows otherwise.
        let playground = Playground::within(&workspace::root().join("target/tmp"));
        let path = manager.on_path(&playground.path().join("programs"))?;
        let project = Self { playground, manager, path, registry: registry.to_owned() };
        for (folder, manifest) in files.manifests {
            project.write(&format!("{folder}/package.json"), &manifest.to_string());
        }
        project.write(".npmrc", &format!("registry={registry}\n{}", files.npmrc));
        let names: Vec<&str> = files.scripts.iter().map(|(name, _)| *name).collect();
        if manager.kind == Kind::Pnpm {
            let allowed: BTreeMap<&str, bool> = names.iter().map(|name| (*name, true)).collect();
            // Or pnpm takes what an earlier build left in its store.
            let yaml = json!({
                "packages": ["packages/*"], "minimumReleaseAge": 0, "sideEffectsCache": false,
                "allowBuilds": allowed, "onlyBuiltDependencies": names,
            });
            project.write("pnpm-workspace.yaml", &yaml.to_string());
        }
        let entry = |(name, version): &(&str, &str)| {
            format!("{{ package = \"{name}\", version = \"{version}\" }}")
        };
        let scripts: Vec<String> = files.scripts.iter().map(entry).collect();
        let boundary = format!(
            "schema = 1\n[service]\nname = \"app\"\nstart = [\"/bin/true\"]\n[dependencies]\nscripts = [{}]\n",
            scripts.join(", ")
        );
        project.write("ringfence.toml", &boundary);
        let arguments: &[&str] = match manager.kind {
            Kind::Npm => &["install", "--package-lock-only", "--ignore-scripts", "--no-audit"],
            _ => &["install", "--lockfile-only"],
        };
        done(project.own()?.args(arguments));
        Some(project)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.playground.path().join(name.trim_start_matches('/'))
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The manager by itself, with what it keeps beside the project.
    fn own(&self) -> Option<Command> {
        let mut command = self.manager.command(&self.playground.path())?;
        command.env("PATH", &self.path).env("HOME", self.file("home"));
        command.env("npm_config_registry", &self.registry);
        command.env("XDG_CACHE_HOME", self.file("home/.cache"));
        Some(command)
    }

    /// `ringfence` with the environment of the manager.
    fn ringfence(&self, arguments: &[&str]) -> Option<Run> {
        let mut command = self.playground.command();
        for (name, value) in self.own()?.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        Some(self.playground.finish(command.args(arguments)))
    }

    /// Takes the trees of some folders away, and answers what they were.
    fn taken(&self, folders: &[&str]) -> BTreeMap<String, (u32, Vec<u8>)> {
        let mut files = BTreeMap::new();
        for folder in folders {
            let root = self.file(folder).join("node_modules");
            if root.exists() {
                add(&self.playground.path(), &root, &mut files);
                fs::remove_dir_all(root).unwrap();
            }
        }
        files
    }

    /// Installs, then lets the manager do it: names of files that differ.
    fn compared(&self, folders: &[&str]) -> Option<Vec<String>> {
        let ours = self.taken(folders);
        // The headers that an install finds by itself.
        let node = self.path.split(':').nth(1).unwrap();
        let mut own = self.own()?;
        own.env("npm_config_nodedir", Path::new(node).parent().unwrap());
        // pnpm 12 is no program of Node, and comes without it.
        let gyp = self.file("programs/node-gyp");
        if !gyp.exists() {
            let npm = self.file("programs/npm").canonicalize().unwrap();
            let npm = npm.parent().and_then(Path::parent).unwrap();
            symlink(npm.join("node_modules/node-gyp/bin/node-gyp.js"), gyp).unwrap();
        }
        let arguments: &[&str] = match self.manager.kind {
            Kind::Npm => &["ci", "--no-audit", "--no-fund"],
            _ => &["install", "--frozen-lockfile"],
        };
        done(own.args(arguments));
        let theirs = self.taken(folders);
        assert!(!ours.is_empty() && !theirs.is_empty());
        let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        let differing = names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name));
        Some(differing.cloned().collect())
    }
}

/// Every file and link below a folder, with mode and content.
fn add(root: &Path, folder: &Path, files: &mut BTreeMap<String, (u32, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let found = fs::symlink_metadata(&path).unwrap();
        if found.is_dir() {
            add(root, &path, files);
            continue;
        }
        let content = if found.is_symlink() {
            fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes()
        } else {
            fs::read(&path).unwrap()
        };
        let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        files.insert(name, (found.mode(), content));
    }
}

/// Those whose frozen install is known.
fn managers() -> impl Iterator<Item = &'static Manager> {
    ALL.iter().filter(|one| one.kind == Kind::Npm || (one.kind == Kind::Pnpm && one.major() >= 10))
}

/// Whether the system can compile, said by name where it cannot.
fn compilers() -> bool {
    let missing = ["make", "g++", "python3"]
        .into_iter()
        .find(|name| !Path::new("/usr/bin").join(name).exists());
    if let Some(name) = missing {
        not_run(&format!("/usr/bin/{name} is missing: no native code is built"));
    }
    missing.is_none()
}

#[test]
fn native_code_is_built_without_a_network_and_is_that_of_the_managers_own_install() {
    if !compilers() {
        return;
    }
    let scripts = [("cpu-features", "0.0.10"), ("bufferutil", "4.0.9")];
    let manifest = json!({
        "name": "app", "version": "1.0.0", "private": true,
        "dependencies": {"cpu-features": "0.0.10", "bufferutil": "4.0.9"},
        // npm 12 asks for it.
        "allowScripts": {"cpu-features": true, "bufferutil": true},
    });
    let files = Files { manifests: &[("", manifest)], npmrc: "", scripts: &scripts };
    for manager in managers() {
        let label = manager.label();
        let Some(project) = Project::new(manager, registry(), &files) else { continue };
        let Some(run) = project.ringfence(&["deps", "install", "--format", "json"]) else {
            continue;
        };
        assert_eq!(run.code, 0, "{label}: {run}");
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        let ran = report["scripts"].as_array().unwrap();
        assert_eq!(ran.len(), 2, "{label}: {run}");
        let stops = ran.iter().flat_map(|one| one["attempts"].as_array().unwrap());
        assert!(stops.into_iter().all(|one| one["stops"] == false), "{label}: {run}");
        let addon = "/cpu-features/build/Release/cpufeatures.node";
        let written = ran.iter().flat_map(|one| one["files"]["written"].as_array().unwrap());
        assert_eq!(
            written.into_iter().filter(|path| path.as_str().unwrap().ends_with(addon)).count(),
            1,
            "{label}: {run}"
        );
        let mut node = other("node");
        let code =
            "console.log(typeof require('cpu-features')().arch, typeof require('bufferutil').mask)";
        node.env("PATH", &project.path).current_dir(project.playground.path());
        assert_eq!(done(node.args(["-e", code])).stdout, "string function\n", "{label}");
        let Some(mut differing) = project.compared(&[""]) else { continue };
        differing.retain(|name| {
            let of_node_gyp = OF_NODE_GYP.iter().any(|own| name.ends_with(own));
            let of_pnpm = OF_PNPM.iter().any(|own| *name == format!("node_modules/{own}"));
            let of_pnpm_10 = label.starts_with("pnpm 10") && name.contains(OF_PNPM_10);
            !(of_node_gyp || of_pnpm || of_pnpm_10)
        });
        assert_eq!(differing, Vec::<String>::new(), "{label}");
    }
}

#[test]
fn workspaces_with_packages_of_two_registries_are_those_of_the_managers_own_install() {
    let ordinary = Registry::of(&[
        Published::new("plain", "1.0.0", json!({})).with("index.js", b"module.exports = 1\n"),
        Published::new("plain", "2.0.0", json!({})).with("index.js", b"module.exports = 2\n"),
    ]);
    let own = Registry::of(&[Published::new(
        "@own/maker",
        "1.0.0",
        json!({
            "dependencies": {"plain": "^1.0.0"}, "hasInstallScript": true,
            "scripts": {"postinstall": "node run.js"},
        }),
    )
    .with("run.js", b"require('fs').writeFileSync('made.txt', String(require('plain')))\n")]);
    for manager in managers() {
        let label = manager.label();
        let sibling = if manager.kind == Kind::Npm { "*" } else { "workspace:*" };
        let manifests = [
            (
                "",
                json!({
                    "name": "app", "version": "1.0.0", "private": true, "workspaces": ["packages/*"],
                    "dependencies": {"plain": "1.0.0"}, "allowScripts": {"@own/maker": true},
                }),
            ),
            (
                "packages/one",
                json!({"name": "one", "version": "1.0.0", "dependencies": {"@own/maker": "1.0.0", "two": sibling}}),
            ),
            (
                "packages/two",
                json!({"name": "two", "version": "1.0.0", "dependencies": {"plain": "2.0.0"}}),
            ),
        ];
        let npmrc = format!("@own:registry={}\n", own.url());
        let scripts = [("@own/maker", "1.0.0")];
        let files = Files { manifests: &manifests, npmrc: &npmrc, scripts: &scripts };
        let Some(project) = Project::new(manager, &ordinary.url(), &files) else { continue };
        // Over nothing, and over what is there.
        for _ in 0..2 {
            let Some(run) = project.ringfence(&["deps", "install"]) else { continue };
            assert_eq!(run.code, 0, "{label}: {run}");
        }
        let mut node = other("node");
        node.env("PATH", &project.path).current_dir(project.file("packages/one"));
        let code = "console.log(require('fs').readFileSync(require.resolve('@own/maker/made.txt'), 'utf8'))";
        assert_eq!(done(node.args(["-e", code])).stdout, "1\n", "{label}");
        let folders = ["", "packages/one", "packages/two"];
        let Some(mut differing) = project.compared(&folders) else { continue };
        differing.retain(|name| !OF_PNPM.iter().any(|own| *name == format!("node_modules/{own}")));
        assert_eq!(differing, Vec::<String>::new(), "{label}");
    }
}
