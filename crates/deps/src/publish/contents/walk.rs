//! The walk: which entries of each folder pass its rules and those of the folders above.

use super::super::pattern::Budget;
use super::bundled::Tree;
use super::manifest::PackedManifest;
use super::rules::{self, Rules};
use super::{Contents, ContentsError, DEEPEST, LARGEST_TEXT, MOST_FILES, Npm, Shipped};
use super::{files, workspaces};
use ringfence_policy::display::quoted;
use ringfence_project::walk as read;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

/// What is needed all the way down.
pub(super) struct Walk<'a> {
    pub(super) npm: Npm,
    /// The folder of the package that is packed.
    pub(super) root: &'a Path,
    pub(super) contents: Contents,
    pub(super) budget: Budget,
}

/// A package whose folder is walked: the one that is packed, or a bundled one.
pub(super) struct Walked<'a> {
    pub(super) manifest: Option<&'a PackedManifest>,
    /// Whether npm's defaults and ignore files hold: not in bundled packages, unless they are links.
    pub(super) own: bool,
    /// Whether it has workspaces.
    pub(super) workspaces: bool,
    /// Further rules beside the defaults: those of a workspace's root.
    pub(super) beside: Vec<String>,
    /// Whether it is the package that is packed.
    pub(super) is_root: bool,
}

/// A folder and its rules.
struct Level<'a> {
    parent: Option<&'a Level<'a>>,
    name: String,
    /// It passed by itself, and not only as the way to something.
    exact: bool,
    lists: Vec<Rules>,
    required: Vec<String>,
}

/// Packs a folder.
pub(super) fn pack(folder: &Path, npm: Npm) -> Result<Contents, ContentsError> {
    let missing = || ContentsError::Manifest {
        path: "package.json".to_owned(),
        why: "there is none: this is no package".to_owned(),
    };
    let manifest = PackedManifest::read(folder, "package.json")?.ok_or_else(missing)?;
    let mut walk =
        Walk { npm, root: folder, contents: Contents::default(), budget: Budget::default() };
    let own = workspaces::of(folder, &manifest, &walk.budget)?;
    let package = Walked {
        manifest: Some(&manifest),
        own: true,
        workspaces: !own.is_empty(),
        beside: workspaces::rules_above(folder, &walk.budget)?,
        is_root: true,
    };
    walk.package(folder, &package)?;
    Tree::new(folder, &own).gather(&manifest, &mut walk)?;
    if walk.budget.is_spent() {
        let source = super::PatternError::Steps;
        return Err(ContentsError::Pattern {
            pattern: "files and ignore files".to_owned(),
            source,
        });
    }
    Ok(walk.contents)
}

impl Walk<'_> {
    /// Walks the folder of a package.
    pub(super) fn package(
        &mut self,
        path: &Path,
        package: &Walked<'_>,
    ) -> Result<(), ContentsError> {
        let names = names(path)?;
        let mut level = Level {
            parent: None,
            name: String::new(),
            exact: false,
            lists: Vec::new(),
            required: Vec::new(),
        };
        if package.own {
            let defaults = rules::DEFAULTS.iter().map(|rule| (*rule).to_owned());
            let all: Vec<String> = defaults.chain(package.beside.iter().cloned()).collect();
            level.lists.push(rules::of(&all)?);
        }
        let manifest = package.manifest.filter(|_| names.iter().any(|name| name == "package.json"));
        let mut read_files = files::Files::default();
        let mut has_files = false;
        if let Some(manifest) = manifest {
            let shown = self.shown(&path.join("package.json"));
            if let Some(entries) = manifest.files(&shown)? {
                read_files = files::read(path, &entries, self.npm, &self.budget)?;
                level.lists.push(rules::of(&read_files.ignores)?);
                has_files = true;
            }
        }
        if package.own && !has_files {
            level.lists.extend(ignore_file(path, &names)?);
        }
        if let Some(manifest) = manifest {
            let entries = manifest.entry_rules(path);
            let patches = self.npm == Npm::Twelve && package.is_root;
            let patches = if patches { manifest.patches() } else { Vec::new() };
            level.lists.push(rules::of(&files::strict(&read_files, entries, patches, self.npm))?);
        }
        level.required = read_files.required;
        self.entries(path, &names, &level, package.workspaces, 0)
    }

    /// Walks a folder below a package.
    fn folder(
        &mut self,
        path: &Path,
        mut level: Level<'_>,
        workspaces: bool,
        depth: usize,
    ) -> Result<(), ContentsError> {
        if depth > DEEPEST {
            return Err(ContentsError::Large);
        }
        let names = names(path)?;
        level.lists.push(rules::of(&rules::DEFAULTS)?);
        // A package with workspaces reads every package.json below it as an ignore file.
        let odd = workspaces && names.iter().any(|name| name == "package.json");
        if odd {
            level.lists.push(rules::read(&text(&path.join("package.json"))?)?);
        } else {
            level.lists.extend(ignore_file(path, &names)?);
        }
        let mut strict = vec![rules::STRICT_BELOW.to_owned()];
        if self.npm != Npm::Twelve {
            strict.extend(level.required.iter().map(|file| format!("!{file}")));
        }
        level.lists.push(rules::of(&strict)?);
        self.entries(path, &names, &level, workspaces, depth)
    }

    fn entries(
        &mut self,
        path: &Path,
        names: &[String],
        level: &Level<'_>,
        workspaces: bool,
        depth: usize,
    ) -> Result<(), ContentsError> {
        for name in names {
            let as_file = level.passes(&[name], false, None, &self.budget);
            let as_folder = || level.passes(&[name], true, None, &self.budget);
            let entry = path.join(name);
            let shown = self.shown(&entry);
            if name.contains('*') {
                if as_file || as_folder() {
                    self.contents.left_out.push(shown);
                }
                continue;
            }
            let failed = |source| ContentsError::Read { path: entry.clone(), source };
            let found = match entry.symlink_metadata() {
                // Nobody asks for it, so nobody has to be able to look at it.
                Err(_) if !as_file && !as_folder() => continue,
                found => found.map_err(failed)?,
            };
            if found.is_dir() && as_folder() {
                let exact = as_file || level.passes(&[name, ""], false, None, &self.budget);
                let below = Level {
                    parent: Some(level),
                    name: name.clone(),
                    exact,
                    lists: Vec::new(),
                    required: files::required_in(&level.required, name),
                };
                self.folder(&entry, below, workspaces, depth + 1)?;
            } else if found.is_file() && as_file {
                self.contents.files.insert(shown, shipped(&found));
                if self.contents.files.len() > MOST_FILES {
                    return Err(ContentsError::Large);
                }
            } else if found.is_symlink() && as_file {
                let target = fs::read_link(&entry).map_err(failed)?;
                self.contents.links.insert(shown, target);
            }
        }
        Ok(())
    }

    /// A path as it is in the package.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.root).unwrap_or(path).to_string_lossy().into_owned()
    }
}

