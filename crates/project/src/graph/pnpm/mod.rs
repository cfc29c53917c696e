//! `pnpm-lock.yaml`, versions 5, 6 and 9.
//!
//! pnpm may write a document about itself before the one of the project: every document is read, and
//! all packages are in the graph. Version 9 tells packages from their snapshots, one for each set of
//! peers; before, both were one entry. Ranges are told of importers and peers alone.

mod key;

use super::entry::{Entries, expected_text, is_true, object, text_of, words};
use super::{
    Edge, EdgeKind, Format, GraphError, Importer, ImporterId, Integrity, Package, PackageId, Read,
    Source, Target, yaml,
};
use crate::json::{Placed, Value};
use key::Keys;
use std::collections::{HashMap, HashSet};

/// The keys of an importer's dependencies, and what they mean. The last two are pnpm's own tools.
const KINDS: [(&str, EdgeKind); 5] = [
    ("dependencies", EdgeKind::Production),
    ("devDependencies", EdgeKind::Dev),
    ("optionalDependencies", EdgeKind::Optional),
    ("configDependencies", EdgeKind::Dev),
    ("packageManagerDependencies", EdgeKind::Dev),
];

pub(super) fn read(text: &str) -> Result<Read, GraphError> {
    let documents = yaml::documents(text)?;
    let mut importers = Vec::new();
    let mut packages = Vec::new();
    let mut format = None;
    for document in &documents {
        let entries = object(Some(document))?.unwrap_or_default();
        let version = entries.iter().find(|(key, _)| key == "lockfileVersion");
        let told = version.and_then(|(_, placed)| placed.value.as_str()).unwrap_or_default();
        let (major, keys) = match told.split('.').next() {
            Some("5") => (5, Keys::Slashes),
            Some("6") => (6, Keys::SlashAt),
            Some("9") => (9, Keys::At),
            _ => {
                let line = version.map_or(document.line, |(_, placed)| placed.line);
                return Err(GraphError::UnknownVersion { line, version: told.to_owned() });
            }
        };
        format = Some(Format::Pnpm(major));
        whole(document, major)?;
        let mut reader = Document::of(&document.value, keys, importers.len(), packages.len())?;
        reader.read(&mut importers, &mut packages)?;
    }
    if let [.., last] = documents.as_slice()
        && is_of_pnpm_itself(&last.value)
    {
        let why = "the document of the project is missing: this one is of pnpm itself";
        return Err(GraphError::on(last.line, why));
    }
    Ok((format.ok_or_else(|| GraphError::empty(text))?, importers, packages))
}

/// What version 9 always writes. Half a file of it could pass for a smaller one.
fn whole(document: &Placed<Value<'_>>, major: u32) -> Result<(), GraphError> {
    let has = |key| document.value.key(key).is_some();
    if major < 9 || (has("importers") && has("packages") == has("snapshots")) {
        return Ok(());
    }
    let missing = if has("importers") { "snapshots" } else { "importers" };
    let why = format!("{missing} is missing: half a file, or not by pnpm");
    Err(GraphError::on(document.line, why))
}

/// Whether a document knows of nothing that the project itself asks for, but of pnpm's own tools.
fn is_of_pnpm_itself(document: &Value<'_>) -> bool {
    let importers = document.key("importers").map(|all| all.value.entries()).unwrap_or_default();
    let mut keys = importers.iter().flat_map(|(_, one)| one.value.entries()).peekable();
    let own = |key: &str| matches!(key, "configDependencies" | "packageManagerDependencies");
    keys.peek().is_some() && keys.all(|(key, _)| own(key))
}

/// One document, while it is read.
struct Document<'a> {
    root: &'a Value<'a>,
    keys: Keys,
    /// What is fetched, by key.
    fetched: &'a Entries<'a>,
    /// What is installed, by key; where the form does not tell them apart, the same.
    installed: Vec<(&'a str, Option<&'a Placed<Value<'a>>>)>,
    places: HashMap<&'a str, Target>,
    folders: HashMap<&'a str, ImporterId>,
    /// Patches, by what is patched.
    patches: HashMap<&'a str, &'a Value<'a>>,
}

