//! Units: what is rendered drifts nowhere, and each line that holds something is missed by name.

#![allow(
    clippy::unwrap_used,
    clippy::format_push_string,
    reason = "a test ends where it cannot go on"
)]

mod boundaries;

use boundaries::{Known, both, full, orders};
use ringfence_deploy::drift::{Deployed, Drift, DriftError, systemd};
use ringfence_deploy::render::{Entry, Note, Order, Target, render};
use std::path::Path;

/// Lines whose absence makes the unit weaker; all others only give the service less.
const HOLD: [&str; 42] = [
    "CPUQuota",
    "CapabilityBoundingSet",
    "DynamicUser",
    "ExecStart",
    "IPAddressDeny",
    "InaccessiblePaths",
    "KeyringMode",
    "LimitCORE",
    "LimitFSIZE",
    "LimitNOFILE",
    "LockPersonality",
    "MemoryMax",
    "MemorySwapMax",
    "NoExecPaths",
    "NoNewPrivileges",
    "PrivateDevices",
    "PrivateIPC",
    "PrivateMounts",
    "PrivateTmp",
    "PrivateUsers",
    "ProcSubset",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectHome",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "ProtectProc",
    "ProtectSystem",
    "RemoveIPC",
    "RestrictAddressFamilies",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "SocketBindDeny",
    "SystemCallArchitectures",
    "SystemCallFilter",
    "TasksMax",
    "UMask",
    "UnsetEnvironment",
    "User",
];

fn unit(known: &Known, entry: Entry) -> String {
    known.render(Target::Systemd, Some(entry)).files[0].1.clone()
}

fn drifts(known: &Known, files: &[(&str, &str)]) -> Vec<Drift> {
    let files: Vec<Deployed<'_>> =
        files.iter().map(|(path, text)| Deployed { path: Path::new(path), text }).collect();
    systemd::compare(&known.order(None), &files).unwrap().drifts
}

fn name(known: &Known) -> String {
    format!("{}.service", known.boundary.service.name.value)
}

#[test]
fn a_rendered_unit_has_no_drift_and_misses_exactly_the_line_that_is_taken_out() {
    for known in both() {
        for entry in [Entry::Ringfence, Entry::Node] {
            let unit = unit(&known, entry);
            assert_eq!(drifts(&known, &[(&name(&known), &unit)]), [], "{entry:?}");
            let lines: Vec<&str> = unit.lines().collect();
            for (index, line) in lines.iter().enumerate() {
                let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#'))
                else {
                    continue;
                };
                let mut rest = lines.clone();
                rest.remove(index);
                let found = drifts(&known, &[(&name(&known), &rest.join("\n"))]);
                let places: Vec<&str> = found.iter().map(|drift| drift.place.as_str()).collect();
                // What the unit leaves to `ringfence run` is written as "no", with the reason.
                if HOLD.contains(&key) && value != "no" {
                    assert_eq!(places, [key], "{entry:?}: without {line}");
                } else {
                    assert_eq!(places, [""; 0], "{entry:?}: without {line}");
                }
            }
        }
    }
}

#[test]
fn a_weaker_value_is_found_at_its_line() {
    let known = full();
    let unit = unit(&known, Entry::Node);
    for (from, to, code) in [
        ("ProtectSystem=strict", "ProtectSystem=full", "writable-system"),
        ("ProtectHome=yes", "ProtectHome=read-only", "visible-homes"),
        ("CapabilityBoundingSet=\n", "CapabilityBoundingSet=CAP_NET_ADMIN\n", "more-capabilities"),
        (
            "AmbientCapabilities=\n",
            "AmbientCapabilities=CAP_NET_BIND_SERVICE\n",
            "more-capabilities",
        ),
        ("MemoryMax=536870912", "MemoryMax=1G", "more-memory"),
        ("MemoryMax=536870912", "MemoryMax=infinity", "more-memory"),
        ("CPUQuota=150%", "CPUQuota=400%", "more-cpu"),
        ("TasksMax=128", "TasksMax=129", "more-processes"),
        ("LimitNOFILE=4096", "LimitNOFILE=1024:65536", "more-open-files"),
        ("User=10010", "User=root", "runs-as-root"),
        ("User=10010", "User=10011", "other-user"),
        ("UMask=0077", "UMask=0022", "looser-umask"),
        ("NoNewPrivileges=yes", "NoNewPrivileges=0", "new-privileges"),
        ("RestrictNamespaces=yes", "RestrictNamespaces=user", "more-namespaces"),
        (
            "RestrictAddressFamilies=AF_UNIX",
            "RestrictAddressFamilies=AF_PACKET AF_UNIX",
            "more-socket-families",
        ),
        (
            "SystemCallFilter=@system-service",
            "SystemCallFilter=@system-service @obsolete",
            "more-system-calls",
        ),
        ("ReadWritePaths=/app/spool", "ReadWritePaths=/app", "more-writable-paths"),
        ("StateDirectory=billing", "StateDirectory=other", "more-writable-paths"),
        ("StateDirectory=billing", "LogsDirectory=billing", "more-writable-paths"),
        ("SocketBindAllow=ipv4:tcp:8080", "SocketBindAllow=ipv4:tcp:22", "more-ports"),
        ("NoExecPaths=/", "NoExecPaths=/home", "executable-files"),
        ("KillMode=mixed", "KillMode=none", "processes-stay"),
        (" --permission ", " ", "no-permission"),
        ("--allow-fs-write=/var/lib/billing", "--allow-fs-write=/var/lib", "more-files"),
        ("--allow-fs-write=/var/lib/billing", "--allow-fs-read=*", "more-files"),
        ("ExecStart=", "ExecStart=+", "runs-as-root"),
        ("ExecStart=node", "ExecStart=/usr/bin/npm", "not-enforced"),
    ] {
        assert!(unit.contains(from), "{from}");
        let changed = unit.replacen(from, to, 1);
        let found = drifts(&known, &[("billing.service", &changed)]);
        let codes: Vec<&str> = found.iter().map(|drift| drift.code).collect();
        assert_eq!(codes, [code], "{to}: {found:?}");
        let shown = if to.trim().is_empty() { "ExecStart=" } else { to.trim_end() };
        let line = changed.lines().position(|line| line.contains(shown)).map(|index| index + 1);
        assert_eq!(found[0].line, line, "{to}");
    }
}

