//! `[fs]`: the code, what it is made of, and what is written.

use super::super::facts::{Mounted, Origin};
use super::super::page::{Ground, Item, Page};
use super::environment::Variables;
use super::{Ground as Given, accepted};
use ringfence_policy::display::quoted;
use ringfence_policy::paths::normal;
use ringfence_project::variables::suspicion_of_file;
use ringfence_project::walk::{self, EntryKind, Limits};
use std::path::{Path, PathBuf};

/// How far secrets are looked for in a folder that shall be granted.
const REACH: Limits = Limits { entries: 20_000, depth: 12 };
/// How many folders above may hold a workspace.
const MOST_ABOVE: usize = 6;
/// Words of a variable that names a folder to write in.
const WRITTEN: [&str; 8] =
    ["CACHE", "DATA", "LOG", "LOGS", "STATE", "STORAGE", "UPLOAD", "UPLOADS"];

/// The lists of the section.
#[derive(Default)]
pub(crate) struct Files {
    read: Vec<Item>,
    write: Vec<Item>,
}

pub(crate) fn decide(given: &mut Given<'_>, variables: &Variables) -> Files {
    let mut files = Files::default();
    asked(given, &mut files);
    code(given, &mut files);
    packages(given, &mut files);
    arguments(given, &mut files);
    named(given, variables, &mut files);
    mounts(given, &mut files);
    files.read = accepted("fs", "read", files.read, given.facts);
    files.write = accepted("fs", "write", files.write, given.facts);
    let writable = files.write.clone();
    // What is written is read too; what lies in a granted folder needs no line of its own.
    let all = files.read.clone();
    files.read.retain(|item| {
        let own = path_of(item);
        let above = |other: &Item| own.starts_with(&format!("{}/", path_of(other)));
        !all.iter().any(above) && !writable.iter().any(|other| path_of(other) == own)
    });
    files
}

fn path_of(item: &Item) -> String {
    normal(item.toml.trim_matches('"'))
}

pub(crate) fn write(page: &mut Page, files: &Files) {
    page.section("fs");
    page.list("read", &files.read, "nothing names a file that it reads");
    page.list("write", &files.write, "nothing names a folder that it fills");
}

/// What a command with permission flags meant.
fn asked(given: &mut Given<'_>, files: &mut Files) {
    for command in given.facts.permissions.clone() {
        for (flag, write) in [("--allow-fs-read", false), ("--allow-fs-write", true)] {
            for path in command.value.permission.meant(flag) {
                let ground = Ground::From(command.origin.clone(), flag.to_owned());
                let plain = path.trim_end_matches('*');
                let outside = given.facts.outside(plain);
                let is_all = matches!(normal(&outside).as_str(), "." | "/");
                if is_all && (write || secrets_in(given.folder, ".").is_some() || plain != path)
                    || outside == "/"
                {
                    given.facts.note(format!(
                        "{}: {flag}={} grants too much to be taken over: the code, node_modules and package.json are granted instead",
                        command.origin,
                        quoted(path)
                    ));
                } else if normal(&outside) == "/tmp" {
                    // Private, and always there.
                } else {
                    let list = if write { &mut files.write } else { &mut files.read };
                    list.push(Item::text(&outside, ground));
                }
            }
        }
    }
}

/// What lies in `folder/inside` that no service should be shown: the first secret, or `.git`.
fn secrets_in(folder: &Path, inside: &str) -> Option<String> {
    let skip = |_: &str, name: &str| matches!(name, "node_modules" | ".git");
    let walked = walk::walk(&folder.join(inside), REACH, skip);
    let found = walked.entries.iter().find(|entry| {
        entry.name() == ".git"
            || entry.kind != EntryKind::Folder && suspicion_of_file(&entry.path).is_some()
    });
    found.map(|entry| entry.path.clone())
}

