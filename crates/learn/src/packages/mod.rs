//! Which npm package used which capability.
//!
//! A record tells who asked for what by the place of the call; here that becomes one entry for each
//! package: what it reads and writes outside its own folder, whom it talks to, what it starts, loads
//! and asks of the environment. A call counts for the package nearest to it: what express has `send`
//! read is read by `send`. The view says nothing of a run and a machine (no times, no process ids, no
//! home folders), so that a repository can keep it and two of them can be compared.
//!
//! It is told by the script in front of Node, which a program can deceive, and only of what the run
//! did: a package that behaves until Tuesday is not found by it. The boundary is what holds.

mod baseline;
mod build;
mod compare;
mod place;

pub use baseline::{BaselineError, Source, read};
pub use build::view;
pub use compare::{Comparison, Finding, Lost, VersionChange, compare};

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Version of the JSON form.
pub const SCHEMA: u32 = 1;

/// What an entry may do, in the order of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// Connections: `name:port` as the code named it, or `own listener`.
    Network,
    /// Names that were looked up and that it did not connect to.
    Names,
    /// Listeners: `address:port`, port 0 is any.
    Listeners,
    /// Datagrams: `address:port`.
    Datagrams,
    /// Unix sockets by path.
    UnixSockets,
    /// Programs that were started, as they were named.
    Children,
    /// Native code: files that were loaded.
    NativeCode,
    /// Worker threads: their files.
    Workers,
    /// WASI: preopened folders; `no folder` without any.
    Wasi,
    /// Foreign functions: libraries.
    Ffi,
    /// The inspector.
    Inspector,
    /// Variables of the environment by name.
    Environment,
    /// Files and folders read outside its own folder.
    Reads,
    /// Files written, made or removed outside its own folder.
    Writes,
}

impl Ability {
    /// All, in order.
    pub const ALL: [Self; 14] = [
        Self::Network,
        Self::Names,
        Self::Listeners,
        Self::Datagrams,
        Self::UnixSockets,
        Self::Children,
        Self::NativeCode,
        Self::Workers,
        Self::Wasi,
        Self::Ffi,
        Self::Inspector,
        Self::Environment,
        Self::Reads,
        Self::Writes,
    ];

    /// What people read.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Network => "connects to",
            Self::Names => "looks up",
            Self::Listeners => "listens on",
            Self::Datagrams => "datagrams",
            Self::UnixSockets => "unix sockets",
            Self::Children => "starts",
            Self::NativeCode => "native code",
            Self::Workers => "workers",
            Self::Wasi => "WASI",
            Self::Ffi => "foreign functions",
            Self::Inspector => "inspector",
            Self::Environment => "environment",
            Self::Reads => "reads",
            Self::Writes => "writes",
        }
    }

    /// The code of the finding that a package gained it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Network => "new-network",
            Self::Names => "new-name",
            Self::Listeners => "new-listener",
            Self::Datagrams => "new-datagrams",
            Self::UnixSockets => "new-unix-socket",
            Self::Children => "new-child",
            Self::NativeCode => "new-native-code",
            Self::Workers => "new-worker",
            Self::Wasi => "new-wasi",
            Self::Ffi => "new-foreign-functions",
            Self::Inspector => "new-inspector",
            Self::Environment => "new-environment",
            Self::Reads => "new-file-outside",
            Self::Writes => "new-write-outside",
        }
    }
}

/// The code of the finding that a package uses something at all, which the older view does not know.
pub const NEW_PACKAGE: &str = "new-package-with-capability";

/// What one package, or the application itself, used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its versions; several when several are installed, none for the application.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub versions: BTreeSet<String>,
    /// What it used.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uses: BTreeMap<Ability, BTreeSet<String>>,
}

impl Entry {
    /// Whether it used anything that leaves its own folder.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.uses.is_empty()
    }

    fn add(&mut self, ability: Ability, what: impl Into<String>) {
        self.uses.entry(ability).or_default().insert(what.into());
    }
}

/// What each package used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The application itself, its workspaces included.
    pub application: Entry,
    /// npm packages by name.
    pub packages: BTreeMap<String, Entry>,
    /// Why it may lack something, one sentence each; not part of what is kept or compared.
    #[serde(skip)]
    pub gaps: Vec<String>,
    /// Whether the run was cut short: what is kept would lack what came after.
    #[serde(skip)]
    pub cut_short: bool,
}

impl View {
    /// The JSON that a repository keeps: the same for the same use, with a newline at the end.
    ///
    /// # Errors
    /// It cannot be written as JSON, which no view causes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

#[cfg(test)]
mod tests;
