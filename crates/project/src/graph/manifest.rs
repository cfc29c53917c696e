//! What manifests ask for, for lockfiles that do not repeat it.

use super::{Edge, EdgeKind, GraphError, Importer, Manifest, Target};
use crate::json::{self, Json};

/// The keys of a manifest and what they mean. What stands under `optionalDependencies` too is no
/// other dependency, so that key comes first.
const KEYS: [(&str, EdgeKind); 4] = [
    ("optionalDependencies", EdgeKind::Optional),
    ("dependencies", EdgeKind::Production),
    ("devDependencies", EdgeKind::Dev),
    ("peerDependencies", EdgeKind::Peer),
];

/// Importers of these manifests, each edge led to what `find` knows for (folder, name, range).
pub(super) fn importers(
    manifests: &[Manifest<'_>],
    find: impl Fn(&str, &str, &str) -> Option<Target>,
) -> Result<Vec<Importer>, GraphError> {
    manifests.iter().map(|manifest| importer(manifest, &find)).collect()
}

fn importer(
    manifest: &Manifest<'_>,
    find: &impl Fn(&str, &str, &str) -> Option<Target>,
) -> Result<Importer, GraphError> {
    let refused = |line: usize, message: String| GraphError::Manifest {
        folder: manifest.folder.to_owned(),
        line,
        message,
    };
    let root = json::parse(manifest.text).map_err(|error| refused(error.line, error.message))?;
    if !matches!(root.value, Json::Object(_)) {
        return Err(refused(root.line, "an object is expected".to_owned()));
    }
    let text =
        |key: &str| root.value.key(key).and_then(|placed| placed.value.as_str()).map(str::to_owned);
    let mut edges: Vec<Edge> = Vec::new();
    for (key, kind) in KEYS {
        let entries = root.value.key(key).map(|placed| placed.value.entries());
        for (name, range) in entries.unwrap_or_default() {
            let Some(range) = range.value.as_str() else { continue };
            let known =
                edges.iter().any(|edge| edge.name == *name && edge.kind == EdgeKind::Optional);
            if kind == EdgeKind::Production && known {
                continue;
            }
            let to = find(manifest.folder, name, range);
            edges.push(Edge { name: name.to_owned(), range: range.to_owned(), kind, to });
        }
    }
    Ok(Importer {
        folder: manifest.folder.to_owned(),
        name: text("name"),
        version: text("version"),
        edges,
    })
}
