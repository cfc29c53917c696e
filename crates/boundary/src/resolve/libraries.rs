//! Which shared libraries a program will load, found the way its dynamic loader finds them.
//!
//! Follows ld.so(8): `DT_RPATH` of the requester and of those that loaded it, `DT_RUNPATH`, the
//! loader's cache, the default folders; `$ORIGIN`, `$LIB` and `$PLATFORM`; the `glibc-hwcaps`
//! variants; musl's shorter rules when the interpreter is musl's. `LD_LIBRARY_PATH` never counts:
//! the service does not receive it. Libraries a program opens by name at run time are not found
//! here, except the ones glibc itself opens late.

use super::elf::{Elf, ElfError};
use super::ld_cache::LdCache;
use super::walk::shown;
use std::collections::{BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// What glibc opens by name after the start: name service switch, resolver, and unwinding when a
/// thread is cancelled.
const LATE: [&str; 4] = ["libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"];

/// Names that musl answers with itself (`ldso/dynlink.c`, `load_library`).
const MUSL_OWN: [&str; 7] =
    ["libc.", "libdl.", "libm.", "libpthread.", "librt.", "libutil.", "libxnet."];

const MULTIARCH: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-linux-gnu" } else { "x86_64-linux-gnu" };
const PLATFORM: &str = if cfg!(target_arch = "aarch64") { "aarch64" } else { "x86_64" };
/// A program with more libraries than this is not one.
const MAX_LIBRARIES: usize = 4096;

/// Why the libraries of a program cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A file that must be loaded is not a loadable one.
    #[error("{} {source}", shown(.path))]
    Elf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ElfError,
    },
    /// A needed library is nowhere.
    #[error("shared library not found: {} (needed by {})", shown(.name), shown(.needed_by))]
    Missing {
        /// As the ELF file names it.
        name: OsString,
        /// The file that needs it.
        needed_by: PathBuf,
    },
    /// More than a program can have.
    #[error("needs more than {MAX_LIBRARIES} shared libraries: {}", shown(.0))]
    TooMany(PathBuf),
}

/// Which C library's rules apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rules {
    Glibc,
    Musl,
}

/// One file whose needs are being looked up.
struct Requester {
    path: PathBuf,
    /// Search folders its own `DT_RPATH` gives, then those of what loaded it.
    rpath: Vec<PathBuf>,
    runpath: Option<Vec<PathBuf>>,
    needed: Vec<OsString>,
}

/// Finds libraries; reads the loader's cache once.
#[derive(Debug, Default)]
pub(crate) struct Libraries {
    cache: Option<Rc<LdCache>>,
    /// The rules of the first program asked about: its addons load by them too.
    rules: Option<Rules>,
}

impl Libraries {
    /// Everything that starting `program` maps besides itself, by the paths the loader uses:
    /// interpreter first, then libraries in loading order, then what glibc opens late.
    ///
    /// # Errors
    /// A needed library is missing or damaged.
    pub(crate) fn of_program(
        &mut self,
        program: &Path,
        elf: &Elf,
    ) -> Result<Vec<PathBuf>, LibraryError> {
        let Some(interpreter) = &elf.interpreter else { return Ok(Vec::new()) };
        let interpreter = PathBuf::from(interpreter);
        let rules = match interpreter.file_name() {
            Some(name) if name.as_bytes().starts_with(b"ld-musl-") => Rules::Musl,
            _ => Rules::Glibc,
        };
        self.rules.get_or_insert(rules);
        let mut found = vec![interpreter.clone()];
        self.closure(program, elf, rules, &interpreter, &mut found)?;
        if rules == Rules::Glibc {
            let needed = LATE.into_iter().map(OsString::from).collect();
            let late = Requester { path: program.into(), rpath: Vec::new(), runpath: None, needed };
            for name in &late.needed {
                for (path, elf) in self.find(name, &late, rules) {
                    found.push(path.clone());
                    // What a late library itself needs is granted too where it exists.
                    let _ = self.closure(&path, &elf, rules, &interpreter, &mut found);
                }
            }
        }
        let mut once = BTreeSet::new();
        found.retain(|path| once.insert(path.clone()));
        Ok(found)
    }

