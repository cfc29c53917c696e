//! Control groups: limits on memory, processes and processor time, and a tree that can be frozen or
//! killed at once.
//!
//! Groups are made as children of this process's own group in each hierarchy, and nothing else is
//! touched, except where version 2 demands it: a group that hands a controller on may hold no
//! processes itself, so this process then moves into a child of its own. A limit that cannot be set
//! is an error that names controller, file and cause; it is never left out.
//! Limits do not stop a service from using what they leave it.

mod folder;
mod place;
mod stale;

pub use stale::{own_name, remove_stale};

use crate::errno::Errno;
use folder::Folder;
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// Ending of the name of the group this process moves into where it must.
const SUPERVISOR: &str = ".supervisor";

/// What a group controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    /// Processor time.
    Cpu,
    /// Memory, page cache of its files included.
    Memory,
    /// Processes and threads.
    Pids,
    /// Freezing and killing the whole tree.
    Tree,
}

impl Controller {
    /// The kernel's name; the tree has the one that version 1 freezes with.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Pids => "pids",
            Self::Tree => "freezer",
        }
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a limit is not in force.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("control group controller {controller}: {why}")]
pub struct CgroupError {
    /// The controller.
    pub controller: Controller,
    /// The cause.
    pub why: Cause,
}

/// Causes of a [`CgroupError`].
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum Cause {
    /// No hierarchy that shows this process's group has the controller.
    #[error("no mounted hierarchy offers it to this process")]
    Absent,
    /// A file or folder of the kernel's interface refused.
    #[error("{}: {errno}", file.display())]
    File {
        /// Path.
        file: PathBuf,
        /// What it answered.
        errno: Errno,
    },
    /// Version 2 cannot hand the controller on from a group that other processes are in too.
    #[error("{} holds other processes as well; start in a group of its own, such as with \
             systemd-run --scope --property=Delegate=yes", group.display())]
    Shared {
        /// This process's group.
        group: PathBuf,
    },
}

/// Limits; what is missing is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// Bytes, swap included.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u64>,
    /// Cores, such as 1.5; at least 0.01.
    pub cpu: Option<f64>,
}

/// What happened in a group so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Events {
    /// Processes killed because memory ran out.
    pub oom_kills: u64,
    /// Most memory used at once, in bytes, where the kernel keeps it.
    pub memory_peak: Option<u64>,
    /// Processes and threads refused.
    pub pids_refused: u64,
    /// Periods in which processor time ran out.
    pub cpu_throttled: u64,
}

/// The groups of one service, one folder in each hierarchy that is needed.
#[derive(Debug)]
pub struct Group {
    folders: Vec<Folder>,
    /// Set when this process moved into a child of its own group.
    moved: Option<Moved>,
}

#[derive(Debug)]
struct Moved {
    from: PathBuf,
    into: PathBuf,
    enabled: Vec<&'static str>,
}

impl Group {
    /// Makes the groups called `name` and sets the limits. Besides the limits a group to freeze and
    /// kill with is made wherever one can be; its absence is no error here (see [`Group::has_tree`]).
    ///
    /// # Errors
    /// The first limit that cannot be set; nothing is left behind then.
    pub fn create(name: &str, limits: &Limits) -> Result<Self, CgroupError> {
        let mut group = Self { folders: Vec::new(), moved: None };
        match group.fill(name, limits) {
            Ok(()) => Ok(group),
            Err(error) => {
                let _ = group.remove();
                Err(error)
            }
        }
    }

    fn fill(&mut self, name: &str, limits: &Limits) -> Result<(), CgroupError> {
        let wanted = [
            (Controller::Memory, limits.memory.is_some()),
            (Controller::Pids, limits.pids.is_some()),
            (Controller::Cpu, limits.cpu.is_some()),
        ];
        let places = place::own().unwrap_or_default();
        for (controller, _) in wanted.into_iter().filter(|(_, wanted)| *wanted) {
            self.place(&places, controller, name)?;
        }
        // Without a limit a tree is worth having and not worth failing for.
        let v2 = places.v2.as_ref().map(|own| (own, true));
        let v1 = places.v1.get(Controller::Tree.name()).map(|own| (own, false));
        for (own, version2) in v2.into_iter().chain(v1) {
            if self.add(&own.join(name), version2, Controller::Tree).is_ok() {
                break;
            }
        }
        for folder in &self.folders {
            folder.set(limits)?;
        }
        Ok(())
    }

