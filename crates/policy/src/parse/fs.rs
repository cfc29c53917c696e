//! `[fs]`: the files a service may read and write.

use super::section::{Report, Section};
use crate::diagnostic::{Code, Problem};
use crate::model::Filesystem;
use crate::paths;
use crate::source::Located;
use std::collections::HashSet;

pub(super) fn read(report: &mut Report, section: &Section<'_>) -> Filesystem {
    let fs = Filesystem {
        read: list(report, section, "read"),
        write: list(report, section, "write"),
        optional: list(report, section, "optional"),
        droppable: list(report, section, "droppable"),
    };
    for grant in fs.write.iter().filter(|grant| paths::normal(&grant.value) == "/") {
        let problem = Problem::new(Code::BadPath, "a grant to write everything is no boundary");
        report.push(grant.span.clone(), problem.hint("write the directories the service fills"));
    }
    let required: HashSet<String> =
        fs.read.iter().map(|grant| paths::normal(&grant.value)).collect();
    for grant in fs.optional.iter().filter(|grant| required.contains(&paths::normal(&grant.value)))
    {
        let what = "the same path in fs.read, where it must exist";
        let problem = Problem::with_value(Code::Duplicate, what, &grant.value);
        report.push(grant.span.clone(), problem.hint("keep the one that is meant"));
    }
    fs
}

fn list(report: &mut Report, section: &Section<'_>, key: &str) -> Vec<Located<String>> {
    section.list(report, key, "\"./\"", paths::grant, |path| paths::normal(path))
}
