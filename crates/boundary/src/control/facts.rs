//! What the answers need to know of a boundary, as values, and what was taken from it since.

use super::naming::Naming;
use crate::plan::{Access, Plan, UnixSocket, ViewEntry};
use ringfence_policy::model::Process;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Folders every service has of its own, where it has a root of its own.
const PRIVATE: [(&str, Access); 2] = [("/tmp", Access::Write), ("/dev/shm", Access::Write)];
/// What every service sees.
const COMMON: [(&str, Access); 7] = [
    ("/proc", Access::Read),
    ("/dev/null", Access::Write),
    ("/dev/zero", Access::Write),
    ("/dev/full", Access::Write),
    ("/dev/random", Access::Write),
    ("/dev/urandom", Access::Write),
    ("/sys/devices/system/cpu", Access::Read),
];

/// What a boundary shows and lets happen, apart from the network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// Whether the service has a root and a network of its own.
    pub(crate) namespaces: bool,
    /// What is shown, and what may be done with it.
    shown: Vec<Shown>,
    /// Node's own file flags; absent for another program, and where the boundary leaves them out.
    flags: Option<Flags>,
    /// Programs it may start.
    pub(crate) children: Vec<PathBuf>,
    /// The boundary's section.
    pub(crate) process: Process,
    /// Names of variables.
    pub(crate) env: Vec<String>,
    /// Secrets, and where those are that are files.
    pub(crate) secrets: Vec<(String, Option<PathBuf>)>,
    /// Secrets that are files, in the order of the plan.
    secret_files: Vec<(String, PathBuf)>,
    /// Unix sockets of the host.
    pub(crate) unix: Vec<UnixSocket>,
    /// Paths inside that can be taken away.
    pub(crate) droppable: Vec<PathBuf>,
    /// Which missing grants may be named.
    pub(crate) naming: Naming,
}

#[derive(Debug, Clone)]
struct Shown {
    path: PathBuf,
    below: bool,
    access: Option<Access>,
}

/// Paths of `--allow-fs-read` and `--allow-fs-write`.
#[derive(Debug, Clone, Default)]
struct Flags {
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
}

impl Facts {
    /// The facts of a plan that is carried out with or without namespaces.
    pub(crate) fn new(plan: &Plan, namespaces: bool) -> Self {
        let place = |name: &str| plan.secrets.iter().find(|s| s.name == name).map(|s| s.to.clone());
        let secrets = plan.secret_names.iter().map(|name| (name.clone(), place(name)));
        let held_by_node = plan.program.node.as_ref().filter(|_| plan.process.node_flags);
        let env = plan.env.iter().map(|(name, _)| name.to_string_lossy().into_owned());
        Self {
            namespaces,
            shown: shown(plan, namespaces),
            flags: held_by_node.map(|node| Flags::read(&node.flags)),
            children: plan.children.clone(),
            process: plan.process.clone(),
            env: env.collect(),
            secrets: secrets.collect(),
            secret_files: plan.secrets.iter().map(|s| (s.name.clone(), s.to.clone())).collect(),
            unix: plan.unix_sockets.clone(),
            droppable: plan.droppable.clone(),
            naming: Naming::of(plan),
        }
    }

    /// Secrets that are files: place in the plan, name, path inside.
    pub(crate) fn files_of_secrets(&self) -> impl Iterator<Item = (usize, &str, &Path)> {
        self.secret_files.iter().enumerate().map(|(at, (name, path))| (at, &**name, &**path))
    }

    /// What may be done with the object at this real path, by what lies nearest around it.
    pub(crate) fn access(&self, real: &Path) -> Option<Access> {
        let around = self
            .shown
            .iter()
            .filter(|shown| shown.path == real || (shown.below && real.starts_with(&shown.path)));
        // Later entries lie over earlier ones at the same place.
        around.max_by_key(|shown| shown.path.as_os_str().len())?.access
    }

    /// Whether Node's own flags name a path, as it is written, for reading or writing.
    pub(crate) fn flags_name(&self, path: &Path, write: bool) -> bool {
        self.flags.as_ref().is_none_or(|flags| {
            let granted = if write { &flags.write } else { &flags.read };
            granted.iter().any(|granted| path.starts_with(granted))
        })
    }
}

