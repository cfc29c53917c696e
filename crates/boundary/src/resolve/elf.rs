//! What an ELF file says about how it is started: interpreter, needed libraries, search paths,
//! and whether it defines a symbol.
//!
//! A few positioned reads instead of mapping or loading the file: a Node binary is 150 MB and
//! this runs at every start. Every offset in the file is treated as hostile; sizes are capped and
//! nothing is indexed without a check. Only this machine's own 64-bit little-endian form is
//! accepted, as the system call filter kills every other one anyway. Layout: elf(5), the System V
//! gABI, and glibc's `DT_GNU_HASH`.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::FileExt;

/// `e_machine` of the machine this runs on: `EM_X86_64` or `EM_AARCH64`.
pub(crate) const MACHINE: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };

const MAX_SEGMENTS: u16 = 512;
const MAX_DYNAMIC: u64 = 1 << 20;
const MAX_NEEDED: usize = 1024;
const MAX_TEXT: usize = 4096;
const SEGMENT_SIZE: usize = 56;

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const PT_NOTE: u32 = 4;

const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_SYMTAB: u64 = 6;
const DT_SONAME: u64 = 14;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
const DT_GNU_HASH: u64 = 0x6fff_fef5;

/// Why a file cannot be started as a program or loaded as a library.
#[derive(Debug, thiserror::Error)]
pub enum ElfError {
    /// Another machine, or 32-bit, or big-endian.
    #[error("is built for another kind of processor: {0}")]
    Architecture(String),
    /// An object file or a core dump.
    #[error("is not a program or a shared library: ELF type {0}")]
    Kind(u16),
    /// An offset or size that cannot be right.
    #[error("is a damaged ELF file: {0}")]
    Malformed(&'static str),
    /// No ELF magic.
    #[error("is not an ELF file")]
    NotElf,
    /// The file cannot be read.
    #[error("cannot be read")]
    Read(#[from] io::Error),
}

/// One opened ELF file.
#[derive(Debug)]
pub(crate) struct Elf {
    /// `PT_INTERP`; `None` for static programs and libraries.
    pub(crate) interpreter: Option<OsString>,
    /// `DT_NEEDED`, in order.
    pub(crate) needed: Vec<OsString>,
    /// `DT_RPATH`, unexpanded.
    pub(crate) rpath: Option<OsString>,
    /// `DT_RUNPATH`, unexpanded.
    pub(crate) runpath: Option<OsString>,
    /// `DT_SONAME`.
    pub(crate) soname: Option<OsString>,
    segments: Vec<Segment>,
    dynamic: Dynamic,
}

#[derive(Debug, Clone, Copy)]
struct Segment {
    kind: u32,
    executable: bool,
    offset: u64,
    address: u64,
    size: u64,
}

#[derive(Debug, Default)]
struct Dynamic {
    strings: u64,
    symbols: u64,
    gnu_hash: u64,
}

impl Elf {
    /// Reads what is needed from an open file.
    ///
    /// # Errors
    /// Not an ELF file of this machine, damaged, or unreadable.
    pub(crate) fn read(file: &File) -> Result<Self, ElfError> {
        let segments = read_segments(file)?;
        let mut elf = Self {
            interpreter: None,
            needed: Vec::new(),
            rpath: None,
            runpath: None,
            soname: None,
            segments,
            dynamic: Dynamic::default(),
        };
        elf.interpreter = elf.read_interpreter(file)?;
        elf.read_dynamic(file)?;
        Ok(elf)
    }

    fn segment(&self, kind: u32) -> Option<Segment> {
        self.segments.iter().copied().find(|segment| segment.kind == kind)
    }

    fn read_interpreter(&self, file: &File) -> Result<Option<OsString>, ElfError> {
        let Some(segment) = self.segment(PT_INTERP) else { return Ok(None) };
        let size = usize::try_from(segment.size).unwrap_or(usize::MAX);
        if !(2..=MAX_TEXT).contains(&size) {
            return Err(ElfError::Malformed("interpreter"));
        }
        let mut text = vec![0; size];
        read_exact(file, &mut text, segment.offset, "interpreter")?;
        let end =
            text.iter().position(|byte| *byte == 0).ok_or(ElfError::Malformed("interpreter"))?;
        text.truncate(end);
        Ok(Some(OsString::from_vec(text)))
    }

    fn read_dynamic(&mut self, file: &File) -> Result<(), ElfError> {
        let Some(segment) = self.segment(PT_DYNAMIC) else { return Ok(()) };
        if segment.size > MAX_DYNAMIC {
            return Err(ElfError::Malformed("dynamic section"));
        }
        let mut bytes = vec![0; usize::try_from(segment.size).unwrap_or_default()];
        read_exact(file, &mut bytes, segment.offset, "dynamic section")?;
        let mut needed = Vec::new();
        let (mut rpath, mut runpath, mut soname) = (None, None, None);
        for entry in bytes.chunks_exact(16) {
            let (Some(tag), Some(value)) = (u64_at(entry, 0), u64_at(entry, 8)) else { break };
            match tag {
                DT_NULL => break,
                DT_NEEDED if needed.len() >= MAX_NEEDED => {
                    return Err(ElfError::Malformed("needed libraries"));
                }
                DT_NEEDED => needed.push(value),
                DT_STRTAB => self.dynamic.strings = value,
                DT_SYMTAB => self.dynamic.symbols = value,
                DT_GNU_HASH => self.dynamic.gnu_hash = value,
                DT_SONAME => soname = Some(value),
                DT_RPATH => rpath = Some(value),
                DT_RUNPATH => runpath = Some(value),
                _ => {}
            }
        }
        for offset in needed {
            self.needed.push(self.text(file, offset)?);
        }
        self.rpath = rpath.map(|offset| self.text(file, offset)).transpose()?;
        self.runpath = runpath.map(|offset| self.text(file, offset)).transpose()?;
        self.soname = soname.map(|offset| self.text(file, offset)).transpose()?;
        Ok(())
    }

    /// A string of the dynamic string table.
    fn text(&self, file: &File, offset: u64) -> Result<OsString, ElfError> {
        let address =
            self.dynamic.strings.checked_add(offset).ok_or(ElfError::Malformed("string"))?;
        let place = self.file_offset(address).ok_or(ElfError::Malformed("string table"))?;
        // Most names are short: a second, longer read is rare.
        for size in [128, MAX_TEXT] {
            let mut text = vec![0; size];
            let read = read_up_to(file, &mut text, place)?;
            text.truncate(read);
            if let Some(end) = text.iter().position(|byte| *byte == 0) {
                text.truncate(end);
                return Ok(OsString::from_vec(text));
            }
        }
        Err(ElfError::Malformed("string"))
    }

    /// Where an address of the loaded image is in the file.
    fn file_offset(&self, address: u64) -> Option<u64> {
        self.segments.iter().filter(|segment| segment.kind == PT_LOAD).find_map(|segment| {
            let within = address.checked_sub(segment.address)?;
            (within < segment.size).then(|| segment.offset.checked_add(within))?
        })
    }

    /// Whether the file itself defines the dynamic symbol `name`.
    ///
    /// # Errors
    /// The hash table cannot be read.
    pub(crate) fn defines(&self, file: &File, name: &str) -> Result<bool, ElfError> {
        if self.dynamic.gnu_hash == 0 {
            return Ok(false);
        }
        let Some(table) = self.file_offset(self.dynamic.gnu_hash) else { return Ok(false) };
        let mut header = [0; 16];
        read_exact(file, &mut header, table, "hash table")?;
        let word = |at| u32_at(&header, at).unwrap_or_default();
        let (buckets, first, blooms, shift) = (word(0), word(4), word(8), word(12));
        if buckets == 0 || blooms == 0 {
            return Ok(false);
        }
        let hash = gnu_hash(name);
        let bloom_at = table.saturating_add(16 + u64::from((hash / 64) % blooms) * 8);
        let mut bloom = [0; 8];
        read_exact(file, &mut bloom, bloom_at, "hash table")?;
        let bits = (1_u64 << (hash % 64)) | (1_u64 << (hash.checked_shr(shift).unwrap_or(0) % 64));
        if u64::from_le_bytes(bloom) & bits != bits {
            return Ok(false);
        }
        let buckets_at = table.saturating_add(16 + u64::from(blooms) * 8);
        let mut index = read_u32(file, buckets_at.saturating_add(u64::from(hash % buckets) * 4))?;
        let chains_at = buckets_at.saturating_add(u64::from(buckets) * 4);
        // A chain longer than this is not one a linker writes.
        for _ in 0..4096 {
            let Some(link) = index.checked_sub(first) else { return Ok(false) };
            let found = read_u32(file, chains_at.saturating_add(u64::from(link) * 4))?;
            if found | 1 == hash | 1 && self.symbol_name(file, index)? == name {
                return Ok(true);
            }
            if found & 1 == 1 {
                return Ok(false);
            }
            index = index.checked_add(1).ok_or(ElfError::Malformed("hash table"))?;
        }
        Ok(false)
    }

    fn symbol_name(&self, file: &File, index: u32) -> Result<OsString, ElfError> {
        let address = u64::from(index)
            .checked_mul(24)
            .and_then(|offset| self.dynamic.symbols.checked_add(offset))
            .ok_or(ElfError::Malformed("symbol table"))?;
        let place = self.file_offset(address).ok_or(ElfError::Malformed("symbol table"))?;
        let name = read_u32(file, place)?;
        self.text(file, u64::from(name))
    }

    /// File offset and length of the constant data: loaded segments without code.
    pub(crate) fn constants(&self) -> impl Iterator<Item = (u64, u64)> {
        self.segments
            .iter()
            .filter(|segment| segment.kind == PT_LOAD && !segment.executable)
            .map(|segment| (segment.offset, segment.size))
    }

    /// Whether one of the notes carries this owner name (`n_name`, without its NUL).
    pub(crate) fn has_note(&self, file: &File, owner: &str) -> bool {
        self.segments.iter().filter(|segment| segment.kind == PT_NOTE).any(|segment| {
            let mut head = [0; 12 + 64];
            let read = read_up_to(file, &mut head, segment.offset).unwrap_or_default();
            head.get(12..read.min(12 + owner.len())).is_some_and(|name| name == owner.as_bytes())
        })
    }
}

fn read_segments(file: &File) -> Result<Vec<Segment>, ElfError> {
    let mut header = [0; 64];
    let read = read_up_to(file, &mut header, 0)?;
    if read < 4 || header[..4] != *b"\x7fELF" {
        return Err(ElfError::NotElf);
    }
    if read < header.len() {
        return Err(ElfError::Malformed("header"));
    }
    let machine = u16_at(&header, 18).unwrap_or_default();
    if header[4] != 2 || header[5] != 1 || machine != MACHINE {
        return Err(ElfError::Architecture(describe(header[4], header[5], machine)));
    }
    match u16_at(&header, 16).unwrap_or_default() {
        2 | 3 => {}
        other => return Err(ElfError::Kind(other)),
    }
    let offset = u64_at(&header, 32).unwrap_or_default();
    let size = u16_at(&header, 54).unwrap_or_default();
    let count = u16_at(&header, 56).unwrap_or_default();
    if usize::from(size) != SEGMENT_SIZE || count == 0 || count > MAX_SEGMENTS {
        return Err(ElfError::Malformed("program headers"));
    }
    let mut table = vec![0; SEGMENT_SIZE * usize::from(count)];
    read_exact(file, &mut table, offset, "program headers")?;
    Ok(table
        .chunks_exact(SEGMENT_SIZE)
        .map(|entry| Segment {
            kind: u32_at(entry, 0).unwrap_or_default(),
            executable: u32_at(entry, 4).unwrap_or_default() & 1 == 1,
            offset: u64_at(entry, 8).unwrap_or_default(),
            address: u64_at(entry, 16).unwrap_or_default(),
            size: u64_at(entry, 32).unwrap_or_default(),
        })
        .collect())
}

fn describe(class: u8, order: u8, machine: u16) -> String {
    let name = match machine {
        3 => "x86",
        40 => "arm",
        62 => "x86-64",
        183 => "aarch64",
        243 => "risc-v",
        _ => return format!("ELF machine {machine}"),
    };
    let bits = if class == 2 { "64-bit" } else { "32-bit" };
    let order = if order == 1 { "" } else { " big-endian" };
    format!("{bits}{order} {name}")
}

/// The hash of `DT_GNU_HASH` tables.
fn gnu_hash(name: &str) -> u32 {
    name.bytes().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(byte)))
}