    /// Makes the folder in which one controller's limit is set.
    fn place(
        &mut self,
        places: &place::Places,
        controller: Controller,
        name: &str,
    ) -> Result<(), CgroupError> {
        let v2 =
            places.v2.as_ref().filter(|own| lists(own, "cgroup.controllers", controller.name()));
        if let Some(own) = v2 {
            self.hand_on(own, controller, name)?;
            return self.add(&own.join(name), true, controller);
        }
        match places.v1.get(controller.name()) {
            Some(own) => self.add(&own.join(name), false, controller),
            None => Err(CgroupError { controller, why: Cause::Absent }),
        }
    }

    fn add(&mut self, path: &Path, v2: bool, controller: Controller) -> Result<(), CgroupError> {
        if let Some(folder) = self.folders.iter_mut().find(|folder| folder.path == path) {
            folder.controllers.push(controller);
            return Ok(());
        }
        std::fs::create_dir(path).map_err(|error| refused(controller, path, error))?;
        let controllers = vec![controller];
        self.folders.push(Folder { path: path.to_owned(), v2, controllers });
        Ok(())
    }

    /// Lets children of our own version 2 group have a controller.
    fn hand_on(
        &mut self,
        own: &Path,
        controller: Controller,
        name: &str,
    ) -> Result<(), CgroupError> {
        self.hand_on_named(own, controller.name(), name)
            .map_err(|why| CgroupError { controller, why })
    }

    fn hand_on_named(
        &mut self,
        own: &Path,
        controller: &'static str,
        name: &str,
    ) -> Result<(), Cause> {
        if lists(own, "cgroup.subtree_control", controller) {
            return Ok(());
        }
        let file = own.join("cgroup.subtree_control");
        let enable = |file: &Path| write(file, &format!("+{controller}"));
        match enable(&file) {
            // This process is in the group: it moves into a child, and perhaps was the only one.
            Err(Errno(libc::EBUSY)) if self.moved.is_none() => {
                self.move_away(own, name)?;
                match enable(&file) {
                    Err(Errno(libc::EBUSY)) => Err(Cause::Shared { group: own.to_owned() }),
                    other => other.map_err(|errno| Cause::File { file, errno }),
                }
            }
            other => other.map_err(|errno| Cause::File { file, errno }),
        }?;
        if let Some(moved) = &mut self.moved {
            moved.enabled.push(controller);
        }
        Ok(())
    }

    fn move_away(&mut self, own: &Path, name: &str) -> Result<(), Cause> {
        let into = own.join(format!("{name}{SUPERVISOR}"));
        std::fs::create_dir(&into)
            .map_err(|error| Cause::File { file: into.clone(), errno: error.into() })?;
        self.moved = Some(Moved { from: own.to_owned(), into: into.clone(), enabled: Vec::new() });
        let file = into.join("cgroup.procs");
        write(&file, "0").map_err(|errno| Cause::File { file, errno })
    }

    /// Whether the tree can be frozen and killed.
    #[must_use]
    pub fn has_tree(&self) -> bool {
        self.tree().is_some()
    }

    fn tree(&self) -> Option<&Folder> {
        self.folders.iter().find(|folder| folder.controllers.contains(&Controller::Tree))
    }

    /// The list of processes of each folder, open for writing: whoever writes `0` to all of them is
    /// in the group. The right to join was judged now and stays with the descriptors.
    pub fn doors(&self) -> Result<Vec<OwnedFd>, CgroupError> {
        let open = |folder: &Folder| {
            let file = folder.path.join("cgroup.procs");
            let opened = std::fs::OpenOptions::new().write(true).open(&file);
            opened.map(OwnedFd::from).map_err(|error| refused(folder.first(), &file, error))
        };
        self.folders.iter().map(open).collect()
    }

