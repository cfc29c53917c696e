//! What somebody adds to a rendered target to weaken it is drift, whatever it is called; what only
//! takes away or says when and how it is started is not.

#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod boundaries;

use boundaries::{Known, full};
use ringfence_deploy::drift::{Deployed, DriftError, compare_all, systemd};
use ringfence_deploy::render::systemd::settings;
use ringfence_deploy::render::{Entry, Order, Target};
use serde_json::{Value, json};
use std::path::Path;

fn unit(known: &Known, entry: Entry) -> String {
    known.render(Target::Systemd, Some(entry)).files[0].1.clone()
}

fn drifts(known: &Known, files: &[(&str, &str)]) -> usize {
    let files: Vec<Deployed<'_>> =
        files.iter().map(|(path, text)| Deployed { path: Path::new(path), text }).collect();
    let compared = compare_all(&known.order(None), &files).unwrap();
    compared.iter().map(|(_, comparison)| comparison.drifts.len()).sum()
}

/// Lines of `[Service]`.
const WEAKER: &str = r"ExecStartPre=+/bin/sh -c id
ExecStartPost=!/bin/sh
ExecStopPost=+/bin/sh
ExecReload=+/bin/sh
ExecCondition=+/bin/sh
Group=0
PAMName=login
SecureBits=keep-caps
RootDirectory=/x
RootImage=/x.img
MountImages=/x:/y
ExtensionImages=/x
ExtensionDirectories=/x
TemporaryFileSystem=/app
BindReadOnlyPaths=/root/.ssh
BindPaths=/app/spool/x:/app/lib
ReadWritePaths=/app/spool/../../etc
ReadWriteDirectories=/etc
RuntimeDirectory=x
ConfigurationDirectory=x
StateDirectoryMode=0777
OpenFile=/etc/shadow:x
StandardInput=file:/etc/shadow
StandardOutput=append:/etc/passwd
StandardError=file:/etc/cron.d/x
LoadCredentialEncrypted=x:/etc/shadow
ImportCredential=*
SetCredential=x:y
LoadCredential=jwt-key:/etc/shadow
Environment=NODE_ENV=development
Environment=EXTRA=1
EnvironmentFile=/tmp/x
NetworkNamespacePath=/proc/1/ns/net
IPCNamespacePath=/proc/1/ns/ipc
UserNamespacePath=/proc/1/ns/user
DeviceAllow=/dev/mem rw
DevicePolicy=auto
Delegate=memory
DelegateNamespaces=all
SystemCallErrorNumber=0
AppArmorProfile=unconfined
SELinuxContext=unconfined_t
WorkingDirectory=/var/lib/billing
WorkingDirectory=~
Type=notify
NotifyAccess=all
SendSIGKILL=no
OOMScoreAdjust=-1000
Nice=-20
CPUSchedulingPolicy=fifo
ExecSearchPath=/tmp
MemoryMax=99%
CPUQuota=100
MountFlags=shared
Slice=-.slice
Personality=x86
KeyNobodyKnows=1
[Unit]\nJoinsNamespaceOf=other.service
[Unit]\nFailureAction=reboot-force
[Socket]\nListenFIFO=/x
[Socket]\nListenNetlink=route
[Socket]\nListenSpecial=/dev/mem
[Socket]\nSocketUser=root
[Socket]\nAccept=yes
[Socket]\nService=other.service
[service]\nUser=root
Description=x \\\nNoNewPrivileges=no
Description=x \ \nNoNewPrivileges=no";

/// Lines that take away, or that are no matter of the boundary.
const HARMLESS: &str = r"Nice=5
OOMScoreAdjust=100
OOMPolicy=kill
PrivateNetwork=yes
MemoryDenyWriteExecute=yes
MemoryHigh=100M
ReadOnlyPaths=/opt
DevicePolicy=closed
UMask=0777
StandardOutput=journal
StandardError=null
SyslogIdentifier=billing
Restart=always
RestartSec=5s
TimeoutStartSec=30s
TimeoutStopSec=10s
WatchdogSec=30s
SuccessExitStatus=143
CPUWeight=50
Slice=shop.slice
Type=simple
KillMode=control-group
WorkingDirectory=/app/
UnsetEnvironment=PORT
SystemCallFilter=~@chown
SystemCallErrorNumber=EACCES
ReadWritePaths=/app/spool/new
StateDirectoryMode=0700
[Unit]\nDocumentation=https://example.com
[Unit]\nAfter=postgresql.service
[Unit]\nConditionPathExists=/app
[Install]\nAlias=shop.service
[X-Mine]\nAnything=1";

