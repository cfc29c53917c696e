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

/// Refuses manifests that ask for what is not in a lockfile which has to have it. What a workspace may be
/// is left alone: which there are is known only where each was named or is in a folder of them.
pub(super) fn refuse_missing(
    manifests: &[Manifest<'_>],
    importers: &[Importer],
) -> Result<(), GraphError> {
    let root = manifests.iter().find(|manifest| manifest.folder.is_empty());
    let root = root.and_then(|root| json::parse(root.text).ok());
    let key = |name: &str| root.as_ref().and_then(|root| root.value.key(name));
    let listed = key("workspaces").map(|all| all.value.key("packages").unwrap_or(all));
    let patterns = listed.map(|all| all.value.items()).unwrap_or_default();
    let is_plain = |pattern: &str| !pattern.trim_end_matches("/*").contains(['*', '!', '{', '?']);
    if !patterns.iter().all(|one| one.value.as_str().is_some_and(is_plain)) {
        return Ok(());
    }
    let resolutions = key("resolutions").map(|all| all.value.entries()).unwrap_or_default();
    let is_own = |name: &str| importers.iter().any(|one| one.name.as_deref() == Some(name));
    for (manifest, importer) in manifests.iter().zip(importers) {
        let is_elsewhere = |edge: &Edge| {
            matches!(edge.kind, EdgeKind::Peer | EdgeKind::PeerOptional)
                || edge.range.starts_with("link:")
                || is_own(&edge.name)
                || resolutions.iter().any(|(path, _)| path.contains(&edge.name))
        };
        let missing = |edge: &&Edge| edge.to.is_none() && !is_elsewhere(edge);
        if let Some(edge) = importer.edges.iter().find(missing) {
            let label = format!("{}@{}", edge.name, edge.range);
            let message = format!(
                "{} is asked for and not in the lockfile: half a file, or not installed since",
                ringfence_policy::display::quoted(&label)
            );
            let line = line_of(manifest.text, &edge.name);
            return Err(GraphError::Manifest { folder: manifest.folder.to_owned(), line, message });
        }
    }
    Ok(())
}

/// The line on which a dependency stands.
fn line_of(text: &str, name: &str) -> usize {
    let root = json::parse(text).ok();
    let found = |root: &json::Placed<Json>| {
        let all = KEYS.iter().filter_map(|(key, _)| root.value.key(key));
        all.filter_map(|one| one.value.key(name)).map(|one| one.line).next()
    };
    root.as_ref().and_then(found).unwrap_or(1)
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
            edges.push(Edge { name: name.to_string(), range: range.to_owned(), kind, to });
        }
    }
    Ok(Importer {
        folder: manifest.folder.to_owned(),
        name: text("name"),
        version: text("version"),
        edges,
    })
}
