//! Droppable files and secrets: taken out of the service's own view.
//!
//! A droppable file has a mount of its own. It is taken off, and whatever is seen at its place then
//! is hidden, because a broader grant may show the same file there. A secret is emptied, so that a
//! descriptor that is open already reads nothing. Both are done inside the service's mount namespace
//! by a child. What the service holds open or mapped of a droppable file cannot be taken back: it is
//! counted, and the answer is no success. A mount that nobody uses can be taken off in one way that
//! fails if somebody does, so that also descriptors on their way between processes are noticed.

use super::freeze::Frozen;
use super::tables::Table;
use super::tree::{self, Stat};
use ringfence_sys::Errno;
use ringfence_sys::inside::{self, Act, Outcome, Place};
use std::collections::BTreeSet;
use std::ffi::{CString, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What became of files or secrets.
#[derive(Debug, Default)]
pub(super) struct Gone {
    pub(super) count: usize,
    pub(super) survived: Vec<String>,
}

/// A living thread of the service, through which its namespaces are reached.
pub(super) fn place(frozen: &Frozen<'_>, ids: (u32, u32)) -> Result<(Place, PathBuf), String> {
    let mut last = Errno(libc::ESRCH);
    for pid in frozen.pids() {
        for tid in tree::threads(pid) {
            if Stat::of_thread(pid, tid).is_none_or(Stat::ended) {
                continue;
            }
            let thread = PathBuf::from(format!("/proc/{pid}/task/{tid}"));
            match Place::open(&thread.join("ns"), ids) {
                Ok(place) => return Ok((place, thread)),
                Err(errno) => last = errno,
            }
        }
    }
    Err(format!("the namespaces of the service: {last}"))
}

/// Takes the mounts at these places away.
pub(super) fn cover(
    frozen: &Frozen<'_>,
    tables: &[Table],
    ids: (u32, u32),
    files: &[PathBuf],
) -> Result<Gone, String> {
    let (place, thread) = place(frozen, ids)?;
    let mounts = mounts(&thread)?;
    let mut gone = Gone::default();
    for file in files {
        match mounts.iter().rfind(|mount| mount.at == *file) {
            Some(mount) if mount.covers => {
                gone.survived.push(format!(
                    "{} was taken away before, and whether what was open then still is cannot be \
                     told",
                    file.display()
                ));
                continue;
            }
            Some(_) => {}
            None => {
                gone.survived.push(format!("{} is not at its place any more", file.display()));
                continue;
            }
        }
        let under: Vec<&Mount> = mounts.iter().filter(|mount| mount.at.starts_with(file)).collect();
        let holders = holders(frozen, tables, file, &under)?;
        let acts = acts(file, &under)?;
        let outcomes = inside::perform(&place, &acts)
            .map_err(|errno| format!("entering the namespaces of the service: {errno}"))?;
        gone.take(file, &holders, &outcomes);
    }
    Ok(gone)
}

/// Mounts beneath are taken off first, the latest first.
fn acts(file: &Path, under: &[&Mount]) -> Result<Vec<Act>, String> {
    let beneath = under.iter().rev().filter(|mount| mount.at != file);
    let mut acts = Vec::new();
    for mount in beneath {
        acts.push(Act::Release(text(&mount.at)?));
    }
    acts.push(Act::Cover(text(file)?));
    Ok(acts)
}

impl Gone {
    fn take(&mut self, file: &Path, holders: &[String], outcomes: &[Outcome]) {
        let name = file.display();
        if let Some(errno) = outcomes.last().and_then(|outcome| outcome.ended.err()) {
            self.survived.push(format!("{name} could not be taken away: {errno}"));
            return;
        }
        self.count += 1;
        if !holders.is_empty() {
            self.survived.push(format!(
                "{name} is gone, and what is open or mapped already still reaches it: {}",
                holders.join(", ")
            ));
            return;
        }
        // One mount that nobody uses can still be held by one beneath that could not be taken off.
        let first = outcomes.iter().find_map(|outcome| outcome.unused.err());
        match first {
            None => {}
            Some(Errno(libc::EBUSY)) => self.survived.push(format!(
                "{name} is gone, and something still reaches it that no process shows: a \
                 descriptor on its way between processes, or a mount beneath it"
            )),
            Some(errno) => self.survived.push(format!(
                "{name} is hidden, and whether something still reaches it cannot be told: {errno}"
            )),
        }
    }
}

/// Empties these files.
pub(super) fn empty(
    frozen: &Frozen<'_>,
    ids: (u32, u32),
    secrets: &[PathBuf],
) -> Result<Gone, String> {
    let (place, _) = place(frozen, ids)?;
    let mut acts = Vec::new();
    for secret in secrets {
        let folder = secret.parent().unwrap_or(Path::new("/"));
        acts.push(Act::Empty { folder: text(folder)?, file: text(secret)? });
    }
    let outcomes = inside::perform(&place, &acts)
        .map_err(|errno| format!("entering the namespaces of the service: {errno}"))?;
    let mut gone = Gone::default();
    for (secret, outcome) in secrets.iter().zip(outcomes) {
        match outcome.ended {
            Ok(()) => gone.count += 1,
            Err(errno) => {
                gone.survived.push(format!("{} could not be emptied: {errno}", secret.display()));
            }
        }
    }
    Ok(gone)
}

/// Who still reaches the mounts, in words: open descriptors, mappings, working directories.
fn holders(
    frozen: &Frozen<'_>,
    tables: &[Table],
    file: &Path,
    mounts: &[&Mount],
) -> Result<Vec<String>, String> {
    let ids: BTreeSet<u64> = mounts.iter().map(|mount| mount.id).collect();
    let mut found = Vec::new();
    for pid in frozen.pids() {
        let mut open = 0;
        for table in tables.iter().filter(|table| table.pid == pid) {
            for number in &table.others {
                open += usize::from(mount_of(table, *number)?.is_some_and(|id| ids.contains(&id)));
            }
        }
        let mapped = mapped(pid, file)?;
        for (count, what) in [(open, "open"), (mapped, "mapped")] {
            if count > 0 {
                found.push(format!("{count} {what} in process {pid}"));
            }
        }
        let folder = fs::read_link(format!("/proc/{pid}/cwd"));
        if folder.is_ok_and(|folder| folder.starts_with(file)) {
            found.push(format!("the working directory of process {pid}"));
        }
    }
    Ok(found)
}

/// The mount that a descriptor was opened through; nothing when it was closed meanwhile.
fn mount_of(table: &Table, number: i32) -> Result<Option<u64>, String> {
    let path = format!("/proc/{}/task/{}/fdinfo/{number}", table.pid, table.tid);
    let info = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        info => info.map_err(|error| format!("{path}: {error}"))?,
    };
    let id = info.lines().find_map(|line| line.strip_prefix("mnt_id:"));
    id.and_then(|id| id.trim().parse().ok()).map(Some).ok_or_else(|| format!("{path}: no mount"))
}

