//! Compose files of ours without a line, and those that people write.

use super::*;
use crate::render;
use ringfence_policy::model::Boundary;
use std::fmt::Write as _;
use std::path::Path;

fn parsed(path: &str) -> Boundary {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    ringfence_policy::parse("ringfence.toml", &std::fs::read_to_string(path).unwrap()).unwrap()
}

fn of(order: &Order<'_>, text: &str) -> Comparison {
    compare(order, Deployed { path: Path::new("compose.yaml"), text }).unwrap()
}

fn shown(comparison: &Comparison) -> Vec<String> {
    let drifts = comparison.drifts.iter();
    drifts
        .map(|drift| format!("{} at {}", drift.code, drift.place))
        .chain(comparison.undecided.iter().map(|why| format!("undecided {why}")))
        .collect()
}

fn rendered(order: &Order<'_>) -> String {
    render::compose::render(order).unwrap().files.remove(0).1
}

/// The text without the block that begins at a line: the line, and what is indented below it.
fn without(text: &str, at: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let first = indent(lines[at]);
    let end =
        (at + 1..lines.len()).find(|next| indent(lines[*next]) <= first).unwrap_or(lines.len());
    [&lines[..at], &lines[end..]].concat().join("\n")
}

#[test]
fn what_render_writes_is_not_weaker() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = "schema = 1\n[service]\nname = \"a\"\nstart = [\"node\", \"a.js\"]\n";
    let listens = format!("{nothing}[net]\nlisten = [\"[::]:80\"]\n");
    let parse = |text: &str| ringfence_policy::parse("r.toml", text).unwrap();
    for boundary in [
        parsed("../../examples/orders/ringfence.toml"),
        parsed("testdata/full.toml"),
        parse(nothing),
        parse(&listens),
    ] {
        for entry in [None, Some(Entry::Ringfence), Some(Entry::Node)] {
            let mut order = Order::new(&boundary, "0", "ringfence.toml", folder.path());
            order.entry = entry;
            let text = rendered(&order);
            let comparison = of(&order, &text);
            assert_eq!(shown(&comparison), Vec::<String>::new(), "{text}");
            // Whoever compares does not say how it was started.
            order.entry = None;
            assert_eq!(shown(&of(&order, &text)), Vec::<String>::new(), "{text}");
            assert!(comparison.compared > 15);
        }
    }
}

#[test]
fn each_line_that_matters_is_missed_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let boundary = parsed("testdata/full.toml");
    let mut order = Order::new(&boundary, "0", "ringfence.toml", folder.path());
    order.entry = Some(Entry::Node);
    let text = rendered(&order);
    let mut said = String::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Ok(comparison) =
            compare(&order, Deployed { path: Path::new("c.yaml"), text: &without(&text, at) })
        {
            let found = shown(&comparison);
            assert!(found.len() <= 1 || line.ends_with(':'), "{line}: {found:?}");
            if !found.is_empty() {
                writeln!(said, "{}: {}", line.trim(), found.join(", ")).unwrap();
            }
        }
    }
    insta::assert_snapshot!(said, @r#"
    - /usr/local/bin/node: other-command at services.billing.entrypoint
    - "--permission": missing-permission at services.billing.entrypoint
    user: "10010:10020": root-user at services.billing.user
    - "10030": extra-group at services.billing.group_add
    read_only: true: writable-root at services.billing.read_only
    cap_drop:: capabilities at services.billing.cap_drop
    - ALL: capabilities at services.billing.cap_drop
    security_opt:: new-privileges at services.billing.security_opt, seccomp at services.billing.security_opt
    - no-new-privileges:true: new-privileges at services.billing.security_opt
    - seccomp=./seccomp.json: seccomp at services.billing.security_opt
    - "/tmp:rw,noexec,nosuid,nodev,size=67108864,mode=1777": tmpfs-size at services.billing.tmpfs
    mem_limit: 536870912: unlimited at services.billing.mem_limit
    memswap_limit: 536870912: swap at services.billing.memswap_limit
    pids_limit: 128: unlimited at services.billing.pids_limit
    cpus: 1.5: unlimited at services.billing.cpus
    ulimits:: unlimited at services.billing.ulimits.nofile, unlimited at services.billing.ulimits.fsize, unlimited at services.billing.ulimits.core
    core:: unlimited at services.billing.ulimits.core
    hard: 0: unlimited at services.billing.ulimits.core
    fsize:: unlimited at services.billing.ulimits.fsize
    hard: 1073741824: unlimited at services.billing.ulimits.fsize
    nofile:: unlimited at services.billing.ulimits.nofile
    hard: 4096: unlimited at services.billing.ulimits.nofile
    source: "./certs/tls.key": code-mount at services.billing.volumes /app/certs/tls.key
    - source: jwt-key: extra-secret at services.billing.secrets null
    - CMD: other-program at services.billing.healthcheck.test
    - /usr/local/bin/node: other-program at services.billing.healthcheck.test
    - "-e": other-program at services.billing.healthcheck.test
    - "require('net').connect(8080, '127.0.0.1').on('connect', () => process.exit(0)).on('error', () => process.exit(1))": other-program at services.billing.healthcheck.test
    "#);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of changes")]
