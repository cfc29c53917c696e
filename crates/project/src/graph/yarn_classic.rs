//! `yarn.lock` of Yarn 1: descriptors, and the package each set of them got.
//!
//! It tells neither who asks first nor what is there for development; manifests do.

use super::entry::{alias, split_at};
use super::{
    Edge, EdgeKind, Format, GraphError, Integrity, Manifest, Package, PackageId, Read, Source,
    Target, manifest,
};
use std::collections::HashMap;

/// An entry as it is read.
struct Entry {
    line: usize,
    descriptors: Vec<String>,
    fields: HashMap<String, String>,
    edges: Vec<(String, String, EdgeKind)>,
}

pub(super) fn read(text: &str, manifests: &[Manifest<'_>]) -> Result<Read, GraphError> {
    let entries = entries(text)?;
    let mut places: HashMap<&str, Target> = HashMap::new();
    for (entry, id) in entries.iter().zip((0..).map(PackageId)) {
        for descriptor in &entry.descriptors {
            if places.insert(descriptor, Target::Package(id)).is_some() {
                let told = ringfence_policy::display::quoted(descriptor);
                return Err(GraphError::on(entry.line, format!("{told} is there twice")));
            }
        }
    }
    let find = |name: &str, range: &str| places.get(format!("{name}@{range}").as_str()).copied();
    let importers = manifest::importers(manifests, |_, name, range| find(name, range))?;
    let packages = entries.iter().map(|entry| package(entry, &find)).collect::<Result<_, _>>()?;
    refuse_half(&entries)?;
    manifest::refuse_missing(manifests, &importers)?;
    Ok((Format::YarnClassic, importers, packages))
}

/// The form has no end by which a whole file is known. But what packages ask for is in it, and its last
/// entry says what all others say.
fn refuse_half(entries: &[Entry]) -> Result<(), GraphError> {
    let Some((last, others)) = entries.split_last() else { return Ok(()) };
    let has = |entry: &Entry, key: &str| entry.fields.contains_key(key);
    let is_fetched =
        |entry: &Entry| entry.fields.get("resolved").is_some_and(|text| text.contains("/-/"));
    let is_local = |entry: &Entry| {
        let ranges = entry.descriptors.iter().filter_map(|one| split_at(one));
        ranges.into_iter().any(|(_, range)| range.contains(':') && !range.starts_with("npm:"))
    };
    let all_have =
        |those: Vec<&Entry>, key: &str| !those.is_empty() && those.iter().all(|one| has(one, key));
    let own = others.iter().filter(|one| !is_local(one)).collect();
    let fetched = others.iter().filter(|one| is_fetched(one)).collect();
    let lacks = |key| !has(last, key);
    if (!is_local(last) && lacks("resolved") && all_have(own, "resolved"))
        || (is_fetched(last) && lacks("integrity") && all_have(fetched, "integrity"))
    {
        let why = "it says less than the others: half a file, or changed";
        return Err(GraphError::on(last.line, why));
    }
    Ok(())
}

fn package(
    entry: &Entry,
    find: &impl Fn(&str, &str) -> Option<Target>,
) -> Result<Package, GraphError> {
    let key = entry.descriptors.first().map(String::as_str).unwrap_or_default();
    let Some((installed, range)) = split_at(key) else {
        return Err(GraphError::on(entry.line, "a name and a range are expected"));
    };
    let field = |name: &str| entry.fields.get(name);
    let name = alias(range).map_or(installed, |(name, _)| name);
    let mut package = Package::new(key, name, entry.line);
    package.alias = (name != installed).then(|| installed.to_owned());
    package.version = field("version").cloned();
    if package.version.is_none() {
        return Err(GraphError::on(entry.line, "the version is missing"));
    }
    let resolved = field("resolved").map(String::as_str);
    package.source = match resolved.or_else(|| range.starts_with("file:").then_some(range)) {
        Some(address) => Source::of_address(address, name, package.version.as_deref()),
        None => Source::Registry { url: None },
    };
    package.integrity = match (field("integrity"), resolved.and_then(|text| text.split_once('#'))) {
        (Some(text), _) => Integrity::parse(text),
        (None, Some((_, hash))) if hash.len() == 40 => sha1(hash),
        _ => Integrity::default(),
    };
    for (name, range, kind) in &entry.edges {
        let Some(to) = find(name, range) else {
            return Err(GraphError::missing(entry.line, name, range));
        };
        let (name, range) = (name.clone(), range.clone());
        package.edges.push(Edge { name, range, kind: *kind, to: Some(to) });
    }
    Ok(package)
}

/// The SHA-1 that stands behind `#`, in hexadecimal there.
fn sha1(hex: &str) -> Integrity {
    let byte = |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
    bytes.map(|bytes| Integrity::of_sha1(&bytes)).unwrap_or_default()
}

fn entries(text: &str) -> Result<Vec<Entry>, GraphError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut section = None;
    for (number, raw) in (1..).zip(text.lines()) {
        let line = raw.trim_end();
        let content = line.trim_start_matches(' ');
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let wrong = |why: &str| GraphError::on(number, why);
        let indent = line.len() - content.len();
        if indent == 0 {
            let head =
                content.strip_suffix(':').ok_or_else(|| wrong("a colon is expected at the end"))?;
            let descriptors =
                descriptors(head).ok_or_else(|| wrong("names and ranges are expected"))?;
            entries.push(Entry {
                line: number,
                descriptors,
                fields: HashMap::new(),
                edges: Vec::new(),
            });
            section = None;
            continue;
        }
        let entry =
            entries.last_mut().ok_or_else(|| wrong("a name and range are expected first"))?;
        match (indent, content) {
            (2, "dependencies:") => section = Some(EdgeKind::Production),
            (2, "optionalDependencies:") => section = Some(EdgeKind::Optional),
            (2, _) => {
                section = None;
                let (key, value) =
                    pair(content).ok_or_else(|| wrong("a key and a value are expected"))?;
                if entry.fields.insert(key, value).is_some() {
                    return Err(wrong("a key is there twice"));
                }
            }
            (4, _) => {
                let kind = section.ok_or_else(|| wrong("nothing is expected here"))?;
                let (name, range) =
                    pair(content).ok_or_else(|| wrong("a name and a range are expected"))?;
                entry.edges.push((name, range, kind));
            }
            _ => return Err(wrong("indented otherwise than Yarn does")),
        }
    }
    if let (Some(kind), Some(last)) = (section, entries.last())
        && last.edges.iter().all(|(.., other)| *other != kind)
    {
        return Err(GraphError::on(
            last.line,
            "dependencies are expected: half a file, or changed",
        ));
    }
    Ok(entries)
}

