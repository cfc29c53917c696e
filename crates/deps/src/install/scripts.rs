//! Which scripts are run, in which order, and with which environment.
//!
//! What a package wants to run stands in its installed manifest, which is that of its tarball. Those it
//! depends on come first, as with the managers. The environment is made here and holds nothing of the
//! caller's but the place of the home, in which nothing is.

use super::left_out;
use super::tools::{Kind, Tools};
use crate::scripts::{Allowed, allowed, denied};
use ringfence_policy::dependencies::Dependencies;
use ringfence_project::graph::{Graph, PackageId, Target};
use ringfence_project::walk;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Largest manifest, in bytes.
const MANIFEST: u64 = 4 << 20;

/// Scripts of an install, in their order.
const SCRIPTS: [&str; 3] = ["preinstall", "install", "postinstall"];

/// Where system programs are looked for.
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Loaders that download what they do not find. They build at once when they are told to.
const DOWNLOADERS: [&str; 3] = ["prebuild-install", "node-pre-gyp", "prebuildify-install"];

/// A folder whose package wants to run something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// `name@version`
    pub(super) package: String,
    pub(super) name: String,
    pub(super) version: String,
    /// From the project's folder, with `/`.
    pub(super) folder: String,
    /// Names and commands, in the order in which they run.
    pub(super) commands: Vec<(String, String)>,
    pub(super) allowed: Allowed,
    /// Why it shall not run them, where that is said.
    pub(super) reason: Option<String>,
    /// Whether the project does without it.
    pub(super) optional: bool,
}

/// What wants to run in a tree, those they depend on first.
pub(super) fn wanted(
    root: &Path,
    places: &BTreeMap<String, PackageId>,
    graph: &Graph,
    policy: &Dependencies,
) -> Vec<Wanted> {
    let mut folders: BTreeMap<PackageId, Vec<&str>> = BTreeMap::new();
    for (folder, id) in places {
        folders.entry(*id).or_default().push(folder);
    }
    let optional = left_out::optional(graph);
    let mut all = Vec::new();
    for id in dependencies_first(graph) {
        let package = graph.package(id);
        for folder in folders.get(&id).into_iter().flatten() {
            let commands = commands(&root.join(folder));
            if commands.is_empty() {
                continue;
            }
            all.push(Wanted {
                package: package.label(),
                name: package.name.clone(),
                version: package.version.clone().unwrap_or_default(),
                folder: (*folder).to_owned(),
                commands,
                allowed: allowed(package, policy),
                reason: denied(package, policy).map(str::to_owned),
                optional: optional.contains(&id),
            });
        }
    }
    all
}

/// All packages, each behind those it leads to; in a circle, as they are found.
fn dependencies_first(graph: &Graph) -> Vec<PackageId> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for (id, _) in graph.ids() {
        let mut open = vec![(id, false)];
        while let Some((id, is_done)) = open.pop() {
            if is_done {
                order.push(id);
                continue;
            }
            if !seen.insert(id) {
                continue;
            }
            open.push((id, true));
            for edge in graph.package(id).edges.iter().rev() {
                if let Some(Target::Package(to)) = edge.to {
                    open.push((to, false));
                }
            }
        }
    }
    order
}

/// What an installed package runs.
fn commands(folder: &Path) -> Vec<(String, String)> {
    let Ok(bytes) = walk::bytes(&folder.join("package.json"), MANIFEST) else { return Vec::new() };
    let manifest: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let script = |name: &str| {
        let command = manifest.get("scripts")?.get(name)?.as_str()?;
        (!command.trim().is_empty()).then(|| (name.to_owned(), command.to_owned()))
    };
    let mut commands: Vec<_> = SCRIPTS.into_iter().filter_map(script).collect();
    let has_own = commands.iter().any(|(name, _)| name != "postinstall");
    let gyp = manifest.get("gypfile") != Some(&Value::Bool(false))
        && folder.join("binding.gyp").is_file();
    if gyp && !has_own {
        commands.insert(0, ("install".to_owned(), "node-gyp rebuild".to_owned()));
    }
    commands
}

/// The environment of a script.
pub(super) struct Environment<'a> {
    pub(super) tools: &'a Tools,
    /// The project's folder.
    pub(super) project: &'a Path,
    /// Path of the caller's home; nothing is there.
    pub(super) home: &'a Path,
    pub(super) omit_dev: bool,
}

