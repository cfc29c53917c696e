//! Refused accesses to files as events (`run --trace`).
//!
//! The kernel refuses them by itself, with the error that the service sees: what no grant shows does
//! not exist, what is not granted for writing is on a read-only mount, and where there are no mounts
//! Landlock says no. Every call goes on with `Continue` and is decided there. What is told here is
//! a look at the same objects a moment before, so a program that changes its arguments meanwhile can
//! make the record wrong, but gains nothing by it. Each thing is told once.

use super::broker::{Broker, Children, Reply, event};
use super::target;
use crate::plan::Access;
use ringfence_policy::event::{Action, Kind};
use ringfence_policy::layer::Layer;
use ringfence_sys::notify::{Answer, Notification};
use ringfence_sys::{Errno, fd, mount, walk};
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Most different things told in one run.
const TOLD: usize = 10_000;

/// What a call wants of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    /// To see that it is there.
    Look,
    /// To open it, by the flags in this argument.
    Open(usize),
    /// To change it.
    Change,
    /// To make a folder; one that is there already is not made.
    Folder,
    /// To put something in its place.
    Place,
    /// To take it away: a link itself, and not what it leads to.
    Remove,
}

/// A traced call: its name and number, the arguments of its path and of the folder the path starts
/// from.
type Traced = (&'static str, i64, usize, Option<usize>, Wants);

/// Calls on every machine.
const TRACED: &[Traced] = &[
    ("openat", libc::SYS_openat, 1, Some(0), Wants::Open(2)),
    ("newfstatat", libc::SYS_newfstatat, 1, Some(0), Wants::Look),
    ("statx", libc::SYS_statx, 1, Some(0), Wants::Look),
    ("faccessat", libc::SYS_faccessat, 1, Some(0), Wants::Look),
    ("faccessat2", libc::SYS_faccessat2, 1, Some(0), Wants::Look),
    ("readlinkat", libc::SYS_readlinkat, 1, Some(0), Wants::Look),
    ("mkdirat", libc::SYS_mkdirat, 1, Some(0), Wants::Folder),
    ("unlinkat", libc::SYS_unlinkat, 1, Some(0), Wants::Remove),
    ("renameat2", libc::SYS_renameat2, 3, Some(2), Wants::Place),
    ("truncate", libc::SYS_truncate, 0, None, Wants::Change),
    ("fchmodat", libc::SYS_fchmodat, 1, Some(0), Wants::Change),
];

/// Their older forms, which the C library still uses where they exist.
#[cfg(target_arch = "x86_64")]
const TRACED_HERE: &[Traced] = &[
    ("open", libc::SYS_open, 0, None, Wants::Open(1)),
    ("stat", libc::SYS_stat, 0, None, Wants::Look),
    ("lstat", libc::SYS_lstat, 0, None, Wants::Look),
    ("access", libc::SYS_access, 0, None, Wants::Look),
    ("readlink", libc::SYS_readlink, 0, None, Wants::Look),
    ("mkdir", libc::SYS_mkdir, 0, None, Wants::Folder),
    ("rmdir", libc::SYS_rmdir, 0, None, Wants::Remove),
    ("unlink", libc::SYS_unlink, 0, None, Wants::Remove),
    ("rename", libc::SYS_rename, 1, None, Wants::Place),
    ("chmod", libc::SYS_chmod, 0, None, Wants::Change),
];
#[cfg(not(target_arch = "x86_64"))]
const TRACED_HERE: &[Traced] = &[];

/// Names of the traced calls, for the filter.
pub(crate) fn calls() -> Vec<&'static str> {
    TRACED.iter().chain(TRACED_HERE).map(|traced| traced.0).collect()
}

/// Where the C library, V8 and libuv look by themselves: the service's own `/proc`, which cannot be
/// followed from outside, and files that tell about the machine, which do without.
const RUNTIME: [&str; 3] = ["/proc/", "/sys/fs/cgroup/", "/sys/devices/system/"];

/// What the C library reads by itself at the start of each program and for each name it looks up,
/// and does without: nobody who reads a trace asked for it. `docs/events.md` has the same list.
const LIBRARY: [&str; 6] = [
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/usr/lib/locale/",
    "/usr/share/locale/",
];

/// What is wanted, with the flags of an open read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Look,
    Read,
    Write,
    /// It may be missing, and is made then.
    Make,
    /// It is made as a folder where nothing is.
    Folder,
    /// Its entry in a folder is made or replaced.
    Place,
    /// Its entry in a folder is taken away.
    Remove,
}

impl Use {
    /// Whether something new may be made.
    const fn makes(self) -> bool {
        matches!(self, Self::Make | Self::Folder | Self::Place)
    }
}

/// Why the kernel will refuse.
enum Refusal {
    Hidden,
    ReadOnly,
    NoRule,
}

