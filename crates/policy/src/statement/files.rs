//! Sentences about files.

use super::{Claim, Page, words};
use crate::model::Filesystem;
use crate::paths;
use std::collections::HashSet;

pub(super) fn write(page: &mut Page, fs: &Filesystem) {
    if let Some(grant) = everything(fs) {
        let text = format!("reads every file its user can read: {grant} grants /");
        page.way_out(Claim::FilesRead, text);
    } else {
        let always = fs.read.iter().chain(&fs.write).chain(&fs.droppable);
        let mut seen = HashSet::new();
        let mut parts: Vec<String> = always
            .filter(|grant| seen.insert(paths::normal(&grant.value)))
            .map(|grant| grant.value.clone())
            .collect();
        parts.extend(fs.optional.iter().map(|grant| format!("{} (if it exists)", grant.value)));
        parts.push("what its runtime needs".to_owned());
        page.claim(Claim::FilesRead, format!("reads only {}", words::list(parts)));
    }
    let private = "/tmp and /dev/shm are private and vanish with it";
    page.claim(
        Claim::FilesWrite,
        if fs.write.is_empty() {
            format!("writes nothing on the host: everything is read-only; {private}")
        } else {
            let written = words::grants(&fs.write);
            format!("writes only {written}: everything else is read-only; {private}")
        },
    );
    page.claim(Claim::FilesExecute, "cannot execute a file that it can write");
    if !fs.droppable.is_empty() {
        let dropped = words::grants(&fs.droppable);
        let text =
            format!("{dropped} is mounted by itself; nothing in this version takes it away again");
        page.note(Claim::FilesDroppable, text);
    }
}

/// The key that grants the whole file system for reading.
fn everything(fs: &Filesystem) -> Option<&'static str> {
    [("fs.read", &fs.read), ("fs.optional", &fs.optional), ("fs.droppable", &fs.droppable)]
        .into_iter()
        .find(|(_, grants)| grants.iter().any(|grant| paths::normal(&grant.value) == "/"))
        .map(|(key, _)| key)
}