#[test]
fn order_comments_and_more_hardening_are_no_drift() {
    let known = orders();
    let unit = unit(&known, Entry::Node);
    let (head, service) = unit.split_once("[Service]\n").unwrap();
    let (service, install) = service.split_once("[Install]").unwrap();
    let mut lines: Vec<&str> =
        service.lines().filter(|line| !line.starts_with("SystemCallFilter=")).collect();
    lines.reverse();
    let filter: Vec<&str> =
        service.lines().filter(|line| line.starts_with("SystemCallFilter=")).collect();
    let more = "; mine\nSystemCallFilter=~@chown\nInaccessiblePaths=/opt\nTasksMax=32\nMemoryMax=100M\nPrivateNetwork=yes\n\
                ProtectHome=yes\nNice=5\nLimitCORE=0\nOOMPolicy=kill\nIPAddressDeny=192.0.2.0/24\nKillMode=control-group";
    let changed = format!(
        "{head}[Service]\n{}\n{}\n{more}\n[Install]{install}",
        lines.join("\n"),
        filter.join("\n")
    );
    assert_eq!(drifts(&known, &[("orders.service", &changed)]), []);
}

#[test]
fn values_are_read_as_systemd_reads_them() {
    let known = orders();
    let unit = unit(&known, Entry::Node);
    let codes = |more: &str| -> Vec<&'static str> {
        let (start, install) = unit.split_once("[Install]").unwrap();
        let text = format!("{start}{more}\n[Install]{install}");
        drifts(&known, &[("orders.service", &text)]).iter().map(|drift| drift.code).collect()
    };
    // The later one counts.
    assert_eq!(codes("PrivateTmp=no"), ["shared-tmp"]);
    assert_eq!(codes("PrivateTmp=no\nPrivateTmp=true"), [""; 0]);
    // An empty assignment empties a list.
    assert_eq!(codes("InaccessiblePaths="), ["less-hidden-paths"]);
    assert_eq!(codes("ReadWritePaths=/srv\nReadWritePaths="), [""; 0]);
    assert_eq!(codes("ReadWritePaths=-/srv"), ["more-writable-paths"]);
    assert_eq!(codes("IPAddressDeny="), ["more-addresses"]);
    // A list that begins with ~ takes away, one without it gives.
    assert_eq!(codes("SystemCallFilter=@mount"), ["more-system-calls"]);
    assert_eq!(codes("SystemCallFilter=~@mount"), [""; 0]);
    assert_eq!(codes("SystemCallFilter=\nSystemCallFilter=~@clock"), ["more-system-calls"]);
    assert_eq!(codes("CapabilityBoundingSet=CAP_SYS_ADMIN\nCapabilityBoundingSet="), [""; 0]);
    assert_eq!(codes("CapabilityBoundingSet=~CAP_SYS_ADMIN"), ["more-capabilities"]);
    // Lines go on behind a backslash; comments in between are passed over.
    assert_eq!(codes("Private\\\n# no\nTmp=no"), ["unknown-setting"]);
    assert_eq!(codes("PrivateTmp= \\\n# not this\n no"), ["shared-tmp"]);
    // Another section is another key.
    assert_eq!(codes("[Unit]\nPrivateTmp=no"), [""; 0]);
}