fn with(unit: &str, line: &str) -> String {
    let (service, install) = unit.split_once("[Install]").unwrap();
    let line = line.replace("\\n", "\n");
    format!("{service}{line}\n[Install]{install}")
}

#[test]
fn a_line_that_is_not_known_to_be_harmless_is_drift() {
    let known = full();
    for entry in [Entry::Ringfence, Entry::Node] {
        let unit = unit(&known, entry);
        for line in
            WEAKER.lines().filter(|line| !line.contains("Delegate=") || entry == Entry::Node)
        {
            let found = drifts(&known, &[("billing.service", &with(&unit, line))]);
            assert!(found > 0, "{entry:?}: {line}");
        }
        for line in HARMLESS.lines() {
            let found = drifts(&known, &[("billing.service", &with(&unit, line))]);
            assert_eq!(found, 0, "{entry:?}: {line}");
        }
    }
}

#[test]
fn another_command_is_drift() {
    let known = full();
    for (entry, from, to) in [
        (Entry::Ringfence, "ExecStart=", "ExecStart=@"),
        (Entry::Ringfence, "ExecStart=", "ExecStart=|"),
        (Entry::Ringfence, "ExecStart=/usr/local/bin/", "ExecStart=/tmp/"),
        (Entry::Ringfence, "/app/ringfence.toml\n", "/app/ringfence.toml -- /bin/sh\n"),
        (Entry::Ringfence, "/app/ringfence.toml\n", "/app/ringfence.toml ; /bin/sh\n"),
        (Entry::Ringfence, "/app/ringfence.toml\n", "/app/\\ringfence.toml\n"),
        (Entry::Ringfence, "/app/ringfence.toml\n", "/tmp/ringfence.toml\n"),
        (Entry::Ringfence, "ExecStart=", "ExecStart=/bin/sh\nExecStart="),
        (Entry::Node, "ExecStart=node", "ExecStart=/tmp/node"),
        (Entry::Node, "dist/server.mjs", "/tmp/server.mjs"),
        (Entry::Node, "dist/server.mjs", "--env-file=/tmp/x dist/server.mjs"),
        (Entry::Node, "dist/server.mjs", "$OPTIONS dist/server.mjs"),
        (Entry::Node, "\"all in one\"", "\"all in one\" ; /bin/sh"),
    ] {
        let unit = unit(&known, entry);
        assert!(unit.contains(from), "{from}");
        let changed = unit.replacen(from, to, 1);
        assert!(drifts(&known, &[("billing.service", &changed)]) > 0, "{to}");
    }
    let unit = unit(&known, Entry::Node);
    let source_maps = unit.replacen("dist/server.mjs", "--enable-source-maps dist/server.mjs", 1);
    assert_eq!(drifts(&known, &[("billing.service", &source_maps)]), 0);
}

#[test]
fn each_unit_that_starts_the_service_is_compared() {
    let known = full();
    let unit = unit(&known, Entry::Ringfence);
    let second = "[Service]\nExecStart=/usr/bin/node /app/dist/server.mjs\nUser=root\n";
    let weak = "[Service]\nNoNewPrivileges=no\n";
    let ours = ("billing.service", unit.as_str());
    let other = ("postgresql.service", "[Service]\nExecStart=/usr/bin/postgres\n");
    assert_eq!(drifts(&known, &[ours, other]), 0);
    for file in [("a.service", second), ("z@.service", second)] {
        assert!(drifts(&known, &[ours, other, file]) > 0, "{file:?}");
    }
    for folder in ["service.d", "billing.service.d"] {
        let path = format!("{folder}/1.conf");
        assert!(drifts(&known, &[ours, other, (&path, weak)]) > 0, "{folder}");
    }
}

#[test]
fn a_character_that_ends_a_line_for_systemd_alone_is_an_error() {
    let known = full();
    let unit = unit(&known, Entry::Ringfence);
    for character in ['\r', '\0', '\x0b', '\x0c', '\u{a0}', '\u{2028}'] {
        let text = with(&unit, &format!("# note{character}User=root"));
        let file = Deployed { path: Path::new("billing.service"), text: &text };
        let error = systemd::compare(&known.order(None), &[file]).unwrap_err();
        assert!(matches!(error, DriftError::Malformed { .. }), "{character:?}: {error}");
    }
    let text = unit.replace('\n', "\r\n");
    assert_eq!(drifts(&known, &[("billing.service", &text)]), 0);
}

