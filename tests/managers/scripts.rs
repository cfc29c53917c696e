//! What `deps scripts --write` writes is what managers obey: of two packages the allowed one runs, and a
//! version younger than the minimum age is left out, in the unit of each.

use crate::manager::{ALL, Kind, Manager, done, ran};
use crate::registry::{Published, Registry};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use ringfence_tests::command::{Playground, Run, other};
use serde_json::{Value, json};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// A package whose script leaves a mark in its own folder.
fn runs(name: &'static str, version: &'static str) -> Published {
    let manifest = json!({"scripts": {"postinstall": "node mark.js"}, "hasInstallScript": true});
    Published::new(name, version, manifest).with(
        "mark.js",
        b"require('fs').writeFileSync(require('path').join(__dirname, 'ran'), '')\n",
    )
}

/// A moment so many hours ago, as a registry writes it.
fn hours_ago(hours: u32) -> String {
    let mut date = other("date");
    date.args(["--utc", "--date", &format!("{hours} hours ago"), "+%Y-%m-%dT%H:%M:%S.000Z"]);
    done(&mut date).stdout.trim().to_owned()
}

fn registry() -> Registry {
    let young = Published::new("aged", "1.1.0", json!({}));
    Registry::of(&[
        runs("allowed", "1.0.0"),
        runs("allowed", "1.0.1"),
        runs("denied", "1.0.0"),
        runs("@scope/allowed", "2.0.0"),
        Published::new("aged", "1.0.0", json!({})),
        young.told(json!({"published": hours_ago(30)})),
    ])
}

/// What a boundary file says: two packages may run, and `denied` where `all` may.
fn boundary(age: &str, all: bool) -> String {
    let mut packages = vec![runs("allowed", "1.0.0"), runs("@scope/allowed", "2.0.0")];
    packages.extend(all.then(|| runs("denied", "1.0.0")));
    let entry = |package: &Published| {
        let hash = BASE64.encode(sha2::Sha512::digest(package.tarball()));
        let (name, version) = (package.name, package.version);
        format!("  {{ package = \"{name}\", version = \"{version}\", sha512 = \"{hash}\" }},\n")
    };
    let entries: String = packages.iter().map(entry).collect();
    format!(
        "schema = 1\n[service]\nname = \"app\"\nstart = [\"/bin/true\"]\n[dependencies]\nminimum-age = \"{age}\"\nscripts = [\n{entries}]\n"
    )
}

/// All whose scripts leave a mark.
const SCRIPTS: [&str; 3] = ["@scope/allowed", "allowed", "denied"];

/// What a manager does by itself, and what it obeys.
struct Ways {
    /// Whose scripts run where nobody says anything.
    bare: &'static [&'static str],
    /// Whose run when two are listed.
    listed: &'static [&'static str],
    /// Whose run when one of the two has another version than is listed.
    other_version: &'static [&'static str],
    /// The version that is left where one is too young.
    aged: &'static str,
    /// How it ends where something did not run that nobody spoke of.
    code: i32,
}

fn ways(manager: &Manager) -> Ways {
    let major = manager.major();
    let (npm, pnpm) = (manager.kind == Kind::Npm, manager.kind == Kind::Pnpm);
    let yarn = manager.kind == Kind::Yarn;
    let runs_all = (npm && major < 12) || (pnpm && major < 10) || manager.kind == Kind::Yarn1;
    let by_version = (npm && major > 11) || (pnpm && major > 9) || yarn;
    let by_name = (pnpm && major < 10) || manager.kind == Kind::Bun;
    let obeys_age = (npm && major > 10) || (pnpm && major > 9) || yarn || manager.kind == Kind::Bun;
    Ways {
        bare: if runs_all { &SCRIPTS } else { &[] },
        listed: if by_version || by_name { &SCRIPTS[..2] } else { &SCRIPTS },
        other_version: match (by_version, by_name) {
            (true, _) => &SCRIPTS[..1],
            (false, true) => &SCRIPTS[..2],
            (false, false) => &SCRIPTS,
        },
        aged: if obeys_age { "1.0.0" } else { "1.1.0" },
        code: i32::from(pnpm && major > 10),
    }
}

