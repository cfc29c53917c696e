//! The readers of binary files behind doors for fuzzing.

use super::elf::Elf;
use super::ld_cache::LdCache;
use crate::node::detect::{Detection, detect_open};
use ringfence_sys::fd;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// Reads `bytes` as a program: what it needs, what it defines and whether it is Node. Answers
/// whether what was found is within its bounds; never panics.
#[must_use]
pub fn fuzz_elf(bytes: &[u8]) -> bool {
    let Ok(memory) = fd::memfd(c"fuzz") else { return true };
    let mut file = File::from(memory);
    if file.write_all(bytes).is_err() {
        return true;
    }
    let Ok(elf) = Elf::read(&file) else { return true };
    let _ = elf.defines(&file, "main");
    let _ = elf.has_note(&file, "GNU");
    // The path leads nowhere, so nothing is ever run to ask it for its version.
    let _ = detect_open(Path::new("/nowhere/at/all"), &file, &elf, &Detection::default());
    let texts = elf.needed.iter().chain(&elf.interpreter).chain(&elf.soname);
    texts.chain(&elf.rpath).chain(&elf.runpath).all(|text| text.len() <= 4096)
}

/// Reads `bytes` as an `ld.so.cache` and looks names up that may be in it. Answers whether only
/// absolute paths come out; never panics.
#[must_use]
pub fn fuzz_ld_cache(bytes: &[u8]) -> bool {
    let cache = LdCache::parse(bytes.to_vec());
    let names = ["libc.so.6", "libz.so.1", "", "a"];
    names.iter().all(|name| cache.find(OsStr::new(name)).iter().all(|path| path.is_absolute()))
}
