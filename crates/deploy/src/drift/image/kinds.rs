//! What kind of content a file of an image is.

use super::content::Looked;
use crate::render::Order;
use crate::render::dockerfile::{below, program};
use ringfence_policy::paths::normal;
use ringfence_project::image::{Entry, Image, Kind as EntryKind};
use std::collections::BTreeSet;

/// What does not belong into a runtime image, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Installs programs.
    PackageManager,
    /// Runs commands.
    Shell,
    /// Makes programs.
    Compiler,
    /// Fetches.
    Fetcher,
    /// Only needed to develop.
    DevDependency,
    /// What a package manager keeps for the next time.
    Cache,
    /// History of the source.
    VersionControl,
    /// Tests of the service.
    Tests,
    /// In the service's folder, and no grant shows it.
    NotGranted,
    /// Anything else.
    Foreign,
}

const PACKAGE_MANAGERS: [&str; 27] = [
    "apk",
    "apt",
    "apt-cache",
    "apt-get",
    "bun",
    "bunx",
    "corepack",
    "dnf",
    "dpkg",
    "dpkg-deb",
    "gem",
    "microdnf",
    "npm",
    "npx",
    "opkg",
    "pacman",
    "pip",
    "pip3",
    "pnpm",
    "pnpx",
    "rpm",
    "tdnf",
    "yarn",
    "yarnpkg",
    "yum",
    "zypper",
    "easy_install",
];
const SHELLS: [&str; 10] =
    ["ash", "bash", "busybox", "dash", "ksh", "rbash", "sh", "toybox", "tcsh", "zsh"];
const COMPILERS: [&str; 19] = [
    "ar", "as", "c++", "cc", "clang", "cpp", "g++", "gcc", "go", "ld", "ld.bfd", "make",
    "node-gyp", "perl", "python", "python3", "ruby", "rustc", "tcc",
];
const FETCHERS: [&str; 10] =
    ["curl", "ftp", "nc", "ncat", "netcat", "scp", "socat", "ssh", "telnet", "wget"];
/// Folders of programs.
const PROGRAMS: [&str; 7] =
    ["bin/", "sbin/", "usr/bin/", "usr/sbin/", "usr/local/bin/", "usr/local/sbin/", "opt/"];
/// Folders of shared libraries.
const LIBRARIES: [&str; 6] =
    ["lib/", "lib64/", "usr/lib/", "usr/lib64/", "usr/local/lib/", "lib32/"];
/// What every image may have beside the service.
const RUNTIME: [&str; 9] = [
    "dev/",
    "etc/ssl/",
    "etc/pki/",
    "etc/ca-certificates/",
    "proc/",
    "sys/",
    "usr/share/ca-certificates/",
    "usr/share/zoneinfo/",
    "usr/lib/ssl/",
];
/// Small files that libraries read.
const SETTINGS: [&str; 17] = [
    ".dockerenv",
    "bin",
    "etc/group",
    "etc/gshadow",
    "etc/host.conf",
    "etc/hostname",
    "etc/hosts",
    "etc/ld.so.cache",
    "etc/localtime",
    "etc/mtab",
    "etc/nsswitch.conf",
    "etc/os-release",
    "etc/passwd",
    "etc/resolv.conf",
    "etc/timezone",
    "sbin",
    "usr/lib/os-release",
];
/// Lockfiles, of which one belongs into the image.
const LOCKFILES: [&str; 6] = [
    "bun.lock",
    "bun.lockb",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
];

impl Kind {
    /// Its code, and why it matters.
    pub(super) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::PackageManager => (
                "package-manager-in-image",
                "whoever takes the service over installs with it what is missing",
            ),
            Self::Shell => ("shell-in-image", "an injected command has something to run it"),
            Self::Compiler => {
                ("compiler-in-image", "programs and scripts can be made and run inside")
            }
            Self::Fetcher => ("fetcher-in-image", "files can be fetched and sent away with it"),
            Self::DevDependency => {
                ("dev-dependency-in-image", "it is only needed to develop, and more code to attack")
            }
            Self::Cache => ("cache-in-image", "it is never read, and shows what was installed"),
            Self::VersionControl => (
                "version-control-in-image",
                "the whole history of the source is in it, secrets that were removed too",
            ),
            Self::Tests => ("tests-in-image", "tests are no built artefact, and hold fixtures"),
            Self::NotGranted => (
                "ungranted-file",
                "no grant of the boundary needs it: an image holds built artefacts, production \
                 dependencies, package.json, the lockfile and required assets",
            ),
            Self::Foreign => {
                ("foreign-file", "it is neither of the service nor of what its runtime needs")
            }
        }
    }

    /// Whether the folder is told instead of each file.
    pub(super) const fn by_folder(self) -> bool {
        matches!(self, Self::DevDependency | Self::Cache | Self::VersionControl | Self::Tests)
    }
}

