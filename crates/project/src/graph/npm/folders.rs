//! Versions 2 and 3: every copy by its folder.

use super::resolved;
use crate::graph::entry::{Entries, is_true, object, ranges, string, text_of, words};
use crate::graph::{
    Edge, EdgeKind, GraphError, Importer, ImporterId, Integrity, Package, PackageId, Source, Target,
};
use crate::json::{Placed, Value};
use std::collections::{HashMap, HashSet};

/// Where the folders of the file lead.
#[derive(Default)]
pub(super) struct Places<'a> {
    targets: HashMap<&'a str, Target>,
    /// Folders with a `node_modules` of their own: only there is anything to be found.
    above: HashSet<&'a str>,
}

impl<'a> Places<'a> {
    pub(super) fn insert(&mut self, folder: &'a str, target: Target) {
        if let Some((above, _)) = folder.rsplit_once("node_modules/") {
            self.above.insert(above.strip_suffix('/').unwrap_or(above));
        }
        self.targets.insert(folder, target);
    }
}

pub(super) fn read(entries: &Entries<'_>) -> Result<(Vec<Importer>, Vec<Package>), GraphError> {
    let places = places(entries)?;
    let mut importers = Vec::new();
    let mut packages = Vec::new();
    for (folder, entry) in entries.iter().filter(|(_, entry)| !is_true(&entry.value, "link")) {
        if is_importer(folder) {
            importers.push(importer(folder, &entry.value, &places)?);
        } else {
            packages.push(package(folder, entry, &places)?);
        }
    }
    Ok((importers, packages))
}

/// Where each folder leads, counted in the order of the file.
fn places<'a>(entries: &'a Entries<'_>) -> Result<Places<'a>, GraphError> {
    let mut places = Places::default();
    let (mut importers, mut packages) = ((0..).map(ImporterId), (0..).map(PackageId));
    for (folder, entry) in entries {
        object(Some(entry))?;
        GraphError::refuse_long(entry.line, folder)?;
        if is_true(&entry.value, "link") {
            continue;
        }
        let next = if is_importer(folder) {
            importers.next().map(Target::Importer)
        } else {
            packages.next().map(Target::Package)
        };
        if let Some(next) = next {
            places.insert(folder, next);
        }
    }
    // A link stands for the folder it leads to, once that is known.
    for (folder, entry) in entries.iter().filter(|(_, entry)| is_true(&entry.value, "link")) {
        let Some(to) = resolved(&entry.value)? else {
            return Err(GraphError::on(entry.line, "a link that leads nowhere"));
        };
        let Some(target) = places.targets.get(to.as_str()).copied() else {
            let to = ringfence_policy::display::quoted(&to);
            return Err(GraphError::on(
                entry.line,
                format!("a link to {to}, which is not in the file"),
            ));
        };
        places.insert(folder, target);
    }
    Ok(places)
}

/// The project, and folders outside `node_modules` that something links to: not fetched.
fn is_importer(folder: &str) -> bool {
    !(folder.starts_with("node_modules/") || folder.contains("/node_modules/"))
}

fn importer(folder: &str, entry: &Value<'_>, places: &Places<'_>) -> Result<Importer, GraphError> {
    let edges = edges(folder, entry, places)?;
    let (name, version) = (string(entry, "name")?, string(entry, "version")?);
    Ok(Importer { folder: folder.to_owned(), name, version, edges })
}

fn package(
    folder: &str,
    written: &Placed<Value<'_>>,
    places: &Places<'_>,
) -> Result<Package, GraphError> {
    let entry = &written.value;
    let installed = folder.rsplit_once("node_modules/").map_or(folder, |(_, name)| name);
    let own = string(entry, "name")?;
    let name = own.as_deref().unwrap_or(installed);
    let mut package = Package::new(folder, name, written.line);
    package.edges = edges(folder, entry, places)?;
    package.alias = (name != installed).then(|| installed.to_owned());
    package.version = string(entry, "version")?;
    package.source = match resolved(entry)? {
        Some(address) => Source::of_address(&address, name, package.version.as_deref()),
        None => Source::Registry { url: None },
    };
    package.integrity = Integrity::parse(&string(entry, "integrity")?.unwrap_or_default());
    package.install_script = Some(is_true(entry, "hasInstallScript"));
    // With a hash or an address npm fetches it by itself, whoever bundles it: nothing came with another.
    let came_along = package.integrity.is_empty() && resolved(entry)?.is_none();
    package.bundled = came_along && is_true(entry, "inBundle");
    package.licence = entry.key("license").and_then(|placed| licence(&placed.value));
    package.deprecated = text_of(entry, "deprecated");
    package.os = words(entry, "os");
    package.cpu = words(entry, "cpu");
    package.libc = words(entry, "libc");
    package.node = entry.key("engines").and_then(|placed| text_of(&placed.value, "node"));
    Ok(package)
}

