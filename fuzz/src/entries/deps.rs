//! Readers of lockfiles and of advisories.

use ringfence_deps::sbom::{Subject, cyclonedx, spdx};
use ringfence_project::graph::{Graph, GraphError, Manifest, Target};
use ringfence_project::lockfile::NAMES;

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
