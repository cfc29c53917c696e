//! The first phase: the manager's own frozen install without scripts, with the registries and nothing
//! else of the network, writing the new tree and its cache and nothing else.

use super::bounds::{Access, Room, Secrets};
use super::error::InstallError;
use super::phase::{self, End, Watch};
use super::scripts::Environment;
use super::sources::Endpoint;
use super::staging::{self, Staging};
use super::tools::Kind;
use super::{Install, attempt, attempt::Tried};
use ringfence_project::walk;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest time of a fetch.
const DEADLINE: Duration = Duration::from_mins(30);
/// Largest file of configuration, in bytes.
const CONFIGURATION: u64 = 1 << 20;

/// What would change what an install is, in variables of the caller.
const NOT_PASSED: [&str; 16] = [
    "npm_config_also",
    "npm_config_cache",
    "npm_config_dry_run",
    "npm_config_git",
    "npm_config_global",
    "npm_config_ignore_scripts",
    "npm_config_include",
    "npm_config_location",
    "npm_config_node_options",
    "npm_config_omit",
    "npm_config_only",
    "npm_config_package_lock_only",
    "npm_config_prefix",
    "npm_config_production",
    "npm_config_script_shell",
    "npm_config_store_dir",
];

/// Where the manager keeps what it fetched.
#[derive(Debug, Clone)]
pub(super) struct Stores {
    /// npm's cache or pnpm's store, as the manager names it.
    pub(super) named: PathBuf,
    /// Where it is; another place where this runs as root.
    pub(super) real: PathBuf,
}

impl Stores {
    /// As the caller, those of the manager. Root's fetch runs as another user, and has its own.
    pub(super) fn of(install: &Install<'_>) -> Result<Self, InstallError> {
        let kind = install.tools.manager.kind;
        let home = Path::new(install.home());
        let named = match kind {
            Kind::Npm => {
                install.npmrc.cache(install.variables).unwrap_or_else(|| home.join(".npm"))
            }
            Kind::Pnpm => {
                // Not in the project: there pnpm runs its `.pnpmfile.cjs` and downloads what
                // `packageManager` and `configDependencies` name, before anything is enforced.
                let told = install.tools.ask(&["store", "path"], Path::new("/"), install.path);
                told.map_or_else(|| home.join(".local/share/pnpm/store/v10"), PathBuf::from)
            }
        };
        let named = if named.is_absolute() { named } else { install.folder.join(named) };
        let real = if install.caller.uid == 0 {
            // Elsewhere somebody else could put what root gives away.
            if !install.variables.get("HOME").is_some_and(|home| home.starts_with('/')) {
                return Err(InstallError::NoHome);
            }
            let cache = install.variables.get("XDG_CACHE_HOME").map(PathBuf::from);
            let cache =
                cache.filter(|path| path.is_absolute()).unwrap_or_else(|| home.join(".cache"));
            let own = cache.join("ringfence/install").join(kind.name());
            // pnpm's stores of several versions lie beside each other: `store/v10`.
            match (kind, named.file_name()) {
                (Kind::Pnpm, Some(version)) => own.join(version),
                _ => own,
            }
        } else {
            named.clone()
        };
        std::fs::create_dir_all(&real).map_err(InstallError::files("make", &real))?;
        Ok(Self { named, real })
    }
}

/// What is fetched, and how.
pub(super) struct Fetch<'a> {
    pub(super) install: &'a Install<'a>,
    pub(super) staging: &'a Staging,
    pub(super) stores: &'a Stores,
    pub(super) importers: &'a [String],
}

