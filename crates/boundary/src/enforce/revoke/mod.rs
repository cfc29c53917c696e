//! Takes away from a running service what its boundary no longer grants.
//!
//! The supervisor does it, outside and with the caller's rights: the broker says what must go and is
//! not believed about what is gone. The tree is frozen, the descriptors of every thread are walked,
//! and what must go is shut down; then the kernel is asked for every socket by its cookie and for
//! every address by the sockets at it, whoever holds them. What has survived ends the service or
//! makes the answer an error; there is no third way.
//! What the service has read already, and bytes it has handed to the kernel before, are not recalled.

mod files;
mod freeze;
mod order;
mod sockets;
mod tables;
mod tree;
mod unix;

pub(in crate::enforce) use order::{Cut, Order, Remaining};

use freeze::Frozen;
use ringfence_sys::cgroup::Group;
use ringfence_sys::netlink::{self, TcpSocket};
use ringfence_sys::{Errno, inside, wait};
use sockets::Sockets;
use std::fmt;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};
use tables::Table;
use unix::Unix;

/// How to find every process of a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree<'a> {
    /// Handle of init, of which every process of the service descends.
    pub(super) init: BorrowedFd<'a>,
    /// Whether the service has namespaces of its own.
    pub(super) namespaces: bool,
    /// The control group of the service, where the start has one.
    pub(super) group: Option<&'a Group>,
    /// User and group of the service, inside and outside.
    pub(super) ids: (u32, u32),
}

/// What was taken away. Nothing survived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Connections.
    pub(super) sockets: usize,
    /// Sockets that listened.
    pub(super) listeners: usize,
    /// Connections to unix sockets.
    pub(super) unix: usize,
    /// Mounts of droppable files and folders.
    pub(super) files: usize,
    /// Secret files.
    pub(super) secrets: usize,
}

/// Something survived, or it cannot be shown that nothing did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Incomplete {
    /// What was taken away all the same.
    pub(super) done: Done,
    /// What was not, one clause each.
    pub(super) survived: Vec<String>,
    /// Whether the service was ended for it. Else it goes on, with what is in `survived`.
    pub(super) ended: bool,
    /// Nothing was touched, because this start has not what it takes (a mount namespace).
    pub(super) unsupported: bool,
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.ended { "; the service was ended" } else { "" };
        write!(f, "{}{end}", self.survived.join("; "))
    }
}

impl std::error::Error for Incomplete {}

/// Takes away what the order names. The policy must be narrowed before, pending connections must be
/// cancelled, and the broker must put nothing in place any more that the order takes away; its own
/// memory of sockets that may listen must be without those that go. No process of this program may
/// hold a descriptor of a droppable mount: it would look as if the service did. Blocks for at most
/// a few seconds, and the service stands still meanwhile.
///
/// # Errors
/// Something survived. Where the service's next step could use it, the service was ended.
pub(in crate::enforce) fn revoke(tree: &Tree<'_>, order: &Order) -> Result<Done, Incomplete> {
    let mounts = !order.files.is_empty() || !order.secrets.is_empty();
    if mounts && !tree.namespaces {
        return Err(Incomplete::unsupported());
    }
    let frozen = match Frozen::freeze(*tree) {
        Ok(frozen) => frozen,
        Err(why) => {
            return Err(Incomplete::ending(Done::default(), why, freeze::end_running(*tree)));
        }
    };
    let mut work = Work { tree, order, done: Done::default(), survived: Vec::new() };
    let mut sockets = None;
    if let Err(why) = work.perform(&frozen, &mut sockets) {
        let mut incomplete = Incomplete::ending(work.done, why, frozen.end());
        if let Some(sockets) = sockets
            && let Err(left) = await_end(&sockets)
        {
            incomplete.survived.push(left);
        }
        return Err(incomplete);
    }
    drop(frozen);
    if work.survived.is_empty() { Ok(work.done) } else { Err(work.incomplete()) }
}

/// What is being taken away.
struct Work<'a> {
    tree: &'a Tree<'a>,
    order: &'a Order,
    done: Done,
    survived: Vec<String>,
}

