//! The files of a project that say something about its boundary, one reader for each kind.
//!
//! A file that cannot be read is told and the others still count. What is looked for without being
//! named lies in the folder itself or in folders where deployment files usually lie; anything else is
//! named with `--from`.

mod command;
mod compose;
mod dockerfile;
mod environment;
mod kubernetes;
mod lockfile;
mod package;
mod values;
mod variables;

pub(super) use command::take_permissions;
pub(super) use package::{follow, script_of};

use super::facts::Facts;
use ringfence_policy::display::quoted;
use ringfence_project::walk::{self, EntryKind, Limits};
use ringfence_project::yaml::{self, Document, Mistake};
use std::path::Path;

/// Largest manifest, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// How far files are looked for.
const REACH: Limits = Limits { entries: 5000, depth: 2 };
/// Folders below which manifests are looked for.
const FOLDERS: [&str; 9] =
    ["deploy", "deployment", "docker", "infra", "k8s", "kubernetes", "manifests", "ops", ".docker"];
/// Most manifests that are read without being named.
const MOST: usize = 64;

/// What kind of file one is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Package,
    Dockerfile,
    Compose,
    Manifest,
    Variables,
}

/// The kind of a file that was named by a person; YAML is what it says it is.
pub(crate) fn kind_of(path: &str) -> Option<Kind> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let yaml = ends(&[".yaml", ".yml"]);
    Some(match name.as_str() {
        "package.json" => Kind::Package,
        _ if name.starts_with("dockerfile") || name.starts_with("containerfile") => {
            Kind::Dockerfile
        }
        _ if ends(&[".dockerfile"]) => Kind::Dockerfile,
        _ if yaml && (name.starts_with("compose.") || name.starts_with("docker-compose.")) => {
            Kind::Compose
        }
        _ if yaml => Kind::Manifest,
        _ if name.starts_with(".env") || ends(&[".env"]) => Kind::Variables,
        _ => return None,
    })
}

/// The files that are read without being named, in the order in which they count.
fn found(folder: &Path, facts: &mut Facts) -> Vec<(Kind, String)> {
    let outside = |path: &str, _: &str| {
        let first = path.split('/').next().unwrap_or(path);
        !FOLDERS.contains(&first)
    };
    let walked = walk::walk(folder, REACH, outside);
    if walked.cut {
        facts.note("the folder holds more than is looked at: name other files with --from");
    }
    for path in &walked.unreadable {
        facts.note(format!("cannot read the folder {}", quoted(&path.to_string_lossy())));
    }
    let mut found: Vec<(Kind, String)> = Vec::new();
    for entry in walked.entries {
        if matches!(entry.kind, EntryKind::Folder) {
            continue;
        }
        let kind = match kind_of(&entry.path) {
            // A YAML file beside the code is mostly something else.
            Some(Kind::Manifest) if !entry.path.contains('/') => continue,
            Some(Kind::Package) if entry.path.contains('/') => continue,
            Some(kind) => kind,
            None => continue,
        };
        // What is only for tests or for another stage says nothing about the service.
        let name = entry.name().to_ascii_lowercase();
        if name.contains("test") || name.contains("override") || name.ends_with(".dockerignore") {
            continue;
        }
        found.push((kind, entry.path));
    }
    found.sort();
    if found.len() > MOST {
        facts.note(format!("{} deployment files: only {MOST} are read", found.len()));
        found.truncate(MOST);
    }
    found
}

/// Reads everything: what is found in the folder, then what was named, then the command.
pub(crate) fn read(folder: &Path, named: &[String], command: Option<&str>) -> Facts {
    let mut facts = Facts::default();
    let mut files = found(folder, &mut facts);
    for name in named {
        files.retain(|(_, path)| path != name && Some(path.as_str()) != name.strip_prefix("./"));
        match kind_of(name) {
            Some(kind) => files.push((kind, name.clone())),
            None => facts.note(format!(
                "{}: not a package.json, Dockerfile, YAML manifest or environment file",
                quoted(name)
            )),
        }
    }
    if let Some(text) = command {
        command::read(text, &mut facts);
    }
    lockfile::read(folder, &mut facts);
    for (kind, name) in files {
        read_one(folder, kind, &name, &mut facts);
    }
    facts
}

fn read_one(folder: &Path, kind: Kind, name: &str, facts: &mut Facts) {
    let most =
        if kind == Kind::Package { ringfence_project::package::MAX_BYTES } else { MAX_BYTES };
    let text = match walk::text(&folder.join(name), most) {
        Ok(text) => text,
        Err(error) => return facts.note(format!("{}: {error}", quoted(name))),
    };
    let before = facts.notes.len();
    match kind {
        Kind::Package => package::read(name, &text, facts),
        Kind::Dockerfile => dockerfile::read(name, &text, facts),
        Kind::Variables => variables::read(name, &text, facts),
        Kind::Compose | Kind::Manifest => {
            for document in documents(name, &text, facts) {
                if document.root.get("services").is_some() {
                    compose::read(name, &document, facts);
                } else if document.root.get("kind").is_some() {
                    kubernetes::read(name, &document, facts);
                }
            }
        }
    }
    if facts.notes.len() == before || kind != Kind::Package {
        facts.read.push(name.to_owned());
    }
}

/// Every document that can be read; the others are told.
fn documents(name: &str, text: &str, facts: &mut Facts) -> Vec<Document> {
    let mut good = Vec::new();
    for document in yaml::each(text) {
        match document {
            Ok(document) => {
                if let Some(line) = document.templates.first() {
                    facts.note(format!(
                        "{}:{line}: a template; what it fills in is not known here: render it first \
                         (`helm template`), then name the result with --from",
                        quoted(name)
                    ));
                }
                good.push(document);
            }
            Err(error) => {
                let hint = match error.mistake {
                    Mistake::Template => {
                        ": render it first (`helm template`) and name the result with --from"
                    }
                    _ => "",
                };
                let line = error.line;
                facts.note(format!(
                    "{}:{line}: {}{hint}",
                    quoted(name),
                    quoted(&error.to_string())
                ));
            }
        }
    }
    good
}
