//! The permission flags of each Node version, as one ordered table.
//!
//! Measured with real binaries from 20.6 to 26.10, because a flag that a version does not know
//! stops it from starting and a flag that means something else grants too much. Paths are
//! repeated flags, never a comma list; boolean flags never have a value, because every value
//! grants everything. A version after the newest row is treated like it.

use super::{Version, show};
use ringfence_policy::display::untrusted;
use ringfence_policy::layer::Answer;
use ringfence_policy::model::Process;
use std::ffi::OsString;
use std::path::PathBuf;

/// What a boundary grants, in the terms of Node's flags.
#[expect(clippy::struct_excessive_bools, reason = "each is one flag of Node, which has no values")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Absolute paths that may be read, written and real ones.
    pub read: Vec<PathBuf>,
    /// Absolute paths that may be written.
    pub write: Vec<PathBuf>,
    /// Sockets. Always granted by `resolve`: even without `[net]` a service may listen privately,
    /// and the broker decides about the rest.
    pub net: bool,
    /// Child processes.
    pub child_process: bool,
    /// Worker threads.
    pub workers: bool,
    /// Native addons.
    pub addons: bool,
    /// WASI.
    pub wasi: bool,
    /// Foreign functions.
    pub ffi: bool,
    /// The inspector.
    pub inspector: bool,
    /// A read-only folder lies inside a writable one.
    pub read_only_inside_writable: bool,
}

/// What a flag is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Addons,
    ChildProcess,
    Enable,
    Ffi,
    Inspector,
    Net,
    Read,
    Wasi,
    Workers,
    Write,
}

/// First version that has it, first version that no longer does.
type Span = (Version, Version);

/// No end in sight.
const ON: Version = [u64::MAX, 0, 0];

/// One flag of Node's permission model.
struct Flag {
    subject: Subject,
    versions: &'static [Span],
    /// Arguments; the last one gets the path when the subject has paths.
    spelling: &'static [&'static str],
    /// Code of the warning it prints, or its type where it has none.
    warning: Option<&'static str>,
    /// What the flag cannot say, whenever it is used.
    leaves_open: &'static str,
}

/// In the order of the command line.
const FLAGS: [Flag; 11] = [
    Flag {
        subject: Subject::Enable,
        versions: &[([20, 0, 0], [22, 13, 0]), ([23, 0, 0], [23, 5, 0])],
        spelling: &["--experimental-permission"],
        warning: None,
        leaves_open: "paths are compared as text, so links inside a grant lead out of it",
    },
    Flag {
        subject: Subject::Enable,
        versions: &[([22, 13, 0], [23, 0, 0]), ([23, 5, 0], ON)],
        spelling: &["--permission"],
        warning: None,
        leaves_open: "paths are compared as text, so links inside a grant lead out of it",
    },
    Flag {
        subject: Subject::Read,
        versions: &[([20, 7, 0], ON)],
        spelling: &["--allow-fs-read="],
        warning: None,
        leaves_open: "",
    },
    Flag {
        subject: Subject::Write,
        versions: &[([20, 7, 0], ON)],
        spelling: &["--allow-fs-write="],
        warning: None,
        leaves_open: "",
    },
    Flag {
        subject: Subject::Net,
        versions: &[([25, 0, 0], ON)],
        spelling: &["--allow-net"],
        warning: Some("ExperimentalWarning"),
        leaves_open: "--allow-net knows no hosts and no ports",
    },
    Flag {
        subject: Subject::ChildProcess,
        versions: &[([20, 0, 0], ON)],
        spelling: &["--allow-child-process"],
        warning: Some("PERM0002"),
        leaves_open: "--allow-child-process names no programs and a child can shed the flags",
    },
    Flag {
        subject: Subject::Workers,
        versions: &[([20, 0, 0], ON)],
        spelling: &["--allow-worker"],
        warning: Some("PERM0006"),
        leaves_open: "a worker can shed the flags",
    },
    Flag {
        subject: Subject::Addons,
        versions: &[([20, 12, 0], [21, 0, 0]), ([21, 6, 0], ON)],
        spelling: &["--allow-addons"],
        warning: Some("PERM0001"),
        leaves_open: "--allow-addons names no files and native code is not checked",
    },
    Flag {
        subject: Subject::Wasi,
        versions: &[([20, 16, 0], [21, 0, 0]), ([22, 3, 0], ON)],
        spelling: &["--allow-wasi"],
        warning: Some("PERM0005"),
        leaves_open: "WASI ignores the file grants",
    },
    Flag {
        subject: Subject::Ffi,
        versions: &[([26, 1, 0], ON)],
        spelling: &["--experimental-ffi", "--allow-ffi"],
        warning: Some("PERM0003"),
        leaves_open: "foreign functions are not checked",
    },
    Flag {
        subject: Subject::Inspector,
        versions: &[([24, 12, 0], [25, 0, 0]), ([25, 0, 0], ON)],
        spelling: &["--allow-inspector"],
        warning: Some("PERM0004"),
        leaves_open: "",
    },
];

