//! What manifests ask for, for lockfiles that do not repeat it.

use super::entry::text_of;
use super::{Edge, EdgeKind, GraphError, Importer, Manifest, Target};
use crate::json::{self, Json};
use std::collections::HashSet;

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
                || resolutions.iter().any(|(path, _)| is_about(path, &edge.name))
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

/// Whether a path of `resolutions` ends with a name, or with a pattern that may be of any.
fn is_about(path: &str, name: &str) -> bool {
    let before = path.strip_suffix(name);
    path.ends_with('*') || before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
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
    let mut edges: Vec<Edge> = Vec::new();
    let mut optional = HashSet::new();
    for (key, kind) in KEYS {
        for (name, range) in root.value.key(key).map(|all| all.value.entries()).unwrap_or_default()
        {
            let Some(text) = range.value.as_str() else {
                let kind = range.value.kind();
                return Err(refused(range.line, format!("a string is expected, not {kind}")));
            };
            match kind {
                EdgeKind::Optional => drop(optional.insert(name)),
                EdgeKind::Production if optional.contains(name) => continue,
                _ => {}
            }
            let to = find(manifest.folder, name, text);
            edges.push(Edge { name: name.to_string(), range: text.to_owned(), kind, to });
        }
    }
    Ok(Importer {
        folder: manifest.folder.to_owned(),
        name: text_of(&root.value, "name"),
        version: text_of(&root.value, "version"),
        edges,
    })
}

#[cfg(test)]
mod tests {
    use super::is_about;

    #[test]
    fn a_resolution_is_about_the_name_at_its_end() {
        for (path, is) in [
            ("react", true),
            ("**/react", true),
            ("a/react", true),
            ("a/**", true),
            ("react-dom", false),
            ("react/b", false),
            ("@s/preact", false),
        ] {
            assert_eq!(is_about(path, "react"), is, "{path}");
        }
    }
}
