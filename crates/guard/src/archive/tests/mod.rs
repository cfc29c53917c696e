//! What archives must not do, each beside one that does the same lawfully.
//!
//! The archives are written here byte by byte: writers refuse to write most of them. The cases follow
//! the public collections of malicious archives by their descriptions.

mod make;
mod place;
mod tapes;
mod zips;

use super::{ArchiveError, Entry, Extraction, Limits, Summary, fuzz_archive};
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// A folder with a file that nothing may touch, and an empty one to extract in.
struct Ground {
    place: tempfile::TempDir,
}

impl Ground {
    fn new() -> Self {
        // In memory where that can be: every extraction waits for its file system to be on the disk.
        let place = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        fs::create_dir(place.path().join("inner")).unwrap();
        fs::write(place.path().join("secret"), "secret").unwrap();
        Self { place }
    }

    fn inner(&self) -> std::path::PathBuf {
        self.place.path().join("inner")
    }

    fn extract(&self, archive: &[u8], how: Extraction) -> Result<Summary, ArchiveError> {
        how.extract(Cursor::new(archive), self.inner().join("out"), &mut |_| {})
    }

    /// Nothing is there but what was there before.
    fn assert_untouched(&self, what: &str) {
        assert_eq!(fs::read_to_string(self.place.path().join("secret")).unwrap(), "secret");
        assert_eq!(fs::read_dir(self.place.path()).unwrap().count(), 2, "{what}");
        let left: Vec<_> = fs::read_dir(self.inner()).unwrap().flatten().collect();
        assert!(left.is_empty(), "{what}: {left:?}");
    }
}

/// Small bounds, so that small archives can break them.
fn small() -> Extraction {
    Extraction::new(Limits { bytes: 8 << 20, entries: 50, ratio: 20, depth: 8 })
}

/// The archive is refused for this reason, extracted or listed, and nothing is left.
fn assert_refused(what: &str, archive: &[u8], code: &str) {
    let ground = Ground::new();
    let error = ground.extract(archive, small()).expect_err(what);
    assert_eq!(error.code(), code, "{what}: {error}");
    let text = error.to_string();
    assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{what}: {text:?}");
    ground.assert_untouched(what);
    let listed = small().list(Cursor::new(archive), &mut |_| {}).expect_err(what);
    assert_eq!(listed.to_string(), text, "{what}");
    assert!(fuzz_archive(archive), "{what}");
}

/// What lies below a folder: path, content and mode of each file; `None` for folders.
type Tree = BTreeMap<String, Option<(Vec<u8>, u32)>>;

fn tree(folder: &Path) -> Tree {
    let mut found = Tree::new();
    let mut todo = vec![folder.to_path_buf()];
    while let Some(at) = todo.pop() {
        for entry in fs::read_dir(at).unwrap().flatten() {
            let path = entry.path();
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            let kind = entry.file_type().unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
            assert!(kind.is_dir() || kind.is_file(), "{name}");
            if kind.is_dir() {
                assert_eq!(mode & 0o7022, 0, "{name}");
                found.insert(name, None);
                todo.push(path);
            } else {
                found.insert(name, Some((fs::read(&path).unwrap(), mode)));
            }
        }
    }
    found
}

/// The archive is extracted; what came of it.
fn assert_extracted(what: &str, archive: &[u8], how: Extraction) -> Tree {
    let ground = Ground::new();
    let mut listed = Vec::new();
    let mut note = |entry: &Entry<'_>| listed.push(entry.path.to_string());
    let summary = how.list(Cursor::new(archive), &mut note);
    let summary = summary.unwrap_or_else(|error| panic!("{what}: {error}"));
    let extracted = ground.extract(archive, how).unwrap();
    assert_eq!(extracted, summary, "{what}");
    let names: Vec<_> = fs::read_dir(ground.inner()).unwrap().flatten().collect();
    assert_eq!(names.len(), 1, "{what}: {names:?}");
    let found = tree(&ground.inner().join("out"));
    assert_eq!(found.values().flatten().count() as u64, summary.files, "{what}");
    assert_eq!(found.len() as u64, summary.files + summary.folders, "{what}");
    assert!(listed.iter().all(|name| found.contains_key(name)), "{what}: {listed:?}");
    assert!(fuzz_archive(archive), "{what}");
    found
}

/// Paths that lead elsewhere, or mean something else elsewhere.
const EVIL_PATHS: &[&str] = &[
    "../secret",
    "../../secret",
    "a/../../secret",
    "a/..",
    "..",
    "./../secret",
    "././a",
    "a/./b",
    "a//b",
    "/etc/passwd",
    "//etc/passwd",
    "./",
    "..\\secret",
    "a\\..\\..\\secret",
    "\\\\server\\share\\a",
    "C:\\a",
    "C:/a",
    "C:a",
    "c:",
    "a:stream",
    "con",
    "CON.txt",
    "a/nul",
    "aux.c",
    "com1",
    "LPT9.log",
    "a.",
    "a. ",
    "a ",
    " a",
    "a./b",
    "a\nb",
    "a\rb",
    "a\u{1b}[2Jb",
    "a\u{7f}",
    "a\u{202e}gpj.exe",
    "a\u{200b}",
    "\u{feff}a",
    "e\u{301}",
    "\u{ff0e}\u{ff0e}/secret",
    "..\u{2215}secret",
    "a*",
    "a?",
    "a|b",
    "a<b",
    "a\"b",
];

#[test]
fn what_is_no_archive_is_told() {
    let nul = vec![0; 4096];
    for bytes in [&b""[..], b"PK", b"hello", b"\x7fELF", &nul, b"BZh91AY", b"\xfd7zXZ\0"] {
        assert_refused("no archive", bytes, "format");
    }
}