/// The entry and what it names: by the folder they lie in, or alone where that holds a secret.
fn code(given: &mut Given<'_>, files: &mut Files) {
    let entry = given.start.entry.clone().map(|entry| {
        let because = format!("{entry} is started");
        (entry, because)
    });
    let named = given.seen.paths.iter();
    let named = named.map(|(path, origin)| (path.clone(), format!("{origin} names it")));
    let all: Vec<(String, String)> = entry.into_iter().chain(named).collect();
    for (path, because) in all {
        let Some((first, _)) = path.split_once('/') else {
            files.read.push(Item::text(&format!("./{path}"), Ground::guess(because)));
            continue;
        };
        if files.read.iter().any(|item| path_of(item) == first) {
            continue;
        }
        match secrets_in(given.folder, first) {
            None => {
                let because = if because.ends_with("names it") {
                    because.replace("names it", &format!("names {path}"))
                } else {
                    because
                };
                files.read.push(Item::text(&format!("./{first}"), Ground::guess(because)));
            }
            Some(secret) => {
                given.facts.note(format!(
                    "{} is not granted as a whole: {} lies in it",
                    quoted(first),
                    quoted(&secret)
                ));
                files.read.push(Item::text(&format!("./{path}"), Ground::guess(because)));
            }
        }
    }
}

/// `package.json` and every `node_modules` its dependencies are found in, and folders of a workspace.
fn packages(given: &mut Given<'_>, files: &mut Files) {
    let Some((file, package)) = given.facts.package.clone() else { return };
    if given.folder.join("package.json").is_file() {
        let because = "Node reads in it how its code is to be read";
        files.read.push(Item::text("./package.json", Ground::guess(because)));
    }
    let Ok(real) = given.folder.canonicalize() else { return };
    let mut missing = None;
    for dependency in package.dependencies.iter().filter(|one| !one.development) {
        let above = real.ancestors().take(MOST_ABOVE).enumerate();
        let mut found = above.filter_map(|(up, folder)| {
            let path = folder.join("node_modules").join(&dependency.name);
            path.canonicalize().ok().map(|real| (up, real))
        });
        let Some((up, target)) = found.next() else {
            missing = missing.or(Some(dependency.name.clone()));
            continue;
        };
        let modules =
            format!("{}node_modules", if up == 0 { "./".to_owned() } else { "../".repeat(up) });
        let because = format!("the dependencies at {file}:{} are installed there", dependency.line);
        if !files.read.iter().any(|item| path_of(item) == normal(&modules)) {
            files.read.push(Item::text(&modules, Ground::guess(because)));
        }
        // A package of the same workspace is linked, and its real folder is what Node reads.
        if !target.components().any(|part| part.as_os_str() == "node_modules")
            && let Some(path) = relative(&real, &target)
        {
            let because = format!("{} is linked to it", dependency.name);
            files.read.push(Item::text(&path, Ground::guess(because)));
        }
    }
    if let Some(name) = missing {
        given.facts.note(format!(
            "{} and maybe others are not installed: install the dependencies, then check the file",
            quoted(&name)
        ));
        let because = "the dependencies will be installed there";
        if !files.read.iter().any(|item| path_of(item) == "node_modules") {
            files.read.push(Item::text("./node_modules", Ground::guess(because)));
        }
    }
    if package.dependencies.is_empty() && given.folder.join("node_modules").is_dir() {
        files
            .read
            .push(Item::text("./node_modules", Ground::guess("packages are installed there")));
    }
}

/// `to` counted from `from`; both real.
fn relative(from: &Path, to: &Path) -> Option<String> {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().count().checked_sub(shared)?;
    let rest: PathBuf = to.components().skip(shared).collect();
    (shared > 1 && up <= MOST_ABOVE).then(|| format!("{}{}", "../".repeat(up), rest.display()))
}

/// Files and folders that the program is told in its arguments.
fn arguments(given: &mut Given<'_>, files: &mut Files) {
    let words = given.start.arguments().to_vec();
    for word in &words {
        let value = word
            .split_once('=')
            .filter(|_| word.starts_with('-'))
            .map_or(word.as_str(), |(_, value)| value);
        if value.starts_with('-') || value.starts_with('/') || value.is_empty() {
            continue;
        }
        let path = normal(value);
        if path != "."
            && !path.split('/').any(|part| part == "..")
            && given.folder.join(&path).exists()
        {
            let because = "an argument of the command names it";
            existing(given, files, &path, Ground::guess(because));
        }
    }
}

