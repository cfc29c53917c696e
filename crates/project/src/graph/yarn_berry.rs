//! `yarn.lock` of Yarn 2 and later: YAML, one entry for each resolution.
//!
//! Its hashes are of Yarn's own zip files, so no tarball can be compared with them. What a workspace
//! needs to develop stands among its other dependencies: its manifest tells them apart.

use super::entry::{Entry, expected_text, is_true, object, split_at, text_of};
use super::resolutions::{Resolution, bare};
use super::{
    Edge, EdgeKind, Format, GraphError, Importer, ImporterId, Manifest, Package, PackageId, Read,
    Source, Target, manifest, resolutions, yaml,
};
use crate::json::{Placed, Value};
use std::collections::HashMap;

/// Where descriptors and names lead.
#[derive(Default)]
struct Places<'a> {
    descriptors: HashMap<&'a str, Target>,
    /// Patched by Yarn itself, by the descriptor that they take the place of.
    builtin: HashMap<String, Target>,
    /// By name, while only one has it: `resolutions` of the project change what a range gets.
    names: HashMap<&'a str, Option<Target>>,
    /// Descriptors that are bound to who asks, without that: `patch:` and `file:` are read from there.
    bound: HashMap<&'a str, Vec<(String, Target)>>,
    /// The project's `resolutions`.
    resolutions: Vec<Resolution>,
    /// Whether they are known: without the project's manifest they are not.
    told: bool,
}

pub(super) fn read(text: &str, manifests: &[Manifest<'_>]) -> Result<Read, GraphError> {
    let documents = yaml::documents(text)?;
    let [document] = documents.as_slice() else {
        return Err(GraphError::on(1, "one document is expected"));
    };
    let entries = object(Some(document))?.unwrap_or_default();
    let metadata = entries.iter().find(|(key, _)| key == "__metadata");
    let version = metadata.and_then(|(_, placed)| text_of(&placed.value, "version"));
    let number = version.as_deref().and_then(|text| text.parse().ok()).unwrap_or_default();
    if !(4..=10).contains(&number) {
        let line = metadata.map_or(1, |(_, placed)| placed.line);
        return Err(GraphError::UnknownVersion { line, version: version.unwrap_or_default() });
    }
    let entries: Vec<_> = entries.iter().filter(|(key, _)| key != "__metadata").collect();
    let mut places = places(&entries)?;
    places.resolutions = resolutions::read(manifests);
    places.told = manifests.iter().any(|manifest| manifest.folder.is_empty());
    refuse_half(&entries)?;
    let mut importers = Vec::new();
    let mut packages = Vec::new();
    for (key, entry) in &entries {
        let (name, reference) = resolution(entry)?;
        match reference.strip_prefix("workspace:") {
            Some(folder) => importers.push(importer(folder, name, &entry.value, &places)?),
            None => packages.push(package(key, (name, reference), entry, &places)?),
        }
    }
    let told = manifest::importers(manifests, |_, _, _| None)?;
    for importer in &mut importers {
        let Some(manifest) = told.iter().find(|one| one.folder == importer.folder) else {
            continue;
        };
        for edge in &mut importer.edges {
            let named = manifest.edges.iter().filter(|one| one.name == edge.name);
            edge.kind = named.map(|one| one.kind).max().unwrap_or(edge.kind);
        }
    }
    Ok((Format::YarnBerry(number), importers, packages))
}

/// The form has no end by which a whole file is known: but its last entry says what all others say,
/// and the project is one of them.
fn refuse_half(entries: &[&Entry<'_>]) -> Result<(), GraphError> {
    let Some(((_, last), others)) = entries.split_last() else { return Ok(()) };
    let is_whole = |entry: &Placed<Value<'_>>| {
        let kind = text_of(&entry.value, "linkType");
        kind.is_some_and(|kind| matches!(kind.as_str(), "hard" | "soft"))
    };
    let is_own = |entry: &Placed<Value<'_>>| {
        resolution(entry).is_ok_and(|(_, reference)| reference.starts_with("workspace:"))
    };
    if !is_whole(last) && !others.is_empty() && others.iter().all(|(_, one)| is_whole(one)) {
        let why = "it says less than the others: half a file, or changed";
        return Err(GraphError::on(last.line, why));
    }
    if !is_own(last) && !others.iter().any(|(_, one)| is_own(one)) {
        return Err(GraphError::on(
            last.line,
            "the project is not in the file: half a file, or changed",
        ));
    }
    Ok(())
}