fn each_weakened_value_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let boundary = parsed("testdata/full.toml");
    let mut order = Order::new(&boundary, "0", "ringfence.toml", folder.path());
    order.entry = Some(Entry::Node);
    let text = rendered(&order);
    let mut said = String::new();
    for (from, to) in [
        ("user: \"10010:10020\"", "user: root"),
        ("user: \"10010:10020\"", "user: \"10010:0\""),
        ("user: \"10010:10020\"", "user: ${UID}"),
        ("read_only: true\n    cap_drop", "read_only: false\n    cap_drop"),
        ("- ALL", "- NET_RAW"),
        ("init: false", "cap_add: [SYS_ADMIN]"),
        ("init: false", "privileged: true"),
        ("init: false", "pid: host"),
        ("init: false", "devices: [/dev/kvm]"),
        ("no-new-privileges:true", "no-new-privileges:false"),
        ("seccomp=./seccomp.json", "seccomp:unconfined"),
        ("seccomp=./seccomp.json", "seccomp=./other.json"),
        ("- seccomp", "- systempaths=unconfined\n      - seccomp"),
        ("noexec,", "exec,"),
        ("size=67108864", "size=1g"),
        ("size=67108864,", ""),
        ("mem_limit: 536870912", "mem_limit: 1g"),
        ("mem_limit: 536870912", "deploy: {resources: {limits: {memory: 600M}}}"),
        ("memswap_limit: 536870912", "memswap_limit: -1"),
        ("pids_limit: 128", "pids_limit: -1"),
        ("cpus: 1.5", "cpus: 4"),
        ("hard: 4096", "hard: 1048576"),
        ("networks:\n      - billing", "network_mode: host"),
        ("127.0.0.1:9090:9090/tcp", "9090:9090"),
        ("127.0.0.1:9090:9090/tcp", "9229:9229"),
        (
            "read_only: true\n        type: bind\n        source: \"./certs",
            "read_only: false\n        type: bind\n        source: \"./certs",
        ),
        ("source: /var/lib/billing", "source: /var"),
        ("source: /run/postgresql", "source: /var/run/docker.sock"),
        ("target: /run/postgresql", "target: /etc"),
        ("mode: \"0400\"", "mode: 0444"),
        ("source: jwt-key", "source: other"),
        ("- \"10030\"", "- docker"),
        ("PORT: \"8080\"", "NODE_TLS_REJECT_UNAUTHORIZED: \"0\""),
        ("PORT: \"8080\"", "DB_PASSWORD: hunter2"),
        ("PORT: \"8080\"", "DEBUG: \"1\""),
        ("PORT: \"8080\"", "PORT: \"9999\""),
        ("PORT: \"8080\"", "PORT: \"${PORT}\""),
        ("entrypoint:\n      - /usr/local/bin/node", "entrypoint:\n      - npm\n      - start"),
        ("entrypoint:\n      - /usr/local/bin/node", "entrypoint:\n      - sh\n      - -c"),
        ("- \"--permission\"", "- \"--no-permission\""),
        ("--allow-fs-read=/app", "--allow-fs-read=*"),
    ] {
        assert!(text.contains(from), "{from}: {text}");
        let comparison = of(&order, &text.replacen(from, to, 1));
        writeln!(said, "{to:?}: {}", shown(&comparison).join(", ")).unwrap();
    }
    insta::assert_snapshot!(said, @r#"
    "user: root": root-user at services.billing.user
    "user: \"10010:0\"": root-group at services.billing.user
    "user: ${UID}": undecided line 53: services.billing.user: ${UID} is filled in later
    "read_only: false\n    cap_drop": writable-root at services.billing.read_only
    "- NET_RAW": capabilities at services.billing.cap_drop
    "cap_add: [SYS_ADMIN]": capabilities at services.billing.cap_add
    "privileged: true": privileged at services.billing.privileged
    "pid: host": host-namespace at services.billing.pid
    "devices: [/dev/kvm]": device at services.billing.devices
    "no-new-privileges:false": new-privileges at services.billing.security_opt
    "seccomp:unconfined": seccomp at services.billing.security_opt
    "seccomp=./other.json": undecided line 69: the filter is in ./other.json: compare that file too
    "- systempaths=unconfined\n      - seccomp": unconfined at services.billing.security_opt
    "exec,": executable-tmpfs at services.billing.tmpfs
    "size=1g": tmpfs-size at services.billing.tmpfs
    "": tmpfs-size at services.billing.tmpfs
    "mem_limit: 1g": unlimited at services.billing.mem_limit
    "deploy: {resources: {limits: {memory: 600M}}}": unlimited at services.billing.deploy.resources.limits.memory
    "memswap_limit: -1": swap at services.billing.memswap_limit
    "pids_limit: -1": unlimited at services.billing.pids_limit
    "cpus: 4": unlimited at services.billing.cpus
    "hard: 1048576": unlimited at services.billing.ulimits.nofile
    "network_mode: host": host-network at services.billing.network_mode
    "9090:9090": wider-port at services.billing.ports
    "9229:9229": extra-port at services.billing.ports
    "read_only: false\n        type: bind\n        source: \"./certs": writable-mount at services.billing.volumes /app/certs/tls.key
    "source: /var": wider-mount at services.billing.volumes /var/lib/billing
    "source: /var/run/docker.sock": host-control at services.billing.volumes /run/postgresql
    "target: /etc": extra-mount at services.billing.volumes /etc
    "mode: 0444": secret-mode at services.billing.secrets jwt-key
    "source: other": extra-secret at services.billing.secrets other
    "- docker": extra-group at services.billing.group_add
    "NODE_TLS_REJECT_UNAUTHORIZED: \"0\"": refused-variable at services.billing.environment.NODE_TLS_REJECT_UNAUTHORIZED
    "DB_PASSWORD: hunter2": secret-in-environment at services.billing.environment.DB_PASSWORD
    "DEBUG: \"1\"": unlisted-variable at services.billing.environment.DEBUG
    "PORT: \"9999\"": other-value at services.billing.environment.PORT
    "PORT: \"${PORT}\"": undecided line 62: environment.PORT is filled in later
    "entrypoint:\n      - npm\n      - start": package-manager-start at services.billing.entrypoint
    "entrypoint:\n      - sh\n      - -c": shell-command at services.billing.entrypoint
    "- \"--no-permission\"": missing-permission at services.billing.entrypoint
    "--allow-fs-read=*": wider-flag at services.billing.entrypoint
    "#);
}

