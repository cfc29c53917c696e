//! `package.json` as npm takes it before it packs: only the keys that say what is shipped.

use super::{ContentsError, LARGEST_TEXT};
use crate::tarball::joined;
use ringfence_project::walk;
use serde_json::{Map, Value};
use std::path::Path;

/// The keys that say what is shipped.
#[derive(Debug, Clone, Default)]
pub struct PackedManifest {
    root: Map<String, Value>,
}

impl PackedManifest {
    /// Reads `package.json` in a folder; `None` where there is none.
    ///
    /// # Errors
    /// One that npm cannot read.
    pub(in super::super) fn read(
        folder: &Path,
        shown: &str,
    ) -> Result<Option<Self>, ContentsError> {
        let path = folder.join("package.json");
        let failed = |why: String| ContentsError::Manifest { path: shown.to_owned(), why };
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        let bytes = walk::bytes(&path, LARGEST_TEXT).map_err(|error| failed(error.to_string()))?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let value = serde_json::from_slice(bytes);
        match value.map_err(|error| failed(format!("not JSON: {error}")))? {
            Value::Object(root) => Ok(Some(Self { root })),
            _ => Err(failed("not a JSON object".to_owned())),
        }
    }

    /// The value of a key. Keys that begin with `_` are dropped by npm.
    pub(in super::super) fn value(&self, key: &str) -> Option<&Value> {
        self.root.get(key)
    }

    /// A key that is a string.
    pub(in super::super) fn text(&self, key: &str) -> Option<&str> {
        self.value(key).and_then(Value::as_str)
    }

    /// Whether a key says something.
    pub(in super::super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some_and(is_true)
    }

    /// The scripts.
    pub(in super::super) fn scripts(&self) -> Vec<(String, String)> {
        let Some(Value::Object(all)) = self.value("scripts") else { return Vec::new() };
        let one = |(name, text): (&String, &Value)| Some((name.clone(), text.as_str()?.to_owned()));
        all.iter().filter_map(one).collect()
    }

    /// The text of a script.
    pub(in super::super) fn script(&self, name: &str) -> Option<&str> {
        let text = self.value("scripts")?.get(name)?.as_str()?;
        (!text.is_empty()).then_some(text)
    }

    /// Whether npm refuses to publish it.
    pub(in super::super) fn is_private(&self) -> bool {
        self.value("private").is_some_and(is_true)
    }

    /// `publishConfig.provenance`
    pub(in super::super) fn provenance(&self) -> Option<bool> {
        self.value("publishConfig")?.get("provenance")?.as_bool()
    }

    /// `name`
    pub(in super::super) fn name(&self) -> Option<&str> {
        self.value("name").and_then(Value::as_str)
    }

    /// `files`, as JavaScript goes through it: a string has characters.
    pub(super) fn files(&self, shown: &str) -> Result<Option<Vec<String>>, ContentsError> {
        let failed = |why: &str| ContentsError::Manifest {
            path: shown.to_owned(),
            why: format!("files {why}: npm cannot pack this"),
        };
        match self.value("files") {
            None => Ok(None),
            Some(value) if !is_true(value) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.chars().map(String::from).collect())),
            Some(Value::Array(all)) => {
                let text = |one: &Value| one.as_str().map(str::to_owned);
                let all: Option<Vec<String>> = all.iter().map(text).collect();
                all.map(Some).ok_or_else(|| failed("has an entry that is no string"))
            }
            Some(_) => Err(failed("is no list")),
        }
    }

    /// Paths that are shipped whatever else is said, as rules: `browser`, `main`, and the file of each
    /// command.
    pub(super) fn entry_rules(&self, folder: &Path) -> Vec<String> {
        let mut rules = Vec::new();
        for key in ["browser", "main"] {
            if let Some(value) = self.value(key).filter(|value| is_true(value)) {
                rules.push(format!("!/{}", as_text(value)));
            }
        }
        rules.extend(self.commands(folder).iter().map(|file| format!("!/{file}")));
        rules
    }

    /// The files of the commands.
    pub(in super::super) fn commands(&self, folder: &Path) -> Vec<String> {
        let target = |value: &Value| value.as_str().map(safe).filter(|path| !path.is_empty());
        match self.value("bin").filter(|value| is_true(value)) {
            Some(Value::String(file)) if self.name().is_some_and(|name| !name.is_empty()) => {
                Some(safe(file)).filter(|path| !path.is_empty()).into_iter().collect()
            }
            Some(Value::Array(files)) => files.iter().filter_map(target).collect(),
            Some(Value::Object(all)) => all.values().filter_map(target).collect(),
            Some(_) => Vec::new(),
            None => {
                let named = self.value("directories").and_then(|all| all.get("bin"));
                let named = named.and_then(Value::as_str).filter(|named| !named.is_empty());
                named.map(|named| in_folder(folder, &safe(named))).unwrap_or_default()
            }
        }
    }

    /// Names of `bundleDependencies` in all its forms.
    pub(super) fn bundled(&self) -> Vec<String> {
        let value = match self.value("bundleDependencies") {
            None => self.value("bundledDependencies"),
            value => value,
        };
        match value {
            Some(Value::Bool(true)) => self.names("dependencies"),
            Some(Value::Array(all)) => {
                all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(Value::Object(all)) => all.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// The names of an object of dependencies.
    pub(super) fn names(&self, key: &str) -> Vec<String> {
        match self.value(key) {
            Some(Value::Object(all)) => all.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Paths of `patchedDependencies`, which npm 12 never ships.
    pub(super) fn patches(&self) -> Vec<String> {
        let Some(Value::Object(all)) = self.value("patchedDependencies") else { return Vec::new() };
        let plain = |path: &str| {
            let path = path.replace('\\', "/");
            let path = path.strip_prefix('.').filter(|rest| rest.starts_with('/')).unwrap_or(&path);
            let path = path.strip_prefix('/').unwrap_or(path).trim_end_matches('/').to_owned();
            let leaves = path.is_empty() || path.starts_with('/') || path == "..";
            (!leaves && !path.starts_with("../") && !path.contains("/../")).then_some(path)
        };
        all.values().filter_map(Value::as_str).filter_map(plain).collect()
    }
}

/// Whether JavaScript takes a value for true.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Number(number) => number.as_f64() != Some(0.0),
        _ => true,
    }
}

/// A value in the middle of a text, as JavaScript puts it there.
fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => {
            let one = |value: &Value| if value.is_null() { String::new() } else { as_text(value) };
            all.iter().map(one).collect::<Vec<_>>().join(",")
        }
        Value::Object(_) => "[object Object]".to_owned(),
        other => other.to_string(),
    }
}

/// A path of a command, which cannot leave the package.
fn safe(path: &str) -> String {
    joined(&path.replace(['\\', ':'], "/"))
}

/// Every entry below a folder of commands that is not hidden.
fn in_folder(folder: &Path, inside: &str) -> Vec<String> {
    let limits = walk::Limits { entries: super::MOST_FILES, depth: super::DEEPEST };
    let walked = walk::walk(&folder.join(inside), limits, |_, name| name.starts_with('.'));
    let hidden = |path: &str| path.split('/').any(|name| name.starts_with('.'));
    let seen = walked.entries.into_iter().filter(|entry| !hidden(&entry.path));
    seen.map(|entry| format!("{inside}/{}", safe(&entry.path))).collect()
}
