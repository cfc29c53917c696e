//! The repository around a package: where its root is, and paths as its reviewers see them.

use std::path::{Path, PathBuf};

/// A repository, or the folder of the package where there is none.
#[derive(Debug)]
pub(super) struct Repository {
    pub(super) root: PathBuf,
    /// The package's folder within it, with `/` at its end; empty at the root.
    prefix: String,
}

impl Repository {
    pub(super) fn around(folder: &Path) -> Self {
        let is_root = |folder: &&Path| folder.join(".git").symlink_metadata().is_ok();
        let root = folder.ancestors().find(is_root).unwrap_or(folder).to_path_buf();
        let inside = folder.strip_prefix(&root).unwrap_or(Path::new(""));
        let prefix = match inside.to_string_lossy() {
            path if path.is_empty() => String::new(),
            path => format!("{path}/"),
        };
        Self { root, prefix }
    }

    /// A path of the package as a path of the repository.
    pub(super) fn of_package(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }
}
