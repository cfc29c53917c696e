//! `ringfence render kubernetes*` and `ringfence drift` on what they write.

use ringfence_tests::command::{Playground, binary, other};
use ringfence_tests::{not_run, workspace};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

/// Releases whose schemas the objects must fit: the oldest and the newest that are supported where
/// clusters are kept for long, and the one that the types are of.
const RELEASES: [&str; 4] = ["1.31", "1.34", "1.36", "1.37"];

const BOUNDARY: &str = "schema = 1\n
[service]\nname = \"orders\"\nstart = [\"node\", \"server.mjs\"]\nnode = \"26\"\n
[fs]\nread = [\"./\"]\nwrite = [\"/var/lib/orders\"]\n
[net]\nlisten = [\"0.0.0.0:8080\"]\nconnect = [\"api.internal:443\", \"10.1.0.0/16:5432\"]\n
[secrets.key]\nfrom = \"file:/run/sources/key\"\nas = \"file\"\nto = \"/run/secrets/key\"\n
[limits]\ntmp = \"16MiB\"\n";

fn playground() -> Playground {
    Playground::new().with("ringfence.toml", BOUNDARY)
}

/// The validator that `.ci/run` installs, else one on the search path.
fn validator() -> Option<PathBuf> {
    let own = workspace::root().join("target/kubernetes-validate/bin/kubernetes-validate");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("kubernetes-validate"));
    std::iter::once(own).chain(on_path).find(|program| program.is_file())
}

#[test]
fn what_is_written_for_a_cluster_fits_the_schemas_of_its_releases() {
    let Some(validator) = validator() else {
        return not_run("kubernetes-validate is not installed: pip install kubernetes-validate");
    };
    let playground = playground();
    for (target, entry) in
        [("kubernetes", "node"), ("kubernetes", "ringfence"), ("kubernetes-policy", "node")]
    {
        let run = playground.run(["render", target, "--entry", entry]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let file = playground.path().join("objects.yaml");
        fs::write(&file, &run.stdout).unwrap();
        for release in RELEASES {
            let output = other(&validator.to_string_lossy())
                .args(["--strict", "--kubernetes-version", release])
                .arg(&file)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{target} {entry} {release}: {said}");
        }
    }
    // The control: the same validator refuses a key that does not exist.
    let run = playground.run(["render", "kubernetes"]);
    let file = playground.path().join("wrong.yaml");
    fs::write(&file, run.stdout.replace("runAsNonRoot", "runAsNobody")).unwrap();
    let refused = other(&validator.to_string_lossy()).arg("--strict").arg(&file).output().unwrap();
    assert!(!refused.status.success());
}

#[test]
fn what_is_written_for_a_cluster_is_no_drift_and_a_weaker_pod_is() {
    let playground = playground();
    for target in ["kubernetes", "kubernetes-policy", "kubernetes-audit"] {
        let run = playground.run(["render", target]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        fs::write(playground.path().join("all.yaml"), &run.stdout).unwrap();
        let clean = playground.run(["drift", "all.yaml"]);
        assert_eq!(clean.code, 0, "{target}: {}{}", clean.stdout, clean.stderr);
    }
    let run = playground.run(["render", "kubernetes"]);
    let weaker =
        run.stdout.replace("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false");
    fs::write(playground.path().join("all.yaml"), weaker).unwrap();
    let told = playground.run(["drift", "all.yaml"]);
    assert_eq!(told.code, 1, "{}", told.stderr);
    assert!(told.stdout.contains("readOnlyRootFilesystem"), "{}", told.stdout);
}

#[test]
fn templates_and_files_of_others_are_told_as_what_they_are() {
    let chart = "kind: Pod\nmetadata:\n  name: orders\n{{- if .Values.a }}\nspec: 1\n{{- else }}\nspec: 2\n{{- end }}\n";
    let playground = playground()
        .with("chart.yaml", &format!("apiVersion: v1\n{chart}"))
        .with("other.yaml", "apiVersion: v1\nkind: Pod\nmetadata:\n  name: other\n")
        .with("twice.yaml", "apiVersion: v1\nkind: Pod\nkind: Pod\n");
    for (file, words) in
        [("chart.yaml", "template"), ("other.yaml", "orders"), ("twice.yaml", "twice.yaml:3")]
    {
        let run = playground.run(["drift", file]);
        assert_eq!(run.code, 2, "{file}: {}{}", run.stdout, run.stderr);
        assert!(run.stderr.contains(words), "{file}: {}", run.stderr);
    }
}

/// A program that needs all that the pod gives: a secret as a file and a place to write.
const COPIES: &str = "schema = 1\n
[service]\nname = \"orders\"\nstart = [\"/bin/cp\", \"/run/secrets/key\", \"/var/lib/orders/copy\"]\n
[fs]\nread = [\"./\"]\nwrite = [\"/var/lib/orders\"]\n
[secrets.key]\nfrom = \"file:/run/sources/key\"\nas = \"file\"\nto = \"/run/secrets/key\"\n
[require]\nlayers = [\"environment\", \"identity\", \"namespaces\", \"rlimits\", \"landlock\", \"seccomp\", \"broker\"]\n";

/// What of a rendered pod a bundle of runc can have: its user, its user namespace, its seccomp
/// profile, no capability, a read-only root, and `/proc` as the pod asks for it.
fn bundle(playground: &Playground, profile: &str, unmasked: bool) {
    let folder = playground.path();
    let mut mounts = vec![
        json!({"destination": "/proc", "type": "proc", "source": "proc"}),
        json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]}),
        json!({"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"]}),
        json!({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]}),
    ];
    let mut bind = |from: &Path, to: &str, access: &str| {
        mounts.push(json!({"destination": to, "type": "bind", "source": from, "options": ["rbind", access]}));
    };
    for system in ["/usr", "/bin", "/lib", "/lib64", "/etc"] {
        if Path::new(system).is_dir() {
            bind(Path::new(system), system, "ro");
        }
    }
    bind(binary(), "/ringfence", "ro");
    bind(&folder.join("ringfence.toml"), "/app/ringfence.toml", "ro");
    bind(&folder.join("sources"), "/run/sources", "ro");
    bind(&folder.join("written"), "/var/lib/orders", "rw");
    let hidden: &[&str] = if unmasked { &[] } else { &["/proc/kcore", "/proc/keys"] };
    let kinds = ["pid", "ipc", "uts", "mount", "network", "user"];
    let ids = json!([{"containerID": 0, "hostID": 0, "size": 65536}]);
    let seccomp: Value = serde_json::from_str(profile).unwrap();
    let config = json!({
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 10001, "gid": 10001},
            "args": ["/ringfence", "run", "--config", "/app/ringfence.toml"],
            "env": ["PATH=/usr/bin:/bin"], "cwd": "/", "noNewPrivileges": true, "capabilities": {},
        },
        "root": {"path": "rootfs", "readonly": true},
        "mounts": mounts,
        "linux": {
            "namespaces": kinds.map(|kind| json!({"type": kind})),
            "uidMappings": ids, "gidMappings": ids, "seccomp": seccomp,
            "maskedPaths": hidden, "readonlyPaths": [],
        },
    });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
}

