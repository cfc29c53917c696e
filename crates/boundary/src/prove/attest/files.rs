//! The files that a proof is about, named by what is in them.
//!
//! They are read once, before the first attack. A file that cannot be read, or that is too large to
//! be what it should be, is left out rather than guessed: the subject then has one entry less.

use super::form::{Digest, Resource, Role};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Lockfiles of Node's package managers, in the order in which npm itself looks for its own.
const LOCKFILES: [&str; 5] =
    ["npm-shrinkwrap.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"];

/// Largest file that is read, in bytes: Node's executable is about 120 MB.
const MAX_SIZE: u64 = 512 * 1024 * 1024;

/// The file at `path` under its own name.
pub(super) fn named(path: &Path, role: Role) -> Option<Resource> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    Some(Resource { name, digest: of_file(path)?, annotations: super::form::Annotations { role } })
}

/// The file at `path` under its whole path.
pub(super) fn by_path(path: &Path, role: Role) -> Option<Resource> {
    Some(Resource { name: path.to_string_lossy().into_owned(), ..named(path, role)? })
}

/// The first lockfile of a folder.
pub(super) fn lockfile(folder: &Path) -> Option<Resource> {
    LOCKFILES.iter().find_map(|name| named(&folder.join(name), Role::Lockfile))
}

/// A digest that is known already.
pub(super) fn known(hex: &str) -> Digest {
    Digest { sha256: hex.to_owned() }
}

/// SHA-256 of bytes.
pub(super) fn of_bytes(bytes: &[u8]) -> Digest {
    Digest { sha256: hexadecimal(&Sha256::digest(bytes)) }
}

fn of_file(path: &Path) -> Option<Digest> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?.take(MAX_SIZE + 1);
    let (mut sha, mut read, mut bytes) = (Sha256::new(), 0_u64, vec![0; 64 * 1024]);
    loop {
        let length = file.read(&mut bytes).ok()?;
        if length == 0 {
            break;
        }
        read += length as u64;
        sha.update(bytes.get(..length)?);
    }
    (read <= MAX_SIZE).then(|| Digest { sha256: hexadecimal(&sha.finalize()) })
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in bytes {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_by_what_is_in_it_and_what_is_none_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("package-lock.json"), "abc").unwrap();
        let lock = lockfile(folder.path()).unwrap();
        assert_eq!(lock.name, "package-lock.json");
        // The test vector of FIPS 180-2.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(lock.digest, known(abc));
        assert_eq!(of_bytes(b"abc"), known(abc));
        assert!(named(folder.path(), Role::Script).is_none());
        assert!(named(&folder.path().join("missing"), Role::Script).is_none());
    }
}
