//! Tapes.

use super::make::{entry, extended, gzip, header, link, padded, sealed, tape, zstd};
use super::{EVIL_PATHS, Extraction, Limits, assert_extracted, assert_refused, small};
use proptest::prelude::*;

fn good() -> Vec<Vec<u8>> {
    vec![
        entry(b"pkg/", b'5', b""),
        entry(b"pkg/readme", b'0', b"hello\n"),
        padded(header(b"pkg/bin/run", b'0', 10, 0o755), b"#!/bin/sh\n"),
        entry("pkg/ä.txt".as_bytes(), b'0', &[7; 5000]),
        entry(b"empty", b'\0', b""),
    ]
}

#[test]
fn a_good_tape_is_extracted_byte_for_byte_however_it_is_compressed() {
    let plain = tape(&good());
    let mut two_members = gzip(&plain[..1000]);
    two_members.extend(gzip(&plain[1000..]));
    let mut frames = zstd(&plain[..1000]);
    // A frame to be skipped, as parallel compressors write it.
    frames.extend_from_slice(b"\x50\x2a\x4d\x18\x04\0\0\0skip");
    frames.extend(zstd(&plain[1000..]));
    let mut long_tail = plain.clone();
    long_tail.resize(plain.len() + 9000, 0);
    let all = [gzip(&plain), two_members, zstd(&plain), frames, long_tail, plain];
    for archive in &all {
        let found = assert_extracted("good", archive, small());
        assert_eq!(found["pkg/readme"].as_ref().unwrap().0, b"hello\n");
        assert_eq!(found["pkg/bin/run"].as_ref().unwrap().1 & 0o700, 0o700);
        assert_eq!(found["pkg/readme"].as_ref().unwrap().1 & 0o700, 0o600);
        assert_eq!(found["pkg/ä.txt"].as_ref().unwrap().0, vec![7; 5000]);
        assert_eq!(found["empty"].as_ref().unwrap().0, b"");
        assert_eq!(found.len(), 6, "{:?}", found.keys());
    }
}

#[test]
fn long_names_of_gnu_and_of_posix_are_put_together() {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(200));
    let mut named = long.clone().into_bytes();
    named.push(0);
    let gnu = tape(&[entry(b"././@LongLink", b'L', &named), entry(b"cut", b'0', b"abc")]);
    let records: [(&str, &[u8]); 2] = [("path", long.as_bytes()), ("mtime", b"1.5")];
    let posix = tape(&[
        extended(b'g', &[("comment", b"0123456789abcdef")]),
        extended(b'x', &records),
        entry(b"cut", b'0', b"abc"),
    ]);
    let mut prefixed = header("f".repeat(90).as_bytes(), b'0', 3, 0o644);
    prefixed[345..345 + 120].fill(b'd');
    let prefixed = tape(&[padded(sealed(prefixed), b"abc")]);
    for (archive, path) in [
        (gnu, &long),
        (posix, &long),
        (prefixed, &format!("{}/{}", "d".repeat(120), "f".repeat(90))),
    ] {
        let found = assert_extracted("long", &archive, small());
        assert_eq!(found[path].as_ref().unwrap().0, b"abc");
    }
}

#[test]
fn a_path_that_leads_elsewhere_is_refused_in_every_place_a_path_can_stand() {
    for path in EVIL_PATHS {
        let bytes = path.as_bytes();
        let mut long = bytes.to_vec();
        long.push(0);
        let plain = tape(&[entry(b"ok", b'0', b"x"), entry(bytes, b'0', b"x")]);
        let gnu = tape(&[entry(b"././@LongLink", b'L', &long), entry(b"ok", b'0', b"x")]);
        let posix = tape(&[extended(b'x', &[("path", bytes)]), entry(b"ok", b'0', b"x")]);
        // A newline ends a record: the parser of extended headers says it first.
        let in_header = if path.contains('\n') { "malformed" } else { "path" };
        assert_refused(path, &plain, "path");
        assert_refused(path, &gnu, "path");
        assert_refused(path, &posix, in_header);
        if !matches!(*path, "./") {
            assert_refused(path, &tape(&[entry(bytes, b'5', b"")]), "path");
        }
    }
    let nul = tape(&[extended(b'x', &[("path", b"ok\0/../../secret")]), entry(b"ok", b'0', b"x")]);
    assert_refused("NUL", &nul, "path");
    // GNU's tar reads the second half of a name whatever the version says, others do not.
    for magic in [&b"ustar\x00xx"[..], b"ustar xx", &[0; 8]] {
        let mut second = header(b"b", b'0', 1, 0o644);
        second[257..265].copy_from_slice(magic);
        second[345..348].copy_from_slice(b"pre");
        let second = padded(sealed(second), b"x");
        assert_refused("half a name", &tape(&[entry(b"a", b'0', b"x"), second]), "malformed");
    }
    let hidden = tape(&[entry(b"ok\0/../../secret", b'0', b"x")]);
    assert_refused("behind a NUL", &hidden, "path");
    assert_refused("not UTF-8", &tape(&[entry(b"a\xff", b'0', b"")]), "encoding");
    assert_refused("a slash", &tape(&[entry(b"a/", b'0', b"x")]), "path");
    let long = "d/".repeat(600) + "f";
    let long = tape(&[extended(b'x', &[("path", long.as_bytes())]), entry(b"a", b'0', b"x")]);
    assert_refused("too long", &long, "path");
    let name = "f".repeat(256);
    let name = tape(&[extended(b'x', &[("path", name.as_bytes())]), entry(b"a", b'0', b"x")]);
    assert_refused("a long name", &name, "path");
    assert_refused("empty", &tape(&[entry(b"", b'0', b"x")]), "path");
}

