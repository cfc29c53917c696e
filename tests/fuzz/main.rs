//! Replays the corpora of `fuzz/` on a stable compiler, and some mutations of each file.
//!
//! The mutations are the same in every run, so a failure is one that can be looked at. libFuzzer
//! goes further (`cargo +nightly fuzz run policy`); what it finds becomes a file of the corpus.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "without its files a replay must fail, and an entry panics when its promise is broken"
)]

#[path = "../../fuzz/src/entries.rs"]
#[expect(unreachable_pub, reason = "the same file is a library for libFuzzer")]
mod entries;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// Mutations of each corpus, whatever its size.
const MUTATIONS: usize = 6000;

#[test]
fn every_entry_has_a_target_and_seeds() {
    let names = |folder: &str| -> BTreeSet<String> {
        let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        files(folder).into_iter().filter_map(stem).collect()
    };
    let known: BTreeSet<String> =
        entries::ENTRIES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz_targets"), known);
    assert_eq!(names("corpus"), known);
}

#[test]
fn no_entry_panics_on_its_corpus() {
    for (name, entry) in entries::ENTRIES {
        for file in files(&format!("corpus/{name}")) {
            let bytes = fs::read(&file).expect("a file of the corpus can be read");
            assert!(catch_unwind(|| entry(&bytes)).is_ok(), "{}", file.display());
        }
    }
}

#[test]
fn no_entry_panics_on_mutations_of_its_corpus() {
    std::thread::scope(|scope| {
        for (name, entry) in entries::ENTRIES {
            scope.spawn(move || {
                let files = files(&format!("corpus/{name}"));
                let seeds: Vec<Vec<u8>> = files.iter().filter_map(|f| fs::read(f).ok()).collect();
                assert!(!seeds.is_empty(), "no corpus for {name}");
                let mut random = Random(0x9e37_79b9_7f4a_7c15);
                for round in 0..MUTATIONS {
                    let bytes = random.mutated(&seeds[round % seeds.len()], &seeds);
                    assert!(catch_unwind(|| entry(&bytes)).is_ok(), "{name}: {bytes:02x?}");
                }
            });
        }
    });
}

/// What lies in a folder of `fuzz/`, in the order of the names.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(folder);
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// xorshift64*: enough to change bytes, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let word = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(word).unwrap_or_default() % below.max(1)
    }

    /// Flips, cuts, doubles, and splices in pieces of other files.
    fn mutated(&mut self, file: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = file.to_vec();
        for _ in 0..=self.next(4) {
            let at = self.next(bytes.len() + 1);
            match self.next(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, u8::try_from(self.next(256)).unwrap_or_default()),
                2 => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << self.next(8);
                    }
                }
                3 => {
                    let piece = bytes[at..].to_vec();
                    bytes.extend(piece);
                }
                _ => {
                    let other = &others[self.next(others.len())];
                    let from = self.next(other.len() + 1);
                    let tail = bytes.split_off(at);
                    bytes.extend_from_slice(&other[from..]);
                    bytes.extend(tail);
                }
            }
            bytes.truncate(4096);
        }
        bytes
    }
}
