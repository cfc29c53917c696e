//! `bun.lock`: JSON with trailing commas, packages by the path of names that leads to each copy.

use super::entry::{Entries, expected_text, is_true, object, ranges, split_at, text_of, words};
use super::{
    Edge, EdgeKind, Format, GraphError, Importer, ImporterId, Integrity, Package, PackageId, Read,
    Source, Target,
};
use crate::json::{self, Placed, Value};
use std::collections::HashMap;

/// Where a path of names leads.
type Places<'a> = HashMap<&'a str, Target>;

/// The keys of dependencies, and what they mean.
const KINDS: [(&str, EdgeKind); 4] = [
    ("dependencies", EdgeKind::Production),
    ("devDependencies", EdgeKind::Dev),
    ("optionalDependencies", EdgeKind::Optional),
    ("peerDependencies", EdgeKind::Peer),
];

pub(super) fn read(text: &str) -> Result<Read, GraphError> {
    let root = json::borrowed_with_trailing_commas(text)?;
    let version = root.value.key("lockfileVersion");
    let number = match version.map(|version| &version.value) {
        Some(Value::Number(number)) if matches!(number.as_ref(), "0" | "1" | "2") => number,
        Some(Value::Number(other)) => {
            let line = version.map_or(1, |version| version.line);
            return Err(GraphError::UnknownVersion { line, version: other.to_string() });
        }
        _ => return Err(GraphError::on(root.line, "lockfileVersion is missing")),
    };
    let format = Format::Bun(number.parse().unwrap_or_default());
    let workspaces = object(root.value.key("workspaces"))?.unwrap_or_default();
    let entries = object(root.value.key("packages"))?.ok_or_else(|| GraphError::empty(text))?;
    let patches = object(root.value.key("patchedDependencies"))?.unwrap_or_default();
    let patches: HashMap<&str, _> = patches.iter().map(|(key, one)| (key.as_ref(), one)).collect();
    let places = places(workspaces, entries)?;
    let importers = workspaces
        .iter()
        .map(|(folder, workspace)| importer(folder, &workspace.value, &places))
        .collect::<Result<_, _>>()?;
    let mut packages = Vec::new();
    for (key, entry) in entries {
        let resolved = resolution(entry)?;
        if !is_local(resolved.1) {
            let mut package = package(key, resolved, entry, &places)?;
            let patch = patches.get(package.label().as_str());
            package.patch = patch.and_then(|path| path.value.as_str()).map(str::to_owned);
            packages.push(package);
        }
    }
    Ok((format, importers, packages))
}

/// A workspace, or the project itself.
fn is_local(version: &str) -> bool {
    version.starts_with("workspace:") || version.starts_with("root:")
}

fn places<'a>(
    workspaces: &'a Entries<'_>,
    entries: &'a Entries<'_>,
) -> Result<Places<'a>, GraphError> {
    let mut places = Places::new();
    let folders: HashMap<&str, ImporterId> =
        workspaces.iter().map(|(folder, _)| folder.as_ref()).zip((0..).map(ImporterId)).collect();
    let mut packages = (0..).map(PackageId);
    for (key, entry) in entries {
        GraphError::refuse_long(entry.line, key)?;
        let (_, version) = resolution(entry)?;
        let target = match version.split_once(':') {
            Some(("workspace", folder)) => folders.get(folder).copied().map(Target::Importer),
            Some(("root", _)) => folders.get("").copied().map(Target::Importer),
            _ => packages.next().map(Target::Package),
        };
        places.extend(target.map(|target| (key.as_ref(), target)));
    }
    Ok(places)
}

/// Name and version, or address, of an entry's first text.
fn resolution<'a>(entry: &'a Placed<Value<'_>>) -> Result<(&'a str, &'a str), GraphError> {
    let Some(first) = entry.value.items().first() else {
        return Err(GraphError::on(entry.line, "a list with a name and version is expected"));
    };
    let text = first.value.as_str().ok_or_else(|| expected_text(first))?;
    split_at(text).ok_or_else(|| GraphError::on(first.line, "a name and version are expected"))
}

