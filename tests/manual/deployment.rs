//! Where a boundary deploys to: what is written for each column of the manual's checklist, and that
//! its absence is told.

use ringfence_tests::command::{Playground, Run};
use std::fs;

const BOUNDARY: &str = "schema = 1\n
[service]\nname = \"orders\"\nstart = [\"node\", \"dist/server.mjs\"]\nnode = \"26\"\n
[fs]\nread = [\"./dist\"]\nwrite = [\"/var/lib/orders\"]\n
[net]\nlisten = [\"0.0.0.0:8080\"]\nconnect = [\"api.internal:443\", \"10.1.0.0/16:5432\"]\n
[limits]\nmemory = \"256MiB\"\npids = 32\ntmp = \"16MiB\"\n";
const PACKAGE: &str = "{\"name\": \"orders\", \"version\": \"1.0.0\", \"scripts\": {\"build\": \"node build.mjs\"}, \
     \"dependencies\": {\"ms\": \"2.1.3\"}}";
const LOCKFILE: &str = "{\"name\": \"orders\", \"version\": \"1.0.0\", \"lockfileVersion\": 3, \"packages\": \
     {\"\": {\"name\": \"orders\", \"version\": \"1.0.0\", \"dependencies\": {\"ms\": \"2.1.3\"}}, \
     \"node_modules/ms\": {\"version\": \"2.1.3\"}}}";

fn project() -> Playground {
    let playground = Playground::new().with("ringfence.toml", BOUNDARY);
    let playground = playground.with("package.json", PACKAGE).with("package-lock.json", LOCKFILE);
    playground.with("dist/server.mjs", "").with("build.mjs", "")
}

/// The files of a target, below `out`.
fn render(playground: &Playground, arguments: &[&str]) -> Run {
    let run = playground.run([&["render", "--out", "out", "--force"], arguments].concat());
    assert_eq!(run.code, 0, "{run}");
    run
}

fn out(playground: &Playground, name: &str) -> String {
    fs::read_to_string(playground.path().join("out").join(name)).unwrap()
}

/// The one file of a target that describes the service.
fn rendered(playground: &Playground, target: &str, entry: &str) -> String {
    let run = playground.run(["render", target, "--entry", entry]);
    assert_eq!(run.code, 0, "{run}");
    run.stdout
}

/// Each of these lines is written, and is told when it is taken out or changed.
fn each_is_written_and_missed(target: &str, name: &str, lines: &[(&str, &str)]) {
    let playground = project();
    let text = rendered(&playground, target, "node");
    let drift = |text: &str| {
        fs::write(playground.path().join(name), text).unwrap();
        playground.run(["drift", name])
    };
    let clean = drift(&text);
    assert_eq!(clean.code, 0, "{target}: {clean}");
    for (line, instead) in lines {
        assert!(text.contains(line), "{target}: {line} is not in\n{text}");
        let run = drift(&text.replace(line, instead));
        assert_eq!(run.code, 1, "{target} without {line}: {run}");
    }
}

#[test]
fn line_23_and_46_a_cluster_gets_namespace_network_identity_and_admission() {
    let playground = project();
    let objects = rendered(&playground, "kubernetes", "node");
    for line in [
        "kind: Namespace",
        "pod-security.kubernetes.io/enforce: restricted",
        "kind: NetworkPolicy",
        "kind: ServiceAccount",
        "automountServiceAccountToken: false",
        "kind: Role\n",
        "rules: []",
        "startupProbe:",
    ] {
        assert!(objects.contains(line), "{line} is not in\n{objects}");
    }
    let admission = rendered(&playground, "kubernetes-policy", "node");
    assert!(admission.contains("kind: ValidatingAdmissionPolicy\n"), "{admission}");
    assert!(admission.contains("serviceAccountName must be orders"), "{admission}");
    let audit = rendered(&playground, "kubernetes-audit", "node");
    assert!(audit.contains("system:serviceaccount:orders:orders"), "{audit}");
    each_is_written_and_missed(
        "kubernetes",
        "pods.yaml",
        &[
            ("      serviceAccountName: orders\n", ""),
            ("      automountServiceAccountToken: false\n", ""),
            (
                "pod-security.kubernetes.io/enforce: restricted",
                "pod-security.kubernetes.io/enforce: baseline",
            ),
            (
                "rules: []",
                "rules:\n  - apiGroups: [\"\"]\n    resources: [\"*\"]\n    verbs: [\"*\"]",
            ),
        ],
    );
}

#[test]
fn line_64_a_policy_of_the_cluster_stands_beside_the_grants() {
    let playground = project();
    let objects = rendered(&playground, "kubernetes", "node");
    let (_, policy) = objects.split_once("kind: NetworkPolicy").unwrap();
    for line in ["- Egress", "port: 443", "port: 5432", "cidr: \"10.1.0.0/16\"", "169.254.0.0/16"] {
        assert!(policy.contains(line), "{line} is not in\n{policy}");
    }
    // A policy has no names: it says so, and what holds them.
    assert!(objects.contains("a NetworkPolicy knows no names"), "{objects}");
    // The control: without grants nothing is opened but what answers need.
    let closed = BOUNDARY.replace("\"api.internal:443\", \"10.1.0.0/16:5432\"", "");
    let playground = project().with("ringfence.toml", &closed);
    let objects = rendered(&playground, "kubernetes", "node");
    let (_, policy) = objects.split_once("kind: NetworkPolicy").unwrap();
    assert!(policy.contains("- Egress") && !policy.contains("443"), "{policy}");
    each_is_written_and_missed("kubernetes", "pods.yaml", &[("    - Egress\n", "")]);
}

#[test]
fn line_102_a_wildcard_in_what_is_deployed_is_told() {
    let playground = project();
    render(&playground, &["node"]);
    let start = out(&playground, "start.sh");
    assert_eq!(playground.run(["drift", "out/start.sh"]).code, 0);
    let first = start.split_whitespace().find(|word| word.starts_with("--allow-fs-read=")).unwrap();
    let playground = playground.with("wide.sh", &start.replacen(first, "--allow-fs-read=*", 1));
    let run = playground.run(["drift", "wide.sh"]);
    assert!(run.code == 1 && run.stdout.contains("more-files"), "{run}");
    for (name, text) in [
        ("package.json", "{\"scripts\": {\"start\": \"node --permission --allow-fs-read=* x\"}}"),
        (
            "Dockerfile",
            "FROM scratch\nUSER 10001:10001\nCMD [\"node\", \"--permission\", \"--allow-fs-read=*\", \"dist/server.mjs\"]\n",
        ),
    ] {
        let playground = project().with(&format!("other/{name}"), text);
        let run = playground.run(["drift", &format!("other/{name}")]);
        assert!(run.code == 1 && run.stdout.contains("--allow-fs-read=*"), "{name}: {run}");
    }
}

#[test]
fn line_103_a_network_that_is_not_granted_is_told() {
    let closed = "schema = 1\n[service]\nname = \"orders\"\n\
                  start = [\"node\", \"dist/server.mjs\"]\nnode = \"26\"\n";
    let start = "#!/bin/sh\nexec node --permission --allow-net=* dist/server.mjs\n";
    let playground = project().with("ringfence.toml", closed).with("start.sh", start);
    let run = playground.run(["drift", "start.sh"]);
    assert!(run.code == 1 && run.stdout.contains("the boundary grants no network"), "{run}");
    // The control: the same command without it.
    let playground = playground.with("start.sh", &start.replace(" --allow-net=*", ""));
    assert_eq!(playground.run(["drift", "start.sh"]).code, 0);
}

#[test]
fn line_105_npm_start_is_told_and_never_written() {
    let playground = project();
    render(&playground, &["dockerfile", "--entry", "node"]);
    let file = out(&playground, "Dockerfile");
    let entry = file.lines().find(|line| line.starts_with("ENTRYPOINT")).unwrap();
    assert!(entry.starts_with("ENTRYPOINT [\"/usr/local/bin/node\", \"--permission\""), "{entry}");
    assert_eq!(playground.run(["drift", "out/Dockerfile"]).code, 0);
    for (instead, code) in
        [("CMD [\"npm\", \"start\"]", "package-manager-start"), ("CMD npm start", "shell-command")]
    {
        let playground = project().with("Dockerfile", &file.replace(entry, instead));
        let run = playground.run(["drift", "Dockerfile"]);
        assert!(run.code == 1 && run.stdout.contains(code), "{run}");
    }
}

#[test]
fn line_137_to_142_the_host_column_is_a_unit_whose_lines_are_missed() {
    each_is_written_and_missed(
        "systemd",
        "orders.service",
        &[
            ("DynamicUser=yes", "User=root"),
            ("ProtectSystem=strict\n", ""),
            ("IPAddressDeny=", "# IPAddressDeny="),
            ("MemoryMax=268435456", "MemoryMax=infinity"),
            ("TasksMax=32", "TasksMax=infinity"),
            ("UnsetEnvironment=", "# UnsetEnvironment="),
            ("PrivateTmp=yes\n", ""),
            ("RemoveIPC=yes\n", ""),
        ],
    );
}

#[test]
fn line_137_to_142_the_container_column_is_a_compose_file_whose_lines_are_missed() {
    each_is_written_and_missed(
        "compose",
        "compose.yaml",
        &[
            ("user: \"10001:10001\"", "user: \"0:0\""),
            ("read_only: true\n", "read_only: false\n"),
            ("size=16777216,", ""),
            ("pids_limit: 32", "pids_limit: -1"),
            ("mem_limit: 268435456", "mem_limit: 10737418240"),
        ],
    );
    let closed = BOUNDARY
        .replace("\"api.internal:443\", \"10.1.0.0/16:5432\"", "")
        .replace("\"0.0.0.0:8080\"", "");
    let playground = project().with("ringfence.toml", &closed);
    let text = rendered(&playground, "compose", "ringfence");
    assert!(text.contains("network_mode: none"), "no default outbound: {text}");
    assert!(!text.contains("\nsecrets:"), "no mounted secrets: {text}");
}

#[test]
fn line_137_to_142_the_cluster_column_is_a_pod_whose_lines_are_missed() {
    each_is_written_and_missed(
        "kubernetes",
        "pods.yaml",
        &[
            ("      serviceAccountName: orders\n", ""),
            ("            readOnlyRootFilesystem: true\n", ""),
            ("            sizeLimit: \"16Mi\"", "            medium: \"\""),
            ("    - Egress\n", ""),
            ("          type: RuntimeDefault", "          type: Unconfined"),
            ("      automountServiceAccountToken: false\n", ""),
        ],
    );
    let playground = project();
    let text = rendered(&playground, "kubernetes", "node");
    assert!(!text.contains("hostPath:"), "{text}");
    let run =
        playground.run(["render", "kubernetes", "--runtime-class", "gvisor", "--entry", "node"]);
    assert!(run.stdout.contains("runtimeClassName: gvisor"), "{run}");
}

#[test]
fn line_296_a_private_authority_is_mounted_read_only_and_granted() {
    let file = BOUNDARY.replace("\"./dist\"", "\"./dist\", \"/etc/orders/ca.pem\"")
        + "\n[env]\nset = { NODE_EXTRA_CA_CERTS = \"/etc/orders/ca.pem\" }\n";
    let playground = project().with("ringfence.toml", &file);
    let text = rendered(&playground, "kubernetes", "node");
    for line in [
        "mountPath: /etc/orders/ca.pem\n              readOnly: true",
        "- \"--allow-fs-read=/etc/orders/ca.pem\"",
        "name: NODE_EXTRA_CA_CERTS\n              value: /etc/orders/ca.pem",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let text = rendered(&playground, "compose", "node");
    assert!(
        text.contains("read_only: true\n        type: bind\n        source: /etc/orders/ca.pem")
    );
}

#[test]
fn line_323_to_336_an_image_is_built_frozen_without_scripts_and_without_network() {
    let playground = project();
    render(&playground, &["dockerfile"]);
    let file = out(&playground, "Dockerfile");
    let steps: Vec<&str> = file.lines().filter(|line| line.starts_with("RUN ")).collect();
    let at = |words: &str| steps.iter().position(|step| step.contains(words)).unwrap();
    let (fetch, build, prune) =
        (at("npm ci --ignore-scripts"), at("npm run build"), at("npm prune --omit=dev"));
    assert!(fetch < build && build < prune, "{steps:?}");
    for step in &steps[fetch + 1..] {
        assert!(step.starts_with("RUN --network=none "), "{step}");
    }
    let (_, image) = file.rsplit_once("\nFROM ").unwrap();
    assert!(image.starts_with("scratch\n"), "nothing is inherited: {image}");
    assert_eq!(playground.run(["drift", "out/Dockerfile"]).code, 0);
    for (from, to, code) in [
        ("npm ci --ignore-scripts", "npm ci", "scripts-at-install"),
        ("npm ci", "npm install", "unfrozen-install"),
        ("--network=none npm run build", "npm run build", "network-at-build"),
        ("FROM scratch", "FROM node:26.10.0-bookworm", "package-manager-in-image"),
    ] {
        let playground = project().with("Dockerfile", &file.replacen(from, to, 1));
        let run = playground.run(["drift", "Dockerfile"]);
        assert!(run.code == 1 && run.stdout.contains(code), "{code}: {run}");
    }
}

#[test]
fn line_416_what_is_deployed_names_the_boundary_it_was_made_from() {
    let hash = |playground: &Playground, target: &str| {
        let text = rendered(playground, target, "node");
        let (_, rest) = text.split_once("boundary sha256:").unwrap();
        let hash = rest[..64].to_owned();
        assert!(text.matches(&hash).count() >= 1, "{text}");
        (hash, text)
    };
    let playground = project();
    let (wanted, _) = hash(&playground, "systemd");
    for (target, carried) in [
        ("kubernetes", "ringfence/boundary: sha256:"),
        ("compose", "org.ringfence.boundary: sha256:"),
        ("dockerfile", "org.ringfence.boundary=\"sha256:"),
    ] {
        let (found, text) = hash(&playground, target);
        assert_eq!(found, wanted, "{target}");
        assert!(text.contains(&format!("{carried}{wanted}")), "{target}: {text}");
    }
    let other = project().with("ringfence.toml", &BOUNDARY.replace("5432", "5433"));
    assert_ne!(hash(&other, "kubernetes").0, wanted);
}