impl Level<'_> {
    /// Whether an entry passes, from the folder of the package down to this one. `base` is its last name,
    /// where it is not an entry of this folder itself.
    fn passes(&self, entry: &[&str], partial: bool, base: Option<&str>, budget: &Budget) -> bool {
        let mut included = true;
        if let Some(parent) = self.parent {
            let above = [&[self.name.as_str()], entry].concat();
            let last = base.or(entry.first().copied());
            included = parent.passes(&above, partial, last, budget);
            if !included && !self.exact {
                return false;
            }
        }
        let mut shapes = None;
        for rule in self.lists.iter().flatten() {
            if rule.negate == included {
                continue;
            }
            // Most rules are told from most names at once: a package has many of both.
            let may_fit = rule.may_match(entry, budget);
            if !may_fit && (rule.is_of_name || !partial || !rule.negate) {
                continue;
            }
            let (path, last) = shapes
                .get_or_insert_with(|| (Shapes::of(entry), base.map(|base| Shapes::of(&[base]))));
            let exactly = |rooted: &[&str], inside: &[&str]| {
                rule.matches(rooted, false, budget) || rule.matches(inside, false, budget)
            };
            let on_the_way = |shapes: &Shapes<'_>| {
                exactly(&shapes.folder, shapes.folder_inside())
                    || rule.negate
                        && (rule.matches(&shapes.rooted, true, budget)
                            || rule.matches(shapes.inside(), true, budget))
            };
            let fits = exactly(&path.rooted, path.inside())
                || partial
                    && (on_the_way(path)
                        || rule.is_relative && last.as_ref().is_some_and(on_the_way));
            if fits {
                included = rule.negate;
            }
        }
        included
    }
}

/// A path in the four ways in which it is matched: with and without a slash at each end.
struct Shapes<'a> {
    /// `/a/b`
    rooted: Vec<&'a str>,
    /// `/a/b/`
    folder: Vec<&'a str>,
}

impl<'a> Shapes<'a> {
    fn of(entry: &[&'a str]) -> Self {
        let rooted = [&[""], entry].concat();
        let mut folder = rooted.clone();
        // Slashes in a row are one.
        if folder.last() != Some(&"") {
            folder.push("");
        }
        Self { rooted, folder }
    }

    fn inside(&self) -> &[&'a str] {
        &self.rooted[1..]
    }

    fn folder_inside(&self) -> &[&'a str] {
        &self.folder[1..]
    }
}

/// The names in a folder, in any order.
fn names(path: &Path) -> Result<Vec<String>, ContentsError> {
    let failed = |source| ContentsError::Read { path: path.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().into_string();
        names.push(name.map_err(|name| ContentsError::Name(path.join(name)))?);
        if names.len() > MOST_FILES {
            return Err(ContentsError::Large);
        }
    }
    names.sort();
    Ok(names)
}

/// The ignore file that counts in a folder: `.npmignore`, else `.gitignore`.
fn ignore_file(path: &Path, names: &[String]) -> Result<Option<Rules>, ContentsError> {
    // npm reads both, and gives up where it cannot.
    let mut first = None;
    for name in [".npmignore", ".gitignore"] {
        if names.iter().any(|one| one == name) {
            let read = rules::read(&text(&path.join(name))?)?;
            first = first.or(Some(read));
        }
    }
    Ok(first)
}

/// A file as text; what is not UTF-8 in it matches nothing.
pub(super) fn text(path: &Path) -> Result<String, ContentsError> {
    let bytes = read::bytes(path, LARGEST_TEXT).map_err(|error| ContentsError::Read {
        path: path.to_owned(),
        source: io::Error::other(error.to_string()),
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(unix)]
fn shipped(found: &Metadata) -> Shipped {
    use std::os::unix::fs::MetadataExt as _;
    Shipped {
        size: found.len(),
        executable: found.mode() & 0o111 != 0,
        inode: (found.nlink() > 1).then(|| (found.dev(), found.ino())),
    }
}

#[cfg(not(unix))]
fn shipped(found: &Metadata) -> Shipped {
    Shipped { size: found.len(), executable: false, inode: None }
}

/// Of a package that lies elsewhere, its name.
pub(super) fn outside(name: &str) -> ContentsError {
    ContentsError::Outside(quoted(name).to_string())
}

/// Where a link leads, in the end.
pub(super) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}
