//! Tarballs that are as they should be, and hostile ones beside them.

use super::{Limits, Tarball, TarballError, check};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use flate2::{Compression, write::GzEncoder};
use ringfence_project::graph::Integrity;
use sha2::Digest as _;
use std::io::Write as _;
use tar::{EntryType, Header};

/// A tarball of names and contents; names that end with `*` are executable.
pub(crate) fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    gzip(&plain(files))
}

fn plain(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let (name, mode) = name.strip_suffix('*').map_or((*name, 0o644), |name| (name, 0o755));
        append(&mut archive, EntryType::Regular, name, mode, bytes);
    }
    archive.into_inner().unwrap()
}

/// Written past the library, which refuses names that lead outside.
fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    kind: EntryType,
    name: &str,
    mode: u32,
    bytes: &[u8],
) {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    archive.append(&header, bytes).unwrap();
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn read(bytes: &[u8]) -> Result<Tarball, TarballError> {
    Tarball::read(bytes, Limits::default())
}

const MANIFEST: &[u8] =
    br#"{"name": "@s/a", "version": "1.0.0", "bin": "./cli.js", "license": {"type": "MIT"},
  "repository": {"url": "git+https://code.example/a.git"},
  "scripts": {"postinstall": "node x.js", "prepare": "tsc", "test": "x"}}"#;

#[test]
fn what_runs_and_what_is_native_is_told() {
    let tarball = read(&packed(&[
        ("package/package.json", MANIFEST),
        ("package/cli.js*", b"#!/usr/bin/env node\r\nx\n"),
        ("package/./dist/index.js", b"x"),
        ("package/binding.gyp", b"{}"),
        ("package/build/a.node", b"\x7fELF"),
        ("package/prebuilds/linux-x64/b.bin", b"x"),
        ("package/bin/tool", b"\x7fELFxxxx"),
        ("package/Licence.md", b"x"),
    ]))
    .unwrap();
    let facts = tarball.facts(false);
    assert_eq!(facts.scripts, [("postinstall".to_owned(), "node x.js".to_owned())]);
    assert!(facts.gyp && facts.runs_at_install());
    assert_eq!(facts.native, ["build/a.node", "prebuilds/linux-x64/b.bin"]);
    assert_eq!(facts.executables, ["bin/tool"]);
    assert_eq!((facts.licence.as_deref(), facts.licence_files.len()), (Some("MIT"), 1));
    assert_eq!(facts.repository.as_deref(), Some("git+https://code.example/a.git"));
    assert_eq!(tarball.facts(true).scripts.len(), 2, "git runs prepare too");
    assert_eq!(tarball.manifest.bin, [("a".to_owned(), "cli.js".to_owned())]);
    assert!(tarball.files[1].executable);
    assert_eq!(tarball.files[2].path, "dist/index.js");
}

