//! Whom to believe, as the command line says it: nothing is taken silently.

use crate::error::{CommandError, Kind};
use ringfence_deps::provenance::Trust;
use std::path::{Path, PathBuf};

/// The options that say whom to believe.
#[derive(Debug, clap::Args)]
pub(super) struct Believed {
    /// A `trusted_root.json` of Sigstore, or a folder with it, such as npm's package `@sigstore/tuf`
    #[arg(long, value_name = "PATH", value_hint = clap::ValueHint::AnyPath)]
    trusted_root: Option<PathBuf>,
    /// Take the trusted root that npm brings with it, else the one in `node_modules`; says which it was
    #[arg(long, conflicts_with = "trusted_root")]
    find_root: bool,
    /// The keys of a registry, as it serves them below `/-/npm/v1/keys`; may be given several times
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    keys: Vec<PathBuf>,
}

/// The folder of the package that has the roots.
const PACKAGE: &str = "@sigstore/tuf";

impl Believed {
    /// What was not named and could be.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let mut all = Vec::new();
        if self.trusted_root.is_none() && !self.find_root {
            all.push("name a trusted root with --trusted-root or --find-root");
        }
        if self.keys.is_empty() {
            all.push("name keys of the registry with --keys");
        }
        all
    }

    /// Reads what is named. With it: whether the root lies in the tree that is judged.
    pub(super) fn read(&self, folder: &Path) -> Result<(Trust, bool), CommandError> {
        let (path, of_tree) = match &self.trusted_root {
            Some(path) => (Some(path.clone()), false),
            None if self.find_root => {
                let (path, of_tree) = find(folder).ok_or_else(|| {
                    let message = "no trusted root was found: neither npm nor node_modules has one";
                    CommandError::new(Kind::Source, message)
                        .hint("name one: --trusted-root trusted_root.json")
                })?;
                (Some(path), of_tree)
            }
            None => (None, false),
        };
        let failed =
            |error| CommandError::new(Kind::Source, "there is nobody to believe").caused_by(&error);
        let mut trust = match path {
            Some(path) => Trust::read(&path).map_err(failed)?,
            None => Trust::nobody(),
        };
        for keys in &self.keys {
            trust.read_keys(keys).map_err(failed)?;
        }
        Ok((trust, of_tree))
    }
}

/// The root of npm itself, else that of the tree that is judged, and which it is. Scripts of packages are
/// run with `node_modules/.bin` in front of the path: an `npm` there, or elsewhere in the tree, is not the
/// one of this machine.
fn find(folder: &Path) -> Option<(PathBuf, bool)> {
    let has_seeds = |path: &PathBuf| path.join("seeds.json").is_file();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let tree = folder.canonicalize().ok();
    let is_of_tree = |path: &Path| tree.as_ref().is_some_and(|tree| path.starts_with(tree));
    let programs = std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute() && !folder.ends_with("node_modules/.bin"))
        .map(|folder| folder.join("npm"));
    let npm = programs
        .filter_map(|program| program.canonicalize().ok())
        .find(|path| path.is_file() && !is_of_tree(path));
    // `npm/bin/npm-cli.js`, with its packages inside or, as Debian has it, beside it.
    let own = npm.as_deref().and_then(|cli| cli.parent()?.parent()).map(Path::to_path_buf);
    let places = own.into_iter().flat_map(|npm| {
        let beside = npm.parent().map(|all| all.join(PACKAGE));
        [Some(npm.join("node_modules").join(PACKAGE)), beside].into_iter().flatten()
    });
    if let Some(found) = places.into_iter().find(|place| has_seeds(place)) {
        return Some((found, false));
    }
    let own = folder.join("node_modules").join(PACKAGE);
    has_seeds(&own).then_some((own, true))
}