impl Broker {
    /// Looks at a call on a file and lets it go on.
    pub(super) fn trace(&mut self, call: &Notification) -> Reply {
        let mut known = TRACED.iter().chain(TRACED_HERE);
        if let Some((_, _, path_at, base_at, wants)) = known.find(|traced| traced.1 == call.number)
        {
            let argument = |at: usize| call.args.get(at).copied().unwrap_or_default();
            let path = self.targets.read_path(call.tid, argument(*path_at));
            let base = base_at.map(|at| argument(at).cast_signed());
            let base = base.and_then(|number| i32::try_from(number).ok()).filter(|n| *n >= 0);
            let wanted = match wants {
                Wants::Look => Use::Look,
                Wants::Change => Use::Write,
                Wants::Folder => Use::Folder,
                Wants::Place => Use::Place,
                Wants::Remove => Use::Remove,
                Wants::Open(at) => opens(argument(*at)),
            };
            if !path.is_empty() && !is_harmless(&path, wanted) {
                self.look(call, &path, base, wanted);
            }
        }
        Reply::Now(Answer::Continue)
    }

    fn look(&mut self, call: &Notification, path: &[u8], base: Option<i32>, wanted: Use) {
        let named = absolute(call.tid, Path::new(std::ffi::OsStr::from_bytes(path)), base);
        let found = target::open_inside(call.tid, path, base);
        let refusal = if self.scope.namespaces {
            mounts_refuse(call.tid, &named, found, wanted, self.scope.children == Children::Any)
        } else {
            found.ok().and_then(|found| self.rules_refuse(&found, wanted))
        };
        if let Some(refusal) = refusal {
            self.tell_file(call, &named, wanted, &refusal);
        }
    }

    /// Landlock decides by the object, and not at all about looking.
    fn rules_refuse(&self, found: &OwnedFd, wanted: Use) -> Option<Refusal> {
        let access = match wanted {
            Use::Look => return None,
            Use::Read => Access::Read,
            Use::Write | Use::Make | Use::Folder | Use::Place | Use::Remove => Access::Write,
        };
        let real = std::fs::read_link(format!("/proc/self/fd/{}", found.as_raw_fd())).ok()?;
        (!self.covers(&real, access)).then_some(Refusal::NoRule)
    }

    /// Whether the boundary shows this path with this access.
    fn covers(&self, path: &Path, access: Access) -> bool {
        const OWN: [&str; 4] = ["/proc", "/dev", "/tmp", "/sys/devices/system/cpu"];
        let generated = crate::generated::GENERATED.iter().any(|file| Path::new(file) == path);
        let own = OWN.iter().any(|folder| path.starts_with(folder));
        let granted = self.scope.shown.iter().any(|(folder, granted)| {
            let enough = access == Access::Read || *granted == access || *granted == Access::Build;
            enough && path.starts_with(folder)
        });
        granted || own || generated
    }

    /// Tells a thing once.
    fn tell_file(&mut self, call: &Notification, named: &Path, wanted: Use, refusal: &Refusal) {
        let (action, key) = match wanted {
            Use::Look => (Action::Look, "read"),
            Use::Read => (Action::Open, "read"),
            Use::Write | Use::Make | Use::Folder | Use::Place | Use::Remove => {
                (Action::Change, "write")
            }
        };
        let (layer, reason) = match refusal {
            Refusal::Hidden => (Layer::Namespaces, "no grant shows it: it does not exist inside"),
            Refusal::ReadOnly => (Layer::Namespaces, "no grant lets the service write there"),
            Refusal::NoRule if key == "write" => {
                (Layer::Landlock, "no grant lets the service write it")
            }
            Refusal::NoRule => (Layer::Landlock, "no grant lets the service read it"),
        };
        let resource = named.to_string_lossy();
        let told = format!("{action:?} {resource}");
        if self.seen.len() >= TOLD || !self.seen.insert(told) {
            return;
        }
        let mut event = event(Kind::Denial, action, &resource, call);
        event.layer = layer;
        reason.clone_into(&mut event.reason);
        event.missing_grant = self.scope.naming.line(grant(key, named, wanted));
        self.shared.events.emit(event);
    }
}

/// A relative path against the working directory, or the directory that is open as `base`.
fn absolute(tid: i32, path: &Path, base: Option<i32>) -> PathBuf {
    if path.is_absolute() {
        return path.to_owned();
    }
    let base = base.map_or_else(|| "cwd".to_owned(), |number| format!("fd/{number}"));
    let base = std::fs::read_link(format!("/proc/{tid}/{base}"));
    base.unwrap_or_default().join(path)
}

/// Whether a runtime looks there by itself, whatever the service does.
fn is_harmless(path: &[u8], wanted: Use) -> bool {
    let reads = matches!(wanted, Use::Look | Use::Read);
    let library = |own: &&str| match own.strip_suffix('/') {
        Some(_) => path.starts_with(own.as_bytes()),
        None => path == own.as_bytes(),
    };
    RUNTIME.iter().any(|own| path.starts_with(own.as_bytes()))
        || (reads && LIBRARY.iter().any(library))
}