    /// What loading the shared object `object` into a program adds.
    ///
    /// # Errors
    /// A needed library is missing or damaged.
    pub(crate) fn of_object(
        &mut self,
        object: &Path,
        elf: &Elf,
    ) -> Result<Vec<PathBuf>, LibraryError> {
        let mut found = Vec::new();
        let rules = self.rules.unwrap_or(Rules::Glibc);
        self.closure(object, elf, rules, Path::new(""), &mut found)?;
        Ok(found)
    }

    fn closure(
        &mut self,
        start: &Path,
        elf: &Elf,
        rules: Rules,
        interpreter: &Path,
        found: &mut Vec<PathBuf>,
    ) -> Result<(), LibraryError> {
        let mut loaded: BTreeSet<OsString> = BTreeSet::new();
        loaded.extend(interpreter.file_name().map(OsStr::to_owned));
        let mut queue = VecDeque::from([Requester::new(start, elf, &[])]);
        while let Some(requester) = queue.pop_front() {
            for name in &requester.needed {
                let own = rules == Rules::Musl
                    && MUSL_OWN.iter().any(|own| name.as_bytes().starts_with(own.as_bytes()));
                if own || !loaded.insert(name.clone()) {
                    continue;
                }
                let files = self.find(name, &requester, rules);
                if files.is_empty() {
                    let needed_by = requester.path.clone();
                    return Err(LibraryError::Missing { name: name.clone(), needed_by });
                }
                for (path, elf) in files {
                    if loaded.len() > MAX_LIBRARIES || found.len() > MAX_LIBRARIES {
                        return Err(LibraryError::TooMany(start.into()));
                    }
                    loaded.extend(elf.soname.clone());
                    queue.push_back(Requester::new(&path, &elf, &requester.rpath));
                    found.push(path);
                }
            }
        }
        Ok(())
    }

    /// Every file the loader might take for `name`: the plain one and its processor variants.
    fn find(&mut self, name: &OsStr, requester: &Requester, rules: Rules) -> Vec<(PathBuf, Elf)> {
        if name.as_bytes().contains(&b'/') {
            let path = Some(PathBuf::from(name)).filter(|path| path.is_absolute());
            return path.and_then(loadable).into_iter().collect();
        }
        let listed = match (&requester.runpath, rules) {
            (Some(runpath), Rules::Glibc) => runpath.clone(),
            (Some(runpath), Rules::Musl) => [runpath.as_slice(), &requester.rpath].concat(),
            (None, _) => requester.rpath.clone(),
        };
        for folder in listed {
            let here = variants(&folder, name);
            if !here.is_empty() {
                return here;
            }
        }
        if rules == Rules::Glibc {
            let cached: Vec<(PathBuf, Elf)> =
                self.cache().find(name).into_iter().filter_map(loadable).collect();
            if !cached.is_empty() {
                return cached;
            }
        }
        default_folders(rules)
            .iter()
            .map(|folder| variants(folder, name))
            .find(|here| !here.is_empty())
            .unwrap_or_default()
    }

    fn cache(&mut self) -> Rc<LdCache> {
        let read = || Rc::new(LdCache::parse(fs::read("/etc/ld.so.cache").unwrap_or_default()));
        Rc::clone(self.cache.get_or_insert_with(read))
    }
}

impl Requester {
    fn new(path: &Path, elf: &Elf, inherited: &[PathBuf]) -> Self {
        let origin = path.parent().unwrap_or(Path::new("/"));
        let mut rpath: Vec<PathBuf> = match (&elf.rpath, &elf.runpath) {
            (Some(text), None) => folders(text, origin),
            _ => Vec::new(),
        };
        rpath.extend(inherited.iter().cloned());
        let runpath = elf.runpath.as_ref().map(|text| folders(text, origin));
        Self { path: path.into(), rpath, runpath, needed: elf.needed.clone() }
    }
}

/// The loader passes over files of another kind, and so does the search. Opening never waits for
/// a pipe that somebody put in the place of a library.
fn loadable(path: PathBuf) -> Option<(PathBuf, Elf)> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&path).ok()?;
    Some((path, Elf::read(&file).ok()?))
}

