//! Zips.

use super::make::{Member, closed, end, parts, zip};
use super::{EVIL_PATHS, Extraction, Limits, assert_extracted, assert_refused, small};
use std::io::{self, Cursor};

fn good() -> Vec<Member> {
    vec![
        Member::folder("pkg/"),
        Member::file("pkg/readme", &b"hello\n".repeat(100)),
        Member::file("pkg/bin/run", b"#!/bin/sh\n").with_mode(0o100_755),
        Member::stored("pkg/ä.txt", b"stored"),
        Member::file("empty", b""),
    ]
}

/// One entry that is wrong behind one that is right.
fn with(member: Member) -> Vec<u8> {
    zip(&[Member::file("ok", b"x"), member])
}

#[test]
fn a_good_zip_is_extracted_byte_for_byte() {
    let mut described = good();
    described.iter_mut().filter(|one| one.method == 8).for_each(|one| one.flags |= 8);
    let dos = vec![Member { made_by: 20, attributes: 0x20, ..Member::file("a", b"x") }];
    for (archive, most) in [(good(), 6), (described, 6), (dos, 1), (Vec::new(), 0)] {
        let found = assert_extracted("good", &zip(&archive), small());
        assert_eq!(found.len(), most, "{:?}", found.keys());
        if most == 6 {
            assert_eq!(found["pkg/readme"].as_ref().unwrap().0, b"hello\n".repeat(100));
            assert_eq!(found["pkg/bin/run"].as_ref().unwrap().1 & 0o700, 0o700);
            assert_eq!(found["pkg/ä.txt"].as_ref().unwrap().0, b"stored");
        }
    }
    let (local, table) = parts(&Member::file("a", b"x"), 0);
    assert_extracted("a comment", &closed(local, &table, 1, b"a comment"), small());
}

#[test]
fn a_path_that_leads_elsewhere_is_refused() {
    for path in EVIL_PATHS {
        // `./` is a folder in a zip: the destination itself.
        if *path != "./" {
            assert_refused(path, &with(Member::file(path, b"x")), "path");
            assert_refused(path, &with(Member::folder(&format!("{path}/"))), "path");
        }
    }
    assert_refused("NUL", &with(Member::file("a\0.txt", b"x")), "path");
    let latin = Member { name: b"\xe4".to_vec(), ..Member::file("a", b"x") };
    assert_refused("not UTF-8", &with(latin), "encoding");
    let unmarked = Member { flags: 0, made_by: 20, attributes: 0, ..Member::file("ä", b"x") };
    assert_refused("code page 437 or UTF-8", &with(unmarked), "encoding");
    let unix = Member { flags: 0, ..Member::file("ä", b"x") };
    assert_extracted("Unix writes UTF-8", &with(unix), small());
    assert_refused("a long name", &with(Member::file(&"f".repeat(256), b"x")), "path");
    assert_refused("a long path", &with(Member::file(&"f/".repeat(600), b"")), "headers-disagree");
}

#[test]
fn links_and_devices_are_refused() {
    let kinds = [
        (0o120_777, "link"),
        (0o020_666, "special-file"),
        (0o060_666, "special-file"),
        (0o010_666, "special-file"),
        (0o140_666, "special-file"),
        (0o040_755, "headers-disagree"),
        (0o170_000, "headers-disagree"),
    ];
    for (mode, code) in kinds {
        let member = Member::stored("a", b"../secret").with_mode(mode);
        assert_refused(&format!("{mode:o}"), &with(member), code);
    }
    // Where another system than Unix wrote the table, some readers make links all the same.
    for system in 0..=20_u16 {
        let link = Member { made_by: system << 8 | 0x14, ..Member::stored("a", b"../secret") };
        assert_refused("another system", &with(link.with_mode(0o120_777)), "link");
        let file = Member { made_by: system << 8 | 0x14, ..Member::file("a", b"x") };
        assert_extracted("control", &zip(&[file.with_mode(0o100_644)]), small());
    }
    let through =
        [Member::stored("a", b"..").with_mode(0o120_777), Member::file("a/secret", b"gone")];
    assert_refused("through a link", &zip(&through), "link");
    let folder = Member::stored("a/", b"content").with_mode(0o040_755);
    assert_refused("a folder with content", &with(folder), "headers-disagree");
    let setuid = zip(&[Member::file("a", b"x").with_mode(0o106_777)]);
    let found = assert_extracted("setuid", &setuid, small());
    assert_eq!(found["a"].as_ref().unwrap().1 & !0o755, 0);
}

#[test]
fn what_is_there_twice_or_is_one_on_another_system_is_refused() {
    let two = |one: &str, other: &str| zip(&[Member::file(one, b"1"), Member::file(other, b"2")]);
    assert_refused("twice", &two("a", "a"), "duplicate");
    assert_refused("twice, spelled otherwise", &two("a", "./a"), "duplicate");
    assert_refused("case", &two("Makefile", "makefile"), "collision");
    assert_refused("file and folder", &two("a", "a/b"), "file-and-folder");
}

