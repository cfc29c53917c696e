//! Replays the corpora of `fuzz/` on a stable compiler, and some mutations of each file.
//!
//! The mutations are the same in every run, so a failure is one that can be looked at. libFuzzer
//! goes further (`cargo +nightly fuzz run policy`); what it finds becomes a file of the corpus.

#[path = "../../fuzz/src/entries.rs"]
#[expect(unreachable_pub, reason = "the same file is a library for libFuzzer")]
mod entries;

use std::path::Path;

/// Mutations of each file.
const MUTATIONS: u64 = 4000;

#[test]
fn no_entry_panics_on_its_corpus_or_on_mutations_of_it() {
    for (name, entry) in entries::ENTRIES {
        let files = corpus(name);
        assert!(!files.is_empty(), "no corpus for {name}");
        for (at, file) in files.iter().enumerate() {
            entry(file);
            let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ at as u64);
            for _ in 0..MUTATIONS {
                entry(&random.mutated(file, &files));
            }
        }
    }
}

/// The files of a corpus, in the order of their names; empty when the folder cannot be read.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| std::fs::read(path).ok()).collect()
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
