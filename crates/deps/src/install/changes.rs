//! What a script changed in the folder it may write to.

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Most files that are looked at.
const MOST: usize = 500_000;

/// What a script did to files. Paths are from the project's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Files and links that were not there before.
    pub written: Vec<String>,
    /// Those with another content or mode.
    pub changed: Vec<String>,
    /// Those that are gone.
    pub removed: Vec<String>,
}

/// The files of a folder, by path.
#[derive(Debug, Default)]
pub(super) struct Files {
    all: BTreeMap<String, (u32, Vec<u8>)>,
    /// Whether `node_modules` below the folder belongs to others.
    leaves_out: bool,
}

impl Files {
    /// Reads them all; a `node_modules` that is there already is another package's business.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let leaves_out = fs::symlink_metadata(folder.join("node_modules")).is_ok();
        Self::read(folder, leaves_out)
    }

    /// The same files at another time.
    pub(super) fn again(&self, folder: &Path) -> io::Result<Self> {
        Self::read(folder, self.leaves_out)
    }

    /// All of them.
    pub(super) fn read(folder: &Path, leaves_out: bool) -> io::Result<Self> {
        let mut files = Self { leaves_out, ..Self::default() };
        files.add(folder, "")?;
        Ok(files)
    }

    fn add(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            let found = entry.metadata()?;
            if found.is_dir() {
                if !(self.leaves_out && path == "node_modules") {
                    self.add(&entry.path(), &format!("{path}/"))?;
                }
                continue;
            }
            if self.all.len() >= MOST {
                return Err(io::Error::other("too many files"));
            }
            let content = if found.is_file() {
                hashed(&entry.path())?
            } else {
                fs::read_link(entry.path())
                    .unwrap_or_default()
                    .into_os_string()
                    .into_encoded_bytes()
            };
            self.all.insert(path, (found.mode(), content));
        }
        Ok(())
    }

    /// What is another in `after`. `folder` is put in front of each path.
    pub(super) fn compared(&self, after: &Self, folder: &str) -> Changes {
        let shown = |path: &String| format!("{folder}/{path}");
        let mut changes = Changes::default();
        for (path, now) in &after.all {
            match self.all.get(path) {
                None => changes.written.push(shown(path)),
                Some(before) if before != now => changes.changed.push(shown(path)),
                Some(_) => {}
            }
        }
        let gone = self.all.keys().filter(|path| !after.all.contains_key(*path));
        changes.removed = gone.map(shown).collect();
        changes
    }
}

fn hashed(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.finalize().to_vec()),
            taken => hash.update(buffer.get(..taken).unwrap_or_default()),
        }
    }
}

/// Gives each file of a folder bytes of its own: a hard link may lead to a manager's store, which other
/// projects share.
pub(super) fn unshare(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let found = entry.metadata()?;
        if found.is_dir() {
            unshare(&entry.path())?;
        } else if found.is_file() && found.nlink() > 1 {
            copied(&entry.path(), folder)?;
        }
    }
    Ok(())
}

/// Puts a copy in the place of a file. Earlier scripts wrote this folder: what lies there under any name is
/// neither followed nor overwritten.
fn copied(path: &Path, folder: &Path) -> io::Result<()> {
    let mut source = File::open(path)?;
    let mut number = 0_u32;
    let (mut file, copy) = loop {
        let copy = folder.join(format!(".ringfence-copy-{number}"));
        match File::options().write(true).create_new(true).open(&copy) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            made => break (made?, copy),
        }
    };
    io::copy(&mut source, &mut file)?;
    file.set_permissions(source.metadata()?.permissions())?;
    fs::rename(&copy, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_changed_and_removed_is_told() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for name in ["same", "changed", "removed", "node_modules/other"] {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), "1").unwrap();
        }
        let before = Files::of(place.path()).unwrap();
        fs::write(at("changed"), "2").unwrap();
        fs::write(at("node_modules/other"), "2").unwrap();
        fs::remove_file(at("removed")).unwrap();
        fs::create_dir(at("build")).unwrap();
        fs::write(at("build/x.node"), "").unwrap();
        let changes = before.compared(&before.again(place.path()).unwrap(), "node_modules/p");
        assert_eq!(changes.written, ["node_modules/p/build/x.node"]);
        assert_eq!(changes.changed, ["node_modules/p/changed"]);
        assert_eq!(changes.removed, ["node_modules/p/removed"]);
    }

    #[test]
    fn a_shared_file_gets_bytes_of_its_own() {
        let place = tempfile::tempdir().unwrap();
        let (store, own) = (place.path().join("store"), place.path().join("own"));
        fs::create_dir(&own).unwrap();
        fs::write(&store, "1").unwrap();
        fs::hard_link(&store, own.join("file")).unwrap();
        // A script can guess names: what it planted is neither followed nor overwritten.
        let outside = place.path().join("outside");
        fs::write(&outside, "kept").unwrap();
        for name in ["file.ringfence-copy", ".ringfence-copy-0"] {
            std::os::unix::fs::symlink(&outside, own.join(name)).unwrap();
        }
        unshare(&own).unwrap();
        fs::write(own.join("file"), "2").unwrap();
        assert_eq!(fs::read_to_string(store).unwrap(), "1");
        assert_eq!(fs::read_to_string(outside).unwrap(), "kept");
    }
}
