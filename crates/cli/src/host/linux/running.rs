//! A running service: what its `ringfence run` says of itself, and what the kernel tells of it.
//!
//! The supervisor is asked over its control address, by the process id of it or of any process of
//! the service. Where none answers, what `/proc` tells is told as it is. Nothing is changed.

use super::super::ServiceReport;
use crate::error::{CommandError, Kind};
use ringfence_boundary::control::client::{AskError, Identity, Supervisor};
use ringfence_policy::display::hex;
use ringfence_policy::event::{self, Event};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes at the end of a file of events in which recent ones are looked for.
const RECENT: u64 = 256 * 1024;

/// Namespaces a boundary has for itself, with what they hold.
const NAMESPACES: [(&str, &str); 6] = [
    ("user", "users"),
    ("mnt", "files"),
    ("pid", "processes"),
    ("net", "network"),
    ("ipc", "shared memory"),
    ("uts", "host name"),
];

/// Looks at a service; answers its recent events too, where they were written to a file.
pub(crate) fn service(pid: u32) -> Result<ServiceReport, CommandError> {
    let mut report = ServiceReport { schema: 1, pid, ..ServiceReport::default() };
    match Supervisor::find(pid) {
        Ok(supervisor) => {
            report.supervisor = Some(supervisor.pid);
            let identity = supervisor.identity().map_err(|error| unanswered(&error))?;
            match identity {
                Ok(identity) => told(&mut report, &identity, supervisor.pid),
                Err(refused) => report.notes.push(refused.message),
            }
            recent(&mut report, supervisor.pid);
        }
        Err(AskError::NotAService(_)) => seen(&mut report)?,
        Err(error) => return Err(unanswered(&error)),
    }
    Ok(report)
}

fn unanswered(error: &AskError) -> CommandError {
    let message = "cannot ask the service";
    CommandError::new(Kind::Source, message).caused_by(error).hint(match error {
        AskError::NoProcess(_) => "`pgrep -f 'ringfence run'` lists services",
        _ => "ask as root, or as the user who started `ringfence run`",
    })
}

/// What the supervisor says.
fn told(report: &mut ServiceReport, identity: &Identity, supervisor: u32) {
    let path = from_its_folder(supervisor, &identity.file);
    let shown = path.to_string_lossy().into_owned();
    report.boundary = Some(shown.clone());
    let mut say = |fact: String| report.facts.push(fact);
    say(format!("service {}, ringfence {}", identity.service, identity.ringfence));
    match identity.program_pid {
        Some(program) => say(format!("its program is process {program}")),
        None => say("its program has ended".to_owned()),
    }
    say(format!("boundary file: {shown}"));
    say(format!("hash in force: {}", identity.boundary));
    if identity.generation > 0 {
        say(format!("it was narrowed {} times since its start", identity.generation));
    }
    if !identity.dropped.is_empty() {
        say(format!("dropped: {}", identity.dropped.join(", ")));
    }
    let now = fs::read(&path).ok().map(|text| hash(&text));
    report.unchanged = now.as_ref().map(|now| *now == identity.boundary);
    match report.unchanged {
        Some(true) => report.facts.push("the file is what is in force".to_owned()),
        Some(false) => report.facts.push(
            "the file was changed since: what is new in it counts from the next start".to_owned(),
        ),
        None => report.notes.push(format!("{} cannot be read now", path.display())),
    }
    for layer in &identity.layers {
        let why = layer.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        report.layers.push((layer.layer.clone(), format!("{}{why}", layer.state)));
    }
}

fn hash(text: &[u8]) -> String {
    hex(&Sha256::digest(text))
}

/// The denials, drops and failures at the end of the file that `--events` names.
fn recent(report: &mut ServiceReport, supervisor: u32) {
    let Some(path) = events_file(supervisor) else {
        report.notes.push(
            "it was started without --events FILE: its denials are on its standard error"
                .to_owned(),
        );
        return;
    };
    match tail(&path) {
        Ok(text) => {
            let denials = text
                .lines()
                .filter_map(|line| serde_json::from_str::<Event>(line).ok())
                .filter(|event| event.kind != event::Kind::Allowed);
            report.denials = denials.collect();
            report.facts.push(format!("events: {}", path.display()));
        }
        Err(error) => report.notes.push(format!("cannot read {}: {error}", path.display())),
    }
}

fn events_file(supervisor: u32) -> Option<PathBuf> {
    let line = command_line(supervisor);
    let mut words = line.iter().take_while(|word| *word != "--");
    let named = loop {
        let word = words.next()?;
        if word == "--events" {
            break words.next()?.clone();
        }
        if let Some(path) = word.strip_prefix("--events=") {
            break path.to_owned();
        }
    };
    Some(from_its_folder(supervisor, &named))
}

/// A path as a process names it, seen from here.
fn from_its_folder(pid: u32, path: &str) -> PathBuf {
    let folder = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
    folder.join(path)
}

fn tail(path: &Path) -> std::io::Result<String> {
    // A pipe would be emptied, or waited for.
    if !fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("not an ordinary file"));
    }
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(RECENT)))?;
    let mut bytes = Vec::new();
    file.take(RECENT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn command_line(pid: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.take(64).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// A process of which no `ringfence run` answers: what the kernel tells.
fn seen(report: &mut ServiceReport) -> Result<(), CommandError> {
    let pid = report.pid;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))
        .map_err(|_| unanswered(&AskError::NoProcess(pid)))?;
    report.facts.push(command_line(pid).join(" "));
    report.facts.push("no `ringfence run` is above it: it runs in no boundary".to_owned());
    report.layers = layers(pid, &status);
    report.notes.push("start it with `ringfence run` to give it one".to_owned());
    Ok(())
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// What the kernel tells of each layer.
fn layers(pid: u32, status: &str) -> Vec<(String, String)> {
    let uid = field(status, "Uid:").and_then(|ids| ids.split_whitespace().nth(1)).unwrap_or("?");
    let none = field(status, "CapEff:").is_some_and(|caps| caps.bytes().all(|byte| byte == b'0'));
    let capabilities = if none { "no capabilities" } else { "with capabilities" };
    let own: Vec<&str> =
        NAMESPACES.iter().filter(|(kind, _)| differs(pid, kind)).map(|(_, holds)| *holds).collect();
    let own = if own.is_empty() {
        "none of its own".to_owned()
    } else {
        format!("of its own: {}", own.join(", "))
    };
    let filter = match field(status, "Seccomp:") {
        Some("2") => format!("{} filters", field(status, "Seccomp_filters:").unwrap_or("?")),
        _ => "no filter".to_owned(),
    };
    let flags = command_line(pid)
        .iter()
        .filter(|word| word.ends_with("permission") || word.starts_with("--allow-"))
        .count();
    let named = |layer: &str, seen: String| (layer.to_owned(), seen);
    vec![
        named("identity", format!("user {uid}, {capabilities}")),
        named("namespaces", own),
        named("seccomp", filter),
        named("node-flags", format!("{flags} flags")),
    ]
}

/// Whether a namespace of a process is another one than ours.
fn differs(pid: u32, kind: &str) -> bool {
    let link = |of: &str| fs::read_link(format!("/proc/{of}/ns/{kind}")).ok();
    match (link(&pid.to_string()), link("self")) {
        (Some(other), Some(own)) => other != own,
        _ => false,
    }
}