/// Sorts the files of one image.
pub(super) struct Sorter<'a> {
    image: &'a Image,
    /// Where the service lies, with a slash at its end and none at its start.
    place: String,
    /// Granted paths below that, relative; `.` is everything.
    granted: Vec<String>,
    /// Programs that the boundary starts, without the first slash.
    programs: BTreeSet<String>,
    /// Paths outside of the service's folder that are granted.
    outside: Vec<String>,
    /// Folders of packages that are only needed to develop.
    development: Vec<String>,
    file: String,
}

impl<'a> Sorter<'a> {
    pub(super) fn new(order: &'a Order<'a>, image: &'a Image, looked: &Looked<'_>) -> Self {
        let bare = |path: &str| path.trim_start_matches('/').to_owned();
        let (fs, process) = (&order.boundary.fs, &order.boundary.process);
        let grants = || fs.read.iter().chain(&fs.optional).chain(&fs.droppable).chain(&fs.write);
        let mut programs: BTreeSet<String> = [bare(Order::PROGRAM), bare(&program(order))].into();
        programs.extend(process.children.iter().map(|path| bare(&order.path(&path.value))));
        let packages = looked.packages.iter().flatten();
        let place = bare(order.place);
        Self {
            image,
            granted: grants().filter_map(|grant| below(&grant.value)).collect(),
            outside: grants()
                .filter(|grant| below(&grant.value).is_none())
                .map(|grant| bare(&normal(&grant.value)))
                .collect(),
            development: packages
                .filter(|package| package.development)
                .map(|package| format!("{place}/{}/", package.folder))
                .collect(),
            programs,
            file: bare(&order.file()),
            place: format!("{place}/"),
        }
    }