#[test]
fn links_are_refused_and_so_nothing_is_written_through_one() {
    let through = tape(&[link(b"a", b'2', b".."), entry(b"a/secret", b'0', b"gone")]);
    assert_refused("through a link", &through, "link");
    for to in [&b"../secret"[..], b"/etc/passwd", b"ok"] {
        let hard = tape(&[entry(b"ok", b'0', b"x"), link(b"a", b'1', to)]);
        assert_refused("hard", &hard, "link");
        let symbolic = tape(&[entry(b"ok", b'0', b"x"), link(b"a", b'2', to)]);
        assert_refused("symbolic", &symbolic, "link");
    }
    let long = tape(&[entry(b"././@LongLink", b'K', b"/etc\0"), link(b"a", b'2', b"cut")]);
    assert_refused("a long link", &long, "link");
    let posix = tape(&[extended(b'x', &[("linkpath", b"../secret")]), entry(b"a", b'0', b"x")]);
    assert_refused("a link path on a file", &posix, "link");
}

#[test]
fn devices_and_all_that_is_neither_file_nor_folder_are_refused() {
    for kind in *b"346" {
        assert_refused("device", &tape(&[entry(b"a", kind, b"")]), "special-file");
    }
    for kind in *b"7DMNVXAaZ8" {
        assert_refused("kind", &tape(&[entry(b"a", kind, b"")]), "special-file");
    }
    assert_refused("sparse", &tape(&[entry(b"a", b'S', b"")]), "extension");
    for key in ["GNU.sparse.major", "GNU.sparse.realsize", "GNU.sparse.name", "hdrcharset"] {
        let sparse = tape(&[extended(b'x', &[(key, b"1")]), entry(b"a", b'0', b"x")]);
        assert_refused(key, &sparse, "extension");
    }
}

#[test]
fn what_is_there_twice_or_is_one_on_another_system_is_refused() {
    let two = |one: &str, other: &str| {
        tape(&[entry(one.as_bytes(), b'0', b"1"), entry(other.as_bytes(), b'0', b"2")])
    };
    assert_refused("twice", &two("a", "a"), "duplicate");
    assert_refused("twice, spelled otherwise", &two("a", "./a"), "duplicate");
    assert_refused("case", &two("Makefile", "makefile"), "collision");
    assert_refused("case of a folder", &two("A/x", "a/y"), "collision");
    assert_refused("composition and case", &two("É", "é"), "collision");
    assert_refused("folded", &two("straße", "STRASSE"), "collision");
    assert_refused("file and folder", &two("a", "a/b"), "file-and-folder");
    let folder = tape(&[entry(b"a/b", b'0', b"1"), entry(b"a", b'0', b"2")]);
    assert_refused("folder and file", &folder, "file-and-folder");
    let again =
        tape(&[entry(b"a/", b'5', b""), entry(b"a/b", b'0', b"1"), entry(b"a/", b'5', b"")]);
    assert_eq!(assert_extracted("a folder twice", &again, small()).len(), 2);
}

#[test]
fn headers_that_disagree_or_compete_are_refused() {
    let sized = |size: &[u8]| tape(&[extended(b'x', &[("size", size)]), entry(b"a", b'0', b"xyz")]);
    assert_eq!(assert_extracted("the same size", &sized(b"3"), small()).len(), 1);
    for size in [&b"0"[..], b"1024", b"512", b"99999999999"] {
        assert_refused("another size", &sized(size), "headers-disagree");
    }
    let long = || entry(b"././@LongLink", b'L', b"b\0");
    let path = || extended(b'x', &[("path", b"c")]);
    for headers in [vec![long(), path()], vec![long(), long()], vec![path(), path()]] {
        let competing = tape(&[headers, vec![entry(b"a", b'0', b"x")]].concat());
        assert_refused("competing", &competing, "extension");
    }
    for key in ["path", "size", "linkpath"] {
        let all = tape(&[extended(b'g', &[(key, b"1")]), entry(b"a", b'0', b"x")]);
        assert_refused("for all", &all, "extension");
    }
    let folder = tape(&[padded(header(b"a/", b'5', 4, 0o755), b"abcd")]);
    assert_refused("a folder with content", &folder, "headers-disagree");
    let mut wrong = tape(&[entry(b"a", b'0', b"x")]);
    wrong[0] = b'b';
    assert_refused("checksum", &wrong, "malformed");
    let huge = tape(&[padded(header(b"L", b'L', 1 << 30, 0o644), b"")]);
    assert_refused("a name of a gibibyte", &huge, "extension");
}