/// Words with commas between them; those with odd characters are in quotes.
fn descriptors(head: &str) -> Option<Vec<String>> {
    let mut all = Vec::new();
    let mut rest = head;
    loop {
        let (word, after) = word(rest, &[','])?;
        all.push(word);
        let after = after.trim_start();
        if after.is_empty() {
            return Some(all);
        }
        rest = after.strip_prefix(',')?.trim_start();
    }
}

/// A key, and a value behind a space.
fn pair(content: &str) -> Option<(String, String)> {
    let (key, rest) = word(content, &[' '])?;
    let rest = rest.strip_prefix(' ')?;
    let (value, rest) =
        if rest.starts_with('"') { word(rest, &[])? } else { (rest.to_owned(), "") };
    rest.is_empty().then_some((key, value))
}

/// A word in quotes, or up to one of these ends.
fn word<'a>(text: &'a str, ends: &[char]) -> Option<(String, &'a str)> {
    if text.starts_with('"') {
        let mut stream = serde_json::Deserializer::from_str(text).into_iter::<String>();
        let word = stream.next()?.ok()?;
        return Some((word, &text[stream.byte_offset()..]));
    }
    let end = text.find(ends).unwrap_or(text.len());
    (end > 0).then(|| (text[..end].to_owned(), &text[end..]))
}

#[cfg(test)]
mod tests {
    use crate::graph::{Algorithm, Format, Graph, Manifest, Need, Source};

    const TEXT: &str = "# yarn lockfile v1\n\n\n\"@s/a@^1.0.0\", \"@s/a@^1.1.0\":\n  version \"1.1.0\"\n  resolved \"https://registry.example/@s/a/-/a-1.1.0.tgz#0123456789abcdef0123456789abcdef01234567\"\n  dependencies:\n    b \">= 1 < 3\"\n\nb@\">= 1 < 3\":\n  version \"2.0.0\"\n  resolved \"https://registry.example/b/-/b-2.0.0.tgz\"\n";

    #[test]
    fn descriptors_lead_to_their_package() {
        let text = TEXT.replace("b@\">= 1 < 3\":", "\"b@>= 1 < 3\":");
        let manifest = r#"{"devDependencies": {"@s/a": "^1.1.0"}}"#;
        let graph =
            Graph::read("yarn.lock", &text, &[Manifest { folder: "", text: manifest }]).unwrap();
        assert_eq!(graph.format, Format::YarnClassic);
        let told: Vec<_> =
            graph.packages.iter().map(|one| (one.label(), one.line, one.need)).collect();
        let expected =
            [("@s/a@1.1.0".to_owned(), 4, Need::Dev), ("b@2.0.0".to_owned(), 10, Need::Dev)];
        assert_eq!(told, expected);
        assert!(matches!(graph.packages[0].source, Source::Registry { url: Some(_) }));
        assert_eq!(graph.packages[0].integrity.strongest(), Some(Algorithm::Sha1));
    }

    #[test]
    fn what_yarn_does_not_write_is_an_error_with_its_line() {
        let read = |text: &str| Graph::read("yarn.lock", text, &[]).unwrap_err().to_string();
        let head = "# yarn lockfile v1\n\n";
        for (text, message) in [
            ("a@1:\n  version \"1\"\n\na@1:\n  version \"2\"\n", "line 6: a@1 is there twice"),
            ("a@1:\n  version \"1\n", "line 4: a key and a value are expected"),
            ("a@1\n", "line 3: a colon is expected at the end"),
            ("a@1:\n    b \"1\"\n", "line 4: nothing is expected here"),
            ("a@1:\n  resolved \"x\"\n", "line 3: the version is missing"),
            ("", "line 2: the file ends, and no package is in it"),
        ] {
            assert_eq!(read(&format!("{head}{text}")), message);
        }
    }
}