#[test]
fn the_pod_that_asks_for_the_whole_boundary_holds_it_and_a_masked_proc_does_not() {
    let root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !root || other("runc").arg("--version").output().is_err() {
        return not_run("the settings of a pod need runc and root here");
    }
    let playground = Playground::new()
        .with("ringfence.toml", COPIES)
        .with("sources/key", "secret")
        .with("written/.kept", "")
        .with("rootfs/.kept", "");
    let folder = playground.path();
    // As the kubelet gives them: a secret to the group, a volume to the user.
    chown(folder.join("sources/key"), Some(0), Some(10001)).unwrap();
    fs::set_permissions(folder.join("sources/key"), fs::Permissions::from_mode(0o440)).unwrap();
    chown(folder.join("written"), Some(10001), Some(10001)).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let pod = playground.run(["render", "kubernetes", "--entry", "ringfence"]);
    for asked in ["hostUsers: false", "procMount: Unmasked", "runAsUser: 10001", "type: Localhost"]
    {
        assert!(pod.stdout.contains(asked), "{asked}: {}{}", pod.stdout, pod.stderr);
    }
    let profile = playground.run(["render", "seccomp", "--entry", "ringfence"]).stdout;
    for (unmasked, code) in [(true, 0), (false, 125)] {
        bundle(&playground, &profile, unmasked);
        let id = format!("ringfence-pod-{}-{unmasked}", std::process::id());
        let ended = other("runc").args(["run", "--bundle"]).arg(&folder).arg(&id).output().unwrap();
        let _ = other("runc").args(["delete", "--force", &id]).output();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{said}");
    }
    assert_eq!(fs::read_to_string(folder.join("written/copy")).unwrap(), "secret");
}