impl Fetch<'_> {
    /// Fetches everything, or everything but what development needs.
    pub(super) fn run(
        &self,
        reach: &BTreeSet<Endpoint>,
        omit_dev: bool,
    ) -> Result<Vec<String>, InstallError> {
        let arguments: &[&str] = match self.install.tools.manager.kind {
            Kind::Npm => &["ci"],
            Kind::Pnpm => &["install", "--frozen-lockfile", "--reporter=append-only"],
        };
        self.manager(arguments, reach, omit_dev)
    }

    /// Takes what development alone needed out of the new tree.
    pub(super) fn prune(&self) -> Result<Vec<String>, InstallError> {
        let arguments: &[&str] = match self.install.tools.manager.kind {
            // Or it writes the lockfile.
            Kind::Npm => &["prune", "--offline", "--no-save"],
            Kind::Pnpm => &["install", "--frozen-lockfile", "--offline", "--reporter=append-only"],
        };
        self.manager(arguments, &BTreeSet::new(), true)
    }

    fn manager(
        &self,
        arguments: &[&str],
        reach: &BTreeSet<Endpoint>,
        omit_dev: bool,
    ) -> Result<Vec<String>, InstallError> {
        let Install { tools, folder, .. } = *self.install;
        let kind = tools.manager.kind;
        let mut command = tools.command();
        command.extend(arguments.iter().map(OsString::from));
        command.push("--ignore-scripts".into());
        match kind {
            Kind::Npm => {
                command.extend(["--no-audit", "--no-fund", "--no-progress"].map(OsString::from));
                // Or the project's own configuration makes it do nothing, and say that it went well.
                command
                    .extend(["--dry-run=false", "--package-lock-only=false"].map(OsString::from));
                command.extend(omit_dev.then(|| "--omit=dev".into()));
            }
            Kind::Pnpm => {
                command.extend(["--store-dir".into(), self.stores.named.clone().into()]);
                command.extend(omit_dev.then(|| "--prod".into()));
            }
        }
        let mut room = Room::new("fetch", command, folder);
        room.started = Some(tools.manager.root.clone());
        room.reach = reach.iter().cloned().collect();
        self.view(&mut room)?;
        room.env = self.environment(omit_dev);
        let plan = self.install.bounds().plan(room)?;
        if plan.identity.switch {
            let owner = (plan.identity.uid, plan.identity.gid);
            for path in
                [&self.staging.own.join("new"), &self.staging.own.join("config"), &self.stores.real]
            {
                if path.exists() {
                    staging::give(path, owner).map_err(InstallError::giving(path))?;
                }
            }
        }
        let never = |_: &_| false;
        let ran = phase::run(&plan, &Watch { trace: false, deadline: DEADLINE, stops: &never })?;
        let network =
            attempt::all(&ran.events, &[]).into_iter().filter(|one| one.tried == Tried::Network);
        let refused: Vec<String> = network.map(|one| one.what).collect();
        let how = match ran.end {
            End::Code(0) => return Ok(refused),
            End::Code(code) => format!("ended with code {code}"),
            End::Stopped | End::TimedOut => format!("was stopped after {} s", DEADLINE.as_secs()),
        };
        Err(InstallError::Fetch { manager: kind.name(), how, output: ran.output, refused })
    }

    fn view(&self, room: &mut Room) -> Result<(), InstallError> {
        let Install { tools, folder, npmrc, variables, .. } = *self.install;
        room.checkout(folder, self.importers, Secrets::Shown);
        self.trees(room, Access::Write);
        room.show(&tools.manager.root, Access::Read, "the manager");
        room.bind(&self.stores.real, &self.stores.named, Access::Write, "the manager's cache");
        if let Some(prefix) = tools.node.parent().and_then(Path::parent) {
            room.show(&prefix.join("etc/npmrc"), Access::Read, "npm's configuration");
        }
        let authorities = variables.get("NODE_EXTRA_CA_CERTS").map(Path::new);
        for path in npmrc.authorities().into_iter().chain(authorities) {
            room.show(path, Access::Read, "certificates of authorities");
        }
        Staging::folder(&self.staging.own.join("config"))?;
        for (at, path) in self.configuration().iter().enumerate() {
            // Its own copy: root's is closed to the user that fetches.
            if let Ok(bytes) = walk::bytes(path, CONFIGURATION) {
                let copy = self.staging.write(&format!("config/{at}"), &bytes)?;
                room.bind(&copy, path, Access::Read, "the manager's configuration");
            }
        }
        Ok(())
    }

    /// The new trees in their places.
    pub(super) fn trees(&self, room: &mut Room, access: Access) {
        for importer in self.importers {
            let place = self.install.folder.join(importer).join("node_modules");
            room.bind(&self.staging.tree(importer), &place, access, "the new tree");
        }
    }

    /// Where the new trees will be.
    pub(super) fn places(&self) -> Vec<PathBuf> {
        let folder = |importer: &String| self.install.folder.join(importer).join("node_modules");
        self.importers.iter().map(folder).collect()
    }

    /// Files of the user that tell the manager where registries are.
    fn configuration(&self) -> Vec<PathBuf> {
        let home = Path::new(self.install.home());
        let named = self.install.variables.iter().find_map(|(name, value)| {
            name.eq_ignore_ascii_case("npm_config_userconfig").then(|| PathBuf::from(value))
        });
        let user = named.unwrap_or_else(|| home.join(".npmrc"));
        [user, home.join(".config/pnpm/rc")].into_iter().filter(|path| path.is_absolute()).collect()
    }

    fn environment(&self, omit_dev: bool) -> Vec<(OsString, OsString)> {
        let Install { tools, folder, variables, .. } = *self.install;
        let home = Path::new(self.install.home());
        let scripts = Environment { tools, project: folder, home, omit_dev };
        let mut all: Vec<(OsString, OsString)> = Vec::new();
        let mut set = |name: &str, value: OsString| all.push((name.into(), value));
        for (name, value) in variables {
            let lower = name.to_ascii_lowercase();
            let is_config = lower.starts_with("npm_config_") || lower.starts_with("pnpm_config_");
            let is_asked_for = name == "NODE_EXTRA_CA_CERTS";
            if (is_config && !NOT_PASSED.contains(&lower.as_str())) || is_asked_for {
                set(name, value.into());
            }
        }
        for name in self.asked_for() {
            if let Some(value) = variables.get(&name) {
                set(&name, value.into());
            }
        }
        set("PATH", std::env::join_paths(tools.node.parent()).unwrap_or_default());
        set("HOME", home.into());
        set("TMPDIR", "/tmp".into());
        set("LANG", "C.UTF-8".into());
        set("CI", "true".into());
        set("npm_config_user_agent", scripts.agent().into());
        set("npm_config_update_notifier", "false".into());
        match tools.manager.kind {
            Kind::Npm => set("npm_config_cache", self.stores.named.clone().into()),
            Kind::Pnpm => {
                set("npm_config_side_effects_cache", "false".into());
                set("npm_config_manage_package_manager_versions", "false".into());
                for (name, folder) in [
                    ("XDG_CACHE_HOME", "/tmp/.cache"),
                    ("XDG_STATE_HOME", "/tmp/.state"),
                    ("XDG_DATA_HOME", "/tmp/.data"),
                ] {
                    set(name, folder.into());
                }
            }
        }
        all
    }

    /// Variables that the configuration asks for: `${NAME}`.
    fn asked_for(&self) -> BTreeSet<String> {
        let mut files = self.configuration();
        files.push(self.install.folder.join(".npmrc"));
        let mut names = BTreeSet::new();
        for text in files.iter().filter_map(|path| walk::text(path, CONFIGURATION).ok()) {
            for rest in text.split("${").skip(1) {
                let name = rest.split('}').next().unwrap_or_default();
                names.insert(name.trim_end_matches('?').to_owned());
            }
        }
        names
    }
}
