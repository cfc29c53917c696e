//! The channels between the processes of one start.
//!
//! Each end belongs to one process; the others close it, so that the end of a process is seen by
//! everybody who waits for it.

use super::error::{During, EnforceError};
use ringfence_sys::fd;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// What the supervisor keeps.
#[derive(Debug)]
pub(super) struct Here {
    /// Reports of the others.
    pub(super) report: OwnedFd,
    /// Events of the broker.
    pub(super) events: OwnedFd,
    /// Requests of callers outside and orders of the broker.
    pub(super) control: OwnedFd,
    /// Closes when the supervisor ends, whatever ends it.
    pub(super) _alive: OwnedFd,
}

/// What the others keep.
#[derive(Debug)]
pub(super) struct There {
    /// Reports to the supervisor.
    pub(super) report: OwnedFd,
    /// Events of the broker; never waited for.
    pub(super) events: OwnedFd,
    /// The other end of the supervisor's.
    pub(super) control: OwnedFd,
    /// Sockets and the listener: the broker's end and init's.
    pub(super) channel: (OwnedFd, OwnedFd),
    /// Requests for sockets: the broker's end and init's.
    pub(super) requests: (OwnedFd, OwnedFd),
    /// Readable once the supervisor has ended.
    pub(super) supervisor_alive: OwnedFd,
    /// Readable once the broker has ended, and the end that only the broker keeps.
    pub(super) broker_alive: (OwnedFd, OwnedFd),
}

/// Makes all of them.
pub(super) fn make() -> Result<(Here, There), EnforceError> {
    let pair = || fd::socketpair(libc::SOCK_SEQPACKET).during("making a channel");
    let (report_here, report) = pair()?;
    let (events_here, events) = fd::pipe(libc::O_NONBLOCK).during("making a pipe")?;
    let (supervisor_alive, alive) = fd::pipe(0).during("making a pipe")?;
    let broker_alive = fd::pipe(0).during("making a pipe")?;
    let (control_here, control) = pair()?;
    let here =
        Here { report: report_here, events: events_here, control: control_here, _alive: alive };
    let (channel, requests) = (pair()?, pair()?);
    let there =
        There { report, events, control, channel, requests, supervisor_alive, broker_alive };
    Ok((here, there))
}

impl There {
    /// Every descriptor, for the process that the others come from.
    pub(super) fn all(&self) -> Vec<RawFd> {
        let ends = [
            &self.report,
            &self.events,
            &self.control,
            &self.channel.0,
            &self.channel.1,
            &self.requests.0,
            &self.requests.1,
            &self.supervisor_alive,
            &self.broker_alive.0,
            &self.broker_alive.1,
        ];
        ends.into_iter().map(AsRawFd::as_raw_fd).collect()
    }
}