/// A path of the project that something names; a secret is never granted, and told instead.
fn existing(given: &mut Given<'_>, files: &mut Files, path: &str, ground: Ground) {
    let first = path.split('/').next().unwrap_or(path);
    if first == "node_modules" || first == ".git" {
        return;
    }
    let full = given.folder.join(path);
    let secret = if full.is_dir() {
        secrets_in(given.folder, path)
    } else {
        suspicion_of_file(path).filter(|_| !is_public(&full)).map(|_| path.to_owned())
    };
    match secret {
        Some(secret) => given.facts.note(format!(
            "{} is not granted: {} looks secret; deliver it with [secrets.NAME]",
            quoted(path),
            quoted(&secret)
        )),
        None => files.read.push(Item::text(&format!("./{path}"), ground)),
    }
}

/// A certificate without a key in it.
fn is_public(path: &Path) -> bool {
    walk::text(path, 1 << 20)
        .is_ok_and(|text| text.contains("BEGIN CERTIFICATE") && !text.contains("PRIVATE KEY"))
}

/// Paths that variables name.
fn named(given: &mut Given<'_>, variables: &Variables, files: &mut Files) {
    for (name, known) in &variables.known {
        let value = given.facts.outside(known.value.expose());
        if value.len() > 1000 || value.contains("://") || !value.contains(['/', '.']) {
            continue;
        }
        let ground = || Ground::From(known.origin.clone(), name.clone());
        let inside = normal(&value);
        let in_project = !inside.starts_with('/') && !inside.split('/').any(|part| part == "..");
        if !in_project || inside == "." || !given.folder.join(&inside).exists() {
            continue;
        }
        let is_filled = name.split('_').any(|word| WRITTEN.contains(&word));
        if is_filled && given.folder.join(&inside).is_dir() && !holds_code(given, &inside) {
            files.write.push(Item::text(&format!("./{inside}"), ground()));
        } else {
            existing(given, files, &inside, ground());
        }
    }
}

/// Whether what the service runs lies there.
fn holds_code(given: &Given<'_>, path: &str) -> bool {
    let entry = given.start.entry.as_deref().unwrap_or_default();
    let below = |inside: &str| inside == path || inside.starts_with(&format!("{path}/"));
    path == "." || below(entry) || below("node_modules") || below("package.json")
}

/// Volumes, bind mounts and scratch space.
fn mounts(given: &mut Given<'_>, files: &mut Files) {
    for mount in given.facts.mounts.clone() {
        let (at, origin) = (mount.value.at.as_str(), &mount.origin);
        if ["/tmp", "/dev/shm", "/run/secrets"].contains(&normal(at).as_str()) {
            continue;
        }
        let outside = match &mount.value.what {
            Mounted::Bind(source) => {
                if let Some(refused) = refused_bind(source) {
                    given
                        .facts
                        .note(format!("{origin}: {} is left out: {refused}", quoted(source)));
                    continue;
                }
                let same = normal(&given.facts.outside(at)) == normal(source);
                if !same && normal(at) != normal(source) {
                    given.facts.note(format!(
                        "{origin}: {} is {} in the container; in a boundary paths are those of the host",
                        quoted(source),
                        quoted(at)
                    ));
                }
                source.clone()
            }
            Mounted::Data | Mounted::Scratch(_) => given.facts.outside(at),
        };
        let ground = Ground::From(origin.clone(), said(&mount.value.what).to_owned());
        let inside = normal(&outside);
        if mount.value.read_only {
            files.read.push(Item::text(&outside, ground));
        } else if holds_code(given, &inside) {
            told_code(given, origin, &outside);
        } else {
            files.write.push(Item::text(&outside, ground));
        }
    }
}

const fn said(what: &Mounted) -> &'static str {
    match what {
        Mounted::Bind(_) => "a folder of the host",
        Mounted::Data => "a volume",
        Mounted::Scratch(_) => "scratch space",
    }
}

fn told_code(given: &mut Given<'_>, origin: &Origin, path: &str) {
    given.facts.note(format!(
        "{origin}: {} is not granted for writing: what the service runs lies there",
        quoted(path)
    ));
}

/// Binds that no boundary takes over.
fn refused_bind(source: &str) -> Option<&'static str> {
    let path = normal(source);
    if path.ends_with("docker.sock")
        || path.ends_with("containerd.sock")
        || path.ends_with("podman.sock")
    {
        return Some("it controls the host");
    }
    match path.as_str() {
        "/" | "/etc" | "/usr" | "/var" | "/home" | "/proc" | "/sys" | "/dev" | "/root" => {
            Some("it is far more than a service needs")
        }
        _ if source.starts_with('~') => Some("`~` is somebody's home directory"),
        _ => None,
    }
}
