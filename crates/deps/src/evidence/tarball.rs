//! What a package's tarball holds.

use serde::{Deserialize, Serialize};

/// What a package's tarball holds, as far as a review asks for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TarballFacts {
    /// `preinstall`, `install`, `postinstall` and, for git, `prepare`: name and command.
    pub scripts: Vec<(String, String)>,
    /// `binding.gyp` at its root, which makes npm run a compiler without any script.
    pub gyp: bool,
    /// Paths of `.node` files and `prebuilds/`.
    pub native: Vec<String>,
    /// Paths of executables of other kinds, by their first bytes.
    pub executables: Vec<String>,
    /// `license` of its manifest.
    pub licence: Option<String>,
    /// Paths of licence files.
    pub licence_files: Vec<String>,
    /// `repository` of its manifest: the address.
    pub repository: Option<String>,
    /// How many files.
    pub files: usize,
    /// Bytes of all files.
    pub bytes: u64,
}

impl TarballFacts {
    /// Whether an install runs something of this package.
    #[must_use]
    pub const fn runs_at_install(&self) -> bool {
        self.gyp || !self.scripts.is_empty()
    }

    /// Whether a script of its own takes the place of the compiler that `binding.gyp` asks npm for.
    #[must_use]
    pub fn builds_by_script(&self) -> bool {
        self.scripts.iter().any(|(name, _)| name == "install" || name == "preinstall")
    }
}
