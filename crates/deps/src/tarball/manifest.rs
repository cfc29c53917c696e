//! `package.json` in a tarball, as JavaScript reads it.

use serde_json::Value;

/// What the manifest in a tarball says; what has another type than it should is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// `name`
    pub name: Option<String>,
    /// `version`
    pub version: Option<String>,
    /// `scripts`
    pub scripts: Vec<(String, String)>,
    /// `gypfile`
    pub gypfile: Option<bool>,
    /// `bin`: the name of each command and its file, as npm takes them.
    pub bin: Vec<(String, String)>,
    /// `directories.bin`, where there is no `bin`: every file in it is a command.
    pub command_folder: Option<String>,
    /// `license`, also in its old forms.
    pub licence: Option<String>,
    /// `repository`: the address.
    pub repository: Option<String>,
    /// Why it could not be read.
    pub problem: Option<&'static str>,
}

impl Manifest {
    /// Reads the bytes of a `package.json`. A key that is there twice counts by its last place, as in
    /// JavaScript, because packages are published so.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let Ok(Value::Object(root)) = serde_json::from_slice(bytes) else {
            return Self { problem: Some("its package.json is no JSON object"), ..Self::default() };
        };
        let text = |key: &str| root.get(key).and_then(Value::as_str).map(str::to_owned);
        let name = text("name");
        let repository = match root.get("repository") {
            Some(Value::Object(one)) => one.get("url").and_then(Value::as_str).map(str::to_owned),
            _ => text("repository"),
        };
        let folder = root.get("directories").and_then(|all| all.get("bin"));
        let folder = folder.filter(|_| root.get("bin").is_none()).and_then(Value::as_str);
        Self {
            bin: bin(root.get("bin"), name.as_deref()),
            command_folder: folder.map(joined).filter(|folder| !folder.is_empty()),
            name,
            version: text("version"),
            scripts: strings(root.get("scripts")),
            gypfile: root.get("gypfile").and_then(Value::as_bool),
            licence: root.get("license").or_else(|| root.get("licenses")).and_then(licence),
            repository,
            problem: None,
        }
    }

    /// The text of a script.
    #[must_use]
    pub fn script(&self, name: &str) -> Option<&str> {
        self.scripts.iter().find(|(key, _)| key == name).map(|(_, text)| text.as_str())
    }
}

fn strings(value: Option<&Value>) -> Vec<(String, String)> {
    let Some(Value::Object(entries)) = value else { return Vec::new() };
    let one = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    entries.iter().filter_map(one).collect()
}

/// `license`: an expression, `{"type": ...}`, or a list of these.
pub(crate) fn licence(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(one) => one.get("type").and_then(Value::as_str).map(str::to_owned),
        Value::Array(all) => {
            let all: Vec<_> = all.iter().filter_map(licence).collect();
            (!all.is_empty()).then(|| all.join(" OR "))
        }
        _ => None,
    }
}

/// `bin` as npm-normalize-package-bin takes it.
fn bin(value: Option<&Value>, name: Option<&str>) -> Vec<(String, String)> {
    let written: Vec<(String, String)> = match value {
        Some(Value::String(file)) => {
            name.map(|name| (name.to_owned(), file.clone())).into_iter().collect()
        }
        Some(Value::Array(files)) => {
            let files = files.iter().filter_map(Value::as_str);
            files.map(|file| (file.to_owned(), file.to_owned())).collect()
        }
        value => strings(value),
    };
    let taken = written.into_iter().filter_map(|(name, file)| {
        let name = name.replace(['\\', ':'], "/");
        let name = joined(name.trim_end_matches('/').rsplit('/').next().unwrap_or_default());
        let file = joined(&file.replace('\\', "/"));
        (!name.is_empty() && !file.is_empty()).then_some((name, file))
    });
    taken.collect()
}

/// A path from the root, without `.` and `..`.
pub(crate) fn joined(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}
