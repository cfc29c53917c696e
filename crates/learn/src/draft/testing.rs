//! Handmade records and a disk of paper.

use super::own::ImpliedPath;
use super::{Disk, Draft, Facts, Kind, draft};
use crate::record::line::{
    Caller, Connect, Exec, FeatureUsed, FileSeen, Line, Listen, Query, Resolved, UnixSocket, Use,
    Variable,
};
use crate::record::{Begin, Capability, Feature, FileKind, FileUse, Record, Transport};
use ringfence_policy::model::Boundary;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A disk that exists on paper: paths that end in `/` are folders.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    paths: BTreeMap<PathBuf, (FileKind, String)>,
    links: BTreeMap<PathBuf, PathBuf>,
}

impl Tree {
    pub(crate) fn new(paths: &[&str]) -> Self {
        paths.iter().fold(Self::default(), |tree, path| tree.with(path, ""))
    }

    pub(crate) fn with(mut self, path: &str, text: &str) -> Self {
        let kind = if path.ends_with('/') {
            FileKind::Directory
        } else if Path::new(path).extension().is_some_and(|end| end == "sock") {
            FileKind::Socket
        } else {
            FileKind::File
        };
        let path = PathBuf::from(path.trim_end_matches('/'));
        for above in path.ancestors().skip(1) {
            self.paths.entry(above.into()).or_insert((FileKind::Directory, String::new()));
        }
        self.paths.insert(path, (kind, text.to_owned()));
        self
    }

    pub(crate) fn link(mut self, from: &str, to: &str) -> Self {
        self.links.insert(from.into(), to.into());
        self
    }
}

impl Disk for Tree {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        let path = self.real(path)?;
        self.paths.get(&path).map(|(kind, _)| *kind)
    }

    fn real(&self, path: &Path) -> Option<PathBuf> {
        for (from, to) in &self.links {
            if let Ok(inside) = path.strip_prefix(from) {
                return Some(if inside == Path::new("") { to.clone() } else { to.join(inside) });
            }
        }
        Some(path.into())
    }

    fn entries(&self, folder: &Path) -> Vec<(String, FileKind)> {
        let inside = self.paths.iter().filter(|(path, _)| path.parent() == Some(folder));
        let links = self.links.keys().filter(|path| path.parent() == Some(folder));
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        let mut all: Vec<_> = inside.map(|(path, (kind, _))| (name(path), *kind)).collect();
        all.extend(links.map(|path| (name(path), FileKind::Other)));
        all
    }

    fn text(&self, path: &Path) -> Option<String> {
        let (kind, text) = self.paths.get(&self.real(path)?)?;
        (*kind == FileKind::File).then(|| text.clone())
    }

    fn sha256(&self, path: &Path) -> Option<String> {
        self.text(path).map(|text| format!("{:064x}", text.len()))
    }
}

/// A run of `/usr/bin/node server.mjs` in `/srv/app`.
pub(crate) struct Seen {
    record: Record,
    pub(crate) disk: Tree,
    homes: Vec<PathBuf>,
    lines: Vec<Line>,
}

pub(crate) const PROJECT: &str = "/srv/app";

impl Seen {
    pub(crate) fn new(paths: &[&str]) -> Self {
        let begin = Begin {
            version: 1,
            ringfence: "0".into(),
            command: vec!["node".into(), "server.mjs".into()],
            cwd: PROJECT.into(),
            started: 0,
            environment: vec!["PORT".into()],
            boundary: None,
            blind: Vec::new(),
        };
        let seen = Self {
            record: Record::new(begin),
            disk: Tree::new(paths).with("/usr/bin/node", "").with("/srv/app/", ""),
            homes: vec!["/home/ann".into(), "/root".into()],
            lines: Vec::new(),
        };
        seen.exec_first("/usr/bin/node")
    }

    pub(crate) fn with(mut self, path: &str, text: &str) -> Self {
        self.disk = self.disk.with(path, text);
        self
    }

    pub(crate) fn link(mut self, from: &str, to: &str) -> Self {
        self.disk = self.disk.link(from, to);
        self
    }

    /// A variable that the run was given.
    pub(crate) fn given(mut self, name: &str) -> Self {
        self.record.begin.environment.push(name.into());
        self
    }

    fn line(mut self, line: Line) -> Self {
        self.lines.push(line);
        self
    }

    fn exec_first(self, path: &str) -> Self {
        self.line(Line::Exec(Exec {
            path: path.into(),
            real: None,
            argv: vec!["node".into()],
            first: true,
            at: 0,
            pid: 1,
        }))
    }

    pub(crate) fn exec(self, path: &str) -> Self {
        self.line(Line::Exec(Exec {
            path: path.into(),
            real: None,
            argv: Vec::new(),
            first: false,
            at: 20,
            pid: 2,
        }))
    }