#[test]
fn what_is_stricter_or_of_no_meaning_is_no_drift() {
    let folder = tempfile::tempdir().unwrap();
    let boundary = parsed("testdata/full.toml");
    let mut order = Order::new(&boundary, "0", "ringfence.toml", folder.path());
    order.entry = Some(Entry::Node);
    let text = rendered(&order);
    for (from, to) in [
        ("mem_limit: 536870912", "deploy: {resources: {limits: {memory: 512M}}}"),
        ("mem_limit: 536870912", "mem_limit: 256m"),
        ("pids_limit: 128", "pids_limit: \"64\""),
        ("0.0.0.0:8080:8080/tcp", "127.0.0.1:8080:8080"),
        ("hard: 4096", "hard: 100"),
        ("init: false", "restart: always\n    logging: {driver: journald}"),
        ("size=67108864", "size=8m"),
        ("mode: \"0400\"", "mode: 0o400"),
        ("networks:\n      - billing", "network_mode: none"),
    ] {
        assert!(text.contains(from), "{from}");
        assert_eq!(shown(&of(&order, &text.replacen(from, to, 1))), Vec::<String>::new(), "{to}");
    }
}

#[test]
fn what_people_write_is_told_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let boundary = parsed("../../examples/orders/ringfence.toml");
    let order = Order::new(&boundary, "0", "ringfence.toml", folder.path());
    let text = "services:\n  db:\n    image: postgres\n  orders:\n    build: .\n    \
                command: npm start\n    ports:\n      - \"18080:18080\"\n      - \"9229:9229\"\n    \
                env_file: .env\n    environment:\n      - NODE_ENV=production\n      \
                - API_KEY=0123456789abcdef\n    volumes:\n      - .:/app\n      \
                - /var/run/docker.sock:/var/run/docker.sock\n";
    insta::assert_snapshot!(shown(&of(&order, text)).join("\n"), @r#"
    package-manager-start at services.orders.command
    wider-port at services.orders.ports
    extra-port at services.orders.ports
    secret-in-environment at services.orders.environment.API_KEY
    extra-mount at services.orders.volumes /app
    host-control at services.orders.volumes /var/run/docker.sock
    root-user at services.orders.user
    writable-root at services.orders.read_only
    capabilities at services.orders.cap_drop
    new-privileges at services.orders.security_opt
    seccomp at services.orders.security_opt
    unlimited at services.orders.mem_limit
    swap at services.orders.memswap_limit
    unlimited at services.orders.pids_limit
    undecided line 10: `env_file` sets variables that are in another file
    "#);
}