fn edges(folder: &str, entry: &Value<'_>, places: &Places<'_>) -> Result<Vec<Edge>, GraphError> {
    let optional = ranges(entry, "optionalDependencies")?;
    let also: HashSet<&str> = optional.iter().map(|(name, _)| *name).collect();
    let meta = entry.key("peerDependenciesMeta").map(|meta| meta.value.entries());
    let may_miss: HashSet<&str> = meta
        .unwrap_or_default()
        .iter()
        .filter(|(_, meta)| is_true(&meta.value, "optional"))
        .map(|(name, _)| name.as_ref())
        .collect();
    let searched = searched(folder, places);
    let mut edges = Vec::new();
    let mut add = |name: &str, range: &str, kind: EdgeKind| {
        let to = lookup(&searched, name, places);
        edges.push(Edge { name: name.to_owned(), range: range.to_owned(), kind, to });
    };
    for (name, range) in ranges(entry, "dependencies")? {
        // npm writes what is optional here too.
        if !also.contains(name) {
            add(name, range, EdgeKind::Production);
        }
    }
    for (name, range) in ranges(entry, "devDependencies")? {
        add(name, range, EdgeKind::Dev);
    }
    for (name, range) in &optional {
        add(name, range, EdgeKind::Optional);
    }
    for (name, range) in ranges(entry, "peerDependencies")? {
        add(
            name,
            range,
            if may_miss.contains(name) { EdgeKind::PeerOptional } else { EdgeKind::Peer },
        );
    }
    Ok(edges)
}

/// `license`: an expression, or the old forms `{"type": ...}` and a list of these.
fn licence(value: &Value<'_>) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Object(_) => text_of(value, "type"),
        Value::Array(items) => {
            let all: Vec<_> = items.iter().filter_map(|item| licence(&item.value)).collect();
            (!all.is_empty()).then(|| all.join(" OR "))
        }
        _ => None,
    }
}

/// The folders in which Node's search from a folder may find something: itself and those above it that
/// have a `node_modules`.
pub(super) fn searched<'b>(folder: &'b str, places: &Places<'_>) -> Vec<&'b str> {
    let up = |at: &&'b str| (!at.is_empty()).then(|| parent(at));
    std::iter::successors(Some(folder), up).filter(|at| places.above.contains(at)).collect()
}

/// Node's search: `node_modules` of each folder in turn.
pub(super) fn lookup(searched: &[&str], name: &str, places: &Places<'_>) -> Option<Target> {
    let mut path = String::with_capacity(80);
    searched.iter().find_map(|at| {
        path.clear();
        path.push_str(at);
        if !at.is_empty() {
            path.push('/');
        }
        path.push_str("node_modules/");
        path.push_str(name);
        places.targets.get(path.as_str()).copied()
    })
}

