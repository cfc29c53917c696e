//! A second program in the namespaces of a service that runs already, for `prove --attach`.
//!
//! Namespaces and root are the live service's: the objects it meets are the live ones. Everything
//! that a process brings with it is built anew from the same plan: identity, limits, Landlock, the
//! filter, a broker of its own. Nothing of the service is changed, and nothing of it is shared that
//! it could run short of: the program has control groups of its own, its broker has sockets of its
//! own, and only names are asked of the live resolver. It ends when its supervisor does: a guardian
//! kills its processes, because the pid namespace they are in goes on without them.

use super::error::EnforceError;
use super::layers::Layers;
use super::{Outcome, RunOptions, check, supervisor};
use crate::plan::Plan;
use ringfence_sys::launch::Step;
use ringfence_sys::{Errno, namespace};
use std::ffi::CString;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::Arc;

/// Where the program goes.
#[derive(Debug)]
pub(crate) struct Joined {
    namespaces: Vec<(OwnedFd, u64)>,
    program: Option<OwnedFd>,
}

/// The owner of the others first, the view of files last: nothing is looked up after it.
const KINDS: [(&str, u64); 7] = [
    ("user", namespace::NEWUSER),
    ("ipc", namespace::NEWIPC),
    ("uts", namespace::NEWUTS),
    ("net", namespace::NEWNET),
    ("pid", namespace::NEWPID),
    ("cgroup", namespace::NEWCGROUP),
    ("mnt", namespace::NEWNS),
];

/// Landlock's rights on a program that is executed (`landlock(7)`: execute, read file).
const RUN: u64 = 0b101;

impl Joined {
    /// The namespaces of a live process. `program` is an executable of the host that is to run there
    /// though it is not part of its root.
    ///
    /// # Errors
    /// The process is another user's, hides itself, or has ended.
    pub(crate) fn open(pid: u32, program: Option<&Path>) -> Result<Self, Errno> {
        let folder = format!("/proc/{pid}/ns");
        let open = |(name, kind): (&str, u64)| -> Result<(OwnedFd, u64), Errno> {
            Ok((File::open(format!("{folder}/{name}"))?.into(), kind))
        };
        let namespaces = KINDS.into_iter().map(open).collect::<Result<_, _>>()?;
        let program = program.map(|path| File::open(path).map(OwnedFd::from)).transpose()?;
        Ok(Self { namespaces, program })
    }

    /// Where the program of the host stands for a process that has entered.
    pub(crate) fn program_path(&self) -> Option<String> {
        self.program.as_ref().map(|program| format!("/proc/self/fd/{}", program.as_raw_fd()))
    }

    /// Descriptors that must reach the process that enters.
    pub(super) fn carried(&self) -> impl Iterator<Item = RawFd> + '_ {
        let namespaces = self.namespaces.iter().map(|(namespace, _)| namespace);
        namespaces.chain(&self.program).map(AsRawFd::as_raw_fd)
    }

    /// What stands in the place of building namespaces and a root. Control groups come first: from
    /// inside the live control group namespace those of others cannot be joined.
    pub(super) fn init_steps(&self, doors: &[RawFd]) -> Vec<Step> {
        let entered = self.namespaces.iter().map(|(of, kind)| (of.as_raw_fd(), *kind)).collect();
        // The change of the user namespace clears the parent's death signal.
        let joined = doors.iter().map(|door| Step::JoinGroup(*door));
        // Inside, /proc does not show this process.
        let core = Step::WriteKernelFile {
            path: c"/proc/self/coredump_filter".into(),
            contents: b"0".to_vec(),
        };
        joined.chain([core, Step::Enter(entered), Step::DieWithParent]).collect()
    }

    /// The service's own steps, but that its control group namespace is the live one, and that the
    /// program may be one of the host.
    pub(super) fn service_steps(&self, steps: &mut Vec<Step>) {
        steps.retain(|step| !matches!(step, Step::JoinGroup(_) | Step::Unshare(_)));
        if let Some(start) = steps.iter().position(|step| matches!(step, Step::ChangeDirectory(_)))
        {
            steps.insert(start, Step::DieWithParent);
        }
        let Some(path) = self.program_path().and_then(|path| CString::new(path).ok()) else {
            return;
        };
        for step in steps {
            if let Step::Landlock(rules) = step {
                rules.rules.push((path.clone(), RUN & rules.fs));
            }
        }
    }
}

/// Runs the plan's program beside a live service, in its namespaces.
///
/// # Errors
/// As [`super::run`].
pub(crate) fn run(
    plan: &Plan,
    options: &RunOptions,
    joined: Arc<Joined>,
) -> Result<Outcome, EnforceError> {
    check(plan)?;
    let mut layers = Layers::find(plan)?;
    layers.joined = Some(joined);
    supervisor::Supervisor::start(plan, options, layers)?.stay()
}
