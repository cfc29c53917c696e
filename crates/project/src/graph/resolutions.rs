//! `resolutions` of a project of Yarn 2 and later: what is fetched in the place of what is asked for.
//!
//! A key is a name, with or without the range it is about, and with or without the package that asks.

use super::Manifest;
use crate::json;

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolution {
    /// Who asks, where it is about that one alone.
    from: Option<String>,
    /// What is asked for.
    name: String,
    /// The range, where it is about that one alone.
    range: Option<String>,
    /// The range that is taken instead.
    to: String,
}

impl Resolution {
    /// Whether it is about what `from` asks for.
    pub(super) fn is_about(&self, from: &str, name: &str, range: &str) -> bool {
        self.name == name
            && self.from.as_deref().is_none_or(|own| own == from)
            && self.range.as_deref().is_none_or(|own| bare(own) == bare(range))
    }

    /// The name it is about.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The range that is taken instead.
    pub(super) fn to(&self) -> &str {
        &self.to
    }
}

/// A range without the protocol that is understood where there is none.
pub(super) fn bare(range: &str) -> &str {
    range.strip_prefix("npm:").unwrap_or(range)
}

/// What the project's own manifest says.
pub(super) fn read(manifests: &[Manifest<'_>]) -> Vec<Resolution> {
    let root = manifests.iter().find(|manifest| manifest.folder.is_empty());
    let parsed = root.and_then(|manifest| json::parse(manifest.text).ok());
    let Some(told) = parsed.as_ref().and_then(|root| root.value.key("resolutions")) else {
        return Vec::new();
    };
    let one = |path: &str, to: &str| {
        let (from, last) = split(path);
        let (name, range) = named(last);
        let from = from.map(|from| named(from).0.to_owned());
        let range = range.map(str::to_owned);
        Resolution { from, name: name.to_owned(), range, to: to.to_owned() }
    };
    let all = told.value.entries().iter();
    all.filter_map(|(path, to)| Some(one(path, to.value.as_str()?))).collect()
}

/// `@s/parent@npm:1/name` as the parent, where one is named, and the rest. A range may have slashes.
fn split(path: &str) -> (Option<&str>, &str) {
    let scope = if path.starts_with('@') { path.find('/').map_or(0, |at| at + 1) } else { 0 };
    let (name, range) = named(path);
    let after = match range {
        // A version has none, and what has one is no parent: an address, a patch.
        Some(range) if range.contains(':') && !range.starts_with("npm:") => None,
        Some(_) => path[name.len() + 1..].find('/').map(|at| name.len() + 1 + at),
        None => path[scope..].find('/').map(|at| scope + at),
    };
    match after {
        Some(at) if &path[..at] == "**" => (None, &path[at + 1..]),
        Some(at) => (Some(&path[..at]), &path[at + 1..]),
        None => (None, path),
    }
}

/// `name@range`, or the name alone. The name ends where a path goes on.
fn named(text: &str) -> (&str, Option<&str>) {
    let scope = if text.starts_with('@') { text.find('/').map_or(0, |at| at + 1) } else { 0 };
    let end = text[scope..].find(['@', '/']).map(|at| at + scope);
    match end {
        Some(at) if text[at..].starts_with('@') => (&text[..at], Some(&text[at + 1..])),
        Some(at) => (&text[..at], None),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolution_is_about_who_and_what_it_names() {
        let text = r#"{"resolutions": {
            "a": "1.0.0", "p/b": "2.0.0", "@s/p@npm:1.0.0/@s/b": "3.0.0", "c@npm:^1": "npm:c@1.2.3",
            "@s/d": "patch:@s/d@npm%3A1.0.0#./x/y.patch", "**/e": "1.0.0"}}"#;
        let read = read(&[Manifest { folder: "", text }]);
        let about = |from: &str, name: &str, range: &str| {
            let found = read.iter().find(|one| one.is_about(from, name, range));
            found.map(|one| one.to().split('#').next().unwrap().to_owned())
        };
        assert_eq!(about("x", "a", "npm:^9").as_deref(), Some("1.0.0"));
        assert_eq!(about("p", "b", "^1").as_deref(), Some("2.0.0"));
        assert_eq!(about("q", "b", "^1"), None);
        assert_eq!(about("@s/p", "@s/b", "^1").as_deref(), Some("3.0.0"));
        assert_eq!(about("x", "c", "^1").as_deref(), Some("npm:c@1.2.3"));
        assert_eq!(about("x", "c", "npm:^2"), None);
        assert_eq!(about("x", "@s/d", "npm:^2").as_deref(), Some("patch:@s/d@npm%3A1.0.0"));
        assert_eq!(about("x", "e", "npm:^2").as_deref(), Some("1.0.0"));
    }
}