#[test]
fn encrypted_and_unknown_methods_are_refused() {
    let encrypted = Member { flags: 1 << 11 | 1, ..Member::stored("a", &[0; 20]) };
    assert_refused("encrypted", &with(encrypted), "encrypted");
    for method in [1, 6, 9, 12, 14, 93, 95, 98, 99, 4711] {
        let member = Member { method, ..Member::file("a", b"x") };
        let ground = super::Ground::new();
        let error = ground.extract(&with(member), small()).unwrap_err();
        assert!(matches!(error.code(), "method" | "malformed"), "{method}: {error}");
        ground.assert_untouched("method");
    }
}

#[test]
fn two_headers_of_one_entry_that_disagree_are_refused() {
    let a = || Member::file("a", b"content");
    let cases = [
        Member { local_name: Some(b"b".to_vec()), ..a() },
        Member { local_name: Some(b"../../secret".to_vec()), ..a() },
        Member { local_flags: Some(1 << 11 | 1), ..a() },
        Member { local_flags: Some(1 << 11 | 8), ..a() },
        Member { local_method: Some(0), ..a() },
        Member { local_size: Some(6), ..a() },
    ];
    for (index, case) in cases.into_iter().enumerate() {
        let ground = super::Ground::new();
        let error = ground.extract(&with(case), small()).unwrap_err();
        let code = error.code();
        assert!(matches!(code, "headers-disagree" | "layout"), "{index}: {error}");
        ground.assert_untouched("disagree");
    }
    let described = zip(&[Member { flags: 1 << 11 | 8, ..a() }]);
    assert_extracted("a data descriptor", &described, small());
    let at = described.windows(4).position(|four| four == b"PK\x07\x08").unwrap();
    for byte in at..at + 16 {
        let mut other = described.clone();
        other[byte] ^= 1;
        assert_refused("another data descriptor", &other, "headers-disagree");
    }
    let wrong = Member { crc: 1, ..a() };
    assert_refused("checksum", &with(wrong), "malformed");
    // Both headers say less than there is, or more.
    assert_refused("less than said", &with(Member { size: 6, ..a() }), "malformed");
    let ground = super::Ground::new();
    assert!(ground.extract(&with(Member { size: 8, ..a() }), small()).is_err());
    ground.assert_untouched("more than said");
    let stored = Member { size: 3, ..Member::stored("a", b"content") };
    assert_refused("two sizes", &with(stored), "headers-disagree");
}

#[test]
fn entries_that_overlap_and_bytes_of_nobody_are_refused() {
    // One body, many names: what makes kilobytes into petabytes.
    let body = Member::file("a", &vec![0; 1 << 20]);
    let again = Member { name: b"b".to_vec(), at: Some(0), ..body.clone() };
    let (local, table) = parts(&body, 0);
    let (_, other) = parts(&again, 0);
    let shared = closed(local.clone(), &[table.clone(), other].concat(), 2, b"");
    assert_refused("shared", &shared, "layout");
    // The second entry lies inside the first one, which is stored.
    let (inner, _) = parts(&Member::file("inner", b"x"), 0);
    let outer = Member::stored("outer", &inner);
    let (bytes, outer_line) = parts(&outer, 0);
    let at = u32::try_from(bytes.len() - inner.len()).unwrap();
    let (_, inner_line) = parts(&Member::file("inner", b"x"), at);
    let nested = closed(bytes, &[outer_line, inner_line].concat(), 2, b"");
    assert_refused("quoted", &nested, "layout");
    let prefixed = [b"#!/bin/sh\n".to_vec(), zip(&good())].concat();
    assert_refused("something before it", &prefixed, "format");
    // An entry that only a reader of streams finds.
    let (hidden, _) = parts(&Member::file("../../secret", b"x"), 0);
    let unlisted = closed([local.clone(), hidden].concat(), &table, 1, b"");
    assert_refused("unlisted", &unlisted, "layout");
    let gap = closed([local.clone(), vec![0; 100]].concat(), &table, 1, b"");
    assert_refused("a gap", &gap, "layout");
    assert_refused("behind", &[zip(&good()), b"x".to_vec()].concat(), "trailing-bytes");
    // A second end in the comment of the first, with a table of its own.
    let start = u32::try_from(local.len()).unwrap();
    let second = end(1, table.len(), start, b"");
    let two = closed(local.clone(), &table, 1, &second);
    assert_refused("two ends", &two, "layout");
    let lying = [local, table.clone(), end(9, table.len(), start, b"")].concat();
    let ground = super::Ground::new();
    assert!(ground.extract(&lying, small()).is_err());
    ground.assert_untouched("a count that lies");
}

