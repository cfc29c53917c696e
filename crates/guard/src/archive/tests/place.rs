//! Where archives are extracted to, and who else is there.

use super::make::{entry, tape};
use super::{Extraction, Ground, small};
use crate::archive::ArchiveError;
use std::fs;
use std::io::Cursor;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

fn archive() -> Vec<u8> {
    tape(&[entry(b"a/b/c", b'0', b"content"), entry(b"a/d", b'0', b"more")])
}

fn extract(to: &Path) -> Result<crate::archive::Summary, ArchiveError> {
    Extraction::default().extract(Cursor::new(archive()), to, &mut |_| {})
}

#[test]
fn an_empty_folder_is_replaced_with_its_mode_and_a_full_one_is_left_as_it_is() {
    let ground = Ground::new();
    let out = ground.inner().join("out");
    fs::create_dir(&out).unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o710)).unwrap();
    extract(&out).unwrap();
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o7777, 0o710);
    assert_eq!(fs::read_to_string(out.join("a/b/c")).unwrap(), "content");
    let full = extract(&out).unwrap_err();
    assert!(matches!(full, ArchiveError::Destination(_)), "{full}");
    assert_eq!(fs::read_dir(ground.inner()).unwrap().count(), 1);
}

#[test]
fn a_destination_that_is_no_folder_is_refused_and_left() {
    let ground = Ground::new();
    let inner = ground.inner();
    fs::create_dir(inner.join("real")).unwrap();
    symlink("real", inner.join("link")).unwrap();
    symlink("nowhere", inner.join("dangling")).unwrap();
    fs::write(inner.join("file"), "file").unwrap();
    for name in ["link", "dangling", "file", "..", "."] {
        let refused = extract(&inner.join(name)).unwrap_err();
        assert!(!matches!(refused, ArchiveError::Refused { .. }), "{name}: {refused}");
    }
    let missing = extract(&inner.join("missing/out")).unwrap_err();
    assert!(matches!(missing, ArchiveError::Parent(_)), "{missing}");
    assert_eq!(fs::read_dir(inner.join("real")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(&inner).unwrap().count(), 4);
}

#[test]
fn what_a_dead_extraction_left_is_removed_by_the_next_one() {
    let ground = Ground::new();
    let dead = ground.inner().join(format!("{}{}", crate::temp::PREFIX, "0".repeat(32)));
    fs::create_dir_all(dead.join("tree/a")).unwrap();
    fs::set_permissions(&dead, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(dead.join("lock"), "").unwrap();
    fs::write(dead.join("tree/a/half"), "half").unwrap();
    extract(&ground.inner().join("out")).unwrap();
    assert_eq!(fs::read_dir(ground.inner()).unwrap().count(), 1);
}

#[test]
fn a_destination_that_is_filled_meanwhile_stays_as_whoever_filled_it_left_it() {
    for before in [false, true] {
        let ground = Ground::new();
        let out = ground.inner().join("out");
        if before {
            fs::create_dir(&out).unwrap();
        }
        let filled = Extraction::default().extract(Cursor::new(archive()), &out, &mut |_| {
            fs::create_dir_all(&out).unwrap();
            fs::write(out.join("theirs"), "theirs").unwrap();
        });
        assert!(matches!(filled, Err(ArchiveError::Destination(_))), "{filled:?}");
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
        assert_eq!(fs::read_dir(ground.inner()).unwrap().count(), 1);
    }
}

#[test]
fn a_reader_never_sees_half_an_extraction() {
    let ground = Ground::new();
    let out = ground.inner().join("out");
    let mut entries = Vec::new();
    for n in 0..200 {
        entries.push(entry(format!("d{}/f{n}", n % 7).as_bytes(), b'0', &[9; 700]));
    }
    let archive = tape(&entries);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..20 {
                let wide = Extraction::default();
                wide.extract(Cursor::new(&archive), &out, &mut |_| {}).unwrap();
                fs::rename(&out, ground.place.path().join("old")).unwrap();
                fs::remove_dir_all(ground.place.path().join("old")).unwrap();
            }
            done.store(true, Ordering::Relaxed);
        });
        while !done.load(Ordering::Relaxed) {
            if let Ok(folder) = crate::path::Root::new(&out) {
                // Opened whole, it may be on its way out; then nothing can be said of it.
                let last = folder.open("d3/f199");
                let gone = !out.join("d3").exists();
                assert!(last.is_ok() || gone, "{last:?}");
            }
        }
    });
}

/// Somebody who may write to the destination's parent swaps folders for links as fast as they can.
#[test]
fn nobody_who_swaps_the_folders_meanwhile_leads_anything_outside() {
    const TRIES: u32 = 2000;
    let ground = Ground::new();
    let outside = ground.place.path().join("outside");
    fs::create_dir_all(outside.join("tree/a/b")).unwrap();
    let (inner, parked) = (ground.inner(), ground.place.path().join("parked"));
    let done = AtomicBool::new(false);
    let (mut came, mut failed) = (0, 0);
    std::thread::scope(|scope| {
        let swaps = scope.spawn(|| {
            let mut swaps = 0_u64;
            while !done.load(Ordering::Relaxed) {
                // The parent itself, the private folder in it, and the destination.
                if swaps.is_multiple_of(2) && fs::rename(&inner, &parked).is_ok() {
                    let _ = symlink(&outside, &inner);
                    let _ = fs::remove_file(&inner);
                    let _ = fs::rename(&parked, &inner);
                }
                for entry in fs::read_dir(&inner).into_iter().flatten().flatten() {
                    let path = entry.path();
                    if path.to_string_lossy().contains(crate::temp::PREFIX) {
                        for target in [path.join("tree/a"), path.join("tree"), path.clone()] {
                            // Not through a link of their own.
                            let mut above = target.ancestors().skip(1).take(2);
                            if above.any(std::path::Path::is_symlink) {
                                continue;
                            }
                            if fs::rename(&target, ground.place.path().join("taken")).is_ok() {
                                let _ = symlink(&outside, &target);
                                swaps += 1;
                                break;
                            }
                        }
                    }
                    let _ = fs::remove_dir_all(ground.place.path().join("taken"));
                }
                let _ = symlink(&outside, inner.join("out"));
                let _ = fs::remove_file(inner.join("out"));
                swaps += 1;
            }
            swaps
        });
        while came + failed < TRIES {
            // The parent's path is the application's own: while it is a link, that is where it leads,
            // so it is opened once and used by its descriptor from then on.
            let Ok(held) = fs::File::open(&inner) else { continue };
            if !fs::symlink_metadata(&inner).is_ok_and(|found| found.is_dir()) {
                continue;
            }
            let own = format!("/proc/self/fd/{}/out", held.as_raw_fd());
            match small().extract(Cursor::new(archive()), &own, &mut |_| {}) {
                Ok(_) => came += 1,
                Err(_) => failed += 1,
            }
            let _ = fs::remove_dir_all(format!("/proc/self/fd/{}/out", held.as_raw_fd()));
        }
        done.store(true, Ordering::Relaxed);
        assert!(swaps.join().unwrap() > 0);
    });
    assert!(came > 0, "{failed} failed");
    let found: Vec<_> = walk(&outside);
    assert_eq!(found, ["tree", "tree/a", "tree/a/b"], "{found:?}");
}

fn walk(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = super::tree(folder).into_keys().collect();
    names.sort();
    names
}