/// How many mappings of a process are of a file at or below this path.
fn mapped(pid: i32, file: &Path) -> Result<usize, String> {
    for tid in tree::threads(pid) {
        if Stat::of_thread(pid, tid).is_none_or(Stat::ended) {
            continue;
        }
        // All threads of a process have one memory.
        let path = format!("/proc/{pid}/task/{tid}/maps");
        let maps = fs::read(&path).map_err(|error| format!("{path}: {error}"))?;
        let lines = maps.split(|byte| *byte == b'\n').filter_map(mapped_file);
        return Ok(lines.filter(|mapped| mapped.starts_with(file)).count());
    }
    Ok(0)
}

/// The path in a line of `maps` (`proc_pid_maps(5)`), where only line ends are escaped.
fn mapped_file(line: &[u8]) -> Option<PathBuf> {
    let at = line.iter().position(|byte| *byte == b'/')?;
    let path = line.get(at..)?;
    let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
    Some(unescape(path))
}

/// A mount of the service.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    id: u64,
    at: PathBuf,
    /// It is what a drop has put over something.
    covers: bool,
}

/// The mounts that a thread sees, in the order in which they were made.
fn mounts(thread: &Path) -> Result<Vec<Mount>, String> {
    let path = thread.join("mountinfo");
    let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text.split(|byte| *byte == b'\n').filter_map(mount).collect())
}

/// A line of `mountinfo` (`proc_pid_mountinfo(5)`): id, parent, device, root, place and more, and
/// after a dash the type and the source.
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let at = unescape(fields.nth(3)?);
    let source = fields.skip_while(|field| *field != b"-").nth(2);
    Some(Mount { id, at, covers: source == Some(inside::COVER.to_bytes()) })
}

/// Three octal digits after a backslash stand for a byte.
fn unescape(text: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\');
        let octal = octal.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = after.get(if byte.is_some() { 3 } else { 0 }..).unwrap_or_default();
    }
    PathBuf::from(OsString::from_vec(bytes))
}

fn text(path: &Path) -> Result<CString, String> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| format!("{}: NUL", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_known_by_its_number_and_place() {
        let line = b"36 35 98:0 /mnt1 /app/a\\040b rw,noatime master:1 - ext3 /dev/root rw";
        assert_eq!(mount(line), Some(Mount { id: 36, at: "/app/a b".into(), covers: false }));
        let cover = b"36 35 0:98 /mask /app/key ro - tmpfs ringfence-dropped ro,size=4k";
        assert_eq!(mount(cover), Some(Mount { id: 36, at: "/app/key".into(), covers: true }));
        for odd in [&b""[..], b"x", b"36 35 98:0 /", b"x 35 98:0 / /app"] {
            assert_eq!(mount(odd), None, "{odd:?}");
        }
    }

    #[test]
    fn a_mapped_file_is_known_by_its_path() {
        let line = "7f0-7f1 r--s 00000000 fe:00 66    /app/tls key.pem";
        assert_eq!(mapped_file(line.as_bytes()), Some("/app/tls key.pem".into()));
        let deleted = format!("{line} (deleted)");
        assert_eq!(mapped_file(deleted.as_bytes()), Some("/app/tls key.pem".into()));
        assert_eq!(mapped_file(b"7ffe-7fff rw-p 00000000 00:00 0    [stack]"), None);
    }

    #[test]
    fn what_is_still_held_is_no_success() {
        let fine = Outcome { ended: Ok(()), unused: Ok(()) };
        let busy = Outcome { unused: Err(Errno(libc::EBUSY)), ..fine };
        let failed = Outcome { ended: Err(Errno(libc::EPERM)), ..fine };
        let take = |holders: &[String], outcomes: &[Outcome]| {
            let mut gone = Gone::default();
            gone.take(Path::new("/k"), holders, outcomes);
            (gone.count, gone.survived.join("; "))
        };
        assert_eq!(take(&[], &[fine]), (1, String::new()));
        let (count, told) = take(&["1 open in process 7".to_owned()], &[busy]);
        assert_eq!(count, 1);
        assert!(told.contains("1 open in process 7"), "{told}");
        assert!(take(&[], &[busy]).1.contains("no process shows"));
        assert!(take(&[], &[busy, fine]).1.contains("no process shows"));
        assert_eq!(take(&[], &[fine, failed]).0, 0);
    }
}