    pub(crate) fn file(self, path: &str, used: FileUse, found: FileKind) -> Self {
        let real = self.disk.real(Path::new(path)).filter(|real| real != Path::new(path));
        self.line(Line::File(FileSeen {
            path: path.into(),
            real,
            used,
            found,
            at: 12,
            pid: 1,
            program: "/usr/bin/node".into(),
        }))
    }

    /// Files of the disk that were read.
    pub(crate) fn read(mut self, paths: &[&str]) -> Self {
        for path in paths {
            if self.disk.kind(Path::new(path)).is_none() {
                self = self.with(path, "");
            }
            self = self.file(path, FileUse::Read, FileKind::File);
        }
        self
    }

    pub(crate) fn asked(self, capability: Capability, resource: &str) -> Self {
        let by = Caller {
            package: Some("pkg".into()),
            version: Some("1.0.0".into()),
            place: format!("{PROJECT}/node_modules/pkg/index.js:3:7"),
        };
        self.line(Line::Use(Use { capability, resource: resource.into(), by, pid: 1 }))
    }

    pub(crate) fn connect(self, to: &str, own: bool) -> Self {
        let (to, transport) = (to.parse().unwrap(), Transport::Tcp);
        self.line(Line::Connect(Connect { to, transport, own, at: 30, pid: 1 }))
    }

    pub(crate) fn udp(self, to: &str) -> Self {
        let (to, transport) = (to.parse().unwrap(), Transport::Udp);
        self.line(Line::Connect(Connect { to, transport, own: false, at: 30, pid: 1 }))
    }

    pub(crate) fn query(self, name: &str, to: &str) -> Self {
        let to = to.parse().unwrap();
        self.line(Line::Query(Query { name: name.into(), to, at: 1, pid: 1 }))
    }

    pub(crate) fn resolved(self, name: &str, addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        self.line(Line::Resolved(Resolved { name: name.into(), addresses, pid: 1 }))
    }

    pub(crate) fn listen(self, address: &str, transport: Transport) -> Self {
        let listening = transport == Transport::Tcp;
        let address = address.parse().unwrap();
        self.line(Line::Listen(Listen { address, transport, listening, at: 9, pid: 1 }))
    }

    pub(crate) fn unix(self, path: &str, bound: bool) -> Self {
        self.line(Line::Unix(UnixSocket { path: path.into(), bound, at: 9, pid: 1 }))
    }

    pub(crate) fn env(self, name: &str, present: bool) -> Self {
        self.line(Line::Env(Variable { name: name.into(), present, pid: 1 }))
    }

    pub(crate) fn feature(self, feature: Feature) -> Self {
        self.line(Line::Feature(FeatureUsed { feature, pid: 1 }))
    }

    /// The record as if it had been read from a file.
    pub(crate) fn record(&self) -> Record {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("record");
        let begin = Line::Begin(self.record.begin.clone());
        let lines = std::iter::once(&begin).chain(&self.lines);
        let text: Vec<String> = lines.map(|line| serde_json::to_string(line).unwrap()).collect();
        std::fs::write(&path, text.join("\n") + "\n").unwrap();
        Record::read(&path).unwrap()
    }

    pub(crate) fn draft_with(&self, boundary: Option<&Boundary>) -> Draft {
        let implied = [("/usr/lib/libc.so.6", "shared library"), ("/tmp/bin/node", "program")];
        let implied = implied.map(|(path, why)| ImpliedPath {
            path: path.into(),
            directory: false,
            why: why.into(),
        });
        let facts = Facts {
            folder: Path::new(PROJECT),
            homes: &self.homes,
            own_addresses: &["203.0.114.9".parse().unwrap()],
            implied: &implied,
            is_private: |path| {
                ["/tmp", "/dev", "/proc", "/sys", "/etc/hosts"]
                    .iter()
                    .any(|own| path.starts_with(own))
            },
            boundary,
            disk: &self.disk,
        };
        draft(&self.record(), &facts)
    }

    /// The lines that a draft would add, each as it would stand alone.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.draft_with(None).missing().map(super::Proposed::line).collect()
    }

    pub(crate) fn lines_with(&self, file: &str) -> Vec<String> {
        let boundary = boundary(file);
        self.draft_with(Some(&boundary)).missing().map(super::Proposed::line).collect()
    }

    pub(crate) fn codes(&self) -> Vec<&'static str> {
        self.draft_with(None).notes.iter().map(|note| note.code).collect()
    }
}

/// A boundary with these lines after its service.
pub(crate) fn boundary(lines: &str) -> Boundary {
    let text = format!("[service]\nname = \"a\"\nstart = [\"node\", \"server.mjs\"]\n{lines}");
    ringfence_policy::parse("ringfence.toml", &text).unwrap()
}

/// The grants of the file that a draft found in use.
pub(crate) fn granted(draft: &Draft) -> Vec<String> {
    let granted = draft.proposed.iter().filter(|proposed| proposed.kind == Kind::AlreadyGranted);
    granted.map(super::Proposed::line).collect()
}