/// A project that one manager installs.
struct Project<'a> {
    registry: &'a Registry,
    manager: &'static Manager,
    playground: Playground,
    /// The files as somebody wrote them.
    own: BTreeMap<&'static str, String>,
}

impl<'a> Project<'a> {
    /// Locks it; `None`, and said by name, where the manager cannot be had.
    fn lock(registry: &'a Registry, manager: &'static Manager) -> Option<Self> {
        let url = registry.url();
        let manifest = json!({
            "name": "app",
            "version": "1.0.0",
            "private": true,
            "packageManager": manager.label().replace(' ', "@"),
            "dependencies": {"allowed": "1.0.0", "denied": "1.0.0", "@scope/allowed": "2.0.0", "aged": "^1.0.0"},
        });
        let mut playground = Playground::new()
            .with("package.json", &format!("{manifest:#}\n\n").replace("  ", "   "))
            .with(".npmrc", &format!("; ours\nregistry={url}\n"));
        if manager.kind == Kind::Pnpm && manager.major() > 9 {
            let text = "# ours\n\nsavePrefix:   '' # so\n";
            playground = playground.with("pnpm-workspace.yaml", text);
        }
        if manager.kind == Kind::Bun {
            let text = "# ours\n[install]\n   exact=true # so\n\n[run]\nshell = \"system\"\n";
            playground = playground.with("bunfig.toml", text);
        }
        if manager.kind == Kind::Yarn {
            let text = format!(
                "# ours\nnpmRegistryServer: \"{url}\"\nenableGlobalCache: false\nnodeLinker: node-modules\n"
            );
            playground = playground.with(".yarnrc.yml", &text).with("yarn.lock", "");
        }
        let mut project = Self { registry, manager, playground, own: BTreeMap::new() };
        project.own = project.files();
        done(project.command()?.args(project.locks()));
        Some(project)
    }

    /// What locks and installs nothing; Yarn 1 can only install without scripts.
    const fn locks(&self) -> &'static [&'static str] {
        match self.manager.kind {
            Kind::Npm => &["install", "--package-lock-only", "--no-audit"],
            Kind::Pnpm => &["install", "--lockfile-only", "--no-frozen-lockfile"],
            Kind::Yarn1 => &["install", "--ignore-scripts", "--non-interactive"],
            Kind::Yarn => &["install", "--mode=update-lockfile", "--no-immutable"],
            Kind::Bun => &["install", "--lockfile-only"],
        }
    }

    fn command(&self) -> Option<Command> {
        let mut command = self.manager.command(&self.playground.path())?;
        command.env("HOME", self.playground.path().join("home"));
        for name in ["npm_config_registry", "YARN_REGISTRY", "BUN_CONFIG_REGISTRY"] {
            command.env(name, self.registry.url());
        }
        // The manager that `packageManager` names is the one that runs.
        if self.manager.kind == Kind::Pnpm {
            command.env("npm_config_manage_package_manager_versions", "false");
            command.env("pnpm_config_pm_on_fail", "ignore");
        }
        Some(command)
    }

    /// An install as a user types it, from the lockfile or, without one, anew.
    fn install(&self) -> Run {
        let arguments: &[&str] = match self.manager.kind {
            Kind::Npm => &["install", "--no-audit"],
            Kind::Pnpm => &["install", "--no-frozen-lockfile"],
            Kind::Yarn1 => &["install", "--non-interactive"],
            Kind::Yarn => &["install", "--no-immutable"],
            Kind::Bun => &["install"],
        };
        ran(self.command().unwrap().args(arguments))
    }

    /// Brings a policy into the manager's files: every line of theirs stays, and once is enough.
    fn write(&self, age: &str, all: bool) {
        let path = self.playground.path();
        fs::write(path.join("ringfence.toml"), boundary(age, all)).unwrap();
        let write = || {
            let run = ["deps", "scripts", "--write", "--online"];
            let run = self.registry.ringfence(&self.playground, &run);
            assert_eq!(run.code, i32::from(!all), "{}: {run}", self.manager.label());
            run
        };
        write();
        let first = self.files();
        for (name, text) in &self.own {
            for line in text.lines().map(|line| line.trim_end_matches(',')) {
                assert!(first[name].contains(line), "{} {name} {line}", self.manager.label());
            }
        }
        let again = write();
        assert!(!again.stdout.contains("wrote"), "{}: {again}", self.manager.label());
        assert_eq!(self.files(), first, "{}", self.manager.label());
    }

    /// The files that managers read, by name.
    fn files(&self) -> BTreeMap<&'static str, String> {
        let names = ["package.json", ".npmrc", "pnpm-workspace.yaml", "bunfig.toml", ".yarnrc.yml"];
        let text = |name| Some((name, fs::read_to_string(self.playground.path().join(name)).ok()?));
        names.into_iter().filter_map(text).collect()
    }

    /// Takes away what an install made, and the lockfile.
    fn forget(&self) {
        let path = self.playground.path();
        let _ = fs::remove_dir_all(path.join("node_modules"));
        let _ = fs::remove_dir_all(path.join("home"));
        let lockfile = path.join(self.manager.lockfile());
        fs::remove_file(&lockfile).unwrap();
        if self.manager.kind == Kind::Yarn {
            fs::write(lockfile, "").unwrap();
        }
    }

    /// Whose scripts ran.
    fn marks(&self) -> Vec<&'static str> {
        let modules = self.playground.path().join("node_modules");
        let ran = |name: &&str| {
            assert!(modules.join(name).join("mark.js").is_file(), "{}", self.manager.label());
            modules.join(name).join("ran").is_file()
        };
        SCRIPTS.into_iter().filter(ran).collect()
    }

    /// The version that is there of the package with a young one; `None` where none is.
    fn aged(&self) -> Option<String> {
        let path = self.playground.path().join("node_modules/aged/package.json");
        let manifest: Value = serde_json::from_str(&fs::read_to_string(path).ok()?).unwrap();
        manifest["version"].as_str().map(str::to_owned)
    }
}

