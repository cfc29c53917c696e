//! Readers of lockfiles and of advisories.

use ringfence_deps::advisories::{Import, Index};
use ringfence_deps::evidence::Packument;
use ringfence_deps::npmrc::Npmrc;
use ringfence_deps::ranges;
use ringfence_deps::sbom::{Subject, cyclonedx, spdx};
use ringfence_deps::tarball::{self, Limits, Tarball};
use ringfence_project::graph::{Graph, GraphError, Integrity, Manifest, Target};
use ringfence_project::lockfile::NAMES;
use serde_json::Value;

/// An advisory, an index of them, an answer of a registry.
pub fn advisory(bytes: &[u8]) {
    assert!(ringfence_deps::advisories::fuzz_advisory(bytes), "{bytes:?}");
}

/// Attestations, keys, a trusted root, and what a registry said of a package: what is verified says where it
/// was built.
pub fn bundle(bytes: &[u8]) {
    assert!(ringfence_deps::provenance::fuzz_bundle(bytes), "{bytes:?}");
}

/// A lockfile, read by every reader: an error has a line of the text, every edge ends at a package, and
/// what was read has a bill that is JSON.
pub fn lockfile(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().count() + 1;
    let manifests =
        [Manifest { folder: "", text: r#"{"name": "a", "dependencies": {"a": "^1.0.0"}}"# }];
    for (name, _) in NAMES {
        match Graph::read(name, &text, &manifests) {
            Err(GraphError::Syntax { line, .. } | GraphError::Conflict { line }) => {
                assert!((1..=lines).contains(&line), "{name}: line {line} of {lines}");
            }
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(graph) => judge(&graph, lines),
        }
    }
}

fn judge(graph: &Graph, lines: usize) {
    assert!(!graph.packages.is_empty());
    for package in &graph.packages {
        assert!((1..=lines).contains(&package.line), "{package:?}");
        for edge in &package.edges {
            match edge.to {
                Some(Target::Package(id)) => assert!(!graph.package(id).name.is_empty()),
                Some(Target::Importer(id)) => assert!(graph.importer(id).folder.len() < 1 << 20),
                None => {}
            }
        }
    }
    let subject = Subject { name: "a", made: 0, omit_dev: false };
    for bill in [cyclonedx(graph, &subject), spdx(graph, &subject)] {
        assert!(serde_json::from_str::<serde_json::Value>(&bill).is_ok());
    }
}

/// A lockfile of one form, with a manifest beside it where the form needs one: it is read twice to the
/// same, and no package is in it that is nowhere in its text.
fn lock_of(file: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().count() + 1;
    let manifest = r#"{"name": "app", "dependencies": {"a": "^1.0.0"}, "workspaces": ["w"]}"#;
    for manifests in [&[][..], &[Manifest { folder: "", text: manifest }]] {
        let read = Graph::read(file, &text, manifests);
        assert_eq!(read, Graph::read(file, &text, manifests), "read twice");
        match read {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(graph) => judge(&graph, lines),
        }
    }
}

/// `bun.lock`
pub fn lock_bun(bytes: &[u8]) {
    lock_of("bun.lock", bytes);
}

/// `package-lock.json`
pub fn lock_npm(bytes: &[u8]) {
    lock_of("package-lock.json", bytes);
}

/// `pnpm-lock.yaml`
pub fn lock_pnpm(bytes: &[u8]) {
    lock_of("pnpm-lock.yaml", bytes);
}

/// `yarn.lock` of Yarn 2 and later: what is no such file is made one.
pub fn lock_yarn_berry(bytes: &[u8]) {
    lock_of("yarn.lock", &[b"__metadata:\n  version: 8\n\n", bytes].concat());
    lock_of("yarn.lock", bytes);
}

/// `yarn.lock` of Yarn 1.
pub fn lock_yarn_classic(bytes: &[u8]) {
    lock_of("yarn.lock", bytes);
}

/// A `package.json` beside a lockfile that needs it: an error has a line of it.
pub fn manifest(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lock = "# yarn lockfile v1\n\na@^1.0.0:\n  version \"1.0.0\"\n  resolved \"x\"\n";
    match Graph::read("yarn.lock", lock, &[Manifest { folder: "", text: &text }]) {
        Ok(graph) => assert_eq!(graph.packages.len(), 1),
        Err(GraphError::Manifest { line, .. }) => {
            assert!((1..=text.lines().count() + 1).contains(&line), "line {line}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A configuration of npm: no registry is known that could not be asked, and no password is shown.
pub fn npmrc(bytes: &[u8]) {
    let name = format!("ringfence-fuzz-{}-{:?}", std::process::id(), std::thread::current().id());
    let path = std::env::temp_dir().join(name);
    if std::fs::write(&path, bytes).is_err() {
        return;
    }
    let named = |key: &str| (key.to_owned(), path.display().to_string());
    let variables = [named("npm_config_userconfig"), named("npm_config_globalconfig")].into();
    let read = Npmrc::read(std::path::Path::new("/nonexistent"), &variables);
    let _ = std::fs::remove_file(&path);
    if let Ok(config) = read {
        for package in ["a", "@s/a"] {
            let registry = config.registry(package);
            assert!(registry.is_none_or(|url| !url.ends_with('/')), "{registry:?}");
        }
        let _ = config.authorization("https://registry.example/a");
    }
}

/// Documents of OSV: an index of them answers as they do themselves, whatever order they came in.
pub fn osv(bytes: &[u8]) {
    let mut import = Import::default();
    if import.read_json("fuzz.json", bytes).is_err() {
        return;
    }
    let (text, imported) = import.into_index();
    let index = Index::parse(text.into_bytes()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((index.packages(), index.entries()), (imported.packages, imported.entries));
    let Ok(Value::Array(documents)) = serde_json::from_slice(bytes) else { return };
    let names = documents.iter().filter_map(|one| one["affected"].as_array()).flatten();
    let names = names.filter_map(|one| one["package"]["name"].as_str());
    for name in names {
        let known = index.of(name).unwrap_or_else(|error| panic!("{error}"));
        for advisory in known {
            let is_there = documents.iter().any(|one| one["id"].as_str() == Some(&*advisory.id));
            assert!(is_there, "{} is of no document", advisory.id);
        }
    }
}

/// What a registry says of a package.
pub fn packument(bytes: &[u8]) {
    if let Ok(read) = Packument::read(bytes) {
        for number in read.versions.keys().map(String::as_str).chain(["1.0.0", ""]) {
            let _ = read.facts(number);
        }
    }
}

/// Ranges and versions, a line each: nothing but a version is in a range.
pub fn ranges(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (range, found) = text.split_once('\n').unwrap_or((&text, "1.0.0"));
    if ranges::satisfies(range, found).is_some() {
        assert!(ranges::version(found).is_some(), "{found:?}");
    }
}

/// Hashes of Subresource Integrity: written again they mean the same, and no bytes have a hash that is
/// none.
pub fn sri(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let integrity = Integrity::parse(&text);
    let again = Integrity::parse(&integrity.to_string());
    assert_eq!(integrity, again);
    assert_eq!(integrity.is_empty(), integrity.strongest().is_none());
    if integrity.is_empty() {
        assert!(tarball::check(bytes, &integrity).is_err());
    } else {
        assert_eq!(integrity.agrees(&again), Some(true));
    }
}

/// A tarball of npm: within its bounds, and no file outside the package.
pub fn tarball(bytes: &[u8]) {
    let limits = Limits { packed: 1 << 20, bytes: 1 << 22, entries: 100, ratio: 100 };
    let Ok(read) = Tarball::read(bytes, limits) else { return };
    assert!(read.files.len() <= limits.entries);
    assert!(read.files.iter().map(|one| one.size).sum::<u64>() <= 1 << 24);
    for file in &read.files {
        let inside = file.path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        assert!(inside && !file.path.contains('\0'), "{:?}", file.path);
    }
    let _ = read.facts(true);
}