fn variants(folder: &Path, name: &OsStr) -> Vec<(PathBuf, Elf)> {
    let mut paths = Vec::new();
    if let Ok(kinds) = fs::read_dir(folder.join("glibc-hwcaps")) {
        paths.extend(kinds.flatten().map(|kind| kind.path().join(name)));
        paths.sort();
    }
    paths.push(folder.join(name));
    paths.into_iter().filter_map(loadable).collect()
}

fn default_folders(rules: Rules) -> Vec<PathBuf> {
    match rules {
        Rules::Glibc => [
            &format!("/lib/{MULTIARCH}"),
            &format!("/usr/lib/{MULTIARCH}"),
            "/lib64",
            "/usr/lib64",
            "/lib",
            "/usr/lib",
        ]
        .iter()
        .map(PathBuf::from)
        .collect(),
        Rules::Musl => {
            let listed = fs::read(format!("/etc/ld-musl-{PLATFORM}.path")).unwrap_or_default();
            let listed: Vec<PathBuf> = listed
                .split(|byte| matches!(byte, b'\n' | b':'))
                .filter(|folder| !folder.is_empty())
                .map(|folder| PathBuf::from(OsStr::from_bytes(folder)))
                .collect();
            if listed.is_empty() {
                return ["/lib", "/usr/local/lib", "/usr/lib"].iter().map(PathBuf::from).collect();
            }
            listed
        }
    }
}

/// The folders of a search path, `$ORIGIN` and the like replaced. Relative ones are left out:
/// they would depend on where the program happens to stand.
fn folders(text: &OsStr, origin: &Path) -> Vec<PathBuf> {
    // Debian's loader and Fedora's were built with different answers for `$LIB`.
    let debian = format!("lib/{MULTIARCH}");
    let lib = if Path::new("/").join(&debian).is_dir() { debian.as_str() } else { "lib64" };
    text.as_bytes()
        .split(|byte| *byte == b':')
        .map(|part| {
            let part = replace(part, b"$ORIGIN", origin.as_os_str().as_bytes());
            let part = replace(&part, b"${ORIGIN}", origin.as_os_str().as_bytes());
            let part = replace(&part, b"$LIB", lib.as_bytes());
            let part = replace(&part, b"${LIB}", lib.as_bytes());
            let part = replace(&part, b"$PLATFORM", PLATFORM.as_bytes());
            PathBuf::from(OsString::from_vec(replace(&part, b"${PLATFORM}", PLATFORM.as_bytes())))
        })
        .filter(|folder| folder.is_absolute())
        .collect()
}

fn replace(text: &[u8], name: &[u8], with: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(name) {
            out.extend_from_slice(with);
            rest = after;
        } else {
            out.push(rest[0]);
            rest = &rest[1..];
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(program: &str) -> Vec<String> {
        let (_, elf) = loadable(program.into()).unwrap();
        let found = Libraries::default().of_program(Path::new(program), &elf).unwrap();
        found.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_dynamic_program_gets_its_interpreter_its_libraries_and_what_glibc_opens_late() {
        let this = std::env::current_exe().unwrap();
        let found = of(this.to_str().unwrap());
        assert!(found[0].starts_with("ld-"), "{found:?}");
        assert!(found.iter().any(|name| name.starts_with("libc.")), "{found:?}");
        if found[0].starts_with("ld-linux") {
            assert!(found.contains(&"libnss_files.so.2".into()), "{found:?}");
        }
    }

    #[test]
    fn origin_is_the_folder_of_the_file_that_says_it() {
        let found = folders(
            OsStr::new("$ORIGIN/../lib:${ORIGIN}:/opt/$PLATFORM:relative:"),
            Path::new("/srv/bin"),
        );
        let opt = format!("/opt/{PLATFORM}");
        assert_eq!(found, [Path::new("/srv/bin/../lib"), Path::new("/srv/bin"), Path::new(&opt)]);
    }

    #[test]
    fn a_missing_library_is_named_with_the_file_that_needs_it() {
        let name = OsString::from("libdoes-not-exist.so.9");
        let requester =
            Requester { path: "/bin/x".into(), rpath: vec![], runpath: None, needed: vec![] };
        assert!(Libraries::default().find(&name, &requester, Rules::Glibc).is_empty());
    }
}