    /// `None` for what belongs there.
    pub(super) fn sort(&self, entry: &Entry) -> Option<Kind> {
        let path = entry.path.as_str();
        if self.programs.contains(path) || path == self.file {
            return None;
        }
        if let Some(relative) = path.strip_prefix(&self.place) {
            return self.of_service(path, relative);
        }
        if let Some(kind) = Self::program(entry) {
            return Some(kind);
        }
        if let Some(kind) = cache(path) {
            return Some(kind);
        }
        let within = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
        let granted = self.outside.iter().any(|grant| {
            path.strip_prefix(grant.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        let library = within(&LIBRARIES) && is_library(path);
        let link = matches!(entry.kind, EntryKind::Symlink(_)) && self.is_folder_link(entry);
        let belongs = granted
            || library
            || link
            || within(&RUNTIME)
            || SETTINGS.contains(&path)
            || entry.kind == EntryKind::Special;
        (!belongs).then_some(Kind::Foreign)
    }

    /// Links such as `/lib -> usr/lib`.
    fn is_folder_link(&self, entry: &Entry) -> bool {
        let EntryKind::Symlink(to) = &entry.kind else { return false };
        let to = to.trim_start_matches('/');
        !entry.path.contains('/')
            && (self.image.tree.get(to).is_some_and(|entry| entry.kind == EntryKind::Directory)
                || self.image.below(to).next().is_some())
    }

    fn of_service(&self, path: &str, relative: &str) -> Option<Kind> {
        if relative.split('/').any(|part| matches!(part, ".git" | ".hg" | ".svn")) {
            return Some(Kind::VersionControl);
        }
        if let Some(inside) = relative.strip_prefix("node_modules/") {
            if self.development.iter().any(|folder| path.starts_with(folder)) {
                return Some(Kind::DevDependency);
            }
            let name = inside.split('/').next().unwrap_or(inside);
            if name == ".cache" {
                return Some(Kind::Cache);
            }
            let manager = PACKAGE_MANAGERS.contains(&name) || name == "node-gyp";
            return manager.then_some(Kind::PackageManager);
        }
        if relative == "package.json" || LOCKFILES.contains(&relative) {
            return None;
        }
        if cache(relative).is_some() {
            return Some(Kind::Cache);
        }
        if is_test(relative) {
            return Some(Kind::Tests);
        }
        let granted = self.granted.iter().any(|grant| {
            grant == "."
                || relative
                    .strip_prefix(grant.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        (!granted).then_some(Kind::NotGranted)
    }

    fn program(entry: &Entry) -> Option<Kind> {
        let path = entry.path.as_str();
        let name = path.rsplit('/').next().unwrap_or(path);
        // npm lies in the folder of libraries, with its programs linked.
        let modules = ["usr/local/lib/node_modules/", "usr/lib/node_modules/", "opt/yarn"];
        if modules.iter().any(|folder| path.starts_with(folder)) {
            return Some(Kind::PackageManager);
        }
        if !PROGRAMS.iter().any(|folder| path.starts_with(folder)) {
            return None;
        }
        let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
        let is = |list: &[&str]| list.contains(&name) || list.contains(&bare);
        if is(&PACKAGE_MANAGERS) {
            Some(Kind::PackageManager)
        } else if is(&SHELLS) {
            Some(Kind::Shell)
        } else if is(&COMPILERS) || name.ends_with("-gcc") || name.ends_with("-ld") {
            Some(Kind::Compiler)
        } else if is(&FETCHERS) {
            Some(Kind::Fetcher)
        } else {
            None
        }
    }
}

/// What package managers leave behind.
fn cache(path: &str) -> Option<Kind> {
    let folders = [
        "var/cache/",
        "var/lib/apt/",
        "var/lib/dpkg/",
        "var/lib/apk/",
        "lib/apk/",
        "root/.npm/",
        "root/.cache/",
        "root/.pnpm-store/",
        "usr/local/share/.cache/",
        ".npm/",
        ".yarn/cache/",
        ".pnpm-store/",
        "root/.bun/",
    ];
    let of_home = path.starts_with("home/")
        && ["/.npm/", "/.cache/", "/.pnpm-store/"].iter().any(|part| path.contains(part));
    (of_home || folders.iter().any(|folder| path.starts_with(folder))).then_some(Kind::Cache)
}

fn is_test(relative: &str) -> bool {
    let folders =
        ["test", "tests", "__tests__", "__snapshots__", "spec", "e2e", "coverage", "fixtures"];
    let (folder, name) = relative.rsplit_once('/').unwrap_or(("", relative));
    let marked = [".test.", ".spec."].iter().any(|mark| name.contains(mark));
    marked || folder.split('/').any(|part| folders.contains(&part))
}

/// `libc.so.6`, `ld-linux-x86-64.so.2`
fn is_library(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split('.').skip(1).any(|part| part == "so")
}

/// The folder by which a file is told: at most so many parts of its path.
pub(super) fn group(path: &str, depth: usize) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let folders = parts.len().saturating_sub(1);
    match folders {
        0 => path.to_owned(),
        folders => parts.iter().take(folders.min(depth)).copied().collect::<Vec<_>>().join("/"),
    }
}

/// The package, cache or folder of tests that a file belongs to.
pub(super) fn unit(path: &str) -> String {
    if let Some((before, inside)) = path.rsplit_once("node_modules/") {
        let mut parts = inside.split('/');
        let mut name = parts.next().unwrap_or_default().to_owned();
        if name.starts_with('@') {
            name = format!("{name}/{}", parts.next().unwrap_or_default());
        }
        return format!("{before}node_modules/{name}");
    }
    let ends = [".git", ".hg", ".svn", "test", "tests", "__tests__", "spec", "e2e", "coverage"];
    let mut whole = String::new();
    for part in path.split('/') {
        if !whole.is_empty() {
            whole.push('/');
        }
        whole.push_str(part);
        if ends.contains(&part) {
            return whole;
        }
    }
    match path.rsplit_once('/') {
        Some((folder, _)) if cache(path).is_some() => group(&format!("{folder}/"), 3),
        _ => path.to_owned(),
    }
}