fn bundle(known: &Known, entry: Entry) -> Value {
    serde_json::from_str(&known.render(Target::Oci, Some(entry)).files[0].1).unwrap()
}

fn of_bundle(known: &Known, value: &Value) -> usize {
    drifts(known, &[("config.json", &serde_json::to_string_pretty(value).unwrap())])
}

#[test]
fn a_key_of_a_bundle_that_is_not_known_to_be_harmless_is_drift() {
    let known = full();
    for entry in [Entry::Ringfence, Entry::Node] {
        let config = bundle(&known, entry);
        let of = |pointer: &str, value: Value| {
            let mut changed = config.clone();
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            changed.pointer_mut(parent).unwrap()[key] = value;
            of_bundle(&known, &changed)
        };
        for (pointer, value) in [
            ("/Hooks", json!({ "prestart": [{ "path": "/bin/sh" }] })),
            ("/process/NoNewPrivileges", json!(false)),
            ("/process/user/gid", json!(0)),
            ("/process/user/umask", json!(0)),
            ("/process/cwd", json!("/var/lib/billing")),
            ("/process/commandLine", json!("sh")),
            ("/process/capabilities", json!(null)),
            ("/process/apparmorProfile", json!("unconfined")),
            ("/process/selinuxLabel", json!("system_u:system_r:spc_t:s0")),
            ("/process/oomScoreAdj", json!(-1000)),
            ("/process/scheduler", json!({ "policy": "SCHED_FIFO" })),
            ("/root/path", json!("/")),
            ("/linux/rootfsPropagation", json!("shared")),
            ("/linux/uidMappings", json!([{ "containerID": 0, "hostID": 0, "size": 9 }])),
            ("/linux/devices", json!([{ "path": "/dev/sda" }])),
            ("/linux/sysctl", json!({ "kernel.core_pattern": "|/x" })),
            ("/linux/personality", json!({ "domain": "LINUX32" })),
            ("/linux/cgroupsPath", json!("/")),
            ("/linux/resources/pids/limit", json!(0)),
            ("/linux/resources/unified", json!({ "memory.max": "max" })),
            ("/linux/seccomp/flags", json!(["SECCOMP_FILTER_FLAG_SPEC_ALLOW"])),
            ("/linux/seccomp/listenerPath", json!("/x")),
            ("/linux/seccomp/Syscalls", json!([])),
            ("/linux/seccomp/defaultErrnoRet", json!(0)),
            ("/annotations", json!({ "run.oci.keep_original_groups": "1" })),
        ] {
            assert!(of(pointer, value.clone()) > 0, "{entry:?}: {pointer}: {value}");
        }
        for (pointer, value) in [
            ("/process/oomScoreAdj", json!(100)),
            ("/process/terminal", json!(false)),
            ("/process/apparmorProfile", json!("billing")),
            ("/linux/cgroupsPath", json!("/billing")),
            ("/linux/rootfsPropagation", json!("rslave")),
            ("/linux/uidMappings", json!([{ "containerID": 0, "hostID": 100_000, "size": 9 }])),
            ("/annotations", json!({ "org.opencontainers.image.title": "billing" })),
            ("/root/path", json!("/srv/billing/rootfs")),
        ] {
            assert_eq!(of(pointer, value.clone()), 0, "{entry:?}: {pointer}: {value}");
        }
        for word in ["NODE_ENV=other", "EXTRA=1", "PATH=/tmp"] {
            let mut changed = config.clone();
            changed["process"]["env"].as_array_mut().unwrap().push(json!(word));
            assert!(of_bundle(&known, &changed) > 0, "{entry:?}: {word}");
        }
    }
}

