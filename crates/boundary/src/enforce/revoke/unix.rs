//! Connections to unix sockets of the host.
//!
//! The kernel lists the unix sockets of a network namespace with the inode of each one's peer, also
//! when that peer is in another namespace; so every connection of the service is found, held by a
//! table or not, and what it leads to is known by the name and the object that the other end was
//! bound to. Without a network namespace of its own the service's sockets are told from others by
//! the tables and by their owner only, and what cannot be told apart is an error.

use super::tables::Table;
use crate::plan::UnixSocket as Target;
use ringfence_sys::Errno;
use ringfence_sys::netlink::{self, UnixSocket};
use std::collections::{BTreeSet, HashMap};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

/// Both directions.
const SHUT: u8 = 3;

/// Which connections must go, and how to look for them.
#[derive(Debug)]
pub(super) struct Unix<'a> {
    targets: &'a [Target],
    /// Objects at the targets, then and now.
    objects: Vec<(u64, u64)>,
    /// Asks about the host's sockets.
    host: OwnedFd,
    /// Asks about those of the service's network.
    inside: Option<OwnedFd>,
    uid: u32,
}

impl<'a> Unix<'a> {
    pub(super) fn new(
        targets: &'a [Target],
        inside: Option<OwnedFd>,
        uid: u32,
    ) -> Result<Self, String> {
        let now = |target: &Target| {
            std::fs::metadata(&target.real).ok().map(|found| (found.dev(), found.ino()))
        };
        let objects = targets.iter().flat_map(|target| [target.object, now(target)]);
        let objects = objects.flatten().collect();
        let host = netlink::open_diag().map_err(failed)?;
        Ok(Self { targets, objects, host, inside, uid })
    }

    /// Shuts down what the tables hold, and answers how many there were.
    pub(super) fn cut(&self, tables: &[Table]) -> Result<usize, String> {
        let doomed: BTreeSet<u64> = self.connections()?.iter().map(|s| s.inode.into()).collect();
        let mut done = BTreeSet::new();
        for table in tables {
            done.extend(table.shut_down(|inode| doomed.contains(&inode))?);
        }
        Ok(done.len())
    }

    /// How many connections of the service are still there.
    pub(super) fn survivors(&self) -> Result<usize, String> {
        let own = |socket: &&UnixSocket| {
            self.inside.is_some() || socket.uid.is_none_or(|uid| uid == self.uid)
        };
        Ok(self.connections()?.iter().filter(own).count())
    }

    /// Sockets of the service's network (or the host's, where it has none) that are connected to a
    /// target.
    fn connections(&self) -> Result<Vec<UnixSocket>, String> {
        let host = netlink::unix_sockets(self.host.as_fd()).map_err(failed)?;
        let inside = match &self.inside {
            Some(diag) => netlink::unix_sockets(diag.as_fd()).map_err(failed)?,
            None => host.clone(),
        };
        // An accepted socket is listed where the one that connected is.
        let ends: HashMap<u32, &UnixSocket> =
            host.iter().chain(&inside).map(|end| (end.inode, end)).collect();
        // One that nobody has accepted yet has no number: the listener knows who waits.
        let listeners = host.iter().filter(|end| !end.waiting.is_empty() && self.is_target(end));
        let waiting: BTreeSet<u32> =
            listeners.flat_map(|end| end.waiting.iter().copied()).collect();
        // A listener of a third network does not tell; what waits there could be anybody's.
        let told: BTreeSet<u32> =
            host.iter().chain(&inside).flat_map(|end| end.waiting.iter().copied()).collect();
        let unknown = |socket: &UnixSocket| {
            self.inside.is_some() && socket.peer == Some(0) && !told.contains(&socket.inode)
        };
        let leads = |socket: &UnixSocket| {
            let end = socket.peer.and_then(|peer| ends.get(&peer));
            waiting.contains(&socket.inode)
                || unknown(socket)
                || end.is_some_and(|end| self.is_target(end))
        };
        let open = |socket: &UnixSocket| socket.shutdown & SHUT != SHUT;
        Ok(inside.iter().filter(|socket| open(socket) && leads(socket)).cloned().collect())
    }

    fn is_target(&self, end: &UnixSocket) -> bool {
        let named = |target: &Target| {
            [&target.named, &target.real].iter().any(|path| path.as_os_str().as_bytes() == end.name)
        };
        end.object.is_some_and(|object| self.objects.contains(&object))
            || self.targets.iter().any(named)
    }
}

fn failed(errno: Errno) -> String {
    format!("asking about unix sockets: {errno}")
}