    /// Moves a process, with all its threads, into the group.
    pub fn join(&self, pid: i32) -> Result<(), CgroupError> {
        for folder in &self.folders {
            let file = folder.path.join("cgroup.procs");
            write(&file, &pid.to_string()).map_err(|errno| failed(folder.first(), file, errno))?;
        }
        Ok(())
    }

    /// Stops every process of the tree until [`Group::thaw`]; answers when all of them stand still.
    ///
    /// # Errors
    /// No tree; `ETIMEDOUT` when it did not come to rest within five seconds (it is thawed then).
    pub fn freeze(&self) -> Result<(), CgroupError> {
        self.freeze_within(folder::PATIENCE)
    }

    /// [`Group::freeze`] with another limit of time: a call that cannot be interrupted keeps its
    /// thread, and with it the tree, from coming to rest.
    ///
    /// # Errors
    /// As [`Group::freeze`].
    pub fn freeze_within(&self, patience: Duration) -> Result<(), CgroupError> {
        let tree =
            self.tree().ok_or(CgroupError { controller: Controller::Tree, why: Cause::Absent })?;
        tree.set_frozen(true).and_then(|()| tree.wait_frozen(patience)).inspect_err(|_| {
            let _ = tree.set_frozen(false);
        })
    }

    /// Lets the tree go on.
    pub fn thaw(&self) -> Result<(), CgroupError> {
        let tree =
            self.tree().ok_or(CgroupError { controller: Controller::Tree, why: Cause::Absent })?;
        tree.set_frozen(false)
    }

    /// Kills every process in the group and waits until none is left. A frozen tree is killed too.
    ///
    /// # Errors
    /// `ETIMEDOUT` when something is left after five seconds.
    pub fn kill(&self) -> Result<(), CgroupError> {
        let first = self.tree().or_else(|| self.folders.first());
        first.map_or(Ok(()), Folder::kill)
    }

    /// What happened so far.
    #[must_use]
    pub fn events(&self) -> Events {
        let mut events = Events::default();
        for folder in &self.folders {
            folder.count(&mut events);
        }
        events
    }

    /// Kills what is left in the group and removes it; this process goes back to where it was.
    ///
    /// # Errors
    /// The first folder that could not be removed; the others are.
    pub fn remove(&mut self) -> Result<(), CgroupError> {
        let mut outcome = Ok(());
        for folder in std::mem::take(&mut self.folders) {
            let cleared = folder.clear();
            outcome = outcome.and(cleared);
        }
        if let Some(Moved { from, into, enabled }) = self.moved.take() {
            for controller in enabled {
                let _ = write(&from.join("cgroup.subtree_control"), &format!("-{controller}"));
            }
            let _ = write(&from.join("cgroup.procs"), "0");
            let _ = std::fs::remove_dir(into);
        }
        outcome
    }
}

/// Whether a file of words contains this one.
fn lists(folder: &Path, file: &str, word: &str) -> bool {
    let text = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
    text.split_whitespace().any(|listed| listed == word)
}

/// A value goes to a file of the kernel's interface in one write.
fn write(file: &Path, value: &str) -> Result<(), Errno> {
    let open = std::fs::OpenOptions::new().write(true).open(file).map_err(Errno::from)?;
    crate::fd::write(open.as_fd(), value.as_bytes()).map(drop)
}

fn refused(controller: Controller, file: &Path, error: std::io::Error) -> CgroupError {
    failed(controller, file.to_owned(), error.into())
}

fn failed(controller: Controller, file: PathBuf, errno: Errno) -> CgroupError {
    CgroupError { controller, why: Cause::File { file, errno } }
}

#[cfg(test)]
#[path = "cgroup/tests.rs"]
mod tests;