#[test]
fn gypfile_false_switches_the_implicit_compiler_off_and_nothing_else_does() {
    let gyp = |manifest: &[u8]| {
        let files = [("p/package.json", manifest), ("p/binding.gyp", b"{}".as_slice())];
        read(&packed(&files)).unwrap().facts(false).runs_at_install()
    };
    assert!(gyp(b"{}") && gyp(b"not json") && gyp(br#"{"gypfile": "no"}"#));
    assert!(!gyp(br#"{"gypfile": false}"#));
}

#[test]
fn the_first_folder_has_any_name_and_nothing_leads_outside() {
    let mut archive = tar::Builder::new(Vec::new());
    append(&mut archive, EntryType::Regular, "a-1.0.0/package.json", 0o644, b"{}");
    append(&mut archive, EntryType::Regular, "./index.js", 0o644, b"x");
    append(&mut archive, EntryType::Regular, "package/../../up", 0o644, b"x");
    append(&mut archive, EntryType::Regular, "package/a\x1b[2J", 0o644, b"x");
    append(&mut archive, EntryType::Symlink, "package/link", 0o644, b"");
    append(&mut archive, EntryType::Char, "package/null", 0o644, b"");
    let tarball = read(&gzip(&archive.into_inner().unwrap())).unwrap();
    let paths: Vec<_> = tarball.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["package.json", "index.js", "a\x1b[2J"]);
    let left: Vec<_> = tarball.left_out.iter().map(|one| one.why).collect();
    assert_eq!(
        left,
        ["its name leads outside", "a symbolic link", "a device, a pipe or something unknown"]
    );
}

#[test]
fn long_names_are_followed_and_endless_ones_are_not() {
    let mut archive = tar::Builder::new(Vec::new());
    let long = format!("package/{}/{}", "d".repeat(120), "f".repeat(150));
    let mut header = Header::new_gnu();
    header.set_size(1);
    archive.append_data(&mut header, &long, b"x".as_slice()).unwrap();
    archive.append_pax_extensions([("path", b"package/by-pax".as_slice())]).unwrap();
    append(&mut archive, EntryType::Regular, "package/other", 0o644, b"x");
    let tarball = read(&archive.into_inner().unwrap()).unwrap();
    let paths: Vec<_> = tarball.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, [&long["package/".len()..], "by-pax"]);

    let mut archive = tar::Builder::new(Vec::new());
    append(&mut archive, EntryType::GNULongName, "x", 0o644, &vec![b'x'; 100 << 10]);
    let error = read(&archive.into_inner().unwrap()).unwrap_err();
    assert!(error.to_string().contains("a name is longer"), "{error}");
}

#[test]
fn another_hash_is_refused_with_every_algorithm_and_the_right_one_is_read() {
    let bytes = packed(&[("package/package.json", MANIFEST)]);
    let hashes = [
        ("sha1", BASE64.encode(sha1::Sha1::digest(&bytes))),
        ("sha256", BASE64.encode(sha2::Sha256::digest(&bytes))),
        ("sha384", BASE64.encode(sha2::Sha384::digest(&bytes))),
        ("sha512", BASE64.encode(sha2::Sha512::digest(&bytes))),
    ];
    for (name, hash) in &hashes {
        let right = Integrity::parse(&format!("{name}-{hash}"));
        assert!(Tarball::read_checked(&bytes, &right, Limits::default()).is_ok(), "{name}");
        let mut other = bytes.clone();
        other[9] ^= 1;
        let error = Tarball::read_checked(&other, &right, Limits::default()).unwrap_err();
        assert!(matches!(error, TarballError::Integrity { .. }), "{name}: {error}");
    }
    // A weak hash that fits does not stand in for a strong one that does not.
    let mixed = Integrity::parse(&format!("sha1-{} sha512-AAAA", hashes[0].1));
    assert!(check(&bytes, &mixed).is_err());
    assert!(check(&bytes, &Integrity::default()).is_err(), "no hash is not any hash");
}

#[test]
fn what_is_cut_off_or_no_archive_is_an_error() {
    let whole = packed(&[("package/package.json", MANIFEST), ("package/a", &[7; 4000])]);
    assert!(read(&whole).is_ok());
    for length in [0, 1, 10, whole.len() / 2, whole.len() - 4, whole.len() - 1] {
        assert!(read(&whole[..length]).is_err(), "{length} bytes");
    }
    assert!(read(b"not an archive").is_err());
    assert!(read(&gzip(b"not an archive")).is_err());
    assert!(read(&gzip(b"")).is_err(), "nothing is not an empty package");
}

#[test]
fn bombs_end_at_their_limits() {
    let large = vec![0_u8; 20 << 20];
    let bomb = packed(&[("package/package.json", b"{}"), ("package/zeros", &large)]);
    assert!(matches!(read(&bomb), Err(TarballError::Ratio(200))), "{}", bomb.len());
    let loose = Limits { ratio: 10_000, ..Limits::default() };
    assert!(Tarball::read(&bomb, loose).is_ok(), "the same with a limit of its own");
    let small = Limits { bytes: 1 << 20, ..loose };
    assert!(matches!(Tarball::read(&bomb, small), Err(TarballError::Bytes(_))));
    let few = Limits { entries: 1, ..loose };
    assert!(matches!(Tarball::read(&bomb, few), Err(TarballError::Entries(1))));
    let packed = Limits { packed: 10, ..loose };
    assert!(matches!(Tarball::read(&bomb, packed), Err(TarballError::Bytes(10))));
}

#[test]
fn files_of_every_part_of_a_gzip_stream_count() {
    let first = plain(&[("package/package.json", b"{}")]);
    // Without the end of the archive, as one archive over two parts.
    let second = plain(&[("package/hidden.js", b"x")]);
    let both = [gzip(&first[..1024]), gzip(&second)].concat();
    let paths: Vec<_> = read(&both).unwrap().files.into_iter().map(|file| file.path).collect();
    assert_eq!(paths, ["package.json", "hidden.js"]);
}

#[test]
fn a_manifest_that_is_too_long_to_be_one_is_not_read() {
    let list = format!(r#"{{"name": "a", "x": [{}1]}}"#, "1,".repeat(3 << 20));
    let tarball = read(&packed(&[("package/package.json", list.as_bytes())])).unwrap();
    assert_eq!(tarball.manifest.problem, Some("its package.json is longer than 4 MiB"));
    assert_eq!(tarball.manifest.name, None);
    // The control: its bytes are those of the file all the same.
    let file = tarball.files.first().unwrap();
    assert_eq!((file.size, file.hash), (list.len() as u64, super::sha512(list.as_bytes())));
}
