//! `[process] addons`: native code is loaded only when its hash is the listed one.
//!
//! Every loadable `.node` file of a granted package is hashed, and those whose hash is listed are
//! mounted executable alone; the rest of `node_modules` stays mapped without execution. A package
//! often brings more than is loaded: builds for another C library, test extensions, copies that a
//! compiler left behind. Those need no entry, and without one they cannot run. Libraries that an addon brings from
//! `node_modules` need their own listed hash. The hash says that a file is the expected one, not
//! that it is harmless.

use super::elf::{Elf, ElfError};
use super::error::ResolveError;
use super::libraries::{Libraries, LibraryError};
use super::view::{Conflict, Purpose, Reason, View};
use super::walk::{WalkError, shown, walk};
use crate::plan::Access;
use ringfence_policy::display::hex;
use ringfence_policy::model::Addon;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How deep `.node` files are looked for in a package.
const MAX_DEPTH: usize = 12;
/// Files looked at in one package before giving up.
const MAX_ENTRIES: usize = 100_000;

/// Why an addon cannot be granted.
#[derive(Debug, thiserror::Error)]
pub enum AddonError {
    /// The object is granted as writable too.
    #[error("addon {} is {other}", shown(.path))]
    Writable {
        /// The file.
        path: PathBuf,
        /// What else it is.
        other: String,
    },
    /// A library the addon needs.
    #[error("addon {}: {source}", shown(.path))]
    Library {
        /// The addon.
        path: PathBuf,
        /// What is wrong.
        source: LibraryError,
    },
    /// A listed hash that fits no file, where one other file lies.
    #[error("addon of {package} has another hash than listed: {} is sha256 {found}, listed {listed}", shown(.path))]
    Mismatch {
        /// The package.
        package: String,
        /// The file.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// The listed ones.
        listed: String,
    },
    /// A listed hash that fits no file.
    #[error("no addon of {package} has the listed sha256 {listed}; found {found}")]
    NoFile {
        /// The package.
        package: String,
        /// The hash.
        listed: String,
        /// Files and hashes that are there.
        found: String,
    },
    /// A package without native code for this machine.
    #[error("package {package} has no .node file for this machine: {}", shown(.folder))]
    NoAddon {
        /// The package.
        package: String,
        /// Its folder.
        folder: PathBuf,
        /// Packages it depends on that do.
        elsewhere: Vec<String>,
    },
    /// Not installed.
    #[error("package {package} is not installed: {source}")]
    NotInstalled {
        /// The package.
        package: String,
        /// Why.
        source: WalkError,
    },
    /// Reading failed.
    #[error("addon of {package} cannot be read: {}", shown(.path))]
    Unreadable {
        /// The package.
        package: String,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A library from `node_modules` without a listed hash.
    #[error("addon {} loads a library whose hash is not listed: {} is sha256 {found}", shown(.addon), shown(.library))]
    UnlistedLibrary {
        /// The addon.
        addon: PathBuf,
        /// The library.
        library: PathBuf,
        /// Its hash.
        found: String,
    },
}

impl AddonError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Writable { .. } => {
                "an addon must not be writable to the service: grant a smaller folder for writing"
                    .into()
            }
            Self::Library { .. } => {
                "install what it needs, or remove it from process.addons".into()
            }
            Self::Mismatch { package, found, .. } => {
                format!(
                    "if you expect this change, set {{ package = \"{package}\", sha256 = \"{found}\" }}; otherwise install again from the lockfile"
                )
            }
            Self::NoFile { .. } => {
                "list the hash of the file that is loaded, or install again from the lockfile"
                    .into()
            }
            Self::NoAddon { elsewhere, .. } if !elsewhere.is_empty() => {
                format!("its native code is in {}: list that package", elsewhere.join(", "))
            }
            Self::NoAddon { .. } => {
                "remove it from process.addons, or build it for this machine".into()
            }
            Self::NotInstalled { .. } => "run `npm ci`, or remove it from process.addons".into(),
            Self::Unreadable { .. } => "give this user read permission on it".into(),
            Self::UnlistedLibrary { library, found, .. } => {
                let package = package_of(library).unwrap_or_default();
                format!("add {{ package = \"{package}\", sha256 = \"{found}\" }} to process.addons")
            }
        }
    }
}