fn places<'a>(entries: &[&'a Entry<'a>]) -> Result<Places<'a>, GraphError> {
    let mut places = Places::default();
    let (mut importers, mut packages) = ((0..).map(ImporterId), (0..).map(PackageId));
    for (key, entry) in entries {
        let (name, reference) = resolution(entry)?;
        let target = if reference.starts_with("workspace:") {
            importers.next().map(Target::Importer)
        } else {
            packages.next().map(Target::Package)
        };
        let Some(target) = target else { continue };
        for descriptor in key.split(", ") {
            if places.descriptors.insert(descriptor, target).is_some() {
                let told = ringfence_policy::display::quoted(descriptor);
                return Err(GraphError::on(entry.line, format!("{told} is there twice")));
            }
            if let Some((plain, locator)) = descriptor.split_once("::locator=") {
                places.bound.entry(plain).or_default().push((decoded(locator), target));
            }
            if let Some(inner) = descriptor.split_once("builtin<").and_then(|_| patched(descriptor))
            {
                places.builtin.insert(inner.replacen("@npm:", "@", 1), target);
            }
        }
        places.names.entry(name).and_modify(|known| *known = None).or_insert(Some(target));
    }
    Ok(places)
}

/// Who asks: its name, and `name@workspace:folder` where it is the project or a workspace.
struct Asking<'a> {
    name: &'a str,
    locator: String,
}

impl Places<'_> {
    fn find(&self, from: &Asking<'_>, name: &str, range: &str) -> Option<Target> {
        // What the project resolves comes first, though the lockfile may have what was asked for too.
        let resolved = self.resolutions.iter().find(|one| one.is_about(from.name, name, range));
        let instead = resolved.and_then(|one| self.exact(from, name, one.to()));
        instead.or_else(|| self.exact(from, name, range)).or_else(|| self.otherwise(name, range))
    }

    fn exact(&self, from: &Asking<'_>, name: &str, range: &str) -> Option<Target> {
        let descriptor = format!("{name}@{range}");
        let builtin = self.builtin.get(&format!("{name}@{}", bare(range))).copied();
        let plain = || self.descriptors.get(descriptor.as_str()).copied();
        let protocols = ["npm", "workspace"];
        let understood = || {
            let forms = protocols.map(|protocol| format!("{name}@{protocol}:{range}"));
            forms.iter().find_map(|form| self.descriptors.get(form.as_str()).copied())
        };
        let bound = || match self.bound.get(descriptor.as_str())?.as_slice() {
            [(_, target)] => Some(*target),
            many => many.iter().find(|(own, _)| *own == from.locator).map(|(_, target)| *target),
        };
        builtin.or_else(plain).or_else(understood).or_else(bound)
    }

    /// Whether nothing explains that a range has no entry.
    fn is_missing(&self, name: &str, range: &str, to: Option<Target>) -> bool {
        let is_fetched = range.starts_with("npm:") || !range.contains(':');
        let is_resolved = || !self.told || self.resolutions.iter().any(|one| one.name() == name);
        to.is_none() && is_fetched && !(self.names.contains_key(name) && is_resolved())
    }

    /// The only one of this name, where a resolution that is not understood may have led there.
    fn otherwise(&self, name: &str, range: &str) -> Option<Target> {
        let plain = self.told && (range.starts_with("npm:") || !range.contains(':'));
        if plain && !self.resolutions.iter().any(|one| one.name() == name) {
            return None;
        }
        self.names.get(name).copied().flatten()
    }
}

/// The descriptor within `name@patch:name@npm%3A1.0.0#path`.
fn patched(descriptor: &str) -> Option<String> {
    let (_, rest) = descriptor.split_once("@patch:")?;
    Some(decoded(rest.split_once('#')?.0))
}

