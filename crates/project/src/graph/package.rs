//! Packages, who asks for them, and the edges between.

use super::{ImporterId, Integrity, PackageId, Source};

/// A project or a workspace of it: what its manifest asks for, as the lockfile knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Importer {
    /// Its folder below the lockfile's, empty for the project itself.
    pub folder: String,
    /// Its name, where the file tells.
    pub name: Option<String>,
    /// Its version, where the file tells.
    pub version: Option<String>,
    /// What it asks for.
    pub edges: Vec<Edge>,
}

/// One copy of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// What tells this copy from others in its file: a folder (npm), `name@version(peers)` (pnpm), the
    /// first descriptor (Yarn), the path of names (Bun).
    pub key: String,
    /// Its name in its source.
    pub name: String,
    /// The name under which it is installed, where that is another.
    pub alias: Option<String>,
    /// Its version; absent for folders and, in some forms, git.
    pub version: Option<String>,
    /// Where it comes from.
    pub source: Source,
    /// Hashes of its tarball; empty where the form has none.
    pub integrity: Integrity,
    /// Yarn 2's hash of its own zip file, which is none of the tarball.
    pub checksum: Option<String>,
    /// What it asks for.
    pub edges: Vec<Edge>,
    /// Whether the file says that it runs something when it is installed; `None` where the form does
    /// not tell. `Some(false)` is no promise: `binding.gyp` alone runs a compiler.
    pub install_script: Option<bool>,
    /// It came inside the tarball of another package.
    pub bundled: bool,
    /// Path of a patch that is applied to it.
    pub patch: Option<String>,
    /// What the file says of its licence.
    pub licence: Option<String>,
    /// Why it should not be used any more, by its publisher.
    pub deprecated: Option<String>,
    /// Operating systems it is for, with `!` for those it is not for; empty for all.
    pub os: Vec<String>,
    /// Processors it is for, likewise.
    pub cpu: Vec<String>,
    /// C libraries it is for, likewise.
    pub libc: Vec<String>,
    /// `engines.node`
    pub node: Option<String>,
    /// Who needs it.
    pub need: Need,
    /// Its line, counted from 1.
    pub line: usize,
}

impl Package {
    /// A package of which nothing but its key, name and line is known.
    pub(crate) fn new(key: &str, name: &str, line: usize) -> Self {
        Self {
            key: key.to_owned(),
            name: name.to_owned(),
            alias: None,
            version: None,
            source: Source::Registry { url: None },
            integrity: Integrity::default(),
            checksum: None,
            edges: Vec::new(),
            install_script: None,
            bundled: false,
            patch: None,
            licence: None,
            deprecated: None,
            os: Vec::new(),
            cpu: Vec::new(),
            libc: Vec::new(),
            node: None,
            need: Need::Unknown,
            line,
        }
    }

    /// `name@version`, or the name alone.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.version {
            Some(version) => format!("{}@{version}", self.name),
            None => self.name.clone(),
        }
    }
}

/// Who needs a package, found by following edges from the importers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Nobody: no importer leads to it.
    Nobody,
    /// `devDependencies` alone.
    Dev,
    /// `devDependencies`, and something optional.
    DevOptional,
    /// Something optional alone: an install succeeds without it.
    Optional,
    /// The project as it runs.
    Production,
    /// Not told: the form does not hold what the project asks for, and no manifest was given.
    Unknown,
}

/// Why one package asks for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeKind {
    /// `devDependencies`
    Dev,
    /// `optionalDependencies`
    Optional,
    /// `peerDependencies`
    Peer,
    /// `peerDependencies` that may be missing.
    PeerOptional,
    /// `dependencies`
    Production,
}

/// What is asked for, and what was found for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The name that is asked for, which an alias may give to another package.
    pub name: String,
    /// The range or address, as written.
    pub range: String,
    /// Why.
    pub kind: EdgeKind,
    /// What was found; `None` where the file has nothing for it, as for optional packages of other
    /// platforms.
    pub to: Option<Target>,
}

/// The end of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// A workspace of the same project.
    Importer(ImporterId),
    /// A package.
    Package(PackageId),
}
