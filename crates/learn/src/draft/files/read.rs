//! `fs.read`: the smallest set of folders and files that covers what was read.

use super::super::{Drafting, Note, Proposed, Why};
use super::{
    Need, Needs, already, forbidden, granted, is_of_home, modules_of, note_home, secret,
    secret_sources,
};
use crate::quote::quoted;
use crate::record::FileKind;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files of one folder outside the project that make a grant of the folder.
const MANY: usize = 8;

pub(super) fn draft(drafting: &mut Drafting<'_>, needs: Needs) {
    let sources = secret_sources(drafting.facts);
    let mut left = Needs::new();
    let mut modules: BTreeMap<PathBuf, Why> = BTreeMap::new();
    for (path, need) in needs {
        if let Some(grant) = granted(drafting.facts, &path, &need.real, false) {
            already(drafting, grant, need.why);
        } else if is_of_home(drafting.facts, &path) {
            note_home(drafting, &path);
        } else if let Some(folder) = module_folder(drafting, &path) {
            join(&mut modules, folder, &need.why);
        } else {
            left.insert(path, need);
        }
    }
    for (folder, why) in modules {
        propose(drafting, &folder, false, why);
    }
    let (inside, outside) =
        left.into_iter().partition::<Needs, _>(|(path, _)| path.starts_with(drafting.facts.folder));
    let mut covering = Covering { drafting, sources, folders: BTreeMap::new() };
    let project = covering.drafting.facts.folder.to_path_buf();
    covering.project(&project, &inside.iter().collect::<Vec<_>>());
    covering.elsewhere(&outside);
    let Covering { drafting, folders, .. } = covering;
    for (folder, why) in folders {
        propose(drafting, &folder, true, why);
    }
}

/// What is gone by now would refuse the next start, unless it is optional.
fn propose(drafting: &mut Drafting<'_>, path: &Path, directory: bool, why: Why) {
    let gone = drafting.facts.disk.kind(path).is_none();
    let (key, why) = if gone {
        ("fs.optional", why.remark("it was there and is gone"))
    } else {
        ("fs.read", why)
    };
    let written = drafting.facts.written(path, directory);
    drafting.propose(Proposed::entry(key, written, why));
}

fn join(all: &mut BTreeMap<PathBuf, Why>, at: PathBuf, why: &Why) {
    match all.get_mut(&at) {
        Some(known) => known.join(why),
        None => {
            all.insert(at, why.clone());
        }
    }
}

/// What is granted of installed packages: all of `node_modules` where it belongs to the project, the
/// package alone where it belongs to the host.
fn module_folder(drafting: &Drafting<'_>, path: &Path) -> Option<PathBuf> {
    let modules = modules_of(path)?;
    let owner = modules.parent()?;
    let project = drafting.facts.folder;
    if owner.starts_with(project) || (project.starts_with(owner) && owner != Path::new("/")) {
        return Some(modules);
    }
    let mut inside = path.strip_prefix(&modules).ok()?.iter();
    let first = inside.next()?;
    let scoped = first.to_string_lossy().starts_with('@');
    let package = modules.join(first);
    Some(if scoped { package.join(inside.next()?) } else { package })
}

struct Covering<'a, 'b> {
    drafting: &'a mut Drafting<'b>,
    sources: Vec<PathBuf>,
    folders: BTreeMap<PathBuf, Why>,
}

impl Covering<'_, '_> {
    /// Folders of the project: as a whole where more than one thing of it was read and it hides
    /// nothing, else file by file.
    fn project(&mut self, folder: &Path, needs: &[(&PathBuf, &Need)]) {
        let mut files = Vec::new();
        let mut below: BTreeMap<PathBuf, Vec<(&PathBuf, &Need)>> = BTreeMap::new();
        let mut listed = None;
        for (path, need) in needs.iter().copied() {
            if path == folder {
                listed = Some(need);
                continue;
            }
            let Some(first) =
                path.strip_prefix(folder).ok().and_then(|inside| inside.iter().next())
            else {
                continue;
            };
            let child = folder.join(first);
            if child == *path && !need.listed {
                files.push((path, need));
            } else {
                below.entry(child).or_default().push((path, need));
            }
        }
        let several = !files.is_empty() && files.len() + below.len() > 1;
        if (several || listed.is_some()) && self.may_open(folder) {
            for (path, need) in needs {
                self.in_folder(folder, path, need);
            }
            return;
        }
        if listed.is_some() {
            self.note_listed(folder);
        }
        for (path, need) in files {
            self.single(path, need);
        }
        for (child, needs) in below {
            self.project(&child, &needs);
        }
    }

    /// A file of a granted folder; one that a symlink takes out of it needs its own grant.
    fn in_folder(&mut self, folder: &Path, path: &Path, need: &Need) {
        let real = self.drafting.facts.disk.real(folder).unwrap_or_else(|| folder.into());
        if need.real.starts_with(&real) || need.real.starts_with(folder) {
            join(&mut self.folders, folder.into(), &need.why);
        } else {
            self.single(path, need);
        }
    }