#[test]
fn bytes_behind_the_end_of_a_deflate_stream_are_refused() {
    let mut hiding = Member::file("a", b"content");
    hiding.data.extend_from_slice(b"hidden");
    assert_refused("behind the stream", &with(hiding), "malformed");
    let folder = |data: &[u8]| {
        let data = data.to_vec();
        with(Member { method: 8, data, ..Member::folder("a/") })
    };
    assert_refused("in a folder", &folder(b"\x03\0hidden"), "malformed");
    assert_extracted("control: a folder without content", &folder(b"\x03\0"), small());
    let mut two = Member::file("a", b"content");
    two.data.extend(Member::file("b", b"content").data);
    assert_refused("a second stream", &with(two), "malformed");
    // All of the content is there, and the last block is not.
    let mut endless = Member::file("a", b"content");
    endless.data = [&[0, 7, 0, 0xf8, 0xff][..], b"content"].concat();
    assert_refused("no end", &with(endless.clone()), "malformed");
    endless.data[0] = 1;
    assert_extracted("control: the last block", &with(endless), small());
}

#[test]
fn flags_that_differ_a_missing_descriptor_and_other_disks_are_refused() {
    let a = || Member::file("a", b"content");
    for flags in [0, 1 << 11 | 8, 8] {
        let member = Member { local_flags: Some(flags), ..a() };
        let error = super::Ground::new().extract(&with(member), small()).unwrap_err();
        assert!(matches!(error.code(), "headers-disagree" | "layout"), "{flags}: {error}");
    }
    let unmarked = Member { flags: 0, local_flags: Some(1 << 11), ..a() };
    assert_refused("marked in one place", &with(unmarked), "headers-disagree");
    // Flagged in both places, with all numbers in front and nothing behind.
    let (mut local, mut table) = parts(&a(), 0);
    local[6] |= 8;
    table[8] |= 8;
    assert_refused("no descriptor", &closed(local, &table, 1, b""), "layout");
    let (local, mut table) = parts(&a(), 0);
    assert_extracted("control", &closed(local.clone(), &table, 1, b""), small());
    table[34] = 1;
    assert_refused("another disk", &closed(local, &table, 1, b""), "layout");
}

#[test]
fn a_zip_that_is_cut_anywhere_is_refused() {
    let whole = zip(&good());
    for length in 4..whole.len() {
        let ground = super::Ground::new();
        assert!(ground.extract(&whole[..length], small()).is_err(), "{length}");
        ground.assert_untouched("cut");
    }
}

#[test]
fn bombs_are_stopped_while_they_inflate() {
    let zeros = vec![0; 6 << 20];
    assert_refused("flat", &with(Member::file("zeros", &zeros)), "ratio");
    // It says that it is small.
    let lies = Member { size: 10, ..Member::file("zeros", &zeros) };
    assert_refused("lies", &with(lies), "malformed");
    let says = Member { size: u32::MAX - 1, ..Member::file("a", b"x") };
    assert_refused("says much", &with(says), "too-many-bytes");
    let small_ones: Vec<_> =
        (0..2).map(|n| Member::file(&n.to_string(), &vec![0; 3 << 20])).collect();
    assert_refused("many small bombs", &zip(&small_ones), "ratio");
    let many: Vec<_> = (0..51).map(|n| Member::file(&n.to_string(), b"")).collect();
    assert_refused("many", &zip(&many), "too-many-entries");
    let deep = Member::file("1/2/3/4/5/6/7/8/9", b"x");
    assert_refused("deep", &with(deep), "too-deep");
    let much: Vec<_> = (0..3).map(|n| Member::stored(&n.to_string(), &vec![1; 3 << 20])).collect();
    assert_refused("much", &zip(&much), "too-many-bytes");
    let wide = Extraction::new(Limits { ratio: 100_000, ..Limits::default() });
    assert_extracted("agreed", &with(Member::file("zeros", &zeros)), wide);
}

#[test]
fn what_is_only_read_is_checked_to_its_end() {
    let archive = zip(&[Member::file("a", b"first"), Member::file("b", b"second")]);
    let mut seen = Vec::new();
    let summary = small().read(Cursor::new(&archive), &mut |entry, content| {
        let mut text = String::new();
        // The second is left where it is.
        if entry.path.as_str() == "a" {
            content.read_to_string(&mut text)?;
        }
        seen.push(text);
        Ok(())
    });
    assert_eq!((summary.unwrap().bytes, seen), (11, vec!["first".to_owned(), String::new()]));
    let mut damaged = archive.clone();
    let at = archive.len() - 1 - archive.iter().rev().position(|byte| *byte == b'P').unwrap();
    // Some byte of the compressed second file.
    let second = archive[..at].windows(4).rposition(|four| four == b"PK\x03\x04").unwrap();
    damaged[second + 31] ^= 1;
    assert!(small().read(Cursor::new(&damaged), &mut |_, _| Ok(())).is_err());
    let refused = small().read(Cursor::new(&archive), &mut |_, _| Err(io::Error::other("no")));
    assert_eq!(refused.unwrap_err().to_string(), "entry `a`: it is malformed: no");
}