/// Grants the addons of a boundary.
#[derive(Debug)]
pub(crate) struct Addons<'a> {
    /// Real folder of the boundary file; packages are in its `node_modules`.
    pub(crate) folder: &'a Path,
    /// Finds libraries by the program's rules.
    pub(crate) libraries: &'a mut Libraries,
    /// Where the files go.
    pub(crate) view: &'a mut View,
    /// What went wrong so far.
    pub(crate) errors: &'a mut Vec<ResolveError>,
}

/// A loadable file and its hash.
struct Hashed {
    path: PathBuf,
    sha256: String,
}

impl Addons<'_> {
    /// Adds every granted addon; returns their real paths.
    pub(crate) fn add(&mut self, addons: &[Addon]) -> Vec<PathBuf> {
        let mut packages: BTreeMap<&str, Vec<&Addon>> = BTreeMap::new();
        for addon in addons {
            packages.entry(&addon.package.value).or_default().push(addon);
        }
        let mut granted = Vec::new();
        for (package, listed) in packages {
            let found = match self.loadable_files(package) {
                Ok(found) => found,
                Err(error) => {
                    self.errors.push(ResolveError::at(&listed[0].package.span, error));
                    continue;
                }
            };
            for file in &found {
                // What is not listed stays readable and cannot be mapped executable.
                let Some(addon) = listed.iter().find(|addon| addon.sha256.value == file.sha256)
                else {
                    continue;
                };
                match self.add_file(&file.path, addons) {
                    Ok(()) => granted.push(file.path.clone()),
                    Err(error) => self.errors.push(ResolveError::at(&addon.sha256.span, error)),
                }
            }
            self.check_listed(package, &listed, &found);
        }
        granted
    }

    /// A hash that fits no file: another file lies where the listed one was, or it is gone.
    fn check_listed(&mut self, package: &str, listed: &[&Addon], found: &[Hashed]) {
        let is = |addon: &Addon, file: &Hashed| addon.sha256.value == file.sha256;
        let unlisted: Vec<&Hashed> =
            found.iter().filter(|file| !listed.iter().any(|addon| is(addon, file))).collect();
        for addon in listed {
            if found.iter().any(|file| is(addon, file)) {
                continue;
            }
            let error = match unlisted.as_slice() {
                [file] => AddonError::Mismatch {
                    package: package.into(),
                    path: file.path.clone(),
                    found: file.sha256.clone(),
                    listed: addon.sha256.value.clone(),
                },
                _ => AddonError::NoFile {
                    package: package.into(),
                    listed: addon.sha256.value.clone(),
                    found: names(found),
                },
            };
            self.errors.push(ResolveError::at(&addon.sha256.span, error));
        }
    }

    /// The `.node` files (and shared libraries) of a package that this machine could load.
    fn loadable_files(&self, package: &str) -> Result<Vec<Hashed>, AddonError> {
        let named = self.folder.join("node_modules").join(package);
        let folder = walk(&named)
            .map_err(|source| AddonError::NotInstalled { package: package.into(), source })?
            .real;
        let unreadable = |path: &Path, source| AddonError::Unreadable {
            package: package.into(),
            path: path.into(),
            source,
        };
        let mut found = Vec::new();
        for path in native_files(&folder).map_err(|error| unreadable(&folder, error))? {
            let file = File::open(&path).map_err(|error| unreadable(&path, error))?;
            match Elf::read(&file) {
                Ok(_) => {}
                // Prebuilt for other systems; the kernel would not load it.
                Err(ElfError::NotElf | ElfError::Architecture(_)) => continue,
                Err(error) => return Err(unreadable(&path, io::Error::other(error))),
            }
            let sha256 = hash(&file).map_err(|error| unreadable(&path, error))?;
            found.push(Hashed { path, sha256 });
        }
        if found.is_empty() {
            let elsewhere = self.elsewhere(&folder);
            return Err(AddonError::NoAddon { package: package.into(), folder, elsewhere });
        }
        Ok(found)
    }

    /// Packages this one depends on that hold native code: many packages ship it separately.
    fn elsewhere(&self, folder: &Path) -> Vec<String> {
        let manifest = fs::read(folder.join("package.json")).unwrap_or_default();
        let Ok(manifest) = serde_json::from_slice::<serde_json::Value>(&manifest) else {
            return Vec::new();
        };
        ["optionalDependencies", "dependencies"]
            .iter()
            .filter_map(|key| manifest.get(key)?.as_object())
            .flat_map(serde_json::Map::keys)
            .filter(|name| {
                let folder = self.folder.join("node_modules").join(name);
                fs::canonicalize(folder)
                    .and_then(|folder| native_files(&folder))
                    .is_ok_and(|files| !files.is_empty())
            })
            .cloned()
            .collect()
    }

    fn add_file(&mut self, path: &Path, addons: &[Addon]) -> Result<(), AddonError> {
        let broken = |source| AddonError::Library { path: path.into(), source };
        let elf = File::open(path).map_err(ElfError::from).and_then(|file| Elf::read(&file));
        let elf = elf.map_err(|source| broken(LibraryError::Elf { path: path.into(), source }))?;
        self.bind(path, Reason::new(Access::Execute, Purpose::Addon, "process.addons"))?;
        for library in self.libraries.of_object(path, &elf).map_err(broken)? {
            let real = walk(&library).map_or_else(|_| library.clone(), |walked| walked.real);
            let why = if package_of(&real).is_some() {
                let sha256 = File::open(&real).and_then(|file| hash(&file)).map_err(|error| {
                    broken(LibraryError::Elf { path: real.clone(), source: error.into() })
                })?;
                if !addons.iter().any(|addon| addon.sha256.value == sha256) {
                    return Err(AddonError::UnlistedLibrary {
                        addon: path.into(),
                        library: real,
                        found: sha256,
                    });
                }
                "process.addons: library"
            } else {
                "runtime: shared library of an addon"
            };
            self.bind(&library, Reason::new(Access::Execute, Purpose::Library, why))?;
        }
        Ok(())
    }

    fn bind(&mut self, path: &Path, reason: Reason) -> Result<(), AddonError> {
        let missing = |source| AddonError::NotInstalled { package: shown(path), source };
        let walked = walk(path).map_err(missing)?;
        self.view.add(&walked, reason).map_err(|Conflict { first, .. }| AddonError::Writable {
            path: path.into(),
            other: first,
        })
    }
}

