//! What is written for the example and for a boundary with everything in it.

use super::*;
use ringfence_policy::model::Boundary;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn boundary(path: &Path) -> Boundary {
    let text = std::fs::read_to_string(path).unwrap();
    ringfence_policy::parse("ringfence.toml", &text).unwrap()
}

/// The text of both files for a folder.
fn written(boundary: &Boundary, folder: &Path, entry: Option<Entry>) -> String {
    let mut order = Order::new(boundary, "0123abcd", "ringfence.toml", folder);
    order.entry = entry;
    let rendered = render(&order).unwrap();
    let files = rendered.files.iter();
    files.map(|(path, text)| format!("==> {}\n{text}", path.display())).collect::<Vec<_>>().concat()
}

#[test]
fn the_example_in_a_dockerfile() {
    let folder = root().join("examples/orders");
    let boundary = boundary(&folder.join("ringfence.toml"));
    insta::assert_snapshot!("orders", written(&boundary, &folder, None));
    insta::assert_snapshot!("orders-node", written(&boundary, &folder, Some(Entry::Node)));
}

#[test]
fn a_boundary_with_everything_in_a_dockerfile() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("package.json"),
        r#"{"packageManager": "pnpm@9.1.0+sha512.x", "scripts": {"build": "tsc"}}"#,
    )
    .unwrap();
    std::fs::write(folder.path().join("pnpm-lock.yaml"), "lockfileVersion: '9.0'\n").unwrap();
    for file in ["tsconfig.json", ".env", "tls.key", "src.ts"] {
        std::fs::write(folder.path().join(file), "").unwrap();
    }
    let boundary = boundary(&root().join("crates/deploy/testdata/full.toml"));
    insta::assert_snapshot!("full", written(&boundary, folder.path(), None));
    insta::assert_snapshot!("full-node", written(&boundary, folder.path(), Some(Entry::Node)));
}

#[test]
fn each_package_manager_installs_what_its_lockfile_names_and_runs_nothing() {
    let boundary = boundary(&root().join("crates/deploy/testdata/full.toml"));
    for (lockfile, text, frozen) in [
        ("package-lock.json", r#"{"lockfileVersion": 3, "packages": {}}"#, "npm ci"),
        ("pnpm-lock.yaml", "lockfileVersion: '6.0'", "pnpm install --frozen-lockfile"),
        ("yarn.lock", "# yarn lockfile v1", "yarn install --frozen-lockfile"),
        ("yarn.lock", "__metadata:\n  version: 8", "yarn install --immutable --mode=skip-build"),
        ("bun.lock", "{}", "bun install --frozen-lockfile"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(lockfile), text).unwrap();
        let written = written(&boundary, folder.path(), None);
        let line = written
            .lines()
            .find(|line| line.contains(frozen))
            .unwrap_or_else(|| panic!("{frozen}: {written}"));
        assert!(line.contains("--ignore-scripts") || line.contains("skip-build"), "{line}");
        let file = ringfence_project::dockerfile::parse(
            written.replace("==> Dockerfile", "").split("==> .dockerignore").next().unwrap(),
        )
        .unwrap();
        assert_eq!(file.stages.last().unwrap().base.written, "scratch");
    }
}

#[test]
fn a_path_that_a_dockerfile_cannot_say_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let text = "schema = 1\n[service]\nname = \"a\"\nstart = [\"node\", \"a.js\"]\n[fs]\n\
                read = [\"./a b\"]\n";
    let boundary = ringfence_policy::parse("r.toml", text).unwrap();
    let order = Order::new(&boundary, "0", "r.toml", folder.path());
    assert!(matches!(render(&order), Err(RenderError::Impossible { .. })));
}

#[test]
fn workspaces_are_installed_from_their_own_package_json() {
    let folder = tempfile::tempdir().unwrap();
    for workspace in ["packages/a", "packages/b", "tools", "packages/c d"] {
        std::fs::create_dir_all(folder.path().join(workspace)).unwrap();
        std::fs::write(folder.path().join(workspace).join("package.json"), "{}").unwrap();
    }
    let package = r#"{"workspaces": ["packages/*", "./tools", "../outside", "missing"]}"#;
    std::fs::write(folder.path().join("package.json"), package).unwrap();
    let boundary = boundary(&root().join("examples/orders/ringfence.toml"));
    let written = written(&boundary, folder.path(), None);
    let copied: Vec<&str> =
        written.lines().filter(|line| line.starts_with("COPY") && line.ends_with('/')).collect();
    assert!(copied.contains(&"COPY packages/a/package.json packages/a/"), "{copied:?}");
    assert!(copied.contains(&"COPY tools/package.json tools/"), "{copied:?}");
    assert!(!written.contains("outside") && !written.contains("c d"), "{written}");
    assert!(written.contains("!packages/b/package.json"), "{written}");
}

#[test]
fn what_looks_like_a_secret_is_never_copied_and_is_noted_also_where_it_is_not_an_image() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key.pem"), "-----BEGIN PRIVATE KEY-----").unwrap();
    std::fs::write(folder.path().join("ca.pem"), "-----BEGIN CERTIFICATE-----").unwrap();
    std::fs::write(folder.path().join(".env"), "A=1").unwrap();
    let text = "schema = 1\n[service]\nname = \"a\"\nstart = [\"node\", \"a.js\"]\n[fs]\nread = [\"./src\", \
                \"./.env\", \"./certs/tls.key\", \".npmrc\", \"./key.pem\", \"./ca.pem\", \"./.env.example\", \
                \"/etc/a/.netrc\"]\n";
    let boundary = ringfence_policy::parse("r.toml", text).unwrap();
    let order = Order::new(&boundary, "0", "r.toml", folder.path());
    let written = written(&boundary, folder.path(), None);
    let copied: Vec<&str> = written
        .lines()
        .filter_map(|line| line.strip_prefix("COPY ")?.split_once(" /app/"))
        .map(|(path, _)| path)
        .filter(|path| !path.starts_with("--from"))
        .collect();
    assert_eq!(copied, [".env.example", "ca.pem", "src", "ringfence.toml"], "{written}");
    assert!(written.ends_with("!.env.example\n"), "{written}");
    assert!(!written.lines().any(|line| line == "!.env" || line == "!.npmrc"), "{written}");
    let secret = |target| -> Vec<String> {
        let notes = super::super::render(target, &order).unwrap().notes;
        let notes = notes.into_iter().filter(|note| note.carried.contains("looks like a secret"));
        notes.map(|note| note.grant).collect()
    };
    let below = ["./.env", "./certs/tls.key", ".npmrc", "./key.pem"];
    let below = below.map(|path| format!("fs.read \"{path}\"")).to_vec();
    assert_eq!(secret(Target::Dockerfile), below);
    let all: Vec<String> =
        below.iter().cloned().chain(["fs.read \"/etc/a/.netrc\"".to_owned()]).collect();
    assert_eq!(secret(Target::Compose), all);
    assert_eq!(secret(Target::Kubernetes), all);
}

#[test]
fn a_folder_that_docker_would_read_otherwise_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for cwd in ["./a\\\\", "./a$B", "./a'b"] {
        let text = format!(
            "schema = 1\n[service]\nname = \"a\"\nstart = [\"node\", \"a.mjs\"]\ncwd = \"{cwd}\"\n[fs]\nread = [\"./\"]\n"
        );
        let Ok(boundary) = ringfence_policy::parse("ringfence.toml", &text) else { continue };
        let order = Order::new(&boundary, "0", "ringfence.toml", folder.path());
        assert!(super::render(&order).is_err(), "{cwd}");
    }
}
