//! What a place is: how it starts a program, what it cannot say, and with which words.

use super::workspace::Workspace;
use crate::plan::Plan;
use crate::prove::arena::ArenaError;
use crate::prove::stage::CanaryGrants;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// One way of running a program.
#[derive(Debug)]
pub(super) struct Place {
    /// Stable id: its column.
    pub(super) id: &'static str,
    /// What it is, one sentence.
    pub(super) what: &'static str,
    /// What of a boundary it cannot say, or is not given, one sentence each.
    pub(super) cannot: &'static [&'static str],
    /// The peer's own program; `None` when it is the service's.
    pub(super) program: Option<&'static str>,
    /// Why native acts cannot be tried there.
    pub(super) no_native: Option<&'static str>,
    /// Whether it sets limits by control groups, which a host may not let it.
    pub(super) limits: bool,
    /// Attacks that it is known to stop though the act does not show it, and by what.
    pub(super) held: &'static [(&'static str, &'static str)],
    /// Attacks whose success reaches only a kernel that it brings itself.
    pub(super) own_kernel: &'static [&'static str],
    /// How it starts a program.
    pub(super) start: fn(&Task<'_>) -> Result<Start, ArenaError>,
}

/// A program to be started there.
pub(super) struct Task<'a> {
    /// The boundary, resolved with this program as its command; Node's flags are not in it.
    pub(super) plan: &'a Plan,
    /// Canaries that are granted besides.
    pub(super) grants: Option<&'a CanaryGrants>,
    /// The peer's program, where it has one.
    pub(super) peer: &'a Path,
    /// Room for files that a peer reads.
    pub(super) workspace: &'a Workspace,
    /// Environment of whoever starts the service.
    pub(super) environment: &'a [(OsString, OsString)],
}

/// What is executed, as which user.
#[derive(Debug, Clone)]
pub(super) struct Start {
    /// Program and arguments.
    pub(super) argv: Vec<OsString>,
    /// Its environment.
    pub(super) environment: Vec<(OsString, OsString)>,
    /// Whether it is started as the service's user; a peer that switches itself is not.
    pub(super) as_service: bool,
    /// That user, where a switch is needed; filled in by the arena.
    pub(super) user: Option<(u32, u32)>,
    /// What has to be run after it has ended in any way, to remove what it left.
    pub(super) after: Option<Vec<OsString>>,
}

impl Task<'_> {
    /// Whether anything of the network is granted.
    pub(super) fn has_network(&self) -> bool {
        let network = &self.plan.network;
        self.grants.is_some()
            || !network.connect.is_empty()
            || !network.listen.is_empty()
            || !network.udp.is_empty()
            || !network.udp_listen.is_empty()
    }

    /// Files of the host that name resolution needs.
    pub(super) fn resolver_files(&self) -> impl Iterator<Item = &'static Path> {
        let files = ["/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf"];
        let wanted = self.has_network();
        files.into_iter().map(Path::new).filter(move |path| wanted && path.is_file())
    }
}

/// Words as arguments.
pub(super) fn words<S: AsRef<OsStr>>(list: impl IntoIterator<Item = S>) -> Vec<OsString> {
    list.into_iter().map(|word| word.as_ref().to_owned()).collect()
}
