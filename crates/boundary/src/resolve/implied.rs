//! What programs get without a grant, as a list: for whoever makes grants of what programs did.
//!
//! It is put together by the same tables and the same search for libraries as a start. What a
//! program opens by a name that it makes up at run time is not known here.

use super::elf::Elf;
use super::grants;
use super::libraries::Libraries;
use super::program::{Search, find};
use super::runtime::{self, Runtime};
use super::view::{Purpose, Reason, View};
use super::walk::walk;
use crate::generated::GENERATED;
use crate::plan::{Access, ViewEntry};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Something a program gets without a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implied {
    /// Real path.
    pub path: PathBuf,
    /// Whether everything below it is meant too.
    pub directory: bool,
    /// What it is for, in words.
    pub why: String,
}

/// What these programs get without a grant: themselves, the scripts and interpreters that lead to
/// them, their libraries, the runtime's data, and the libraries of these native `objects`. What
/// cannot be read is left out.
#[must_use]
pub fn implied(programs: &[PathBuf], objects: &[PathBuf]) -> Vec<Implied> {
    let mut view = View::default();
    let mut libraries = Libraries::default();
    runtime::add(&mut view, Runtime::NodeWithAddons, &mut Vec::new());
    let mut add = |path: &Path, purpose: Purpose, why: &str| {
        if let Ok(walked) = walk(path) {
            let _ = view.add(&walked, Reason::new(Access::Execute, purpose, why));
        }
    };
    for program in programs {
        let search = Search { cwd: Path::new("/"), folder: Path::new("/"), path: None };
        let Ok(found) = find(&[program.clone().into_os_string()], search) else { continue };
        let before = found.scripts.iter().chain(&found.env);
        for walked in before.chain([&found.program]) {
            add(&walked.real, Purpose::Program, "program");
        }
        for library in libraries.of_program(&found.program.real, &found.elf).unwrap_or_default() {
            add(&library, Purpose::Library, "shared library");
        }
    }
    for object in objects {
        let elf = File::open(object).ok().and_then(|file| Elf::read(&file).ok());
        let needed = elf.map(|elf| libraries.of_object(object, &elf).unwrap_or_default());
        let outside = |library: &&PathBuf| !library.iter().any(|part| part == "node_modules");
        for library in needed.unwrap_or_default().iter().filter(outside) {
            add(library, Purpose::Library, "shared library of an addon");
        }
    }
    let entries = view.entries().into_iter();
    let bound = entries.filter_map(|entry| match entry {
        ViewEntry::Bind { target, directory, why, .. } => Some(Implied {
            path: target,
            directory,
            why: why.strip_prefix("runtime: ").unwrap_or(&why).to_owned(),
        }),
        _ => None,
    });
    bound.collect()
}

/// Whether a service has its own object at this absolute path, whatever the host has there: then
/// nothing is to be granted. `/tmp` and `/dev/shm` are empty at each start.
#[must_use]
pub fn is_private(path: &Path) -> bool {
    let below = grants::PRIVATE.iter().chain(&grants::OWN);
    below.into_iter().any(|own| path.starts_with(own))
        || GENERATED.iter().any(|own| path == Path::new(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_gets_itself_its_libraries_and_the_data_of_runtimes() {
        let shell = std::fs::canonicalize("/bin/sh").unwrap();
        let implied = implied(std::slice::from_ref(&shell), &[]);
        assert!(implied.iter().any(|one| one.path == shell && one.why == "program"));
        assert!(implied.iter().any(|one| one.why == "shared library"));
        assert!(!implied.iter().any(|one| one.path == Path::new("/etc")));
    }

    #[test]
    fn what_every_service_has_of_its_own_needs_no_grant() {
        for (path, private) in [
            ("/tmp/x", true),
            ("/proc/self/maps", true),
            ("/etc/hosts", true),
            ("/etc/hostname", true),
            ("/etc/shadow", false),
            ("/tmpfiles", false),
        ] {
            assert_eq!(is_private(Path::new(path)), private, "{path}");
        }
    }
}