#[test]
fn a_mount_that_no_grant_asks_for_is_drift() {
    let known = full();
    let config = bundle(&known, Entry::Node);
    let with = |mount: Value| {
        let mut changed = config.clone();
        changed["mounts"].as_array_mut().unwrap().push(mount);
        of_bundle(&known, &changed)
    };
    for (to, kind, from, options) in [
        ("/app/lib", "bind", "/tmp/evil", "rbind,ro"),
        ("/host", "bind", "/", "rbind,ro"),
        ("/x", "bind", "/run/containerd/containerd.sock", "bind,ro"),
        ("/x", "bind", "/run", "rbind,ro"),
        ("/x", "bind", "/etc", "ro,rw"),
        ("/usr", "bind", "/tmp/usr", "rbind,ro"),
        ("/usr", "bind", "/usr", "rbind,ro,rw"),
        ("/usr", "bind", "/usr", "rbind,ro,rshared"),
        ("/usr/local/bin/ringfence", "bind", "/tmp/evil", "rbind,ro"),
        ("/etc/ld.so.preload", "bind", "/tmp/evil", "rbind,ro"),
        ("/app/spool/../lib", "bind", "/tmp/evil", "rbind,rw"),
        ("/app/spool", "bind", "/etc", "rbind,rw,nosuid,nodev,noexec"),
        ("/tmp", "tmpfs", "tmpfs", "nosuid,nodev,noexec,exec,size=1"),
        ("/sys/fs/cgroup", "cgroup", "cgroup", "rw"),
        ("/dev", "devtmpfs", "devtmpfs", "nosuid"),
        ("/x", "cgroup", "cgroup", "rw"),
    ] {
        let options: Vec<&str> = options.split(',').collect();
        let mount = json!({ "destination": to, "type": kind, "source": from, "options": options });
        assert!(with(mount.clone()) > 0, "{mount}");
    }
    for to in ["/usr", "/lib64", "/etc/resolv.conf"] {
        let mount =
            json!({ "destination": to, "type": "bind", "source": to, "options": ["rbind", "ro"] });
        assert_eq!(with(mount), 0, "{to}");
    }
}

#[test]
fn a_script_that_does_more_than_it_is_rendered_to_is_drift() {
    let known = full();
    let script = known.render(Target::Node, None).files[0].1.clone();
    assert_eq!(drifts(&known, &[("start.sh", &script)]), 0);
    let at = script.find("GREETING=").unwrap();
    for line in [
        "/tmp/evil",
        ". ./evil.sh",
        "cd /tmp",
        "PATH=/tmp:$PATH",
        "export NODE_OPTIONS=--require=/tmp/x.js",
        "eval \"node x\"",
        "sudo node x.js",
        "(node x.js)",
        "$(node x.js)",
        "if true; then node x.js; fi",
        "N=node; $N x.js",
        "alias node=evil",
        "node() { evil; }",
        "set -- --allow-child-process",
        "env -i node server.js",
    ] {
        let text = format!("{}{line}\n{}", &script[..at], &script[at..]);
        assert!(drifts(&known, &[("start.sh", &text)]) > 0, "{line}");
    }
    for (from, to) in [
        ("NODE_ENV=production", "NODE_ENV=other"),
        ("dist/server.mjs", "/tmp/server.mjs"),
        ("dist/server.mjs", "--stack-trace-limit=$(id) dist/server.mjs"),
        ("exec node", "exec /tmp/node"),
        ("'all in one'", "'all in one' & /tmp/evil"),
    ] {
        let text = script.replacen(from, to, 1);
        assert_ne!(text, script, "{from}");
        assert!(drifts(&known, &[("start.sh", &text)]) > 0, "{to}");
    }
}

#[test]
fn a_unit_is_written_as_systemd_reads_each_line() {
    let text = "schema = 1\n[service]\nname = \"a\"\nstart = [\"node\", \"a.js\", \"$HOME 5%\"]\n\
                cwd = \"my app/50%\"\n[fs]\nwrite = [\"./a$b\"]\n[env.set]\nX = \"$$1\"\n";
    let boundary = ringfence_policy::parse("ringfence.toml", text).unwrap();
    let order = Order::new(&boundary, "0", "ringfence.toml", Path::new("/nowhere"));
    let settings = settings(&order, Entry::Node).unwrap();
    let has = |line: &str| {
        settings.iter().any(|one| format!("{}={}", one.key, one.value).ends_with(line))
    };
    for line in [
        "WorkingDirectory=/app/my app/50%%",
        "a.js \"$$HOME 5%%\"",
        "ReadWritePaths=\"/app/a$b\"",
        "Environment=\"X=$$1\"",
    ] {
        assert!(has(line), "{line}: {settings:#?}");
    }
}
