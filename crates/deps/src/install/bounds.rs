//! The boundaries of an install, as plans for the engine.
//!
//! Each is resolved from the text of a boundary file, like that of a service, so identity, libraries and
//! the environment are found the same way. What no such file can say is put into the plan afterwards: the
//! new tree in the place of the old one, and a package's own folder, which is both written to and
//! executed from.

use super::error::InstallError;
use super::sources::Endpoint;
use super::staging::NAME;
pub(super) use ringfence_boundary::plan::Access;
use ringfence_boundary::plan::{Plan, ViewEntry};
use ringfence_boundary::resolve::{self, Caller, Request};
use ringfence_policy::secret_files;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Bytes of memory of a script and all it starts.
const MEMORY: &str = "4GiB";
/// Its processes and threads.
const PROCESSES: u64 = 1024;
/// Bytes in one file, and in the private `/tmp`.
const FILE_SIZE: &str = "4GiB";

/// Every layer of the kernel must be in force but control groups, whose absence is told.
const LAYERS: &str =
    r#"["environment", "identity", "namespaces", "rlimits", "landlock", "seccomp", "broker"]"#;

/// What is the same for every boundary of an install.
#[derive(Debug)]
pub(super) struct Bounds<'a> {
    /// The project's folder, real.
    pub(super) folder: &'a Path,
    /// Who runs this.
    pub(super) caller: &'a Caller,
    /// `PATH` of the caller, for the libraries of programs.
    pub(super) path: &'a std::ffi::OsStr,
}

/// One boundary, while it is put together.
#[derive(Debug)]
pub(super) struct Room {
    /// `service.name`
    pub(super) name: &'static str,
    /// Program and arguments.
    pub(super) command: Vec<OsString>,
    /// Working directory, as it is named inside.
    pub(super) cwd: PathBuf,
    /// The complete environment.
    pub(super) env: Vec<(OsString, OsString)>,
    /// What may be reached.
    pub(super) reach: Vec<Endpoint>,
    /// Whether programs are built in it.
    pub(super) builds: bool,
    /// The folder of the script that Node is started with.
    pub(super) started: Option<PathBuf>,
    view: BTreeMap<PathBuf, ViewEntry>,
}

impl Room {
    pub(super) fn new(name: &'static str, command: Vec<OsString>, cwd: &Path) -> Self {
        let (env, reach, view) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { name, command, cwd: cwd.to_owned(), env, reach, builds: false, started: None, view }
    }

    /// Shows `source` at `target`. What is not there is not shown.
    pub(super) fn bind(&mut self, source: &Path, target: &Path, access: Access, why: &str) {
        let Ok(source) = source.canonicalize() else { return };
        let Ok(found) = fs::metadata(&source) else { return };
        if !(found.is_dir() || found.is_file()) {
            return;
        }
        let entry = ViewEntry::Bind {
            source,
            target: target.to_owned(),
            directory: found.is_dir(),
            access,
            object: (found.dev(), found.ino()),
            why: why.to_owned(),
        };
        self.view.insert(target.to_owned(), entry);
    }

    /// Shows an object where it is, by its real path, with the link that leads there.
    pub(super) fn show(&mut self, path: &Path, access: Access, why: &str) {
        let Ok(real) = path.canonicalize() else { return };
        if let Ok(to) = fs::read_link(path) {
            self.view.insert(path.to_owned(), ViewEntry::Symlink { path: path.to_owned(), to });
        }
        self.bind(&real, &real, access, why);
    }

    /// Hides a file that is shown around it.
    pub(super) fn hide(&mut self, target: &Path, why: &str) {
        let mask = ViewEntry::Mask { target: target.to_owned(), why: why.to_owned() };
        self.view.insert(target.to_owned(), mask);
    }

    /// The system's programs, libraries and headers.
    pub(super) fn system(&mut self) {
        for folder in ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin"] {
            self.show(Path::new(folder), Access::Execute, "the system's programs");
        }
        for data in ["/etc/alternatives", "/etc/ld.so.conf", "/etc/ld.so.conf.d"] {
            self.show(Path::new(data), Access::Read, "which of the system's programs");
        }
    }

    /// The project's files, read-only, entry by entry, so that each `node_modules` of an importer can be
    /// another one without anything being made in the project.
    pub(super) fn checkout(&mut self, folder: &Path, importers: &[String], secrets: Secrets) {
        self.entries(folder, "", importers, secrets);
    }

    fn entries(&mut self, folder: &Path, at: &str, importers: &[String], secrets: Secrets) {
        let place = folder.join(at);
        self.view.insert(
            place.clone(),
            ViewEntry::Directory { path: place.clone(), listed: at.is_empty() },
        );
        let Ok(entries) = fs::read_dir(&place) else { return };
        for entry in entries.flatten() {
            let file_name = entry.file_name();
            // A name that is no text is in no manifest.
            let Some(name) = file_name.to_str() else { continue };
            let below = if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
            let Ok(kind) = entry.file_type() else { continue };
            let own = at.is_empty() && name == NAME;
            let replaced = name == "node_modules" && importers.iter().any(|one| one == at);
            if own || replaced || (secrets == Secrets::Hidden && is_hidden(name)) {
                continue;
            }
            let path = entry.path();
            let inside = format!("{below}/");
            if kind.is_symlink() {
                let to = fs::read_link(&path).unwrap_or_default();
                self.view.insert(path.clone(), ViewEntry::Symlink { path, to });
            } else if kind.is_dir()
                && importers.iter().any(|one| *one == below || one.starts_with(&inside))
            {
                self.entries(folder, &below, importers, secrets);
            } else {
                self.bind(&path, &path, Access::Read, "the project");
            }
        }
    }
}