fn read_u32(file: &File, offset: u64) -> Result<u32, ElfError> {
    let mut bytes = [0; 4];
    read_exact(file, &mut bytes, offset, "table")?;
    Ok(u32::from_le_bytes(bytes))
}

fn read_exact(
    file: &File,
    bytes: &mut [u8],
    offset: u64,
    what: &'static str,
) -> Result<(), ElfError> {
    match file.read_exact_at(bytes, offset) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(ElfError::Malformed(what))
        }
        // An offset beyond `off_t`.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(ElfError::Malformed(what)),
        result => Ok(result?),
    }
}

fn read_up_to(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], offset.saturating_add(read as u64)) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn bytes_of_this_test() -> Vec<u8> {
        let mut head = vec![0; 1 << 16];
        let file = File::open("/proc/self/exe").unwrap();
        let read = read_up_to(&file, &mut head, 0).unwrap();
        head.truncate(read);
        head
    }

    fn read(bytes: &[u8]) -> Result<Elf, ElfError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Elf::read(&file)
    }

    #[test]
    fn a_dynamic_program_names_its_interpreter_and_libraries() {
        let elf = Elf::read(&File::open("/proc/self/exe").unwrap()).unwrap();
        assert!(elf.interpreter.is_some());
        assert!(elf.needed.iter().any(|name| name.to_string_lossy().starts_with("libc.so")));
    }

    #[test]
    fn a_defined_symbol_is_found_by_its_hash_and_another_is_not() {
        let libc = std::fs::canonicalize("/proc/self/exe").unwrap();
        let elf = Elf::read(&File::open(&libc).unwrap()).unwrap();
        let loader = File::open(elf.interpreter.unwrap()).unwrap();
        let elf = Elf::read(&loader).unwrap();
        assert!(elf.defines(&loader, "__tls_get_addr").unwrap());
        assert!(!elf.defines(&loader, "_ZN4node5StartEiPPc").unwrap());
    }

    #[test]
    fn another_machine_and_text_are_told_apart() {
        assert!(matches!(read(b"#!/bin/sh\n"), Err(ElfError::NotElf)));
        assert!(matches!(read(b"\x7fELF"), Err(ElfError::Malformed("header"))));
        let mut bytes = bytes_of_this_test();
        bytes[4] = 1;
        assert!(
            matches!(read(&bytes), Err(ElfError::Architecture(what)) if what.starts_with("32-bit"))
        );
        bytes[4] = 2;
        bytes[16] = 1;
        assert!(matches!(read(&bytes), Err(ElfError::Kind(1))));
    }

    #[test]
    fn no_single_changed_byte_of_the_headers_makes_the_reader_panic() {
        let bytes = bytes_of_this_test();
        for at in 0..1024 {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = bytes[..4096].to_vec();
                changed[at] = value;
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(&changed).unwrap();
                if let Ok(elf) = Elf::read(&file) {
                    let _ = elf.defines(&file, "malloc");
                }
            }
        }
    }
}