/// Files and their hashes, for a message.
fn names(files: &[Hashed]) -> String {
    let names = files.iter().map(|file| format!("{} sha256 {}", shown(&file.path), file.sha256));
    names.collect::<Vec<_>>().join(", ")
}

/// Every `.node` file and shared library below a package, without its nested dependencies;
/// symlinks are not followed.
fn native_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![(folder.to_path_buf(), 0)];
    let mut seen = 0;
    while let Some((folder, depth)) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            seen += 1;
            if seen > MAX_ENTRIES {
                return Err(io::Error::other("too many files"));
            }
            let (kind, path) = (entry.file_type()?, entry.path());
            let name = entry.file_name();
            if kind.is_dir() && depth < MAX_DEPTH && name != "node_modules" {
                open.push((path, depth + 1));
            } else if kind.is_file() && is_native(&name.to_string_lossy()) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn is_native(name: &str) -> bool {
    let shared = name.split_once(".so").is_some_and(|(_, rest)| {
        rest.is_empty()
            || rest
                .strip_prefix('.')
                .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
    });
    Path::new(name).extension().is_some_and(|end| end == "node") || shared
}

/// The npm package a path lies in.
fn package_of(path: &Path) -> Option<String> {
    ringfence_policy::paths::package_of(path.to_str()?).map(str::to_owned)
}

/// SHA-256 of a whole file, lower-case hexadecimal.
pub(super) fn hash(file: &File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut reader = file;
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hex(&hasher.finalize()))
}