/// Name and reference of `resolution`.
fn resolution<'a>(entry: &'a Placed<Value<'_>>) -> Result<(&'a str, &'a str), GraphError> {
    object(Some(entry))?;
    let Some(told) = entry.value.key("resolution") else {
        return Err(GraphError::on(entry.line, "the resolution is missing"));
    };
    let text = told.value.as_str().ok_or_else(|| expected_text(told))?;
    split_at(text).ok_or_else(|| GraphError::on(told.line, "a name and a reference are expected"))
}

fn importer(
    folder: &str,
    name: &str,
    entry: &Value<'_>,
    places: &Places<'_>,
) -> Result<Importer, GraphError> {
    let folder = if folder == "." { "" } else { folder };
    let shown = if folder.is_empty() { "." } else { folder };
    let asking = Asking { name, locator: format!("{name}@workspace:{shown}") };
    let edges = edges(&asking, entry, places)?;
    let version = text_of(entry, "version").filter(|version| version != "0.0.0-use.local");
    Ok(Importer { folder: folder.to_owned(), name: Some(name.to_owned()), version, edges })
}

fn package(
    key: &str,
    (name, reference): (&str, &str),
    entry: &Placed<Value<'_>>,
    places: &Places<'_>,
) -> Result<Package, GraphError> {
    let first = key.split(", ").next().unwrap_or(key);
    let mut package = Package::new(first, name, entry.line);
    let installed = split_at(first).map_or(first, |(name, _)| name);
    package.alias = (installed != name).then(|| installed.to_owned());
    package.version = text_of(&entry.value, "version");
    package.source = source(name, reference, package.version.as_deref(), &mut package.patch);
    package.checksum = text_of(&entry.value, "checksum");
    let asking = Asking { name, locator: String::new() };
    package.edges = edges(&asking, &entry.value, places)?;
    // What is patched is made of what was fetched.
    if let Some(inner) = patched(first) {
        let named = [inner.clone(), inner.replacen('@', "@npm:", 1)];
        let to = named.iter().find_map(|one| places.descriptors.get(one.as_str()).copied());
        let kind = EdgeKind::Production;
        package.edges.push(Edge { name: name.to_owned(), range: inner, kind, to });
    }
    if let Some(conditions) = text_of(&entry.value, "conditions") {
        for part in conditions.split('&').map(str::trim) {
            let (kind, value) = part.split_once('=').unwrap_or((part, ""));
            match kind {
                "os" => package.os.push(value.to_owned()),
                "cpu" => package.cpu.push(value.to_owned()),
                "libc" => package.libc.push(value.to_owned()),
                _ => {}
            }
        }
    }
    Ok(package)
}

/// What a reference says: `npm:1.0.0`, `patch:name@npm%3A1.0.0#path`, an address.
fn source(
    name: &str,
    reference: &str,
    version: Option<&str>,
    patch: &mut Option<String>,
) -> Source {
    if let Some(rest) = reference.strip_prefix("patch:") {
        let (inner, file) = rest.split_once('#').unwrap_or((rest, ""));
        let file = file.split("::").next().unwrap_or(file);
        *patch = Some(file.to_owned());
        let inner = decoded(inner);
        let inner = split_at(&inner).map_or("", |(_, reference)| reference);
        return source(name, inner, version, &mut None);
    }
    let plain = reference.split("::").next().unwrap_or(reference);
    if plain.starts_with("npm:") {
        // An address that is not the registry's own stands behind `::__archiveUrl=`.
        return match reference.split_once("::__archiveUrl=") {
            Some((_, url)) => Source::of_address(&decoded(url), name, version),
            None => Source::Registry { url: None },
        };
    }
    match plain.split_once("#commit=") {
        Some((url, commit)) => Source::Git { url: url.to_owned(), commit: Some(commit.to_owned()) },
        None => Source::of_address(plain, name, version),
    }
}

