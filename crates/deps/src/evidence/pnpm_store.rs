//! pnpm's store: a list of files and their hashes for each tarball that was unpacked (pnpm 7 to 10).
//!
//! The list has the tarball's hash in its name, and nothing proves that it belongs to it: whoever can
//! write into the store can change the list and the files together.

use super::tarballs::hex_of;
use crate::tarball::{self, Hash, Manifest, Member, Tarball};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use ringfence_project::graph::{Algorithm, Package};
use ringfence_project::walk;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Largest list that is read, in bytes.
const LARGEST: u64 = 64 << 20;

/// The stores that a project may have been installed from: what pnpm wrote down, and the user's.
#[must_use]
pub fn pnpm_stores(project: &Path, data: Option<&Path>) -> Vec<PathBuf> {
    let mut stores = Vec::new();
    let written = walk::text(&project.join("node_modules/.modules.yaml"), LARGEST);
    // JSON since pnpm 5, with a key on each line.
    let key = |line: &str| {
        let (key, value) = line.trim().trim_end_matches(',').split_once(':')?;
        let value = value.trim().trim_matches(['"', '\'']);
        (key.trim_matches('"') == "storeDir" && value.starts_with('/')).then(|| value.into())
    };
    let told: Option<PathBuf> = written.iter().flat_map(|text| text.lines()).find_map(key);
    stores.extend(told.filter(|store| is_believed(store, project)));
    if let Some(data) = data {
        stores.extend(["v10", "v3"].map(|version| data.join("pnpm/store").join(version)));
    }
    stores
}

/// Whether a store that the tree itself names may say what belongs into the tree: whoever could write
/// the tree could have written one inside of the project, or where everybody may write.
fn is_believed(store: &Path, project: &Path) -> bool {
    let (Ok(store), Ok(project)) = (store.canonicalize(), project.canonicalize()) else {
        return false;
    };
    if store.starts_with(&project) {
        return false;
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt as _;
        let user = rustix::process::geteuid().as_raw();
        let is_own = |found: std::fs::Metadata| {
            (found.uid() == user || found.uid() == 0) && found.mode() & 0o002 == 0
        };
        if !std::fs::metadata(&store).is_ok_and(is_own) {
            return false;
        }
    }
    true
}

#[derive(Deserialize)]
struct Index {
    files: BTreeMap<String, Listed>,
}

#[derive(Deserialize)]
struct Listed {
    integrity: String,
    mode: u32,
    size: u64,
}

/// What the store lists of a package's tarball.
pub(super) fn listed(store: &Path, package: &Package) -> Option<Tarball> {
    let hex = hex_of(&package.integrity, Algorithm::Sha512)?;
    let bytes = walk::bytes(&index(store, &hex, package)?, LARGEST).ok()?;
    let index: Index = serde_json::from_slice(&bytes).ok()?;
    let mut files = Vec::with_capacity(index.files.len());
    for (path, listed) in &index.files {
        let hash = BASE64.decode(listed.integrity.strip_prefix("sha512-")?).ok()?;
        let hash: Hash = hash.try_into().ok()?;
        let (path, executable) = (path.clone(), listed.mode & 0o111 != 0);
        let (size, program) = (listed.size, None);
        files.push(Member { path, size, hash, executable, program });
    }
    let manifest = files.iter().find(|file| file.path == "package.json");
    let manifest = manifest.and_then(|file| content(store, file))?;
    Some(Tarball { files, manifest: Manifest::read(&manifest), left_out: Vec::new() })
}

/// Where the list of a hash lies: by name and version since version 10 of the store.
fn index(store: &Path, hex: &str, package: &Package) -> Option<PathBuf> {
    let old = store.join("files").join(&hex[..2]).join(format!("{}-index.json", &hex[2..]));
    if old.is_file() {
        return Some(old);
    }
    let label = package.label().replace('/', "+");
    let name = format!("{}-{label}.json", hex.get(2..64)?);
    let new = store.join("index").join(&hex[..2]).join(name);
    new.is_file().then_some(new)
}

/// The bytes of a listed file, where they are the ones that are listed.
fn content(store: &Path, file: &Member) -> Option<Vec<u8>> {
    let hex = tarball::hex(&file.hash);
    let path = store.join("files").join(&hex[..2]).join(&hex[2..]);
    let bytes = walk::bytes(&path, 16 << 20);
    let bytes = bytes.or_else(|_| walk::bytes(&path.with_extension("exec"), 16 << 20)).ok()?;
    (tarball::sha512(&bytes) == file.hash).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_store_inside_of_the_project_or_open_to_all_does_not_say_what_belongs_there() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let project = folder.path().join("project");
        let modules = project.join("node_modules");
        let named = |store: &Path| {
            fs::create_dir_all(store).unwrap();
            fs::create_dir_all(&modules).unwrap();
            let text = format!("{{\n  \"storeDir\": \"{}\"\n}}\n", store.display());
            fs::write(modules.join(".modules.yaml"), text).unwrap();
            pnpm_stores(&project, None).len()
        };
        let outside = folder.path().join("store/v10");
        assert_eq!(named(&outside), 1, "the control");
        assert_eq!(named(&modules.join(".cache/store")), 0);
        assert_eq!(named(&folder.path().join("store/../project/s")), 0);
        fs::set_permissions(&outside, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(named(&outside), 0);
    }
}