/// What a version leaves open whatever is granted.
struct Gap {
    versions: &'static [Span],
    subject: Option<Subject>,
    why: &'static str,
}

/// In the order of the answer; with a subject only when that is granted.
const GAPS: [Gap; 7] = [
    Gap { versions: &[([20, 0, 0], [25, 0, 0])], subject: None, why: "the network is not covered" },
    Gap {
        versions: &[([22, 5, 0], ON)],
        subject: None,
        why: "node:sqlite ignores the file grants",
    },
    Gap {
        versions: &[([20, 0, 0], [20, 16, 0]), ([21, 0, 0], [22, 3, 0])],
        subject: None,
        why: "WASI is not covered",
    },
    Gap {
        versions: &[([20, 0, 0], [20, 12, 0]), ([21, 0, 0], [21, 6, 0])],
        subject: Some(Subject::Addons),
        why: "addons cannot be allowed, so loading one fails",
    },
    Gap {
        versions: &[([20, 0, 0], [26, 1, 0])],
        subject: Some(Subject::Ffi),
        why: "there are no foreign functions to allow",
    },
    Gap {
        versions: &[([20, 0, 0], [24, 12, 0])],
        subject: Some(Subject::Inspector),
        why: "the inspector cannot be allowed, so it does not start",
    },
    Gap {
        versions: &[([20, 0, 0], ON)],
        subject: None,
        why: "process.kill and native reads are not checked",
    },
];

/// `--disable-warning` is known since 20.11 and 21.3, the codes since 24.
const CODES: Span = ([24, 0, 0], ON);

/// The flags for a version, and what Node's layer answers: always `Partial`, with every reason.
///
/// The warnings that these flags print are hidden where they have a code of their own
/// (`--disable-warning=PERM0006`). The one of `--allow-net` has none and is hidden by its type: it
/// would put two lines on the standard error of every service and cost two milliseconds of every
/// start. The program's own experimental warnings are hidden with it, which the documentation says.
/// Other warnings without a code stay on standard error.
#[must_use]
pub fn flags(version: Version, grants: &Grants) -> (Vec<OsString>, Answer) {
    let mut arguments: Vec<OsString> = Vec::new();
    let mut hidden: Vec<OsString> = Vec::new();
    let mut open: Vec<String> = Vec::new();
    for flag in FLAGS.iter().filter(|flag| is_in(version, flag.versions)) {
        if !grants.wants(flag.subject) {
            continue;
        }
        match flag.subject {
            Subject::Read => arguments.extend(with_paths(flag.spelling, &grants.read)),
            Subject::Write => arguments.extend(with_paths(flag.spelling, &grants.write)),
            _ => arguments.extend(flag.spelling.iter().map(OsString::from)),
        }
        if let Some(code) = flag.warning.filter(|_| is_in(version, &[CODES])) {
            hidden.push(format!("--disable-warning={code}").into());
        }
        if !flag.leaves_open.is_empty() {
            open.push(flag.leaves_open.into());
        }
    }
    for gap in GAPS.iter().filter(|gap| is_in(version, gap.versions)) {
        if gap.subject.is_none_or(|subject| grants.wants(subject)) {
            open.push(gap.why.into());
        }
    }
    open.extend(grants.path_gaps());
    arguments.extend(hidden);
    (arguments, Answer::Partial(format!("Node {}: {}", show(version), open.join("; "))))
}