/// `%3A` and its like, which Yarn writes in addresses.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = (*first == b'%').then(|| after.get(..2)).flatten();
        let byte = hex.and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = byte.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn edges(
    from: &Asking<'_>,
    entry: &Value<'_>,
    places: &Places<'_>,
) -> Result<Vec<Edge>, GraphError> {
    let is_optional = |meta: &str, name: &str| {
        let meta = entry.key(meta).and_then(|all| all.value.key(name));
        meta.is_some_and(|meta| is_true(&meta.value, "optional"))
    };
    let mut edges = Vec::new();
    for (key, meta, kind, may_miss) in [
        ("dependencies", "dependenciesMeta", EdgeKind::Production, EdgeKind::Optional),
        ("peerDependencies", "peerDependenciesMeta", EdgeKind::Peer, EdgeKind::PeerOptional),
    ] {
        for (name, range) in object(entry.key(key))?.unwrap_or_default() {
            let line = range.line;
            let range = range.value.as_str().ok_or_else(|| expected_text(range))?;
            let kind = if is_optional(meta, name) { may_miss } else { kind };
            let to = places.find(from, name, range);
            if key == "dependencies" && places.is_missing(name, range, to) {
                return Err(GraphError::missing(line, name, range));
            }
            edges.push(Edge { name: name.to_string(), range: range.to_owned(), kind, to });
        }
    }
    Ok(edges)
}

#[cfg(test)]
mod tests {
    use crate::graph::{Format, Graph, Manifest, Need, Source};

    const TEXT: &str = r#"# This file is generated by running "yarn install" inside your project.

__metadata:
  version: 8
  cacheKey: 10c0

"a@npm:^1.0.0, a@npm:^1.1.0":
  version: 1.1.0
  resolution: "a@npm:1.1.0"
  dependencies:
    b: "npm:^2"
    native: "npm:1"
  dependenciesMeta:
    native:
      optional: true
  checksum: 10c0/abc
  languageName: node
  linkType: hard

"app@workspace:.":
  version: 0.0.0-use.local
  resolution: "app@workspace:."
  dependencies:
    a: "npm:^1.1.0"
    old: "npm:real@^1"
  languageName: unknown
  linkType: soft

"b@patch:b@npm%3A2.0.0#~/.yarn/patches/b.patch":
  version: 2.0.0
  resolution: "b@patch:b@npm%3A2.0.0#~/.yarn/patches/b.patch::version=2.0.0&hash=1"
  languageName: node
  linkType: hard

"native@npm:1":
  version: 1.0.0
  resolution: "native@npm:1.0.0::__archiveUrl=https%3A%2F%2Ffiles.example%2Fn.tgz"
  conditions: os=linux & cpu=x64
  languageName: node
  linkType: hard

"old@npm:real@^1":
  version: 1.0.0
  resolution: "real@npm:1.0.0"
  languageName: node
  linkType: hard
"#;

    #[test]
    fn entries_patches_aliases_and_addresses_are_told() {
        let text = r#"{"dependencies": {"a": "^1.1.0"}, "devDependencies": {"old": "npm:real@^1"},
            "resolutions": {"b@npm:^2": "patch:b@npm%3A2.0.0#~/.yarn/patches/b.patch"}}"#;
        let graph = Graph::read("yarn.lock", TEXT, &[Manifest { folder: "", text }]).unwrap();
        assert_eq!((graph.format, graph.importers.len()), (Format::YarnBerry(8), 1));
        let told: Vec<_> = graph.packages.iter().map(|one| (one.label(), one.need)).collect();
        let expected = [
            ("a@1.1.0", Need::Production),
            ("b@2.0.0", Need::Production),
            ("native@1.0.0", Need::Optional),
            ("real@1.0.0", Need::Dev),
        ];
        assert_eq!(told, expected.map(|(label, need)| (label.to_owned(), need)));
        let [a, b, native, real] = graph.packages.as_slice() else { panic!() };
        assert_eq!((a.line, a.checksum.as_deref()), (7, Some("10c0/abc")));
        assert_eq!(b.patch.as_deref(), Some("~/.yarn/patches/b.patch"));
        assert!(
            matches!(&native.source, Source::Tarball { url } if url == "https://files.example/n.tgz")
        );
        assert_eq!((native.os.len(), real.alias.as_deref()), (1, Some("old")));
    }
}