#[test]
fn a_file_without_the_service_is_not_clean() {
    let folder = tempfile::tempdir().unwrap();
    let boundary = parsed("../../examples/orders/ringfence.toml");
    let order = Order::new(&boundary, "0", "ringfence.toml", folder.path());
    let failed = |text: &str| {
        compare(&order, Deployed { path: Path::new("c.yaml"), text }).unwrap_err().to_string()
    };
    assert!(failed("services: {a: {image: x}, b: {image: y}}\n").contains("`orders`"));
    assert!(failed("services: {}\n").contains("`orders`"));
    assert!(failed("services:\n  orders: 1\n").contains("c.yaml:2"));
    assert!(failed("services:\n  orders:\n   - a\n  b\n").contains("c.yaml"));
}

/// A change of the rendered service and the code it is told by.
const ADDED: &[(&str, &str, &str)] = &[
    ("init: false", "post_start: [{command: sh, user: root}]", "unknown-setting"),
    ("init: false", "pre_stop: [{command: sh}]", "unknown-setting"),
    ("init: false", "sysctls: {net.ipv4.ip_forward: 1}", "unknown-setting"),
    ("init: false", "runtime: other", "unknown-setting"),
    ("init: false", "configs: [x]", "unknown-setting"),
    ("init: false", "dns: [6.6.6.6]", "unknown-setting"),
    ("init: false", "provider: {type: other}", "unknown-setting"),
    ("init: false", "tty: true", "unknown-setting"),
    ("init: false", "working_dir: /tmp", "working-dir"),
    ("init: false", "command: [--no-permission]", "unknown-setting"),
    ("init: false", "privileged: \"yes\"", "privileged"),
    ("init: false", "volumes_from: [db]", "extra-mount"),
    (
        "no-new-privileges:true",
        "no-new-privileges:true\n      - no-new-privileges:false",
        "new-privileges",
    ),
    ("seccomp=./seccomp.json", "seccomp=./seccomp.json\n      - seccomp=unconfined", "seccomp"),
    (
        "no-new-privileges:true",
        "no-new-privileges:true\n      - label=type:spc_t",
        "unknown-setting",
    ),
    ("ulimits:", "ulimits:\n      memlock: -1", "unknown-setting"),
    ("context: \".\"", "context: \".\"\n      privileged: true", "unknown-setting"),
    ("context: \".\"", "context: https://other.example/a", "unknown-setting"),
    ("driver: bridge", "driver: macvlan", "unknown-setting"),
    ("driver: bridge", "driver: bridge\n    external: true", "unknown-setting"),
    ("- CMD\n", "- CMD-SHELL\n", "other-program"),
    ("    tmpfs:\n", "    tmpfs:\n      - \"/app:size=1k\"\n", "extra-mount"),
    (
        "target: /var/lib/billing",
        "target: /var/lib/billing\n        volume: {subpath: a}",
        "unknown-setting",
    ),
    ("create_host_path: false", "propagation: rshared", "unknown-setting"),
    ("services:\n", "services:\n  other: {image: a, pid: 'service:billing'}\n", "other-service"),
    ("services:\n", "services:\n  other: {image: a, secrets: [jwt-key]}\n", "other-service"),
    ("services:\n", "services:\n  other: {image: a, volumes_from: [billing]}\n", "other-service"),
];

#[test]
fn what_is_not_known_to_be_harmless_is_told_once_by_its_code() {
    let folder = tempfile::tempdir().unwrap();
    let boundary = parsed("testdata/full.toml");
    let mut order = Order::new(&boundary, "0", "ringfence.toml", folder.path());
    order.entry = Some(Entry::Node);
    let text = rendered(&order);
    for (from, to, code) in ADDED {
        assert!(text.contains(from), "{from}");
        let comparison = of(&order, &text.replacen(from, to, 1));
        let codes: Vec<&str> = comparison.drifts.iter().map(|drift| drift.code).collect();
        assert_eq!(codes, [*code], "{to}: {:?}", comparison.drifts);
    }
    for harmless in ["hostname: a", "x-note: a", "depends_on: [db]", "tty: false"] {
        let comparison = of(&order, &text.replacen("init: false", harmless, 1));
        let told = comparison.drifts;
        assert_eq!(told, [], "{harmless}");
    }
}
