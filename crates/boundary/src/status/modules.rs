//! The native code a running service has loaded beside its runtime.
//!
//! Native modules see everything the process sees and none of Node's flags: a review wants to know
//! which are really there, by what they are and not by what a lockfile says. Read from
//! `/proc/PID/maps` of the process and its descendants; hashed through `map_files` where the
//! kernel lets us, else through the path only if it still names the mapped object. Code that was
//! made at run time, or unloaded again, is not seen.

use ringfence_policy::display::hex;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Most descendants that are looked at.
const MAX_PROCESSES: usize = 4096;

/// A loaded native module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Module {
    /// Path as the service sees it.
    pub path: String,
    /// Lower-case hexadecimal SHA-256 of the mapped file, when it could be read.
    pub sha256: Option<String>,
    /// Why there is no hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
    /// The processes that have it mapped.
    pub pids: Vec<u32>,
}

/// Why a service could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ModulesError {
    /// There is no such process.
    #[error("no process has the id {0}")]
    NoProcess(u32),
    /// Its maps cannot be read.
    #[error("cannot read what process {pid} has mapped")]
    Unreadable {
        /// Which.
        pid: u32,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
}

/// One executable mapping of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mapping {
    range: String,
    device: String,
    inode: u64,
    path: String,
    deleted: bool,
}

/// The native modules of process `pid` and its descendants, ordered by path.
///
/// # Errors
/// When `pid` is not running or may not be looked at; a descendant that is gone by then is skipped.
pub fn loaded(pid: u32) -> Result<Vec<Module>, ModulesError> {
    let own = mappings(pid)?;
    let mut found: BTreeMap<(String, u64, String), Module> = BTreeMap::new();
    let mut processes = vec![(pid, own)];
    let descendants = descendants(pid).into_iter();
    processes
        .extend(descendants.filter_map(|child| mappings(child).ok().map(|maps| (child, maps))));
    for (process, mappings) in processes {
        for mapping in mappings.into_iter().filter(|mapping| is_native_module(&mapping.path)) {
            let key = (mapping.path.clone(), mapping.inode, mapping.device.clone());
            let module = found.entry(key).or_insert_with(|| describe(process, &mapping));
            if !module.pids.contains(&process) {
                module.pids.push(process);
            }
        }
    }
    Ok(found.into_values().collect())
}

fn mappings(pid: u32) -> Result<Vec<Mapping>, ModulesError> {
    let bytes = std::fs::read(format!("/proc/{pid}/maps")).map_err(|source| {
        if source.kind() == io::ErrorKind::NotFound {
            ModulesError::NoProcess(pid)
        } else {
            ModulesError::Unreadable { pid, source }
        }
    })?;
    let text = String::from_utf8_lossy(&bytes);
    let mut seen = BTreeSet::new();
    let executable = text.lines().filter_map(parse_mapping);
    Ok(executable.filter(|mapping| seen.insert((mapping.path.clone(), mapping.inode))).collect())
}

/// `55d0-55d1 r-xp 00002000 fd:00 1234   /path with spaces.node (deleted)`
fn parse_mapping(line: &str) -> Option<Mapping> {
    let mut rest = line;
    let mut field = || {
        rest = rest.trim_start_matches(' ');
        let (field, after) = rest.split_once(' ').unwrap_or((rest, ""));
        rest = after;
        field
    };
    let range = field().to_owned();
    let permissions = field();
    let _offset = field();
    let device = field().to_owned();
    let inode: u64 = field().parse().ok()?;
    let path = rest.trim_start_matches(' ');
    if inode == 0 || !path.starts_with('/') || !permissions.contains('x') {
        return None;
    }
    let (path, deleted) = match path.strip_suffix(" (deleted)") {
        Some(path) => (path, true),
        None => (path, false),
    };
    // Only newlines are escaped in this file.
    Some(Mapping { range, device, inode, path: path.replace("\\012", "\n"), deleted })
}