/// The folder above, without one that is `node_modules` itself.
fn parent(folder: &str) -> &str {
    let mut at = folder;
    loop {
        at = at.rsplit_once('/').map_or("", |(above, _)| above);
        if at != "node_modules" && !at.ends_with("/node_modules") {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;

    fn graph(packages: &str) -> Graph {
        let text = format!("{{\"lockfileVersion\": 3, \"packages\": {{\n{packages}\n}}}}");
        Graph::read("package-lock.json", &text, &[]).unwrap()
    }

    #[test]
    fn what_has_a_hash_did_not_come_along_with_another() {
        let text = r#"{"lockfileVersion": 3, "packages": {"": {},
            "node_modules/a": {"version": "1.0.0", "inBundle": true, "integrity": "sha512-x"},
            "node_modules/a/node_modules/b": {"version": "1.0.0", "inBundle": true}}}"#;
        let graph = Graph::read("package-lock.json", text, &[]).unwrap();
        let told: Vec<_> = graph.packages.iter().map(|one| one.bundled).collect();
        assert_eq!(told, [false, true]);
    }

    #[test]
    fn an_edge_ends_where_node_would_find_it() {
        let graph = graph(
            r#""": {"dependencies": {"a": "1", "w": "*"}, "workspaces": ["packages/*"]},
            "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "2", "@s/c": "1", "gone": "1"}},
            "node_modules/a/node_modules/b": {"version": "2.0.0", "dependencies": {"b": "1", "a": "1"}},
            "node_modules/b": {"version": "1.0.0"},
            "node_modules/@s/c": {"version": "1.0.0", "dependencies": {"b": "1"}},
            "node_modules/w": {"resolved": "packages/w", "link": true},
            "packages/w": {"version": "0.0.1", "dependencies": {"b": "1"}}"#,
        );
        let to = |target: Option<Target>| match target {
            Some(Target::Package(id)) => graph.package(id).key.clone(),
            Some(Target::Importer(id)) => format!("importer {}", graph.importer(id).folder),
            None => "nothing".to_owned(),
        };
        let ends =
            |edges: &[Edge]| edges.iter().map(|edge| to(edge.to)).collect::<Vec<_>>().join(" ");
        assert_eq!(ends(&graph.importers[0].edges), "node_modules/a importer packages/w");
        assert_eq!(
            ends(&graph.packages[0].edges),
            "node_modules/a/node_modules/b node_modules/@s/c nothing"
        );
        assert_eq!(ends(&graph.packages[3].edges), "node_modules/b");
        assert_eq!(ends(&graph.importers[1].edges), "node_modules/b");
        assert_eq!(graph.packages[3].line, 6);
    }

    #[test]
    fn aliases_sources_and_old_forms_of_licences_are_read() {
        let graph = graph(
            r#""": {"dependencies": {"old": "npm:real@^1"}},
            "node_modules/old": {"name": "real", "version": "1.2.3", "integrity": "sha512-x",
              "resolved": "https://registry.example/real/-/real-1.2.3.tgz", "license": {"type": "MIT"},
              "os": ["linux"], "libc": "glibc", "engines": {"node": ">=18"}, "hasInstallScript": true},
            "node_modules/git": {"version": "1.0.0", "resolved": "git+ssh://git@code.example/g.git#abc"}"#,
        );
        let old = &graph.packages[0];
        assert_eq!((old.name.as_str(), old.alias.as_deref()), ("real", Some("old")));
        assert!(matches!(old.source, Source::Registry { url: Some(_) }));
        assert_eq!((old.licence.as_deref(), old.node.as_deref()), (Some("MIT"), Some(">=18")));
        assert_eq!((old.libc.len(), old.install_script), (1, Some(true)));
        assert!(matches!(graph.packages[1].source, Source::Git { commit: None, .. }));
    }

    #[test]
    fn what_npm_could_not_mean_is_an_error_with_its_line() {
        let read =
            |text: &str| Graph::read("package-lock.json", text, &[]).unwrap_err().to_string();
        let head = "{\"lockfileVersion\": 3, \"packages\": {\n";
        for (text, message) in [
            (
                format!("{head}\"node_modules/w\": {{\"link\": true, \"resolved\": \"w\"}}}}}}"),
                "line 2: a link to w, which is not in the file",
            ),
            (
                format!("{head}\"node_modules/w\": {{\"link\": true}}}}}}"),
                "line 2: a link that leads nowhere",
            ),
            (
                format!("{head}\"node_modules/a\": {{}},\n\"node_modules/a\": {{}}}}}}"),
                "line 3: the key node_modules/a is there twice",
            ),
            (
                format!("{head}\"node_modules/a\": {{\n\"version\": 1}}}}}}"),
                "line 3: a string is expected, not a number",
            ),
            (
                "{\"lockfileVersion\": 4, \"packages\": {}}".to_owned(),
                "line 1: a version of the format that is not known: 4",
            ),
            (format!("{head}\"\": {{}}}}}}"), "line 2: the file ends, and no package is in it"),
            ("{\n<<<<<<< HEAD\n".to_owned(), "line 2: the marks of an unfinished merge are in it"),
        ] {
            assert_eq!(read(&text), message);
        }
    }
}
