//! Takes away from a running service what its boundary no longer grants.
//!
//! The supervisor does it, outside and with the caller's rights: the broker says what must go and is
//! not believed about what is gone. The tree is frozen, the descriptors of every thread are walked,
//! and what must go is shut down; then the kernel is asked for every socket by its cookie and for
//! every address by the sockets at it, whoever holds them. What has survived ends the service or
//! makes the answer an error; there is no third way.
//! What the service has read already, and bytes it has handed to the kernel before, are not recalled.

#![allow(dead_code, reason = "used once the control channel calls this")]

mod order;

#[allow(unused_imports, reason = "used once the control channel calls this")]
pub(in crate::enforce) use order::{Cut, Order, Remaining};

use ringfence_sys::cgroup::Group;
use std::fmt;
use std::os::fd::BorrowedFd;

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
/// memory of sockets that may listen must be without those that go. Blocks for at most a few
/// seconds, and the service stands still meanwhile.
///
/// # Errors
/// Something survived. Where the service's next step could use it, the service was ended.
pub(super) fn revoke(tree: &Tree<'_>, order: &Order) -> Result<Done, Incomplete> {
    let _ = (tree, order);
    Err(Incomplete {
        done: Done::default(),
        survived: vec!["not built yet".to_owned()],
        ended: false,
        unsupported: true,
    })
}