/// Every addon, and every library that does not come with the system: what `dlopen` of the runtime
/// itself brings (the C library, name services) lies in the system's own folders.
fn is_native_module(path: &str) -> bool {
    const SYSTEM: [&str; 5] = ["/lib/", "/lib32/", "/lib64/", "/usr/lib/", "/usr/lib64/"];
    let name = path.rsplit('/').next().unwrap_or_default();
    let ending = Path::new(name).extension().unwrap_or_default();
    let library = ending == "so" || name.contains(".so.");
    let system = SYSTEM.iter().any(|folder| path.starts_with(folder));
    ending == "node" || library && (!system || path.contains("/node_modules/"))
}

fn describe(pid: u32, mapping: &Mapping) -> Module {
    let (sha256, unread) = match hash(pid, mapping) {
        Ok(hash) => (Some(hash), None),
        Err(why) => (None, Some(why)),
    };
    Module { path: mapping.path.clone(), sha256, unread, pids: Vec::new() }
}

/// The hash of the mapped object, never of another one that took its place.
fn hash(pid: u32, mapping: &Mapping) -> Result<String, String> {
    if let Ok(file) = File::open(format!("/proc/{pid}/map_files/{}", mapping.range)) {
        return digest(file).map_err(|error| error.to_string());
    }
    if mapping.deleted {
        return Err("replaced since it was loaded".to_owned());
    }
    let path = format!("/proc/{pid}/root{}", mapping.path);
    let file = File::open(Path::new(&path)).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if metadata.is_file() && metadata.ino() == mapping.inode {
        digest(file).map_err(|error| error.to_string())
    } else {
        Err("replaced since it was loaded".to_owned())
    }
}

fn digest(mut file: File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
    Ok(hex(&hasher.finalize()))
}

/// Children, their children and so on, in no particular order.
fn descendants(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut next = vec![pid];
    while let Some(parent) = next.pop() {
        let threads = std::fs::read_dir(format!("/proc/{parent}/task"));
        let threads = threads.into_iter().flatten().filter_map(Result::ok);
        for thread in threads {
            let children = std::fs::read_to_string(thread.path().join("children"));
            for child in children.unwrap_or_default().split_whitespace() {
                let Ok(child) = child.parse() else { continue };
                if found.len() >= MAX_PROCESSES {
                    return found;
                }
                found.push(child);
                next.push(child);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_maps_is_read_with_spaces_and_deletion() {
        let line = "7f01-7f02 r-xp 00001000 fd:00 77    /srv/my app/build/a.node (deleted)";
        let mapping = parse_mapping(line).unwrap();
        assert_eq!(mapping.path, "/srv/my app/build/a.node");
        assert_eq!((mapping.inode, mapping.deleted), (77, true));
        assert_eq!(mapping.range, "7f01-7f02");
        assert_eq!(parse_mapping("7f01-7f02 rw-p 00001000 fd:00 77 /srv/a.node"), None);
        assert_eq!(parse_mapping("7f01-7f02 r-xp 00000000 00:00 0 [vdso]"), None);
        assert_eq!(parse_mapping("nonsense"), None);
    }

    #[test]
    fn addons_and_their_libraries_are_modules_and_the_system_is_not() {
        assert!(is_native_module("/srv/app/node_modules/sharp/build/sharp.node"));
        assert!(is_native_module("/srv/app/node_modules/@img/lib/libvips-cpp.so.42"));
        assert!(is_native_module("/usr/lib/node_modules/x/libx.so"));
        assert!(is_native_module("/tmp/evil.so"));
        assert!(!is_native_module("/usr/lib/x86_64-linux-gnu/libc.so.6"));
        assert!(!is_native_module("/usr/bin/node"));
    }

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let error = loaded(u32::MAX).unwrap_err();
        assert_eq!(error.to_string(), "no process has the id 4294967295");
    }

    #[test]
    fn this_test_has_no_native_modules_of_its_own() {
        assert_eq!(loaded(std::process::id()).unwrap(), []);
    }
}
