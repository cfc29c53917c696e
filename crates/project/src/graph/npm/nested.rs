//! Version 1: copies within copies, as `node_modules` nests them.

use super::folders::{Places, lookup, searched};
use super::resolved;
use crate::graph::entry::{Entries, alias, is_true, object, ranges, string};
use crate::graph::manifest;
use crate::graph::{
    Edge, EdgeKind, GraphError, Importer, Integrity, Manifest, Package, PackageId, Source, Target,
};
use crate::json::{Placed, Value};

/// A copy, with the folder it lies in.
struct Copy<'a> {
    folder: String,
    name: &'a str,
    entry: &'a Placed<Value<'a>>,
}

pub(super) fn read(
    entries: &Entries<'_>,
    (name, version): (Option<String>, Option<String>),
    manifests: &[Manifest<'_>],
) -> Result<(Vec<Importer>, Vec<Package>), GraphError> {
    let mut copies = Vec::new();
    flatten("", entries, &mut copies)?;
    let targets = (0..).map(|index| Target::Package(PackageId(index)));
    let mut places = Places::default();
    for (copy, target) in copies.iter().zip(targets) {
        places.insert(&copy.folder, target);
    }
    let mut importers = manifest::importers(manifests, |folder, name, _| {
        lookup(&searched(folder, &places), name, &places)
    })?;
    if let Some(root) = importers.iter_mut().find(|importer| importer.folder.is_empty()) {
        root.name = name.or_else(|| root.name.take());
        root.version = version.or_else(|| root.version.take());
    }
    let packages = copies.iter().map(|copy| package(copy, &places)).collect::<Result<_, _>>()?;
    Ok((importers, packages))
}

/// How deep the copies lie is bounded by the JSON reader.
fn flatten<'a>(
    above: &str,
    entries: &'a Entries<'a>,
    copies: &mut Vec<Copy<'a>>,
) -> Result<(), GraphError> {
    for (name, entry) in entries {
        object(Some(entry))?;
        GraphError::refuse_long(entry.line, name)?;
        let folder = format!("{above}node_modules/{name}");
        GraphError::refuse_long(entry.line, &folder)?;
        let inner = format!("{folder}/");
        copies.push(Copy { folder, name, entry });
        let below = object(entry.value.key("dependencies"))?.unwrap_or_default();
        flatten(&inner, below, copies)?;
    }
    Ok(())
}

fn package(copy: &Copy<'_>, places: &Places<'_>) -> Result<Package, GraphError> {
    let Copy { folder, name: installed, entry: written } = copy;
    let entry = &written.value;
    let said = string(entry, "version")?.unwrap_or_default();
    // What is not from a registry has its address for a version, and an alias the name and version.
    let (name, version) = alias(&said).unwrap_or((installed, &said));
    let is_address = version.contains(':') || version.contains('/');
    let told = resolved(entry)?;
    let address = if is_address { Some(version) } else { told.as_deref() };
    let version = (!is_address && !version.is_empty()).then(|| version.to_owned());
    let mut package = Package::new(folder, name, written.line);
    package.alias = (name != *installed).then(|| (*installed).to_owned());
    package.source = match address {
        Some(address) => Source::of_address(address, name, version.as_deref()),
        None => Source::Registry { url: None },
    };
    package.version = version;
    package.integrity = Integrity::parse(&string(entry, "integrity")?.unwrap_or_default());
    // With a hash or an address npm fetches it by itself, whoever bundles it: nothing came with another.
    package.bundled =
        package.integrity.is_empty() && address.is_none() && is_true(entry, "bundled");
    // npm 5 wrote `true` where it had nothing to say.
    let is_silent = matches!(entry.key("requires"), Some(Placed { value: Value::Boolean(_), .. }));
    let requires = if is_silent { Vec::new() } else { ranges(entry, "requires")? };
    let searched = searched(folder, places);
    for (name, range) in requires {
        let to = lookup(&searched, name, places);
        let (name, range) = (name.to_owned(), range.to_owned());
        // Whether it is optional is told at its end alone.
        package.edges.push(Edge { name, range, kind: EdgeKind::Production, to });
    }
    Ok(package)
}

#[cfg(test)]
mod tests {
    use crate::graph::{Graph, Manifest, Need, Source, Target};

