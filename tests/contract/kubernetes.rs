//! `ringfence render kubernetes*` and `ringfence drift` on what they write.

use ringfence_tests::command::{Playground, other};
use ringfence_tests::{not_run, workspace};
use std::fs;
use std::path::PathBuf;

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
    let refused = other(&validator.to_string_lossy()).arg("--strict").arg(&file).status().unwrap();
    assert!(!refused.success());
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