fn importer(folder: &str, entry: &Value<'_>, places: &Places<'_>) -> Result<Importer, GraphError> {
    let name = text_of(entry, "name");
    // What the project itself asks for lies at the top, whatever it is called.
    let path = if folder.is_empty() { "" } else { name.as_deref().unwrap_or_default() };
    let edges = edges(path, entry, places)?;
    Ok(Importer { folder: folder.to_owned(), name, version: text_of(entry, "version"), edges })
}

fn package(
    key: &str,
    (name, version): (&str, &str),
    entry: &Placed<Value<'_>>,
    places: &Places<'_>,
) -> Result<Package, GraphError> {
    let items = entry.value.items();
    let text = |at: usize| items.get(at).and_then(|item| item.value.as_str()).unwrap_or_default();
    let mut package = Package::new(key, name, entry.line);
    let installed = names(key).last().unwrap_or(key);
    package.alias = (installed != name).then(|| installed.to_owned());
    let empty = Value::Object(Vec::new());
    let info = items.iter().find(|item| matches!(item.value, Value::Object(_)));
    let info = info.map_or(&empty, |item| &item.value);
    let is_address = version.contains(':') || version.contains('/');
    if is_address {
        package.source = Source::of_address(version, name, None);
    } else {
        package.version = Some(version.to_owned());
        let registry = text(1);
        package.source = match registry {
            "" => Source::Registry { url: None },
            address => Source::of_address(address, name, Some(version)),
        };
    }
    let hash = items.iter().skip(1).filter_map(|item| item.value.as_str());
    let hash = hash.map(Integrity::parse).find(|hash| !hash.is_empty());
    package.integrity = hash.unwrap_or_default();
    package.bundled = is_true(info, "bundled");
    package.edges = edges(key, info, places)?;
    // Bun writes it from version 2 of the file on, where it is so: what is not there says nothing.
    let runs = info.key("hasInstallScript");
    package.install_script =
        runs.is_some_and(|one| one.value == Value::Boolean(true)).then_some(true);
    // `none` is for systems alone that Bun has no name for.
    package.os = words(info, "os");
    package.cpu = words(info, "cpu");
    package.libc = words(info, "libc");
    Ok(package)
}

fn edges(from: &str, entry: &Value<'_>, places: &Places<'_>) -> Result<Vec<Edge>, GraphError> {
    let optional = words(entry, "optionalPeers");
    let mut edges = Vec::new();
    for (key, kind) in KINDS {
        for (name, range) in ranges(entry, key)? {
            let may_miss = kind == EdgeKind::Peer && optional.iter().any(|other| other == name);
            let kind = if may_miss { EdgeKind::PeerOptional } else { kind };
            let to = lookup(from, name, places);
            edges.push(Edge { name: name.to_owned(), range: range.to_owned(), kind, to });
        }
    }
    Ok(edges)
}

/// The names of a path; a scope and its slash belong to a name.
fn names(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = path;
    std::iter::from_fn(move || {
        let skip = if rest.starts_with('@') { rest.find('/').map_or(0, |at| at + 1) } else { 0 };
        let end = rest[skip..].find('/').map_or(rest.len(), |at| at + skip);
        let (name, after) = rest.split_at(end);
        rest = after.strip_prefix('/').unwrap_or(after);
        (!name.is_empty()).then_some(name)
    })
}

/// A copy below the asking one, then below each of those that lead to it.
fn lookup(from: &str, name: &str, places: &Places<'_>) -> Option<Target> {
    let path: Vec<&str> = names(from).collect();
    (0..=path.len()).rev().find_map(|length| {
        let mut key = path[..length].join("/");
        if length > 0 {
            key.push('/');
        }
        key.push_str(name);
        places.get(key.as_str()).copied()
    })
}

