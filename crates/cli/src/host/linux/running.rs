//! A running process, looked at from outside through `/proc`.
//!
//! What the kernel tells of a process is told as it is: which namespaces are its own, whether a
//! filter is on it, which ids it has. Nothing in it is changed or stopped.

use super::super::ServiceReport;
use crate::boundary_file::BoundaryFile;
use crate::error::{CommandError, Kind};
use std::fs;
use std::path::PathBuf;

/// How far up its ancestors are looked at for the `ringfence run` of a process.
const ANCESTORS: usize = 16;

/// Namespaces a boundary has for itself, with what they hold.
const NAMESPACES: [(&str, &str); 6] = [
    ("user", "users"),
    ("mnt", "files"),
    ("pid", "processes"),
    ("net", "network"),
    ("ipc", "shared memory"),
    ("uts", "host name"),
];

/// Looks at a process.
pub(crate) fn service(
    pid: u32,
    file: Option<&BoundaryFile>,
) -> Result<ServiceReport, CommandError> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|error| {
        CommandError::new(Kind::Source, format!("there is no process {pid}"))
            .caused_by(&error)
            .hint("`pgrep -a node` and `pgrep -a ringfence` list the running ones")
    })?;
    let supervisor = supervisor(pid);
    let mut report = ServiceReport { schema: 1, pid, supervisor, ..ServiceReport::default() };
    let name = command_line(pid).join(" ");
    report.facts.push(if name.is_empty() { "a process of the kernel".to_owned() } else { name });
    match supervisor {
        Some(own) if own == pid => report.facts.push("this is a `ringfence run` itself".to_owned()),
        Some(other) => report.facts.push(format!("its `ringfence run` is process {other}")),
        None => report.facts.push(
            "no `ringfence run` is above it: it does not run in a boundary that is seen here"
                .to_owned(),
        ),
    }
    report.layers = layers(pid, &status);
    if let Some(supervisor) = supervisor {
        boundary(&mut report, supervisor, file);
    }
    report.notes.push(
        "denials are recorded by `ringfence run --events FILE`; explain them with --event FILE"
            .to_owned(),
    );
    Ok(report)
}

/// The nearest `ringfence run` among a process and those above it. Its helpers are copies of it
/// with the same command line: the one that is no child of another is meant.
fn supervisor(pid: u32) -> Option<u32> {
    let mut at = pid;
    let mut found = None;
    for _ in 0..ANCESTORS {
        if is_ringfence(at) {
            found = Some(at);
        } else if found.is_some() {
            break;
        }
        at = parent(at).filter(|parent| *parent > 0)?;
        if at == 1 {
            if is_ringfence(at) {
                found = Some(at);
            }
            break;
        }
    }
    found
}

fn is_ringfence(pid: u32) -> bool {
    let line = command_line(pid);
    let program = line.first().map(|path| path.rsplit('/').next().unwrap_or_default().to_owned());
    program.as_deref() == Some("ringfence") && line.iter().any(|word| word == "run")
}

fn command_line(pid: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.take(64).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    field(&status, "PPid:")?.parse().ok()
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// What the kernel tells of each layer.
fn layers(pid: u32, status: &str) -> Vec<(String, String)> {
    let mut layers = Vec::new();
    let mut add = |layer: &str, seen: String| layers.push((layer.to_owned(), seen));
    if let Some(ids) = field(status, "Uid:") {
        let uid = ids.split_whitespace().nth(1).unwrap_or("?");
        let none = field(status, "CapEff:").is_some_and(|caps| caps.bytes().all(|b| b == b'0'));
        let caps = if none { "no capabilities" } else { "with capabilities" };
        add("identity", format!("user {uid}, {caps}"));
    }
    let own: Vec<&str> =
        NAMESPACES.iter().filter(|(kind, _)| differs(pid, kind)).map(|(_, holds)| *holds).collect();
    let seen = if own.is_empty() {
        "none of its own, or they cannot be seen".to_owned()
    } else {
        format!("of its own: {}", own.join(", "))
    };
    add("namespaces", seen);
    let filter = match field(status, "Seccomp:") {
        Some("2") => {
            let count = field(status, "Seccomp_filters:").unwrap_or("?");
            format!("filters on it: {count}")
        }
        _ => "no filter".to_owned(),
    };
    add("seccomp", filter);
    let bound = field(status, "NoNewPrivs:") == Some("1");
    add(
        "landlock",
        if bound {
            "not told by the kernel; no new privileges, which it needs".to_owned()
        } else {
            "cannot be: the process may gain privileges".to_owned()
        },
    );
    let flags: Vec<String> = command_line(pid)
        .into_iter()
        .filter(|word| {
            word == "--permission"
                || word == "--experimental-permission"
                || word.starts_with("--allow-")
        })
        .collect();
    let flags = if flags.is_empty() { "none".to_owned() } else { format!("{} flags", flags.len()) };
    add("node-flags", flags);
    layers
}

/// Whether a namespace of a process is another one than ours.
fn differs(pid: u32, kind: &str) -> bool {
    let link = |of: &str| fs::read_link(format!("/proc/{of}/ns/{kind}")).ok();
    match (link(&pid.to_string()), link("self")) {
        (Some(other), Some(own)) => other != own,
        _ => false,
    }
}

/// The file it was started with, held against the one that is there now.
fn boundary(report: &mut ServiceReport, supervisor: u32, file: Option<&BoundaryFile>) {
    let line = command_line(supervisor);
    let named = line.iter().enumerate().find_map(|(index, word)| {
        word.strip_prefix("--config=")
            .map(str::to_owned)
            .or_else(|| (word == "--config").then(|| line.get(index + 1).cloned()).flatten())
    });
    let cwd = fs::read_link(format!("/proc/{supervisor}/cwd")).ok();
    let named = match (named, cwd) {
        (Some(named), Some(cwd)) => Some(cwd.join(named)),
        (None, Some(cwd)) => cwd
            .ancestors()
            .map(|folder| folder.join(crate::settings::FILE_NAME))
            .find(|candidate| candidate.exists()),
        (named, None) => named.map(PathBuf::from),
    };
    if let Some(named) = &named {
        report.boundary = Some(named.to_string_lossy().into_owned());
        report.facts.push(format!("boundary file: {}", named.display()));
    }
    if let Some(file) = file {
        report.facts.push(format!("hash of {}: {}", file.source.path.display(), file.hash()));
    }
}
