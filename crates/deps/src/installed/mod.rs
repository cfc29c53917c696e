//! The installed tree against the lockfile against the tarballs, byte for byte.
//!
//! Every folder of a package is compared with the tarball that the lockfile's hash names: files that
//! were changed, added or are missing, packages that nobody asked for, links that lead elsewhere,
//! commands that start something else. What managers write themselves is known and not reported. What
//! install scripts wrote is told apart: no tarball says what that should be. A package whose tarball
//! could not be had is unknown, and never fine. Nothing is followed out of the tree, and nothing that is
//! no ordinary file is opened. Who can change the tree while it is read can hide from this.

mod commands;
mod compare;
mod discover;
mod links;
mod named;
mod npm;
mod places;
mod resolved;
mod shim;
mod shim_lines;
mod stores;
#[cfg(test)]
mod tests;

use crate::evidence::{Origin, Tarballs};
use ringfence_project::graph::{Graph, Package, PackageId};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// How a file, a folder or a link deviates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A file that is not in the tarball.
    Added,
    /// A file with other bytes, or no file any more.
    Changed,
    /// A command that starts something else than its package says.
    CommandChanged,
    /// A package that the lockfile does not have in this place.
    ExtraPackage,
    /// A link where none belongs, that leads elsewhere, or that is missing.
    Link,
    /// A file of the tarball that is not there.
    Missing,
    /// A package of the lockfile that is not there.
    MissingPackage,
    /// A file that may be executed, or with the rights of its owner, and should not.
    ModeChanged,
    /// Another version than the lockfile has.
    VersionDiffers,
}

impl Kind {
    /// As it is written.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::CommandChanged => "command-changed",
            Self::ExtraPackage => "extra-package",
            Self::Link => "link",
            Self::Missing => "missing",
            Self::MissingPackage => "missing-package",
            Self::ModeChanged => "mode-changed",
            Self::VersionDiffers => "version-differs",
        }
    }
}

/// What deviates. Its texts come from outside: show them escaped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Deviation {
    /// `name@version` of the package in whose folder it lies; empty where it is in none.
    pub package: String,
    /// How it deviates.
    pub kind: Kind,
    /// Where, from the project's folder.
    pub path: String,
    /// More about it: lower case, no period; may be empty.
    pub message: String,
}

/// A package, or a part of it, of which nothing can be said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unknown {
    /// `name@version`
    pub package: String,
    /// Why: lower case, no period.
    pub why: String,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Packages that were compared; each copy counts.
    pub packages: usize,
    /// Files that were compared.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Where tarballs were, and how many there.
    pub origins: BTreeMap<Origin, usize>,
    /// Packages of the lockfile that an install may leave out, and that it left out.
    pub left_out: usize,
    /// Folders of tools in `node_modules`, which are nobody's packages and were not compared.
    pub not_compared: Vec<String>,
    /// What deviates, sorted.
    pub deviations: Vec<Deviation>,
    /// What install scripts changed, added or removed in their own packages.
    pub script_outputs: Vec<Deviation>,
    /// What nothing can be said of, sorted.
    pub unknown: Vec<Unknown>,
}

/// Why a tree is not verified at all.
#[derive(Debug, thiserror::Error)]
pub enum InstalledError {
    /// Nothing is installed.
    #[error("there is no node_modules folder")]
    Absent,
    /// Yarn keeps packages in zip files, and Node is told where they are.
    #[error("Yarn's Plug'n'Play keeps packages in zip files, which are not read")]
    PlugAndPlay,
    /// `node_modules` is a link or no folder.
    #[error("node_modules is no folder of its own")]
    NotAFolder,
    /// It cannot be read.
    #[error("node_modules cannot be read")]
    Read(#[source] std::io::Error),
    /// More entries than any tree has.
    #[error("there are more than {0} entries in it")]
    TooMany(usize),
}

/// Verifies a tree.
pub struct Verification<'a> {
    /// What should be installed.
    pub graph: &'a Graph,
    /// The folder that `node_modules` lies in.
    pub folder: &'a Path,
    /// The project that it is for: another folder as long as a new tree waits beside the old one. What
    /// the tree says of it from the root is meant there, and manifests of workspaces are read there.
    pub project: &'a Path,
    /// Where tarballs are.
    pub tarballs: &'a Tarballs<'a>,
    /// Whether scripts of a package may run at install: `None` where nobody said it.
    pub may_run: &'a (dyn Fn(&Package) -> Option<bool> + Sync),
    /// Threads that compare, at least 1.
    pub threads: usize,
}

impl Verification<'_> {
    /// Compares.
    ///
    /// # Errors
    /// [`InstalledError`]: nothing was verified.
    pub fn run(&self) -> Result<Report, InstalledError> {
        self.run_with_places().map(|(report, _)| report)
    }

    /// Compares, and answers too which folder, from the project's, belongs to which package.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn run_with_places(&self) -> Result<(Report, BTreeMap<String, PackageId>), InstalledError> {
        let found = discover::discover(self)?;
        let mut report = Report { not_compared: found.tools.clone(), ..Report::default() };
        let places = if found.virtual_store {
            stores::places(self, &found, &mut report)
        } else if matches!(self.graph.format, ringfence_project::graph::Format::Npm(_)) {
            npm::places(self, &found, &mut report)
        } else {
            npm::places_by_manifest(self, &found, &mut report)
        };
        links::check(self, &found, &places, &mut report);
        resolved::check(self, &found, &places, &mut report);
        compare::all(self, &found, &places, &mut report);
        commands::check(self, &found, &mut report);
        report.deviations.sort();
        report.deviations.dedup();
        report.script_outputs.sort();
        report.unknown.sort();
        report.unknown.dedup();
        report.not_compared.sort();
        Ok((report, places.of))
    }
}

impl Report {
    fn deviates(&mut self, package: &str, kind: Kind, path: &str, message: impl Into<String>) {
        let (package, path) = (package.to_owned(), path.to_owned());
        self.deviations.push(Deviation { package, kind, path, message: message.into() });
    }

    fn unknown(&mut self, package: &str, why: impl Into<String>) {
        self.unknown.push(Unknown { package: package.to_owned(), why: why.into() });
    }
}