/// What becomes of files of the project that hold secrets by their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Secrets {
    Hidden,
    Shown,
}

/// Whether a name of the project is nothing for what others wrote.
pub(super) fn is_hidden(name: &str) -> bool {
    name == ".git" || secret_files::FOLDERS.contains(&name) || secret_files::holds(name).is_some()
}

impl Bounds<'_> {
    /// The plan of a room.
    pub(super) fn plan(&self, room: Room) -> Result<Plan, InstallError> {
        let text = text(&room);
        let file = self.folder.join("package.json");
        let boundary = ringfence_policy::parse("install", &text).map_err(|diagnostics| {
            let all: Vec<_> = diagnostics.iter().map(|one| one.message.clone()).collect();
            InstallError::Resolve(all.join("; "))
        })?;
        let environment = vec![("PATH".into(), self.path.to_owned())];
        let request = Request {
            boundary: &boundary,
            file: &file,
            folder: self.folder,
            hash: "",
            command: Some(&room.command),
            environment: &environment,
            caller: self.caller.clone(),
        };
        let mut plan = resolve::resolve(&request).map_err(|errors| {
            let all: Vec<_> = errors.iter().map(ToString::to_string).collect();
            InstallError::Resolve(all.join("; "))
        })?;
        plan.view = joined(plan.view, room.view);
        plan.env = room.env;
        plan.cwd = room.cwd;
        plan.builds = room.builds;
        Ok(plan)
    }
}

fn text(room: &Room) -> String {
    let quoted = |text: String| format!("\"{text}\"");
    let mut connect: Vec<String> = Vec::new();
    let mut private = Vec::new();
    for endpoint in &room.reach {
        if endpoint.host == "localhost" {
            connect.push(quoted(format!("127.0.0.1:{}", endpoint.port)));
            connect.push(quoted(format!("[::1]:{}", endpoint.port)));
            continue;
        }
        connect.push(quoted(endpoint.to_string()));
        let is_address =
            endpoint.host.starts_with('[') || endpoint.host.parse::<std::net::Ipv4Addr>().is_ok();
        if !is_address {
            private.push(quoted(endpoint.host.clone()));
        }
    }
    private.dedup();
    // JSON's form of a string is TOML's.
    let read =
        room.started.iter().map(|path| serde_json::json!(path.to_string_lossy()).to_string());
    let read: Vec<String> = read.collect();
    format!(
        "schema = 1\n[service]\nname = \"{}\"\nstart = [\"/bin/sh\"]\n\
         [fs]\nread = [{}]\n[process]\nnode-flags = false\nworkers = true\n\
         [net]\nconnect = [{}]\nprivate = [{}]\n\
         [limits]\nmemory = \"{MEMORY}\"\npids = {PROCESSES}\nfile-size = \"{FILE_SIZE}\"\ntmp = \"{FILE_SIZE}\"\n\
         [require]\nlayers = {LAYERS}\n",
        room.name,
        read.join(", "),
        connect.join(", "),
        private.join(", "),
    )
}

fn place(entry: &ViewEntry) -> &Path {
    match entry {
        ViewEntry::Bind { target, .. } | ViewEntry::Mask { target, .. } => target,
        ViewEntry::Symlink { path, .. } | ViewEntry::Directory { path, .. } => path,
    }
}

/// What was resolved, and over it what this install shows; parents before children.
fn joined(resolved: Vec<ViewEntry>, own: BTreeMap<PathBuf, ViewEntry>) -> Vec<ViewEntry> {
    let runs = |entry: &ViewEntry, below: &Path| match entry {
        ViewEntry::Bind { source, target, directory: true, access: Access::Execute, .. } => {
            source == target && below != target && below.starts_with(target)
        }
        _ => false,
    };
    let mut all = BTreeMap::new();
    for entry in resolved {
        let at = place(&entry).to_owned();
        // A folder that is shown whole needs no mount for a library in it.
        if !own.values().any(|around| runs(around, &at)) {
            all.insert(at, entry);
        }
    }
    all.extend(own);
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_room_is_a_boundary_file() {
        let mut room = Room::new("fetch", vec!["/bin/true".into()], Path::new("/"));
        for url in [
            "https://one.example",
            "http://127.0.0.1:4873",
            "http://localhost:80",
            "http://[::1]:8",
        ] {
            room.reach.push(Endpoint::of(url).unwrap());
        }
        let boundary = ringfence_policy::parse("x", &text(&room)).unwrap();
        assert_eq!(boundary.net.connect.len(), 5);
        assert_eq!(boundary.net.private.len(), 1);
    }

    #[test]
    fn the_project_is_shown_without_its_secrets_its_history_and_its_old_tree() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().canonicalize().unwrap();
        for file in [
            "package.json",
            ".env",
            ".npmrc",
            ".git/config",
            "src/a.js",
            "a/b/package.json",
            "a/b/node_modules/x",
            "node_modules/x",
        ] {
            fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
            fs::write(folder.join(file), "").unwrap();
        }
        let shown = |secrets| {
            let mut room = Room::new("x", Vec::new(), &folder);
            room.checkout(&folder, &[String::new(), "a/b".to_owned()], secrets);
            let files =
                room.view.into_values().filter(|entry| matches!(entry, ViewEntry::Bind { .. }));
            files
                .map(|entry| {
                    super::place(&entry).strip_prefix(&folder).unwrap().display().to_string()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(shown(Secrets::Hidden), ["a/b/package.json", "package.json", "src"]);
        assert_eq!(
            shown(Secrets::Shown),
            [".env", ".git", ".npmrc", "a/b/package.json", "package.json", "src"]
        );
    }
}