    const TEXT: &str = r#"{"name": "app", "version": "2.0.0", "lockfileVersion": 1, "requires": true,
      "dependencies": {
        "a": {"version": "1.0.0", "requires": {"b": "^2"}, "dependencies": {
          "b": {"version": "2.0.0", "integrity": "sha1-x", "bundled": true}}},
        "b": {"version": "npm:real@1.0.0", "resolved": "https://registry.example/real/-/real-1.0.0.tgz"},
        "g": {"version": "git+https://code.example/g.git#0123456789abcdef0123456789abcdef01234567", "requires": true}}}"#;

    #[test]
    fn copies_within_copies_are_kept_apart() {
        let graph = Graph::read("package-lock.json", TEXT, &[]).unwrap();
        let keys: Vec<_> = graph.packages.iter().map(|one| one.key.as_str()).collect();
        assert_eq!(
            keys,
            ["node_modules/a", "node_modules/a/node_modules/b", "node_modules/b", "node_modules/g"]
        );
        let Some(Target::Package(b)) = graph.packages[0].edges[0].to else { panic!("no end") };
        assert_eq!(graph.package(b).key, "node_modules/a/node_modules/b");
        assert_eq!(
            (graph.packages[2].name.as_str(), graph.packages[2].alias.as_deref()),
            ("real", Some("b"))
        );
        assert!(matches!(&graph.packages[3].source, Source::Git { commit: Some(_), .. }));
        assert!(
            graph.packages.iter().all(|one| one.need == Need::Unknown),
            "nobody said who asks first"
        );
    }

    #[test]
    fn what_has_a_hash_or_an_address_did_not_come_along_with_another() {
        let text = r#"{"lockfileVersion": 1, "dependencies": {"a": {"version": "1.0.0", "dependencies": {
            "hash": {"version": "1.0.0", "bundled": true, "integrity": "sha512-x"},
            "address": {"version": "1.0.0", "bundled": true, "resolved": "https://evil.example/b.tgz"},
            "git": {"version": "git+https://evil.example/g.git#0123", "bundled": true},
            "along": {"version": "1.0.0", "bundled": true},
            "unknown": {"version": "1.0.0", "bundled": true, "resolved": false}}}}}"#;
        let graph = Graph::read("package-lock.json", text, &[]).unwrap();
        let bundled = graph.packages.iter().filter(|one| one.bundled);
        let bundled: Vec<_> = bundled.map(|one| one.name.as_str()).collect();
        assert_eq!(bundled, ["along", "unknown"]);
    }

    #[test]
    fn an_address_that_npm_did_not_know_is_none() {
        let text = r#"{"lockfileVersion": 1, "dependencies": {"a": {"version": "1.0.0", "resolved": false}}}"#;
        let graph = Graph::read("package-lock.json", text, &[]).unwrap();
        assert_eq!(graph.packages[0].source, Source::Registry { url: None });
    }

    #[test]
    fn a_manifest_says_who_asks_first() {
        let text = r#"{"dependencies": {"a": "1"}, "devDependencies": {"g": "*"}}"#;
        let graph =
            Graph::read("package-lock.json", TEXT, &[Manifest { folder: "", text }]).unwrap();
        let told: Vec<_> = graph.packages.iter().map(|one| one.need).collect();
        assert_eq!(told, [Need::Production, Need::Production, Need::Nobody, Need::Dev]);
        assert_eq!(graph.importers[0].name.as_deref(), Some("app"));
        let broken = [Manifest {
            folder: "w",
            text: "{
!",
        }];
        let error = Graph::read("package-lock.json", TEXT, &broken).unwrap_err();
        assert!(error.to_string().starts_with("w/package.json: line 2"), "{error}");
        let text = "{\"dependencies\": {\n\"a\": 1}}";
        let odd = [Manifest { folder: "", text }];
        let error = Graph::read("package-lock.json", TEXT, &odd).unwrap_err();
        let message = "./package.json: line 2: a string is expected, not a number";
        assert_eq!(error.to_string(), message);
        let odd = TEXT.replace("\"^2\"", "null");
        let error = Graph::read("package-lock.json", &odd, &[]).unwrap_err();
        assert_eq!(error.to_string(), "line 3: a string is expected, not null");
    }
}