/// Installs with every manager of some kinds: without a policy, with one, with one that allows all, and
/// another version than was allowed.
fn obeyed(kinds: &[Kind]) {
    let registry = registry();
    for manager in ALL.iter().filter(|manager| kinds.contains(&manager.kind)) {
        let Some(project) = Project::lock(&registry, manager) else { continue };
        let (ways, who) = (ways(manager), manager.label());
        let installed = |code: i32, scripts: &[&str], aged: &str| {
            let run = project.install();
            assert_eq!(run.code, code, "{who}: {run}");
            assert_eq!(project.marks(), scripts, "{who}: {run}");
            assert_eq!(project.aged().as_deref(), Some(aged), "{who}: {run}");
            project.forget();
            run
        };
        installed(ways.code, ways.bare, "1.1.0");
        done(project.command().unwrap().args(project.locks()));

        project.write("36h", false);
        project.forget();
        let run = installed(ways.code, ways.listed, ways.aged);
        if manager.kind == Kind::Npm && manager.major() == 11 {
            let warns = |name: &str| run.stderr.contains(&format!("  {name} (postinstall: "));
            assert!(warns("denied@1.0.0") && !warns("allowed@1.0.0"), "{who}: {run}");
        }
        done(project.command().unwrap().args(project.locks()));

        project.write("24h", true);
        project.forget();
        installed(0, &SCRIPTS, "1.1.0");
        done(project.command().unwrap().args(project.locks()));

        project.write("24h", false);
        project.forget();
        let path = project.playground.path().join("package.json");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replacen("\"allowed\": \"1.0.0\"", "\"allowed\": \"1.0.1\"", 1))
            .unwrap();
        installed(ways.code, ways.other_version, "1.1.0");
    }
}

#[test]
fn npm_runs_what_is_written_and_leaves_young_versions_out() {
    obeyed(&[Kind::Npm]);
}

#[test]
fn pnpm_runs_what_is_written_and_leaves_young_versions_out() {
    obeyed(&[Kind::Pnpm]);
}

#[test]
fn yarn_runs_what_is_written_and_leaves_young_versions_out() {
    obeyed(&[Kind::Yarn1, Kind::Yarn]);
}

#[test]
fn bun_runs_what_is_written_and_leaves_young_versions_out() {
    obeyed(&[Kind::Bun]);
}
