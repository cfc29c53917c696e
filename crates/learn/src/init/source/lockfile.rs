//! The lockfile: which packages are only there to develop.

use super::super::facts::Facts;
use ringfence_policy::display::quoted;
use ringfence_project::lockfile;
use std::path::Path;

pub(super) fn read(folder: &Path, facts: &mut Facts) {
    let mut managers = Vec::new();
    for (name, read) in lockfile::detect(folder) {
        match read {
            Ok(lockfile) => {
                facts.read.push(name.to_owned());
                managers.push((name, lockfile.manager));
                for package in lockfile.packages.unwrap_or_default() {
                    if package.development {
                        facts.development.push(package.folder);
                    }
                }
            }
            Err(error) => facts.note(format!("{name}: {}", quoted(&error.to_string()))),
        }
    }
    if let [(first, one), .., (last, other)] = managers.as_slice()
        && one != other
    {
        facts.note(format!(
            "{first} and {last} are of different package managers: what is installed depends on which is used"
        ));
    }
}
