//! What the files of a project say, before anything is made of it.
//!
//! A fact keeps where it was read, because the draft names its source on every line. Values of
//! variables stay redacted here: only what looks harmless may ever be written down.

use ringfence_policy::display::untrusted;
use ringfence_policy::redacted::Redacted;
use ringfence_project::package::Package;
use ringfence_project::variables::Suspicion;
use std::collections::BTreeMap;
use std::fmt;

/// Where something was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Origin {
    /// The file, as it is named in messages; `the command` for a command that was given.
    pub(crate) file: String,
    /// Its line, from 1; 0 where there is none.
    pub(crate) line: usize,
}

impl Origin {
    pub(crate) fn new(file: &str, line: usize) -> Self {
        Self { file: file.to_owned(), line }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", untrusted(&self.file))?;
        if self.line > 0 { write!(f, ":{}", self.line) } else { Ok(()) }
    }
}

/// A value and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
}

impl<T> Fact<T> {
    pub(crate) const fn new(value: T, origin: Origin) -> Self {
        Self { value, origin }
    }
}

/// A way the program is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Start {
    /// Program and arguments; never empty.
    pub(crate) words: Vec<String>,
    /// Variables set in front of it.
    pub(crate) variables: Vec<(String, String)>,
    /// Where the folder of the project lies for this command, such as `/app` in an image.
    pub(crate) root: Option<String>,
    /// How it is said there: `script "start"`, `CMD`.
    pub(crate) said: String,
}

/// A port that something says the program listens on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Port {
    pub(crate) number: u16,
    pub(crate) udp: bool,
}

/// What lies under a path of the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mounted {
    /// A folder or file of the host, as written (relative ones against the project).
    Bind(String),
    /// Data that outlives the container.
    Data,
    /// Scratch space, with its size in bytes where one is given.
    Scratch(Option<u64>),
}

/// A mount of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Path inside.
    pub(crate) at: String,
    /// What is there.
    pub(crate) what: Mounted,
    /// Whether it may only be read.
    pub(crate) read_only: bool,
}

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) name: String,
    /// `None` where only the name is known, or the value comes from elsewhere.
    pub(crate) value: Option<Redacted<String>>,
    /// Why it looks secret.
    pub(crate) suspicion: Option<Suspicion>,
    /// Whether the source fixes the value for every start, as an image does.
    pub(crate) fixed: bool,
}

/// A secret that a manifest delivers as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretFile {
    pub(crate) name: String,
    /// Its source in the project, where one is named.
    pub(crate) source: Option<String>,
    /// Where the program finds it.
    pub(crate) at: String,
}

/// A limit, in the terms of the boundary file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Limit {
    Cpu(f64),
    Memory(u64),
    OpenFiles(u64),
    Pids(u64),
    Tmp(u64),
}

/// Another service of the same manifest, and the port its image usually answers on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Neighbour {
    pub(crate) name: String,
    pub(crate) port: Option<u16>,
}

/// Everything that was read, in the order of the sources.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Files that were read, in order.
    pub(crate) read: Vec<String>,
    /// `package.json`, with its name in messages.
    pub(crate) package: Option<(String, Package)>,
    /// Packages that are only there to develop, as the lockfile says: by folder.
    pub(crate) development: Vec<String>,
    /// Names the service may have.
    pub(crate) names: Vec<Fact<String>>,
    pub(crate) starts: Vec<Fact<Start>>,
    pub(crate) node: Vec<Fact<String>>,
    pub(crate) ports: Vec<Fact<Port>>,
    pub(crate) mounts: Vec<Fact<Mount>>,
    pub(crate) settings: Vec<Fact<Setting>>,
    /// Variables of example files: their values are made up, and name hosts all the same.
    pub(crate) samples: Vec<Fact<Setting>>,
    pub(crate) secret_files: Vec<Fact<SecretFile>>,
    /// The workload that was read, by its place.
    pub(crate) workload: Option<String>,
    pub(crate) neighbours: Vec<Fact<Neighbour>>,
    pub(crate) limits: Vec<Fact<Limit>>,
    pub(crate) users: Vec<Fact<String>>,
    pub(crate) signals: Vec<Fact<String>>,
    pub(crate) grace: Vec<Fact<u64>>,
    /// Where the project's folder lies in images, the last one first.
    pub(crate) roots: Vec<Fact<String>>,
    /// What a command with Node's own permission flags asked for.
    pub(crate) permissions: Vec<Fact<ringfence_project::command::NodeCommand>>,
    /// What its reader should know: a file that could not be read, a template, a conflict.
    pub(crate) notes: Vec<String>,
}

impl Facts {
    /// Something a person must know.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// The last known value of every variable, with all places it was named at.
    pub(crate) fn variables(&self) -> BTreeMap<&str, Vec<&Fact<Setting>>> {
        let mut by_name: BTreeMap<&str, Vec<&Fact<Setting>>> = BTreeMap::new();
        for setting in &self.settings {
            by_name.entry(&setting.value.name).or_default().push(setting);
        }
        by_name
    }

    /// A path of a container as one of the project or the host: what lies below the image's own
    /// folder of the project lies below `./`.
    pub(crate) fn outside(&self, path: &str) -> String {
        let roots = self.roots.iter().map(|root| root.value.as_str());
        for root in roots.filter(|root| *root != "/") {
            if path == root {
                return "./".to_owned();
            }
            if let Some(inside) = path.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')) {
                return format!("./{inside}");
            }
        }
        path.to_owned()
    }
}
