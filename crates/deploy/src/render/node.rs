//! Arguments of Node, and a script of `package.json`.
//!
//! The flags are those of `ringfence run`, from the same table, for the newest known version that the
//! boundary accepts. They are Node's own idea of a boundary: no hosts, no ports, nothing about native
//! code, and the notes say so grant by grant.

use super::{Note, Order, RenderError, Rendered, Target, grants, shell};
use ringfence_boundary::node::{Grants, Version, flags, show};
use ringfence_policy::model::{Comparison, Delivery, VersionRange};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Versions at which the flags change, and the newest of each line that was measured.
const VERSIONS: [Version; 20] = [
    [20, 7, 0],
    [20, 12, 0],
    [20, 16, 0],
    [20, 20, 2],
    [22, 0, 0],
    [22, 3, 0],
    [22, 5, 0],
    [22, 13, 0],
    [22, 23, 3],
    [24, 0, 0],
    [24, 12, 0],
    [24, 21, 0],
    [25, 0, 0],
    [25, 1, 0],
    [25, 5, 0],
    [25, 9, 0],
    [26, 0, 0],
    [26, 1, 0],
    [26, 5, 0],
    [26, 10, 0],
];

/// Writes it.
///
/// # Errors
/// [`RenderError`].
pub fn render(order: &Order<'_>) -> Result<Rendered, RenderError> {
    if !order.boundary.process.node_flags {
        return Err(RenderError::Impossible {
            what: "process.node-flags is false: the boundary leaves Node's permissions out"
                .to_owned(),
            hint: "start it with `ringfence run`, or render another target".to_owned(),
        });
    }
    let version = version(order)?;
    let words = words(order, version, Place::Beside)?;
    let notes = notes(order, version);
    let mut script = String::from("#!/bin/sh\n");
    script.push_str(&order.head("# ", Target::Node, &notes));
    let _ = writeln!(script, "#\n# For Node {}.{}", show(version), others(order, version)?);
    let cwd = relative_cwd(order);
    let _ = writeln!(script, "cd \"$(dirname \"$0\")\"{} || exit", cwd.suffix);
    let mut lines: Vec<String> = Vec::new();
    for (name, value) in &order.boundary.env.set {
        lines.push(format!("{name}={}", shell::quoted(&value.value)));
    }
    let assigned = if lines.is_empty() { String::new() } else { lines.join(" ") + " \\\n" };
    let command: Vec<String> = words.iter().map(|word| shell::quoted(word)).collect();
    let _ = writeln!(script, "{assigned}exec {}", command.join(" \\\n  "));
    let line = format!("{}{}", cwd.prefix, command.join(" "));
    let origin = order.origin(Target::Node);
    let package = serde_json::json!({
        "//": [origin, format!("boundary sha256:{}", order.boundary_hash)],
        "scripts": { "start": line },
    });
    let package = serde_json::to_string_pretty(&package).map_err(|error| {
        RenderError::Impossible { what: error.to_string(), hint: String::new() }
    })?;
    Ok(Rendered {
        files: vec![
            (PathBuf::from("start.sh"), script),
            (PathBuf::from("package.scripts.json"), package + "\n"),
        ],
        notes,
    })
}

/// The whole command with absolute paths, as units and bundles start it; flags are left out where the
/// boundary leaves them out.
///
/// # Errors
/// The program is not Node, or no known version is accepted.
pub fn command(order: &Order<'_>) -> Result<Vec<String>, RenderError> {
    words(order, version(order)?, Place::Target)
}

/// The program of `service.start` in the target: its path, or its name to be searched.
#[must_use]
pub fn program(order: &Order<'_>) -> String {
    let service = &order.boundary.service;
    let word = service.start.first().map_or("node", |word| word.value.as_str());
    if word.contains('/') { in_cwd(order, word) } else { word.to_owned() }
}

fn in_cwd(order: &Order<'_>, path: &str) -> String {
    if path.starts_with('/') {
        return order.path(path);
    }
    order.path(&format!("{}/{path}", order.boundary.service.cwd.value))
}

/// Where paths count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Beside the boundary file, wherever that is.
    Beside,
    /// Absolute, in a target with a `/tmp` of its own.
    Target,
}

