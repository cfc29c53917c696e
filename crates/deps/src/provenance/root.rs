//! Whom to believe: a trusted root of Sigstore and the keys of a registry, from files that the user has.
//!
//! Nothing is built in and nothing is fetched: a root is a decision, and it is the user's. What is read
//! here is believed as it lies there; that it came by way of Sigstore's signed repository of roots is for
//! whoever brought it (npm does, for the package `@sigstore/tuf`).

use super::Expected;
use super::keys::{self, Key, Usage};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use ringfence_project::walk;
use serde::Deserialize;
use sigstore_verify::Verifier;
use sigstore_verify::trust_root::TrustedRoot;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes: real ones have some 20 KiB.
const LARGEST: u64 = 8 << 20;

/// The name of the trusted root in a folder and among seeds.
const ROOT: &str = "trusted_root.json";

/// Files of keys end like this, behind the name of their registry.
const KEYS: &str = "keys.json";

/// Why there is nobody to believe.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file cannot be read.
    #[error("cannot read {}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// It is not what it should be.
    #[error("{} holds no trusted root: {why}", path.display())]
    Wrong {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The keys are not what they should be.
    #[error("the keys of {} cannot be used: {why}", path.display())]
    Keys {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

/// Whom to believe.
#[derive(Default)]
pub struct Trust {
    /// Where the root was.
    pub place: Option<PathBuf>,
    pub(super) verifier: Option<Verifier>,
    keys: Vec<Key>,
}

/// `seeds.json` of `@sigstore/tuf`: what each repository of roots handed out, by its address.
type Seeds = BTreeMap<String, Seed>;

#[derive(Deserialize)]
struct Seed {
    targets: BTreeMap<String, String>,
}

impl Trust {
    /// Nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// Reads a `trusted_root.json`, or a folder: one with such a file and files that end in `keys.json`,
    /// or one with the `seeds.json` of `@sigstore/tuf`.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn read(path: &Path) -> Result<Self, TrustError> {
        let mut trust = Self { place: Some(path.to_path_buf()), ..Self::default() };
        if !path.is_dir() {
            trust.set_root(path, &bytes(path)?)?;
            return Ok(trust);
        }
        let seeds = path.join("seeds.json");
        if seeds.is_file() {
            trust.read_seeds(&seeds)?;
            return Ok(trust);
        }
        let root = path.join(ROOT);
        if !root.is_file() {
            let why = format!("neither {ROOT} nor seeds.json is in it");
            return Err(TrustError::Wrong { path: path.to_path_buf(), why });
        }
        trust.set_root(&root, &bytes(&root)?)?;
        for name in names(path)?.iter().filter(|name| name.ends_with(KEYS)) {
            trust.read_keys(&path.join(name))?;
        }
        Ok(trust)
    }

    /// Whoever texts name, where they are readable.
    pub(super) fn of(root: &str, keys: &str) -> Self {
        let mut trust = Self::default();
        let _ = trust.set_root(Path::new(ROOT), root.as_bytes());
        trust.keys = keys::read(keys.as_bytes()).unwrap_or_default();
        trust
    }

    /// Adds the keys of a file.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn read_keys(&mut self, path: &Path) -> Result<(), TrustError> {
        let failed = |why| TrustError::Keys { path: path.to_path_buf(), why };
        self.keys.extend(keys::read(&bytes(path)?).map_err(failed)?);
        Ok(())
    }

    /// Whether attestations can be judged.
    #[must_use]
    pub const fn has_root(&self) -> bool {
        self.verifier.is_some()
    }

    /// The keys that are believed.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether anybody has a key that something of a package could be judged with.
    pub(super) fn has_keys(&self, expected: &Expected<'_>) -> bool {
        let usable = |key: &Key| key.usage != Usage::Other && key.is_for(expected.name);
        self.keys.iter().chain(expected.told).any(usable)
    }

    /// The key of this identifier for a package and a use, and whether only the registry vouches for it.
    pub(super) fn key<'a>(
        &'a self,
        expected: &Expected<'a>,
        id: &str,
        usage: Usage,
    ) -> Option<(&'a Key, bool)> {
        let Expected { name, told, .. } = expected;
        let fits = |key: &&Key| {
            key.id == id && [usage, Usage::Any].contains(&key.usage) && key.is_for(name)
        };
        if let Some(own) = self.keys.iter().find(fits) {
            return Some((own, false));
        }
        // What the root has for another use, a registry cannot bring in for this one.
        let is_known = self.keys.iter().any(|key| key.id == id && key.is_for(name));
        told.iter().find(fits).filter(|_| !is_known).map(|key| (key, true))
    }

    fn set_root(&mut self, path: &Path, bytes: &[u8]) -> Result<(), TrustError> {
        let wrong = |why: String| TrustError::Wrong { path: path.to_path_buf(), why };
        let text = std::str::from_utf8(bytes).map_err(|error| wrong(error.to_string()))?;
        let root = TrustedRoot::from_json(text).map_err(|error| wrong(error.to_string()))?;
        if root.certificate_authorities.is_empty() || root.tlogs.is_empty() {
            return Err(wrong("it names no certificate authority, or no transparency log".into()));
        }
        self.verifier = Some(Verifier::new(&root).map_err(|error| wrong(error.to_string()))?);
        Ok(())
    }

    fn read_seeds(&mut self, path: &Path) -> Result<(), TrustError> {
        let wrong = |why: String| TrustError::Wrong { path: path.to_path_buf(), why };
        let seeds: Seeds =
            serde_json::from_slice(&bytes(path)?).map_err(|error| wrong(error.to_string()))?;
        // Which of several is meant, only the user can say.
        let [seed] =
            seeds.into_values().collect::<Vec<_>>().try_into().map_err(|all: Vec<Seed>| {
                wrong(format!("it is of {} repositories of roots and not of one", all.len()))
            })?;
        for (name, text) in &seed.targets {
            let bytes = BASE64.decode(text);
            let bytes = bytes.map_err(|_| wrong(format!("its {name} is no base64")))?;
            if name == ROOT {
                self.set_root(path, &bytes)?;
            } else if name.ends_with(KEYS) {
                let failed = |why| TrustError::Keys { path: path.to_path_buf(), why };
                self.keys.extend(keys::read(&bytes).map_err(failed)?);
            }
        }
        if self.verifier.is_none() {
            return Err(wrong(format!("it has no {ROOT}")));
        }
        Ok(())
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, TrustError> {
    walk::bytes(path, LARGEST).map_err(|error| TrustError::Unreadable {
        path: path.to_path_buf(),
        why: error.to_string(),
    })
}

fn names(folder: &Path) -> Result<Vec<String>, TrustError> {
    let failed = |error: std::io::Error| TrustError::Unreadable {
        path: folder.to_path_buf(),
        why: error.to_string(),
    };
    let entries = fs::read_dir(folder).map_err(failed)?;
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}