fn opens(flags: u64) -> Use {
    let has = |flag: i32| flags & u64::from(flag.unsigned_abs()) != 0;
    if has(libc::O_CREAT) {
        Use::Make
    } else if has(libc::O_WRONLY) || has(libc::O_RDWR) || has(libc::O_TRUNC) {
        Use::Write
    } else if has(libc::O_PATH) {
        Use::Look
    } else {
        Use::Read
    }
}

/// What is not granted is not there, or is on a read-only mount.
fn mounts_refuse(
    tid: i32,
    named: &Path,
    found: Result<OwnedFd, Errno>,
    wanted: Use,
    closed: bool,
) -> Option<Refusal> {
    let parent = || {
        let parent = named.parent()?;
        Some((parent, target::open_inside(tid, parent.as_os_str().as_bytes(), None)))
    };
    match found {
        Ok(found) if matches!(wanted, Use::Write | Use::Make) => read_only(&found),
        Ok(_) if matches!(wanted, Use::Place | Use::Remove) => read_only(&parent()?.1.ok()?),
        Err(Errno(libc::ENOENT | libc::ENOTDIR)) => {
            if wanted.makes() {
                return match parent()? {
                    (_, Ok(folder)) => read_only(&folder),
                    (parent, Err(_)) => exists_outside(parent, closed).then_some(Refusal::Hidden),
                };
            }
            exists_outside(named, closed).then_some(Refusal::Hidden)
        }
        Ok(_) | Err(_) => None,
    }
}

/// Devices, pipes and sockets can be written to wherever they are.
fn read_only(found: &OwnedFd) -> Option<Refusal> {
    let kind = fd::identity(found.as_fd()).ok()?.kind();
    let is_file = matches!(kind, libc::S_IFREG | libc::S_IFDIR | libc::S_IFLNK);
    (is_file && walk::on_read_only_mount(found.as_fd()) == Ok(true)).then_some(Refusal::ReadOnly)
}

/// As far as the service's user may see; `closed` is what is said of the rest.
fn exists_outside(path: &Path, closed: bool) -> bool {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return false };
    match mount::openat(None, &path, libc::O_PATH | libc::O_NOFOLLOW, 0) {
        Ok(_) => true,
        Err(Errno(libc::EACCES)) => closed,
        Err(_) => false,
    }
}

/// The line that would allow it. Text that cannot stand in the file as it is makes none.
fn grant(key: &str, path: &Path, wanted: Use) -> Option<String> {
    let made: PathBuf = if wanted.makes() { path.parent()?.to_owned() } else { path.to_owned() };
    let plain = made.to_str()?;
    let usual = plain.starts_with('/')
        && plain.len() > 1
        && plain.chars().all(|c| !c.is_control() && c != '"' && c != '\\')
        && made.components().all(|part| part != std::path::Component::ParentDir);
    usual.then(|| format!("fs.{key} = [\"{plain}\"]"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_c_library_reads_by_itself_is_not_told_and_writing_it_is() {
        for path in ["/etc/host.conf", "/usr/share/locale/locale.alias", "/proc/self/maps"] {
            assert!(is_harmless(path.as_bytes(), Use::Read), "{path}");
            assert!(is_harmless(path.as_bytes(), Use::Look), "{path}");
        }
        assert!(!is_harmless(b"/etc/host.conf", Use::Write));
        assert!(!is_harmless(b"/usr/lib/locale/x", Use::Make));
        for path in ["/etc/host.conf.d/x", "/etc/hosts.allow", "/usr/share/locales", "host.conf"] {
            assert!(!is_harmless(path.as_bytes(), Use::Read), "{path}");
        }
    }

    #[test]
    fn the_list_is_the_documented_one() {
        let page = include_str!("../../../../docs/events.md");
        for own in RUNTIME.iter().chain(&LIBRARY) {
            assert!(page.contains(&format!("`{}`", own.trim_end_matches('/'))), "{own}");
        }
    }

    #[test]
    fn flags_of_an_open_say_what_is_wanted_of_the_file() {
        for (flags, wanted) in [
            (libc::O_RDONLY, Use::Read),
            (libc::O_WRONLY, Use::Write),
            (libc::O_RDWR, Use::Write),
            (libc::O_RDONLY | libc::O_TRUNC, Use::Write),
            (libc::O_WRONLY | libc::O_CREAT, Use::Make),
            (libc::O_PATH, Use::Look),
        ] {
            assert_eq!(opens(u64::from(flags.unsigned_abs())), wanted, "{flags:#o}");
        }
    }

    #[test]
    fn a_grant_is_named_only_where_it_could_stand_in_the_file() {
        let of = |path: &str, wanted| grant("read", Path::new(path), wanted);
        assert_eq!(
            of("/etc/orders/a.json", Use::Read).as_deref(),
            Some("fs.read = [\"/etc/orders/a.json\"]")
        );
        assert_eq!(
            of("/var/lib/x/new.db", Use::Make).as_deref(),
            Some("fs.read = [\"/var/lib/x\"]")
        );
        for never in ["/", "/a/../b", "/a\nb", "relative"] {
            assert_eq!(of(never, Use::Read), None, "{never}");
        }
        assert_eq!(of("/new", Use::Make), None);
    }
}