#[test]
fn what_is_cut_off_or_goes_on_behind_its_end_is_refused() {
    let whole = tape(&good());
    for length in [whole.len() - 1024, 512, 700, 1536] {
        assert_refused("cut", &whole[..length], "truncated");
    }
    let packed = gzip(&whole);
    for length in [packed.len() - 1, packed.len() - 8, packed.len() / 2] {
        assert_refused("cut gzip", &packed[..length], "truncated");
    }
    let frame = zstd(&whole);
    for length in [frame.len() - 1, frame.len() / 2, 6] {
        let ground = super::Ground::new();
        assert!(ground.extract(&frame[..length], small()).is_err(), "{length}");
        ground.assert_untouched("cut zstd");
    }
    assert_refused(
        "only a name",
        &[entry(b"L", b'L', b"a\0"), vec![0; 1024]].concat(),
        "truncated",
    );
    let more = [whole.clone(), entry(b"../secret", b'0', b"x")].concat();
    assert_refused("more behind the end", &more, "trailing-bytes");
    let garbage = [frame, b"garbage".to_vec()].concat();
    assert_refused("garbage behind a frame", &garbage, "trailing-bytes");
    let ground = super::Ground::new();
    assert!(ground.extract(&[packed, b"garbage".to_vec()].concat(), small()).is_err());
    ground.assert_untouched("garbage behind gzip");
    let mut flipped = zstd(&whole);
    *flipped.last_mut().unwrap() ^= 1;
    assert_refused("checksum of a frame", &flipped, "malformed");
    let mut flipped = gzip(&whole);
    let at = flipped.len() - 6;
    flipped[at] ^= 1;
    assert_refused("gzip checksum", &flipped, "malformed");
}

#[test]
fn bombs_are_stopped_while_they_inflate() {
    let flat = tape(&[entry(b"zeros", b'0', &vec![0; 6 << 20])]);
    assert_refused("flat, gzip", &gzip(&flat), "ratio");
    assert_refused("flat, zstd", &zstd(&flat), "ratio");
    // It says little and goes on for long: zeros behind the end are inflated too.
    let mut tail = tape(&[entry(b"a", b'0', b"x")]);
    tail.resize(6 << 20, 0);
    assert_refused("behind the end", &gzip(&tail), "ratio");
    let said = tape(&[padded(header(b"a", b'0', 7 << 30, 0o644), b"little")]);
    assert_refused("says much", &said, "too-many-bytes");
    let much = tape(&[entry(b"a", b'0', &vec![1; 5 << 20]), entry(b"b", b'0', &vec![1; 5 << 20])]);
    assert_refused("much", &much, "too-many-bytes");
    let deep = tape(&[entry(b"1/2/3/4/5/6/7/8/9", b'0', b"x")]);
    assert_refused("deep", &deep, "too-deep");
    let many: Vec<_> = (0..51).map(|n| entry(format!("{n}").as_bytes(), b'0', b"")).collect();
    assert_refused("many", &tape(&many), "too-many-entries");
    let folders: Vec<_> =
        (0..10).map(|n| entry(format!("{n}/2/3/4/5/6").as_bytes(), b'0', b"")).collect();
    assert_refused("folders on the way", &tape(&folders), "too-many-entries");
    // Inside another archive it is a file, and is stopped when it is itself extracted.
    let bomb = gzip(&flat);
    let nested = tape(&[entry(b"inner.tgz", b'0', &bomb)]);
    let found = assert_extracted("nested", &gzip(&nested), small());
    assert_refused("inner", &found["inner.tgz"].as_ref().unwrap().0, "ratio");
    // The control: the same content where as much is agreed.
    let wide = Extraction::new(Limits { ratio: 100_000, ..Limits::default() });
    assert_eq!(assert_extracted("agreed", &bomb, wide).len(), 1);
}