impl Environment<'_> {
    /// For one script of a package in `folder`, from the project's.
    pub(super) fn of(
        &self,
        wanted: &Wanted,
        event: &str,
        command: &str,
    ) -> Vec<(OsString, OsString)> {
        let folder = self.project.join(&wanted.folder);
        let mut all = self.common(&folder);
        let mut set = |name: &str, value: &str| all.push((name.into(), value.into()));
        set("npm_lifecycle_event", event);
        set("npm_lifecycle_script", command);
        set("npm_package_name", &wanted.name);
        set("npm_package_version", &wanted.version);
        set("npm_package_json", &folder.join("package.json").to_string_lossy());
        set("npm_command", if self.tools.manager.kind == Kind::Npm { "ci" } else { "install" });
        if DOWNLOADERS.iter().any(|loader| command.contains(loader)) {
            set("npm_config_build_from_source", "true");
        }
        all.sort();
        all
    }

    /// What every script gets.
    pub(super) fn common(&self, folder: &Path) -> Vec<(OsString, OsString)> {
        let tools = self.tools;
        let mut all: Vec<(OsString, OsString)> = Vec::new();
        let mut set = |name: &str, value: OsString| all.push((name.into(), value));
        set("PATH", self.path(folder));
        set("HOME", self.home.into());
        set("TMPDIR", "/tmp".into());
        set("LANG", "C.UTF-8".into());
        set("INIT_CWD", self.project.into());
        set("NODE", tools.node.clone().into());
        set("npm_node_execpath", tools.node.clone().into());
        set("npm_execpath", tools.manager.entry.clone().into());
        set("npm_config_user_agent", self.agent().into());
        set("npm_config_cache", "/tmp/.npm".into());
        set("npm_config_devdir", "/tmp/.node-gyp".into());
        set("npm_config_update_notifier", "false".into());
        if self.omit_dev {
            set("npm_config_omit", "dev".into());
            set("NODE_ENV", "production".into());
        }
        if let Some(headers) = &tools.headers {
            set("npm_config_nodedir", headers.clone().into());
        }
        if let Some((_, script)) = tools.node_gyp() {
            set("npm_config_node_gyp", script.into());
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        set("JOBS", processors.to_string().into());
        // Interpreters and git look into the home and write beside their own files otherwise.
        set("PYTHONDONTWRITEBYTECODE", "1".into());
        set("PYTHONNOUSERSITE", "1".into());
        set("GIT_CONFIG_GLOBAL", "/dev/null".into());
        set("GIT_CONFIG_NOSYSTEM", "1".into());
        all
    }

    /// What tells a script which manager runs it.
    pub(super) fn agent(&self) -> String {
        let manager = &self.tools.manager;
        let machine = match std::env::consts::ARCH {
            "x86_64" => "x64",
            "aarch64" => "arm64",
            other => other,
        };
        let (name, version, node) =
            (manager.kind.name(), &manager.version, &self.tools.node_version);
        format!("{name}/{version} node/{node} linux {machine} workspaces/false")
    }

    /// Commands of the package and of all folders around it, then node-gyp, Node and the system.
    fn path(&self, folder: &Path) -> OsString {
        let around = folder.ancestors().take_while(|at| at.starts_with(self.project));
        let mut folders: Vec<PathBuf> = around
            .filter(|at| at.file_name().is_none_or(|name| name != "node_modules"))
            .map(|at| at.join("node_modules/.bin"))
            .collect();
        folders.extend(self.tools.node_gyp().map(|(folder, _)| folder));
        folders.extend(self.tools.node.parent().map(Path::to_owned));
        folders.extend(std::env::split_paths(SYSTEM_PATH));
        std::env::join_paths(folders).unwrap_or_else(|_| SYSTEM_PATH.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn folder(manifest: &str, gyp: bool) -> Vec<(String, String)> {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("package.json"), manifest).unwrap();
        if gyp {
            fs::write(place.path().join("binding.gyp"), "{}").unwrap();
        }
        commands(place.path())
    }

    #[test]
    fn scripts_run_in_the_order_of_the_managers_and_a_compiler_without_any() {
        let names = |manifest: &str, gyp| {
            folder(manifest, gyp).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        let all =
            r#"{"scripts": {"postinstall": "c", "test": "t", "preinstall": "a", "install": "b"}}"#;
        assert_eq!(names(all, false), ["preinstall", "install", "postinstall"]);
        assert_eq!(names(r#"{"scripts": {"postinstall": "c"}}"#, true), ["install", "postinstall"]);
        assert_eq!(names(r#"{"gypfile": false}"#, true), Vec::<String>::new());
        assert_eq!(names(r#"{"scripts": {"preinstall": "a"}}"#, true), ["preinstall"]);
        assert_eq!(folder("{}", true), [("install".into(), "node-gyp rebuild".into())]);
        assert_eq!(names("[", false), Vec::<String>::new());
    }

    #[test]
    fn those_a_package_depends_on_come_first() {
        let text = r#"{"lockfileVersion": 3, "packages": {
            "": {"dependencies": {"a": "1"}},
            "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1", "c": "1"}},
            "node_modules/b": {"version": "1.0.0", "dependencies": {"c": "1", "a": "1"}},
            "node_modules/c": {"version": "1.0.0"}
        }}"#;
        let graph = Graph::read("package-lock.json", text, &[]).unwrap();
        let order = dependencies_first(&graph);
        let names: Vec<_> = order.iter().map(|id| graph.package(*id).name.as_str()).collect();
        assert_eq!(names, ["c", "b", "a"]);
    }
}
