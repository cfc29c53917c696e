//! What `/proc` tells of one process, read once.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Descriptors, threads and children that are read.
const MOST: usize = 65_536;
/// Namespaces that are compared.
pub(super) const NAMESPACES: [&str; 6] = ["cgroup", "ipc", "mnt", "net", "pid", "uts"];

/// An open file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Descriptor {
    pub(super) number: u32,
    /// Where its link leads, such as `/etc/passwd` or `socket:[12]`.
    pub(super) to: String,
    /// Whether it can be written through; `None` when that cannot be read.
    pub(super) writable: Option<bool>,
}

/// A process that another started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Child {
    pub(super) pid: u32,
    pub(super) executable: Option<String>,
}

/// Sockets of one network namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tables {
    pub(super) tcp: String,
    pub(super) tcp6: String,
    pub(super) udp: String,
    pub(super) udp6: String,
}

/// What was read; a text, or why there is none.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) pid: u32,
    /// Names and values of `status`.
    pub(super) status: BTreeMap<String, String>,
    /// The same of each thread.
    pub(super) threads: Vec<BTreeMap<String, String>>,
    pub(super) limits: Result<String, String>,
    pub(super) cgroup: Result<String, String>,
    pub(super) mounts: Result<String, String>,
    /// Arguments, joined by zero bytes.
    pub(super) arguments: Result<String, String>,
    /// Variables, joined by zero bytes.
    pub(super) environment: Result<String, String>,
    pub(super) executable: Result<String, String>,
    pub(super) descriptors: Result<Vec<Descriptor>, String>,
    pub(super) children: Vec<Child>,
    /// Namespaces of the process and of this one, by name.
    pub(super) namespaces: BTreeMap<&'static str, (Result<String, String>, Option<String>)>,
    /// Sockets as the process sees them, and as this one does.
    pub(super) inside: Tables,
    pub(super) outside: Tables,
    /// Mounts of this process, in which control groups are looked up.
    pub(super) own_mounts: String,
}

impl Facts {
    /// Reads a process below `proc`.
    ///
    /// # Errors
    /// There is no such process.
    pub(super) fn read(proc: &Path, pid: u32) -> io::Result<Self> {
        let at = proc.join(pid.to_string());
        let status = fs::read_to_string(at.join("status"))?;
        let text = |name: &str| {
            fs::read(at.join(name))
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .map_err(|error| why(&error))
        };
        let own = proc.join("self");
        Ok(Self {
            pid,
            status: lines(&status),
            threads: threads(&at),
            limits: text("limits"),
            cgroup: text("cgroup"),
            mounts: text("mountinfo"),
            arguments: text("cmdline"),
            environment: text("environ"),
            executable: link(&at.join("exe")),
            descriptors: descriptors(&at),
            children: children(proc, &at, pid),
            namespaces: NAMESPACES
                .into_iter()
                .map(|name| {
                    let theirs = link(&at.join("ns").join(name));
                    (name, (theirs, link(&own.join("ns").join(name)).ok()))
                })
                .collect(),
            inside: Tables::read(&at.join("net")),
            outside: Tables::read(&own.join("net")),
            own_mounts: fs::read_to_string(own.join("mountinfo")).unwrap_or_default(),
        })
    }

    /// A value of `status`.
    pub(super) fn status(&self, name: &str) -> Option<&str> {
        self.status.get(name).map(String::as_str)
    }
}

impl Tables {
    fn read(at: &Path) -> Self {
        let text = |name: &str| fs::read_to_string(at.join(name)).unwrap_or_default();
        Self { tcp: text("tcp"), tcp6: text("tcp6"), udp: text("udp"), udp6: text("udp6") }
    }
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "no right to; try as root".to_owned(),
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        _ => error.to_string(),
    }
}

fn link(path: &Path) -> Result<String, String> {
    fs::read_link(path)
        .map(|to: PathBuf| to.to_string_lossy().into_owned())
        .map_err(|error| why(&error))
}

fn lines(status: &str) -> BTreeMap<String, String> {
    let pairs = status.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

fn threads(at: &Path) -> Vec<BTreeMap<String, String>> {
    let Ok(entries) = fs::read_dir(at.join("task")) else { return Vec::new() };
    let texts = entries
        .flatten()
        .take(MOST)
        .filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok());
    texts.map(|text| lines(&text)).collect()
}

fn descriptors(at: &Path) -> Result<Vec<Descriptor>, String> {
    let entries = fs::read_dir(at.join("fd")).map_err(|error| why(&error))?;
    let mut all = Vec::new();
    for entry in entries.flatten().take(MOST) {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // One that was closed meanwhile is none.
        let Ok(to) = link(&entry.path()) else { continue };
        let info = fs::read_to_string(at.join("fdinfo").join(entry.file_name())).ok();
        let flags = info.as_deref().map(lines).and_then(|info| info.get("flags").cloned());
        let flags = flags.and_then(|flags| u32::from_str_radix(&flags, 8).ok());
        all.push(Descriptor { number, to, writable: flags.map(|flags| flags & 0o3 != 0) });
    }
    all.sort_by_key(|descriptor| descriptor.number);
    Ok(all)
}

/// Processes whose parent it is.
fn children(proc: &Path, at: &Path, pid: u32) -> Vec<Child> {
    let listed = fs::read_to_string(at.join("task").join(pid.to_string()).join("children"));
    let listed = listed.unwrap_or_default();
    let pids = listed.split_whitespace().take(MOST).filter_map(|word| word.parse::<u32>().ok());
    pids.map(|pid| Child { pid, executable: link(&proc.join(pid.to_string()).join("exe")).ok() })
        .collect()
}