#[test]
fn modes_give_nobody_but_the_owner_anything_to_write_and_no_other_identity() {
    let modes = [0o4755, 0o2755, 0o6777, 0o1777, 0o777, 0o666, 0o000, 0o200];
    let entries = modes
        .iter()
        .map(|mode| padded(header(format!("{mode:o}").as_bytes(), b'0', 1, *mode), b"x"));
    let folder = header(b"d", b'5', 0, 0o7777);
    let archive = tape(&entries.chain([folder]).collect::<Vec<_>>());
    let found = assert_extracted("modes", &archive, small());
    for mode in modes {
        let made = found[&format!("{mode:o}")].as_ref().unwrap().1;
        let most = if mode & 0o100 != 0 { 0o755 } else { 0o644 };
        assert_eq!(made & !most, 0, "{mode:o} became {made:o}");
        assert_eq!(made & 0o600, 0o600, "{mode:o} became {made:o}");
    }
}

#[test]
fn names_are_taken_away_before_anything_is_compared_and_never_from_what_is_evil() {
    let archive = tape(&good());
    let found = assert_extracted("strip", &tape(&good()[..4]), small().with_strip(1));
    assert!(found.contains_key("readme") && found.contains_key("bin/run"));
    let ground = super::Ground::new();
    let error = ground.extract(&archive, small().with_strip(1)).unwrap_err();
    assert_eq!(error.code(), "nothing-left");
    let evil = tape(&[entry(b"../a/b", b'0', b"x")]);
    assert_eq!(ground.extract(&evil, small().with_strip(1)).unwrap_err().code(), "path");
    let same = tape(&[entry(b"a/x", b'0', b"1"), entry(b"b/x", b'0', b"2")]);
    assert_eq!(ground.extract(&same, small().with_strip(1)).unwrap_err().code(), "duplicate");
    ground.assert_untouched("strip");
}

#[test]
fn a_tape_from_the_folder_itself_is_the_same_as_one_of_its_names() {
    let dotted =
        tape(&[entry(b"./", b'5', b""), entry(b"./a", b'0', b"x"), entry(b".", b'5', b"")]);
    let found = assert_extracted("dot", &dotted, small());
    assert_eq!(found.keys().collect::<Vec<_>>(), ["a"]);
}

proptest! {
    /// Whatever a tape holds, it comes out as it is or is refused and leaves nothing.
    #[test]
    fn any_tape_is_extracted_as_it_is_or_not_at_all(
        entries in prop::collection::vec(
            (
                prop_oneof![
                    8 => "[a-d]{1,2}(/[a-dA]{1,2}){0,2}",
                    1 => "[a./\\\\]{1,6}",
                    1 => prop::sample::select(EVIL_PATHS).prop_map(str::to_owned),
                ],
                prop::sample::select(b"0000005512".as_slice()),
                prop::collection::vec(any::<u8>(), 0..40),
                0_u32..0o10_000,
            ),
            0..5,
        ),
        packed in 0..3,
    ) {
        let made = entries.iter().map(|(name, kind, content, mode)| {
            let content: &[u8] = if *kind == b'0' { content } else { b"" };
            padded(header(name.as_bytes(), *kind, content.len() as u64, *mode), content)
        });
        let plain = tape(&made.collect::<Vec<_>>());
        let archive = match packed { 0 => plain, 1 => gzip(&plain), _ => zstd(&plain) };
        let ground = super::Ground::new();
        // An empty tape has no header to be told by.
        match ground.extract(&archive, small()) {
            Ok(summary) => {
                let found = super::tree(&ground.inner().join("out"));
                let files = entries.iter().filter(|(_, kind, ..)| *kind == b'0');
                for (name, _, content, _) in files.clone() {
                    let name = name.strip_prefix("./").unwrap_or(name);
                    prop_assert_eq!(&found[name].as_ref().unwrap().0, content);
                }
                prop_assert_eq!(summary.files, files.count() as u64);
                prop_assert!(entries.iter().all(|(_, kind, ..)| matches!(kind, b'0' | b'5')));
            }
            Err(_) => ground.assert_untouched("any"),
        }
    }
}

#[test]
fn bytes_behind_a_nul_of_a_name_or_its_prefix_are_refused() {
    for at in [50, 345 + 50] {
        let mut hiding = header(b"name", b'0', 1, 0o644);
        hiding[345..348].copy_from_slice(b"dir");
        let plain = padded(sealed(hiding.clone()), b"x");
        hiding[at] = b'h';
        let hiding = padded(sealed(hiding), b"x");
        let described =
            |entry: &[u8]| tape(&[extended(b'x', &[("path", b"other")]), entry.to_vec()]);
        assert_refused("hidden", &tape(std::slice::from_ref(&hiding)), "path");
        assert_refused("hidden behind another name", &described(&hiding), "path");
        assert_extracted("control", &tape(std::slice::from_ref(&plain)), small());
        assert_extracted("control", &described(&plain), small());
    }
}