#[test]
fn a_drop_in_is_read_behind_its_unit_and_named() {
    let known = orders();
    let unit = unit(&known, Entry::Ringfence);
    let weaker = "[Service]\nProtectSystem=no\n";
    let files = [("orders.service.d/20-open.conf", weaker), ("orders.service", unit.as_str())];
    let found = drifts(&known, &files);
    assert_eq!((found[0].code, found[0].line, found.len()), ("writable-system", Some(2), 1));
    let closed = "[Service]\nProtectSystem=strict\n";
    let files = [files[0], files[1], ("orders.service.d/30-closed.conf", closed)];
    assert_eq!(drifts(&known, &files), []);
}

#[test]
fn a_unit_of_another_service_is_not_compared() {
    let known = orders();
    let file =
        Deployed { path: Path::new("sshd.service"), text: "[Service]\nExecStart=/usr/sbin/sshd\n" };
    let error = systemd::compare(&known.order(None), &[file]).unwrap_err();
    assert!(matches!(error, DriftError::Foreign { .. }), "{error}");
}

#[test]
fn a_socket_unit_may_listen_where_the_boundary_grants_it() {
    let known = full();
    let mut order = known.order(None);
    order.socket_activation = true;
    let rendered = ringfence_deploy::render::render(Target::Systemd, &order).unwrap();
    let (path, text) = &rendered.files[1];
    assert!(rendered.files[0].1.contains("Requires=billing.socket"));
    let of = |text: &str| drifts(&known, &[(path.to_str().unwrap(), text)]);
    assert_eq!(of(text), []);
    let found = of(&text.replace("127.0.0.1:9090", "0.0.0.0:9090"));
    assert_eq!((found[0].code, found[0].place.as_str()), ("more-ports", "ListenStream"));
}

fn own(text: &str, entry: Entry) -> (String, Vec<Note>) {
    let boundary = ringfence_policy::parse("ringfence.toml", text).unwrap();
    let mut order = Order::new(&boundary, "0", "ringfence.toml", Path::new("/nowhere"));
    order.entry = Some(entry);
    let mut rendered = render(Target::Systemd, &order).unwrap();
    (rendered.files.remove(0).1, rendered.notes)
}

#[test]
fn what_the_boundary_passes_or_sets_is_not_unset() {
    let start = "schema = 1\n[service]\nname = \"a\"\nstart = [\"node\", \"a.js\"]\n";
    let unset = |env: &str| {
        let (unit, _) = own(&format!("{start}{env}"), Entry::Node);
        unit.lines().find(|line| line.starts_with("UnsetEnvironment=")).unwrap().to_owned()
    };
    assert!(unset("").contains("NODE_EXTRA_CA_CERTS"));
    for env in [
        "[env]\npass = [\"NODE_EXTRA_CA_CERTS\"]\n",
        "[env.set]\nNODE_EXTRA_CA_CERTS = \"/ca.pem\"\n",
    ] {
        let unset = unset(env);
        assert!(
            !unset.contains("NODE_EXTRA_CA_CERTS") && unset.contains("NODE_OPTIONS"),
            "{unset}"
        );
    }
}

#[test]
fn folders_of_the_service_are_made_by_the_manager_and_others_need_a_user_that_owns_them() {
    let start = "schema = 1\n[service]\nname = \"shop\"\nstart = [\"node\", \"a.js\"]\n[fs]\nwrite = [\
                 \"/var/lib/shop\", \"/var/cache/shop/images\", \"/var/log/shop\", \"/var/lib/shopping\", \
                 \"./data\"]\n";
    for entry in [Entry::Ringfence, Entry::Node] {
        let (unit, notes) = own(start, entry);
        for line in [
            "StateDirectory=shop",
            "CacheDirectory=shop/images",
            "LogsDirectory=shop",
            "ReadWritePaths=/var/lib/shopping",
            "ReadWritePaths=/app/data",
        ] {
            assert!(unit.lines().any(|found| found == line), "{line}: {unit}");
        }
        let of_user = |note: &&Note| note.carried.contains("DynamicUser=yes");
        let grants: Vec<&str> =
            notes.iter().filter(of_user).map(|note| note.grant.as_str()).collect();
        assert_eq!(grants, ["fs.write \"/var/lib/shopping\"", "fs.write \"./data\""]);
        let named = format!("{start}[identity]\nuser = \"shop\"\n");
        assert!(!own(&named, entry).1.iter().any(|note| of_user(&note)));
    }
}

#[test]
fn a_path_may_be_made_writable_in_any_of_the_ways() {
    let known = full();
    let unit = unit(&known, Entry::Node);
    let changed = unit.replace("StateDirectory=billing", "ReadWritePaths=/var/lib/billing");
    assert_ne!(unit, changed);
    assert_eq!(drifts(&known, &[("billing.service", &changed)]), []);
}
