//! Entries for libFuzzer and for the replay on a stable compiler.

pub mod entries;