#[cfg(test)]
mod tests {
    use crate::graph::{Format, Graph, Need, Source, Target};

    const TEXT: &str = r#"{
  "lockfileVersion": 1,
  "workspaces": {
    "": {"name": "app", "dependencies": {"a": "^1.0.0", "w": "workspace:*"}, "devDependencies": {"@s/d": "1"},},
    "packages/w": {"name": "w", "version": "0.1.0", "dependencies": {"a": "^2.0.0", "g": "github:o/g"}},
  },
  "patchedDependencies": {"a@1.0.0": "patches/a.patch"},
  "packages": {
    "a": ["a@1.0.0", "", {"dependencies": {"b": "1"}, "os": "linux", "bin": {"a": "x"}, "hasInstallScript": true}, "sha512-x"],
    "b": ["b@1.0.0", "https://registry.example/b/-/b-1.0.0.tgz", {}, "sha512-y"],
    "@s/d": ["@s/d@1.0.0", "", {"dependencies": {"b": "2"}}, "sha512-z"],
    "w": ["w@workspace:packages/w"],
    "g": ["g@github:o/g#0123456789abcdef0123456789abcdef01234567", {}, "o-g-0123456"],
    "w/a": ["real@2.0.0", "", {}, "sha512-w"],
    "@s/d/b": ["b@2.0.0", "", {}, "sha512-v"],
  }
}"#;

    #[test]
    fn what_bun_1_4_writes_is_read_and_what_nobody_writes_yet_is_not() {
        let of = |version: &str| {
            let text = TEXT.replace("\"lockfileVersion\": 1", version);
            Graph::read("bun.lock", &text, &[]).map(|graph| graph.format)
        };
        assert_eq!(of("\"lockfileVersion\": 2").unwrap(), Format::Bun(2));
        assert!(of("\"lockfileVersion\": 3").is_err());
    }

    #[test]
    fn a_project_that_is_called_like_a_package_asks_for_what_lies_at_the_top() {
        let text = r#"{"lockfileVersion": 1, "workspaces": {"": {"name": "a", "dependencies": {"b": "1"}}},
            "packages": {"a/b": ["b@2.0.0", "", {}, "sha512-x"], "b": ["b@1.0.0", "", {}, "sha512-y"]}}"#;
        let graph = Graph::read("bun.lock", text, &[]).unwrap();
        let Some(Target::Package(id)) = graph.importers[0].edges[0].to else { panic!("no end") };
        assert_eq!(graph.package(id).label(), "b@1.0.0");
    }

    #[test]
    fn copies_are_found_along_the_path_of_names() {
        let graph = Graph::read("bun.lock", TEXT, &[]).unwrap();
        assert_eq!((graph.format, graph.packages.len()), (Format::Bun(1), 6));
        let end = |target: Option<Target>| match target {
            Some(Target::Package(id)) => graph.package(id).key.clone(),
            Some(Target::Importer(id)) => graph.importer(id).folder.clone(),
            None => "nothing".to_owned(),
        };
        let ends = |edges: &[crate::graph::Edge]| {
            edges.iter().map(|edge| end(edge.to)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(ends(&graph.importers[0].edges), "a packages/w @s/d");
        assert_eq!(ends(&graph.importers[1].edges), "w/a g");
        assert_eq!(ends(&graph.packages[2].edges), "@s/d/b");
        let a = &graph.packages[0];
        assert_eq!((a.patch.as_deref(), a.line, a.os.len()), (Some("patches/a.patch"), 9, 1));
        assert_eq!(a.install_script, Some(true));
        assert_eq!(graph.packages[1].install_script, None, "what is not said is not known");
        assert_eq!(graph.packages[4].alias.as_deref(), Some("a"));
        assert_eq!(graph.packages[5].need, Need::Dev);
        assert!(matches!(&graph.packages[3].source, Source::Git { commit: Some(_), .. }));
    }
}