impl<'a> Document<'a> {
    fn of(
        root: &'a Value<'a>,
        keys: Keys,
        importers: usize,
        packages: usize,
    ) -> Result<Self, GraphError> {
        let fetched = object(root.key("packages"))?.unwrap_or_default();
        let snapshots = object(root.key("snapshots"))?;
        let mut installed: Vec<(&str, Option<&Placed<Value<'_>>>)> = snapshots
            .unwrap_or(fetched)
            .iter()
            .map(|(key, one)| (key.as_ref(), Some(one)))
            .collect();
        if snapshots.is_some() {
            // What is listed and never installed is still in the file.
            let known: HashSet<&str> =
                installed.iter().map(|(key, _)| Keys::without_peers(key)).collect();
            let rest = fetched.iter().filter(|(key, _)| !known.contains(key.as_ref()));
            installed.extend(rest.map(|(key, _)| (key.as_ref(), None)));
        }
        let ids = (u32::try_from(packages).unwrap_or(u32::MAX)..).map(PackageId);
        let places = installed.iter().map(|(key, _)| *key).zip(ids.map(Target::Package)).collect();
        let own = object(root.key("importers"))?.unwrap_or_default();
        let ids = (u32::try_from(importers).unwrap_or(u32::MAX)..).map(ImporterId);
        let folders = own.iter().map(|(folder, _)| plain(folder)).zip(ids).collect();
        let patches = object(root.key("patchedDependencies"))?.unwrap_or_default();
        let patches = patches.iter().map(|(key, one)| (key.as_ref(), &one.value)).collect();
        Ok(Self { root, keys, fetched, installed, places, folders, patches })
    }

    fn read(
        &mut self,
        importers: &mut Vec<Importer>,
        packages: &mut Vec<Package>,
    ) -> Result<(), GraphError> {
        match object(self.root.key("importers"))? {
            Some(own) => {
                for (folder, entry) in own {
                    object(Some(entry))?;
                    importers.push(self.importer(plain(folder), &entry.value)?);
                }
            }
            None => importers.push(self.importer("", self.root)?),
        }
        let fetched: HashMap<&str, &Placed<Value<'_>>> =
            self.fetched.iter().map(|(key, entry)| (key.as_ref(), entry)).collect();
        for (key, snapshot) in &self.installed {
            let entry = fetched.get(key).or_else(|| fetched.get(Keys::without_peers(key)));
            let Some(entry) = entry else {
                let line = snapshot.map_or(1, |one| one.line);
                return Err(GraphError::on(
                    line,
                    "a snapshot of a package that is not in the file",
                ));
            };
            packages.push(self.package(key, entry, snapshot.unwrap_or(entry))?);
        }
        Ok(())
    }

    fn importer(&self, folder: &str, entry: &Value<'_>) -> Result<Importer, GraphError> {
        let specifiers = object(entry.key("specifiers"))?.unwrap_or_default();
        let specifiers: HashMap<&str, &Value<'_>> =
            specifiers.iter().map(|(name, range)| (name.as_ref(), &range.value)).collect();
        let mut edges = Vec::new();
        for (key, kind) in KINDS {
            for (name, told) in object(entry.key(key))?.unwrap_or_default() {
                let (range, version) = match &told.value {
                    Value::String(version) => {
                        let range = specifiers.get(name.as_ref()).and_then(|range| range.as_str());
                        (range.unwrap_or_default().to_owned(), version.to_string())
                    }
                    one => (
                        text_of(one, "specifier").unwrap_or_default(),
                        text_of(one, "version")
                            .ok_or_else(|| GraphError::on(told.line, "the version is missing"))?,
                    ),
                };
                let to = self.led(folder, name, &version, told.line)?;
                edges.push(Edge { name: name.to_string(), range, kind, to });
            }
        }
        Ok(Importer { folder: folder.to_owned(), edges, ..Importer::default() })
    }

    fn package(
        &self,
        key: &str,
        entry: &Placed<Value<'_>>,
        snapshot: &Placed<Value<'_>>,
    ) -> Result<Package, GraphError> {
        let told = self.keys.split(key);
        let name = text_of(&entry.value, "name").or_else(|| told.map(|(name, _)| name.to_owned()));
        let Some(name) = name else {
            return Err(GraphError::on(entry.line, "a name and a version are expected"));
        };
        let mut package = Package::new(key, &name, entry.line);
        let in_key =
            told.map(|(_, version)| version).filter(|version| !version.contains([':', '/']));
        package.version = text_of(&entry.value, "version").or_else(|| in_key.map(str::to_owned));
        let resolution = entry.value.key("resolution");
        if resolution.is_none() {
            return Err(GraphError::on(entry.line, "the resolution is missing"));
        }
        (package.source, package.integrity) = source(resolution, &package, told.map(|(_, at)| at));
        package.edges = self.edges(&entry.value, &snapshot.value)?;
        package.install_script =
            entry.value.key("requiresBuild").map(|told| told.value == Value::Boolean(true));
        package.deprecated = text_of(&entry.value, "deprecated");
        package.os = words(&entry.value, "os");
        package.cpu = words(&entry.value, "cpu");
        package.libc = words(&entry.value, "libc");
        package.node = entry.value.key("engines").and_then(|told| text_of(&told.value, "node"));
        package.patch = self.patch(&package);
        Ok(package)
    }

    /// The patch of this version, of every version, or, where a range is patched, of the hash that
    /// stands in the key.
    fn patch(&self, package: &Package) -> Option<String> {
        let of = |key: &str| self.patches.get(key).copied();
        let by_hash = || {
            let (_, rest) = package.key.split_once("(patch_hash=")?;
            let hash = rest.split_once(')')?.0;
            self.patches
                .values()
                .copied()
                .find(|patch| text_of(patch, "hash").as_deref() == Some(hash))
        };
        let patch = of(&package.label()).or_else(|| of(&package.name)).or_else(by_hash)?;
        text_of(patch, "path").or_else(|| patch.as_str().map(str::to_owned))
    }

    fn edges(&self, entry: &Value<'_>, snapshot: &Value<'_>) -> Result<Vec<Edge>, GraphError> {
        let peers = object(entry.key("peerDependencies"))?.unwrap_or_default();
        let named: HashSet<&str> = peers.iter().map(|(name, _)| name.as_ref()).collect();
        let meta = entry.key("peerDependenciesMeta");
        let mut edges = Vec::new();
        let mut found: HashMap<&str, Target> = HashMap::new();
        for (key, kind) in
            [("dependencies", EdgeKind::Production), ("optionalDependencies", EdgeKind::Optional)]
        {
            for (name, version) in object(snapshot.key(key))?.unwrap_or_default() {
                let text = version.value.as_str().ok_or_else(|| expected_text(version))?;
                let to = self.led("", name, text, version.line)?;
                if named.contains(name.as_ref()) {
                    found.extend(to.map(|to| (name.as_ref(), to)));
                } else {
                    edges.push(Edge { name: name.to_string(), range: String::new(), kind, to });
                }
            }
        }
        for (name, range) in peers {
            let range = range.value.as_str().ok_or_else(|| expected_text(range))?.to_owned();
            let meta = meta.and_then(|all| all.value.key(name));
            let may_miss = meta.is_some_and(|meta| is_true(&meta.value, "optional"));
            let kind = if may_miss { EdgeKind::PeerOptional } else { EdgeKind::Peer };
            let to = found.get(name.as_ref()).copied();
            edges.push(Edge { name: name.to_string(), range, kind, to });
        }
        Ok(edges)
    }

    /// As [`Self::find`]; what is nothing but a link and not in the file makes it half a file.
    fn led(
        &self,
        folder: &str,
        name: &str,
        reference: &str,
        line: usize,
    ) -> Result<Option<Target>, GraphError> {
        match self.find(folder, name, reference) {
            None if !reference.starts_with("link:") => {
                Err(GraphError::missing(line, name, reference))
            }
            found => Ok(found),
        }
    }

    /// What a name and reference lead to; a link from the folder that says it.
    fn find(&self, folder: &str, name: &str, reference: &str) -> Option<Target> {
        if let Some(path) = reference.strip_prefix("link:") {
            let folder = joined(folder, path)?;
            return self.folders.get(folder.as_str()).copied().map(Target::Importer);
        }
        let key = self.keys.join(name, reference);
        let found = self.places.get(key.as_str()).or_else(|| self.places.get(reference));
        found.copied()
    }
}

/// The folder of an importer; `.` is the project itself.
fn plain(folder: &str) -> &str {
    if folder == "." { "" } else { folder }
}

/// A path from a folder, without `.` and `..`; nothing above the project.
fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Where a package comes from, and its hash.
fn source(
    resolution: Option<&Placed<Value<'_>>>,
    package: &Package,
    reference: Option<&str>,
) -> (Source, Integrity) {
    let text = |key: &str| resolution.and_then(|told| text_of(&told.value, key));
    let integrity = Integrity::parse(&text("integrity").unwrap_or_default());
    let source = match (text("repo"), text("tarball"), text("directory")) {
        (Some(url), _, _) => Source::Git { url, commit: text("commit") },
        (None, Some(address), _) => {
            Source::of_address(&address, &package.name, package.version.as_deref())
        }
        (None, None, Some(path)) => Source::File { path },
        // Without an address in the resolution, the key may be one.
        (None, None, None) => match reference.filter(|text| text.contains([':', '/'])) {
            Some(address) => Source::of_address(address, &package.name, None),
            None => Source::Registry { url: None },
        },
    };
    (source, integrity)
}

#[cfg(test)]
mod tests {
    use crate::graph::{Format, Graph, Need, Source, Target};