/// What a version is told where the boundary leaves Node's permissions out: a granted feature that
/// is off without its switch, and nothing that makes Node refuse.
#[must_use]
pub fn without_permissions(version: Version, ffi: bool) -> Vec<OsString> {
    let experimental = FLAGS
        .iter()
        .filter(|flag| flag.subject == Subject::Ffi && ffi && is_in(version, flag.versions));
    let switches = experimental.flat_map(|flag| flag.spelling);
    switches.filter(|word| !word.starts_with("--allow-")).map(OsString::from).collect()
}

fn with_paths<'a>(
    spelling: &'a [&str],
    paths: &'a [PathBuf],
) -> impl Iterator<Item = OsString> + 'a {
    paths.iter().flat_map(move |path| {
        spelling.iter().map(move |flag| {
            let mut argument = OsString::from(flag);
            argument.push(path);
            argument
        })
    })
}

fn is_in(version: Version, spans: &[Span]) -> bool {
    spans.iter().any(|(since, until)| *since <= version && version < *until)
}

impl Grants {
    /// What a program may start and load, and sockets; no paths yet.
    #[must_use]
    pub fn of_process(process: &Process) -> Self {
        Self {
            net: true,
            child_process: !process.children.is_empty(),
            workers: process.workers,
            addons: !process.addons.is_empty(),
            wasi: process.wasi,
            ffi: process.ffi,
            inspector: process.inspector,
            ..Self::default()
        }
    }

    const fn wants(&self, subject: Subject) -> bool {
        match subject {
            Subject::Addons => self.addons,
            Subject::ChildProcess => self.child_process,
            Subject::Enable | Subject::Read | Subject::Write => true,
            Subject::Ffi => self.ffi,
            Subject::Inspector => self.inspector,
            Subject::Net => self.net,
            Subject::Wasi => self.wasi,
            Subject::Workers => self.workers,
        }
    }

    /// Paths that the flags cannot say exactly.
    fn path_gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        if self.read_only_inside_writable {
            gaps.push("a read-only folder inside a writable one cannot be said".into());
        }
        let star = |path: &&PathBuf| path.to_string_lossy().contains('*');
        if let Some(path) = self.read.iter().chain(&self.write).find(star) {
            let path = path.to_string_lossy();
            gaps.push(format!("everything behind `*` in a path is ignored: {}", untrusted(&path)));
        }
        gaps
    }

    /// Sorted, without doubles and without what a folder above gives already.
    pub fn tidy(&mut self) {
        for list in [&mut self.read, &mut self.write] {
            list.sort();
            list.dedup();
            let mut kept: Vec<PathBuf> = Vec::new();
            for path in list.drain(..) {
                if !path.ancestors().skip(1).any(|above| kept.iter().any(|known| known == above)) {
                    kept.push(path);
                }
            }
            *list = kept;
        }
    }
}

/// Paths of the private file system that every service has and that JavaScript may read.
pub const OWN_READ: [&str; 10] = [
    "/dev",
    "/etc/group",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/resolv.conf",
    "/proc",
    "/sys",
    "/tmp",
];
/// And write.
pub const OWN_WRITE: [&str; 2] = ["/dev", "/tmp"];

/// Puts the flags behind the program's name.
#[cfg(target_os = "linux")]
pub(crate) fn insert(argv: &mut Vec<OsString>, flags: &[OsString]) {
    let behind = argv.len().min(1);
    argv.splice(behind..behind, flags.iter().cloned());
}