/// The newest known version that the boundary accepts.
///
/// # Errors
/// It accepts none.
pub fn version(order: &Order<'_>) -> Result<Version, RenderError> {
    let Some(range) = &order.boundary.service.node else { return Ok([26, 10, 0]) };
    accepted(&range.value).next_back().or_else(|| exact(&range.value)).ok_or_else(|| {
        RenderError::Impossible {
            what: "service.node accepts no version of Node that has permission flags".to_owned(),
            hint: "accept 22, 24 or 26".to_owned(),
        }
    })
}

fn accepted(range: &VersionRange) -> impl DoubleEndedIterator<Item = Version> + '_ {
    VERSIONS.into_iter().filter(|version| accepts(range, *version))
}

fn exact(range: &VersionRange) -> Option<Version> {
    let named = range.comparators.iter().map(|(_, version)| *version);
    named.filter(|version| accepts(range, *version) && *version >= VERSIONS[0]).max()
}

fn accepts(range: &VersionRange, version: Version) -> bool {
    range.comparators.iter().all(|(comparison, other)| match comparison {
        Comparison::Equal => version == *other,
        Comparison::Greater => version > *other,
        Comparison::GreaterOrEqual => version >= *other,
        Comparison::Less => version < *other,
        Comparison::LessOrEqual => version <= *other,
    })
}

/// What older accepted versions want to be told instead.
fn others(order: &Order<'_>, newest: Version) -> Result<String, RenderError> {
    let mut text = String::new();
    let Some(range) = &order.boundary.service.node else { return Ok(text) };
    let of = |version| words(order, version, Place::Beside);
    let mut before = of(newest)?;
    let list: Vec<Version> = accepted(&range.value).collect();
    for version in list.into_iter().rev() {
        let words = of(version)?;
        let without: Vec<&str> = missing(&before, &words);
        let with: Vec<&str> = missing(&words, &before);
        if !without.is_empty() || !with.is_empty() {
            let _ = write!(text, "\n# Node {} and before:", show(version));
            for (word, flags) in [(" without", without), (" with", with)] {
                if !flags.is_empty() {
                    let _ = write!(text, "{word} {}", flags.join(" "));
                }
            }
        }
        before = words;
    }
    Ok(text)
}

fn missing<'a>(of: &'a [String], from: &[String]) -> Vec<&'a str> {
    of.iter().filter(|word| !from.contains(word)).map(String::as_str).collect()
}

fn words(order: &Order<'_>, version: Version, place: Place) -> Result<Vec<String>, RenderError> {
    let program = order.boundary.service.start.first().filter(|word| is_node(&word.value));
    let program = match (place, program.ok_or_else(not_node)?) {
        (Place::Beside, program) => program.value.clone(),
        (Place::Target, _) => self::program(order),
    };
    Ok(argv(order, version, program, &wanted(order, place)))
}

/// Whether a word names Node.
pub(crate) fn is_node(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    matches!(name.trim_end_matches(".exe"), "node" | "nodejs")
}

/// Node under this name, the flags of these grants, and the words of the service.
pub(crate) fn argv(
    order: &Order<'_>,
    version: Version,
    program: String,
    grants: &Grants,
) -> Vec<String> {
    let process = &order.boundary.process;
    let flags = if process.node_flags {
        flags::flags(version, grants).0
    } else {
        flags::without_permissions(version, process.ffi)
    };
    let flags = flags.iter().map(|flag| flag.to_string_lossy().into_owned());
    let mut before_script = true;
    let rest = order.boundary.service.start.iter().skip(1).map(|word| word.value.clone());
    let rest = rest.filter(|word| {
        before_script &= word.starts_with('-');
        !(before_script && matches!(word.as_str(), "--permission" | "--experimental-permission"))
    });
    std::iter::once(program).chain(flags).chain(rest).collect()
}

fn not_node() -> RenderError {
    RenderError::Impossible {
        what: "service.start does not begin with Node itself, and flags of Node are for Node"
            .to_owned(),
        hint: "start the script with \"node\" in service.start, or use --entry ringfence"
            .to_owned(),
    }
}

/// The boundary in the terms of Node's flags.
pub(crate) fn wanted(order: &Order<'_>, place: Place) -> Grants {
    let boundary = order.boundary;
    let net = &boundary.net;
    let mut grants = granted(order, |written| match place {
        Place::Target => order.path(written).into(),
        Place::Beside => beside(order, written).into(),
    });
    grants.net = !(net.connect.is_empty()
        && net.listen.is_empty()
        && net.udp.is_empty()
        && net.udp_listen.is_empty()
        && net.unix.is_empty());
    for secret in &boundary.secrets {
        if let Delivery::File(to) = &secret.delivery {
            grants.read.push(to.value.clone().into());
        }
    }
    if place == Place::Target {
        grants.read.push("/tmp".into());
        grants.write.push("/tmp".into());
    }
    grants.tidy();
    grants
}