    const NINE: &str = "---
lockfileVersion: '9.0'
importers:
  .:
    packageManagerDependencies:
      pnpm:
        specifier: 12.0.0
        version: 12.0.0
packages:
  pnpm@12.0.0:
    resolution: {integrity: sha512-p}
snapshots:
  pnpm@12.0.0: {}
---
lockfileVersion: '9.0'
patchedDependencies:
  a@1.0.0:
    hash: x
    path: patches/a.patch
importers:
  .:
    dependencies:
      a:
        specifier: ^1.0.0
        version: 1.0.0(@s/p@2.0.0)
      w:
        specifier: workspace:*
        version: link:packages/w
  packages/w:
    devDependencies:
      old:
        specifier: npm:real@1
        version: real@1.0.0
packages:
  '@s/p@2.0.0':
    resolution: {integrity: sha512-q}
  a@1.0.0:
    resolution: {integrity: sha512-a}
    peerDependencies:
      '@s/p': ^2
      missing: '*'
    peerDependenciesMeta:
      missing:
        optional: true
  real@1.0.0:
    resolution: {tarball: https://files.example/real.tgz}
    os: [linux]
  spare@1.0.0:
    resolution: {integrity: sha512-s}
snapshots:
  '@s/p@2.0.0': {}
  a@1.0.0(@s/p@2.0.0):
    dependencies:
      '@s/p': 2.0.0
  real@1.0.0: {}
";

    #[test]
    fn every_document_counts_and_snapshots_are_copies() {
        let graph = Graph::read("pnpm-lock.yaml", NINE, &[]).unwrap();
        assert_eq!(graph.format, Format::Pnpm(9));
        let told: Vec<_> = graph.packages.iter().map(|one| (one.label(), one.need)).collect();
        let expected = [
            ("pnpm@12.0.0", Need::Dev),
            ("@s/p@2.0.0", Need::Production),
            ("a@1.0.0", Need::Production),
            ("real@1.0.0", Need::Dev),
            ("spare@1.0.0", Need::Nobody),
        ];
        assert_eq!(told, expected.map(|(label, need)| (label.to_owned(), need)));
        let a = &graph.packages[2];
        assert_eq!((a.patch.as_deref(), a.line), (Some("patches/a.patch"), 37));
        let Some(Target::Package(peer)) = a.edges[0].to else { panic!("no peer") };
        assert_eq!(
            (graph.package(peer).label().as_str(), a.edges[0].range.as_str()),
            ("@s/p@2.0.0", "^2")
        );
        assert!(a.edges[1].to.is_none());
        assert!(matches!(graph.importers[1].edges[1].to, Some(Target::Importer(id)) if id.0 == 2));
        assert!(matches!(graph.packages[3].source, Source::Tarball { .. }));
    }

    #[test]
    fn a_patch_of_a_range_is_found_by_its_hash() {
        let text = NINE
            .replace("  a@1.0.0:\n    hash", "  a@^1.0.0:\n    hash")
            .replace("1.0.0(@s/p@2.0.0)", "1.0.0(patch_hash=x)(@s/p@2.0.0)");
        let graph = Graph::read("pnpm-lock.yaml", &text, &[]).unwrap();
        let patched = graph.packages.iter().find(|one| one.patch.is_some()).unwrap();
        assert_eq!(patched.key, "a@1.0.0(patch_hash=x)(@s/p@2.0.0)");
        assert_eq!(patched.patch.as_deref(), Some("patches/a.patch"));
    }

    #[test]
    fn older_forms_give_the_same_packages() {
        let six = "lockfileVersion: '6.0'\ndependencies:\n  a:\n    specifier: ^1\n    version: 1.0.0(b@2.0.0)\ndevDependencies:\n  t:\n    specifier: https://files.example/t.tgz\n    version: '@files.example/t.tgz'\npackages:\n  /a@1.0.0(b@2.0.0):\n    resolution: {integrity: sha512-a}\n    requiresBuild: true\n    dependencies:\n      b: 2.0.0\n  /b@2.0.0:\n    resolution: {integrity: sha512-b}\n  '@files.example/t.tgz':\n    resolution: {tarball: https://files.example/t.tgz}\n    name: t\n    version: 3.0.0\n    dev: true\n";
        let five = "lockfileVersion: 5.4\nspecifiers:\n  a: ^1\n  t: https://files.example/t.tgz\ndependencies:\n  a: 1.0.0_b@2.0.0\ndevDependencies:\n  t: '@files.example/t.tgz'\npackages:\n  /a/1.0.0_b@2.0.0:\n    resolution: {integrity: sha512-a}\n    requiresBuild: true\n    dependencies:\n      b: 2.0.0\n  /b/2.0.0:\n    resolution: {integrity: sha512-b}\n  '@files.example/t.tgz':\n    resolution: {tarball: https://files.example/t.tgz}\n    name: t\n    version: 3.0.0\n    dev: true\n";
        for text in [six, five] {
            let graph = Graph::read("pnpm-lock.yaml", text, &[]).unwrap();
            let told: Vec<_> = graph.packages.iter().map(|one| (one.label(), one.need)).collect();
            let expected = [
                ("a@1.0.0", Need::Production),
                ("b@2.0.0", Need::Production),
                ("t@3.0.0", Need::Dev),
            ];
            assert_eq!(told, expected.map(|(label, need)| (label.to_owned(), need)));
            assert_eq!(graph.packages[0].install_script, Some(true));
            assert_eq!(graph.importers[0].edges[0].range, "^1");
        }
    }

    #[test]
    fn a_snapshot_without_its_package_is_an_error_with_its_line() {
        let text = NINE.replace("  real@1.0.0:\n    resolution", "  other@1.0.0:\n    resolution");
        let error = Graph::read("pnpm-lock.yaml", &text, &[]).unwrap_err().to_string();
        assert_eq!(error, "line 55: a snapshot of a package that is not in the file");
        let error = Graph::read("pnpm-lock.yaml", "lockfileVersion: '7.0'\n", &[]).unwrap_err();
        assert_eq!(error.to_string(), "line 1: a version of the format that is not known: 7.0");
    }
}