impl<'a> Work<'a> {
    /// Does it all. An error is a reason to end the service.
    fn perform(
        &mut self,
        frozen: &Frozen<'_>,
        sockets: &mut Option<Sockets<'a>>,
    ) -> Result<(), String> {
        let (order, ids) = (self.order, self.tree.ids);
        let tables = tables::all(frozen)?;
        if let Some(cut) = &order.sockets {
            let cut = sockets.insert(Sockets::cut(cut, ids.0, &tables)?);
            self.done.sockets = cut.connections;
            self.done.listeners = cut.listeners;
            self.finish(cut)?;
        }
        if !order.unix.is_empty() {
            self.cut_unix(frozen, &tables)?;
        }
        if !order.files.is_empty() {
            let gone = files::cover(frozen, &tables, ids, &order.files)?;
            self.done.files = gone.count;
            self.survived.extend(gone.survived);
        }
        if !order.secrets.is_empty() {
            let gone = files::empty(frozen, ids, &order.secrets)?;
            self.done.secrets = gone.count;
            self.survived.extend(gone.survived);
        }
        Ok(())
    }

    /// Looks whether the sockets are gone; aborts those that no table holds, where that is possible.
    fn finish(&mut self, sockets: &Sockets<'_>) -> Result<(), String> {
        let survivors = sockets.survivors()?;
        if survivors.is_empty() {
            return Ok(());
        }
        sockets.destroy(&survivors);
        let left = sockets.survivors()?;
        if left.is_empty() {
            let listens = |socket: &&TcpSocket| socket.state == netlink::LISTENING;
            let listeners = survivors.iter().filter(listens).count();
            self.done.listeners += listeners;
            self.done.sockets += survivors.len() - listeners;
            return Ok(());
        }
        Err(format!("{} survived that no process shows: {}", count(left.len()), addresses(&left)))
    }

    fn cut_unix(&mut self, frozen: &Frozen<'_>, tables: &[Table]) -> Result<(), String> {
        let ids = self.tree.ids;
        let inside = if self.tree.namespaces {
            let (place, _) = files::place(frozen, ids)?;
            let diag = inside::open_diag(&place);
            Some(diag.map_err(|errno| format!("asking about unix sockets: {errno}"))?)
        } else {
            None
        };
        let unix = Unix::new(&self.order.unix, inside, ids.0)?;
        self.done.unix = unix.cut(tables)?;
        match unix.survivors()? {
            0 => Ok(()),
            left => Err(format!("{} to unix sockets survived that no process shows", count(left))),
        }
    }

    fn incomplete(self) -> Incomplete {
        Incomplete { done: self.done, survived: self.survived, ended: false, unsupported: false }
    }
}

impl Incomplete {
    fn unsupported() -> Self {
        let why = "files and secrets cannot be taken away without a mount namespace".to_owned();
        Self { done: Done::default(), survived: vec![why], ended: false, unsupported: true }
    }

    /// The service was to be ended for this reason.
    fn ending(done: Done, why: String, ended: Result<(), Errno>) -> Self {
        let mut survived = vec![why];
        if let Err(errno) = ended {
            survived.push(format!("the service could not be ended: {errno}"));
        }
        Self { done, survived, ended: ended.is_ok(), unsupported: false }
    }
}

/// What was on its way between processes that have ended is let go by the kernel a moment later.
fn await_end(sockets: &Sockets<'_>) -> Result<(), String> {
    const PATIENCE: Duration = Duration::from_secs(2);
    const PAUSE: Duration = Duration::from_millis(1);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let left = sockets.survivors()?;
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let many = count(left.len());
            return Err(format!(
                "{many} survived even so, held by somebody else: {}",
                addresses(&left)
            ));
        }
        let _ = wait::readable(&[], Some(PAUSE));
    }
}

fn count(connections: usize) -> String {
    format!("{connections} connection{}", if connections == 1 { "" } else { "s" })
}

/// The first few.
fn addresses(sockets: &[TcpSocket]) -> String {
    const SHOWN: usize = 3;
    let shown = sockets.iter().take(SHOWN).map(|s| format!("{} to {}", s.local, s.remote));
    let more = if sockets.len() > SHOWN { ", ..." } else { "" };
    format!("{}{more}", shown.collect::<Vec<_>>().join(", "))
}
