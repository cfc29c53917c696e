//! What a lockfile installs, as one graph: the same shape whoever wrote the file.
//!
//! A [`Graph`] holds the packages of every document of a lockfile, each copy by itself, the edges
//! between them with the range that asked, and the line on which each stands, so that a finding points
//! at it. It says what was meant to be installed, not what lies in `node_modules`, and it
//! asks no registry. A lockfile without a single package is an error: a tool that reads nothing must
//! not call it clean.

mod bun;
mod entry;
mod error;
mod integrity;
mod manifest;
mod npm;
mod package;
mod pnpm;
mod reach;
mod resolutions;
mod source;
mod yaml;
mod yarn_berry;
mod yarn_classic;

pub use error::GraphError;
pub use integrity::{Algorithm, Integrity};
pub use package::{Edge, EdgeKind, Importer, Need, Package, Target};
pub use source::Source;

use crate::lockfile::Manager;

/// What a reader makes of a text.
type Read = (Format, Vec<Importer>, Vec<Package>);

/// Most packages of one lockfile.
pub const MAX_PACKAGES: usize = 200_000;

/// The form of a lockfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `bun.lock`, by its `lockfileVersion`.
    Bun(u32),
    /// `package-lock.json` and `npm-shrinkwrap.json`, by `lockfileVersion` (1 to 3).
    Npm(u32),
    /// `pnpm-lock.yaml`, by the major number of `lockfileVersion` (5, 6, 9).
    Pnpm(u32),
    /// `yarn.lock` of Yarn 2 and later, by `__metadata.version` (4 to 10).
    YarnBerry(u32),
    /// `yarn.lock` of Yarn 1.
    YarnClassic,
}

impl Format {
    /// Who writes it.
    #[must_use]
    pub const fn manager(self) -> Manager {
        match self {
            Self::Bun(_) => Manager::Bun,
            Self::Npm(_) => Manager::Npm,
            Self::Pnpm(_) => Manager::Pnpm,
            Self::YarnBerry(_) | Self::YarnClassic => Manager::Yarn,
        }
    }
}

/// A lockfile as packages and edges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// The form it was read from.
    pub format: Format,
    /// The project and its workspaces: who asks first. Empty where the form does not tell
    /// (npm 1, Yarn 1) and no manifest was given.
    pub importers: Vec<Importer>,
    /// Every copy of every package, in the order of the file.
    pub packages: Vec<Package>,
}

/// A package of a [`Graph`], by its place in [`Graph::packages`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageId(pub(crate) u32);

impl PackageId {
    /// Its place in [`Graph::packages`].
    #[must_use]
    pub const fn place(self) -> usize {
        self.0 as usize
    }
}

/// An importer of a [`Graph`], by its place in [`Graph::importers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImporterId(pub(crate) u32);

/// A `package.json` beside a lockfile that does not tell who asks first.
#[derive(Debug, Clone, Copy)]
pub struct Manifest<'a> {
    /// Folder below the lockfile's, empty for the project itself; with `/` between its parts.
    pub folder: &'a str,
    /// Its text.
    pub text: &'a str,
}

impl Graph {
    /// Reads a lockfile by its file name. Manifests are needed only where the form does not hold what
    /// they ask for (npm 1, Yarn 1); elsewhere they are not looked at.
    ///
    /// # Errors
    /// A name of no lockfile, text that the manager could not read either, a key that stands twice,
    /// marks of a merge, or no package at all.
    pub fn read(file: &str, text: &str, manifests: &[Manifest<'_>]) -> Result<Self, GraphError> {
        let (_, manager) = crate::lockfile::NAMES
            .into_iter()
            .find(|(name, _)| *name == file)
            .ok_or_else(|| GraphError::UnknownName { name: file.to_owned() })?;
        // No line of JSON can begin as those of a merge do: they are looked for where it is none.
        let merged = |error| error::refuse_conflicts(text).err().unwrap_or(error);
        if !matches!(manager, Manager::Npm | Manager::Bun) {
            error::refuse_conflicts(text)?;
        }
        let (format, importers, packages) = match manager {
            Manager::Npm => npm::read(text, manifests).map_err(merged)?,
            Manager::Bun => bun::read(text).map_err(merged)?,
            Manager::Yarn if text.contains("__metadata:") => yarn_berry::read(text, manifests)?,
            Manager::Yarn => yarn_classic::read(text, manifests)?,
            Manager::Pnpm => pnpm::read(text)?,
        };
        if packages.is_empty() {
            return Err(GraphError::empty(text));
        }
        if packages.len() > MAX_PACKAGES {
            return Err(GraphError::TooMany { count: packages.len() });
        }
        let mut graph = Self { format, importers, packages };
        reach::mark(&mut graph);
        Ok(graph)
    }

    /// The package of an id of this graph.
    ///
    /// # Panics
    /// Never with an id of the same graph.
    #[must_use]
    pub fn package(&self, id: PackageId) -> &Package {
        &self.packages[id.0 as usize]
    }

    /// The importer of an id of this graph.
    #[must_use]
    pub fn importer(&self, id: ImporterId) -> &Importer {
        &self.importers[id.0 as usize]
    }

    /// The packages with their ids.
    pub fn ids(&self) -> impl Iterator<Item = (PackageId, &Package)> {
        (0..).map(PackageId).zip(&self.packages)
    }
}