    fn may_open(&self, folder: &Path) -> bool {
        let facts = self.drafting.facts;
        !forbidden::is_forbidden(folder, facts)
            && !secret::holds_secret(folder, facts.disk, &self.sources, &|_| false)
    }

    /// Files of the host.
    fn elsewhere(&mut self, needs: &Needs) {
        let mut by_folder: BTreeMap<PathBuf, Vec<(&PathBuf, &Need)>> = BTreeMap::new();
        for (path, need) in needs {
            let folder = if need.listed { Some(path.as_path()) } else { path.parent() };
            by_folder.entry(folder.unwrap_or(path).into()).or_default().push((path, need));
        }
        for (folder, needs) in by_folder {
            let listed = needs.iter().any(|(_, need)| need.listed);
            let facts = self.drafting.facts;
            let whole = if self.is_rotated(&folder) {
                !forbidden::is_forbidden(&folder, facts)
            } else {
                let certificates = needs.iter().all(|(path, _)| is_certificate(path));
                let singly = forbidden::is_read_singly(&folder, facts)
                    && !(certificates && !listed && forbidden::may_rotate(&folder, facts));
                !singly && (listed || certificates || needs.len() >= MANY) && self.may_open(&folder)
            };
            if !whole && listed {
                self.note_listed(&folder);
            }
            for (path, need) in needs {
                if whole {
                    self.rotated(&folder, need);
                } else if !need.listed {
                    self.single(path, need);
                }
            }
        }
    }

    fn rotated(&mut self, folder: &Path, need: &Need) {
        let why = if self.is_rotated(folder) {
            let remark = "the whole folder, because its files change by rename";
            need.why.clone().remark(remark)
        } else {
            need.why.clone()
        };
        join(&mut self.folders, folder.into(), &why);
    }

    /// A volume of Kubernetes: its files are links into a folder that is exchanged as a whole.
    fn is_rotated(&self, folder: &Path) -> bool {
        let entries = self.drafting.facts.disk.entries(folder);
        let data = folder.join("..data");
        // One that the run made is none.
        let own = self.drafting.record.files.get(&data).is_some_and(super::sort::made);
        !own && entries.iter().any(|(name, kind)| name == "..data" && *kind == FileKind::Other)
    }

    fn single(&mut self, path: &Path, need: &Need) {
        let facts = self.drafting.facts;
        let mut why = need.why.clone();
        if self.sources.iter().any(|source| *source == path) {
            let written = facts.written(path, false);
            self.drafting.note(Note::finding(
                "secret-source-read",
                format!("the program reads {written} itself, which is the source of a secret: let it read what is delivered"),
            ));
            return;
        }
        if secret::is_secret(path, facts.disk) {
            why = why.remark("looks like a secret");
            self.note_secret(path);
        } else if facts.disk.kind(path) == Some(FileKind::Socket) {
            return;
        }
        propose(self.drafting, path, false, why);
    }

    fn note_secret(&mut self, path: &Path) {
        let written = self.drafting.facts.written(path, false);
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = secret::secret_name(&file.unwrap_or_default());
        let from = quoted(&format!("file:{written}"));
        self.drafting.note(
            Note::hint(
                "secret-file",
                format!("{written} looks like a secret. Delivered as one it lies in memory, its file is hidden, and it can be dropped: take it out of fs.read, write these lines, and let the service read /run/secrets/{name}"),
            )
            .with([
                format!("[secrets.{name}]"),
                format!("from = {from}"),
                "as = \"file\"".to_owned(),
                format!("to = \"/run/secrets/{name}\""),
            ]),
        );
    }

    fn note_listed(&mut self, folder: &Path) {
        let facts = self.drafting.facts;
        let above = facts.folder.starts_with(folder);
        let singly = forbidden::is_read_singly(folder, facts);
        if singly || (!above && forbidden::is_forbidden(folder, facts)) {
            let written = facts.written(folder, true);
            self.drafting.note(
                Note::finding(
                    "lists-system",
                    format!("the program lists {written}, which is far more than one service's and is not granted: it will see only what is granted in it; if it is meant, write the line yourself"),
                )
                .with([format!("fs.read = [{}]", quoted(&written))]),
            );
            return;
        }
        let why = if above {
            "it is the project or lies above it"
        } else {
            "something in it looks like a secret"
        };
        let written = facts.written(folder, true);
        self.drafting.note(Note::hint(
            "folder-listed",
            format!("the program lists {written}, which is not granted, because {why}: it will see only what is granted in it"),
        ));
    }
}

/// Files that are exchanged by renaming a new one over them.
fn is_certificate(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "crt" || end == "cer")
}