/// What the boundary grants by itself; secrets and what a target needs besides are not in it.
pub(crate) fn granted(order: &Order<'_>, path: impl Fn(&str) -> PathBuf) -> Grants {
    let fs = &order.boundary.fs;
    let all = [&fs.read, &fs.write, &fs.optional, &fs.droppable];
    Grants {
        read: all.into_iter().flatten().map(|grant| path(&grant.value)).collect(),
        write: fs.write.iter().map(|grant| path(&grant.value)).collect(),
        ..Grants::of_process(&order.boundary.process)
    }
}

/// How the folder of the boundary file and the working directory lie to each other.
struct WorkingDirectory {
    /// Behind the folder in a path.
    suffix: String,
    /// In front of a script of `package.json`.
    prefix: String,
}

fn relative_cwd(order: &Order<'_>) -> WorkingDirectory {
    let cwd = ringfence_policy::paths::normal(&order.boundary.service.cwd.value);
    if cwd == "." {
        return WorkingDirectory { suffix: String::new(), prefix: String::new() };
    }
    let quoted = shell::quoted(&cwd);
    let suffix =
        if cwd.starts_with('/') { format!(" && cd {quoted}") } else { format!("/{quoted}") };
    WorkingDirectory { suffix, prefix: format!("cd {quoted} && ") }
}

/// A path as it is written from the working directory; Node makes it absolute by itself.
fn beside(order: &Order<'_>, written: &str) -> String {
    let path = ringfence_policy::paths::normal(written);
    let cwd = ringfence_policy::paths::normal(&order.boundary.service.cwd.value);
    if path.starts_with('/') {
        return path;
    }
    if cwd.starts_with('/') {
        return order.folder.join(path).to_string_lossy().into_owned();
    }
    let up = if cwd == "." { 0 } else { cwd.split('/').count() };
    let start = if up == 0 { "./".to_owned() } else { "../".repeat(up) };
    let path = if path == "." { "" } else { path.as_str() };
    format!("{start}{path}")
}

/// What Node's flags cannot say.
fn notes(order: &Order<'_>, version: Version) -> Vec<Note> {
    let boundary = order.boundary;
    let mut notes = Vec::new();
    let mut note = |grant: String, carried: &str| {
        notes.push(Note { grant, carried: carried.to_owned() });
    };
    for grant in grants::outbound(boundary).into_iter().chain(grants::listeners(boundary)) {
        let carried = if version >= [25, 0, 0] {
            "NOT enforced: --allow-net knows no hosts and no ports and grants the whole network"
        } else {
            "NOT enforced: this version of Node has no permission for the network, all of it is open"
        };
        note(grant, carried);
    }
    for path in &boundary.net.unix {
        note(format!("net.unix {:?}", path.value), "NOT enforced: Node names no sockets");
    }
    for grant in grants::processes(boundary) {
        let carried = match grant.split([' ', '.']).nth(1) {
            Some("children") => {
                "NOT enforced: --allow-child-process names no programs, and a child sheds the flags"
            }
            Some("addons") => {
                "NOT enforced: --allow-addons names no files, and native code is not checked"
            }
            Some("workers") => "--allow-worker grants it; a worker can shed the flags",
            Some("wasi") => "--allow-wasi grants it; WASI ignores the file grants",
            Some("ffi") => "--allow-ffi grants it; foreign functions are not checked",
            _ => "granted by its flag",
        };
        note(grant, carried);
    }
    if !boundary.env.pass.is_empty() {
        note("env.pass".to_owned(), "NOT enforced: every variable of the caller is passed");
    }
    for secret in &boundary.secrets {
        note(
            format!("secrets.{}", secret.name.value),
            "NOT delivered: bring it to its place yourself",
        );
    }
    for limit in grants::limits(boundary) {
        note(limit, "NOT enforced: Node has no such limit");
    }
    if boundary.identity.user.is_some() {
        note("identity.user".to_owned(), "NOT enforced: the program is whoever starts it");
    }
    note(
        "everything else".to_owned(),
        "Node's permissions hold JavaScript alone: node:sqlite, native code and process.kill are not checked",
    );
    notes
}
