//! One proposed grant: a key of the file, its value, and why.

use super::Why;
use crate::quote::quoted;
use ringfence_policy::display;
use serde::Serialize;

/// What a key gets.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// An entry of a list.
    Entry(String),
    /// An entry of `process.addons`.
    Addon {
        /// npm package.
        package: String,
        /// SHA-256 of the file, lower-case hexadecimal.
        sha256: String,
    },
    /// A switch.
    Switch(bool),
}

impl Value {
    /// As the file writes it.
    #[must_use]
    pub fn shown(&self) -> String {
        match self {
            Self::Entry(text) => quoted(text),
            Self::Addon { package, sha256 } => {
                let package = quoted(package);
                format!("{{ package = {package}, sha256 = \"{sha256}\" }}")
            }
            Self::Switch(on) => on.to_string(),
        }
    }
}

/// Whether the file has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It is to be added.
    New,
    /// A grant of the file covers it; the value is that grant.
    AlreadyGranted,
}

/// A proposed grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proposed {
    /// Section and key, such as `fs.read`.
    pub key: &'static str,
    /// The value.
    pub value: Value,
    /// Why it is there.
    pub why: Why,
    /// Whether the file has it.
    pub kind: Kind,
}

/// Keys in the order of the file.
const KEYS: [&str; 17] = [
    "fs.read",
    "fs.write",
    "fs.optional",
    "net.connect",
    "net.listen",
    "net.udp",
    "net.udp-listen",
    "net.unix",
    "net.private",
    "process.children",
    "process.workers",
    "process.addons",
    "process.wasi",
    "process.ffi",
    "process.inspector",
    "process.node-flags",
    "env.pass",
];

impl Proposed {
    pub(super) const fn new(key: &'static str, value: Value, why: Why) -> Self {
        Self { key, value, why, kind: Kind::New }
    }

    pub(super) fn entry(key: &'static str, value: impl Into<String>, why: Why) -> Self {
        Self::new(key, Value::Entry(value.into()), why)
    }

    pub(super) const fn granted(mut self) -> Self {
        self.kind = Kind::AlreadyGranted;
        self
    }

    /// Section and key apart.
    #[must_use]
    pub fn place(&self) -> (&'static str, &'static str) {
        self.key.split_once('.').unwrap_or(("", self.key))
    }

    /// The line of the file that would grant it alone.
    #[must_use]
    pub fn line(&self) -> String {
        match &self.value {
            Value::Switch(_) => format!("{} = {}", self.key, self.value.shown()),
            value => format!("{} = [{}]", self.key, value.shown()),
        }
    }

    pub(super) fn order(&self) -> (usize, Value) {
        let place = KEYS.iter().position(|key| *key == self.key).unwrap_or(KEYS.len());
        (place, self.value.clone())
    }

    /// Whether the parser takes it; what is refused there would refuse the whole file.
    pub(super) fn admissible(&self) -> Result<(), String> {
        let (section, key) = self.place();
        let value = match &self.value {
            Value::Switch(_) => self.value.shown(),
            value => format!("[{}]", value.shown()),
        };
        let text =
            format!("[service]\nname = \"a\"\nstart = [\"node\"]\n[{section}]\n{key} = {value}\n");
        match ringfence_policy::parse("", &text) {
            Ok(_) => Ok(()),
            Err(mistakes) => Err(mistakes
                .first()
                .map_or_else(String::new, |mistake| display::quoted(&mistake.message).to_string())),
        }
    }
}