impl Flags {
    fn read(flags: &[OsString]) -> Self {
        let of = |name: &str| {
            let paths =
                flags.iter().filter_map(|flag| flag.as_bytes().strip_prefix(name.as_bytes()));
            paths.map(|path| PathBuf::from(OsStr::from_bytes(path))).collect()
        };
        Self { read: of("--allow-fs-read="), write: of("--allow-fs-write=") }
    }
}

fn shown(plan: &Plan, namespaces: bool) -> Vec<Shown> {
    let at = |path: &str, access| Shown { path: path.into(), below: true, access: Some(access) };
    let mut shown: Vec<Shown> = COMMON.iter().map(|(path, access)| at(path, *access)).collect();
    if namespaces {
        shown.extend(PRIVATE.iter().map(|(path, access)| at(path, *access)));
    }
    for entry in &plan.view {
        match entry {
            ViewEntry::Bind { target, directory, access, .. } => {
                let (path, below) = (target.clone(), *directory);
                shown.push(Shown { path, below, access: Some(*access) });
            }
            ViewEntry::Mask { target, .. } => {
                shown.push(Shown { path: target.clone(), below: true, access: None });
            }
            ViewEntry::Symlink { .. } | ViewEntry::Directory { .. } => {}
        }
    }
    if namespaces {
        shown.extend(crate::generated::GENERATED.iter().map(|path| at(path, Access::Read)));
    }
    let secret =
        |path: &PathBuf| Shown { path: path.clone(), below: false, access: Some(Access::Read) };
    shown.extend(plan.secrets.iter().map(|s| secret(&s.to)));
    shown
}

/// What was dropped since the start, besides the network.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken {
    /// Paths inside, and everything below each.
    pub(crate) paths: Vec<PathBuf>,
    /// Names of secrets.
    pub(crate) secrets: Vec<String>,
    /// No program may be started any more.
    pub(crate) children: bool,
}

impl Taken {
    /// Whether this path was dropped.
    pub(crate) fn hides(&self, path: &Path) -> bool {
        self.paths.iter().any(|dropped| path.starts_with(dropped))
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A service with a folder it reads, one it writes, two that can be dropped, and secrets.
    pub(crate) fn facts() -> Facts {
        let entry = |path: &str, below, access| Shown { path: path.into(), below, access };
        let flags = ["/app", "/data", "/run/secrets/jwt", "/tmp", "/proc"].map(PathBuf::from);
        Facts {
            namespaces: true,
            shown: vec![
                entry("/proc", true, Some(Access::Read)),
                entry("/tmp", true, Some(Access::Write)),
                entry("/app", true, Some(Access::Read)),
                entry("/app/dev-secret", false, None),
                entry("/app/certs", true, Some(Access::Read)),
                entry("/data", true, Some(Access::Write)),
                entry("/data/fixed", true, Some(Access::Read)),
                entry("/lib/libc.so", false, Some(Access::Execute)),
                entry("/run/secrets/jwt", false, Some(Access::Read)),
                entry("/run/secrets/db", false, Some(Access::Read)),
            ],
            flags: Some(Flags { read: flags.to_vec(), write: vec!["/data".into(), "/tmp".into()] }),
            children: vec!["/usr/bin/git".into()],
            env: vec!["PATH".to_owned()],
            secrets: vec![
                ("jwt".to_owned(), Some("/run/secrets/jwt".into())),
                ("db".to_owned(), Some("/run/secrets/db".into())),
                ("token".to_owned(), None),
            ],
            secret_files: vec![
                ("jwt".to_owned(), "/run/secrets/jwt".into()),
                ("db".to_owned(), "/run/secrets/db".into()),
            ],
            unix: vec![UnixSocket {
                named: "/run/db.sock".into(),
                real: "/srv/db.sock".into(),
                object: None,
            }],
            droppable: vec!["/app/certs".into()],
            ..Facts::default()
        }
    }

    /// Where paths lead when `/link` leads to `/etc/shadow`, `/loop` nowhere, `/new` is missing.
    pub(crate) fn leads(path: &Path) -> crate::control::truth::Led {
        use crate::control::truth::Led;
        let text = path.to_string_lossy();
        match text.as_ref() {
            "/app/link" => Led::To("/etc/shadow".into()),
            "/current" => Led::To("/app".into()),
            _ if text.contains("loop") => Led::Nowhere,
            _ if text.contains("new") => Led::Missing,
            _ => Led::To(crate::resolve::tidy(path)),
        }
    }
}
