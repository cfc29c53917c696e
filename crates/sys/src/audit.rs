//! The kernel's audit log, as far as a privileged process may read it.
//!
//! Since version 7 Landlock tells what it refused there (Documentation/admin-guide/LSM/landlock.rst),
//! while the host keeps an audit at all. Records are multicast to every reader (`AUDIT_NLGRP_READLOG`,
//! audit.c), so reading takes nothing away from the host's own daemon; this module changes no setting.

use crate::errno::Errno;
use crate::socket::{self, Address};
use crate::{fd, wait};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// Family of protocols within netlink.
const NETLINK_AUDIT: i32 = 9;
/// The group whose members may read (needs `CAP_AUDIT_READ`).
const READ_LOG: u32 = 1;
/// Asks for, and answers with, the state of the audit (needs `CAP_AUDIT_CONTROL`).
const GET: u16 = 1000;
/// Bytes of `struct nlmsghdr`.
const HEADER: usize = 16;
/// Where `enabled` lies in `struct audit_status`, after its mask.
const ENABLED: usize = HEADER + 4;
/// How long the kernel may take for its answer, which it gives at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// Landlock refused an access.
pub const LANDLOCK_ACCESS: u16 = 1423;
/// A Landlock domain with a refusal, or the end of one.
pub const LANDLOCK_DOMAIN: u16 = 1424;
/// The end of the records of one event.
pub const END_OF_EVENT: u16 = 1320;

/// Whether the host keeps an audit now.
///
/// # Errors
/// `EPERM` without the right to ask, `EPROTONOSUPPORT` where the kernel has no audit.
pub fn enabled() -> Result<bool, Errno> {
    let control = socket::socket(libc::AF_NETLINK, libc::SOCK_RAW, NETLINK_AUDIT)?;
    let flags = u16::try_from(libc::NLM_F_REQUEST).unwrap_or_default();
    let mut question = [0_u8; HEADER];
    let parts =
        16_u32.to_ne_bytes().into_iter().chain(GET.to_ne_bytes()).chain(flags.to_ne_bytes());
    for (place, byte) in question.iter_mut().zip(parts) {
        *place = byte;
    }
    fd::write_all(control.as_fd(), &question)?;
    loop {
        if wait::readable(&[control.as_fd()], Some(PATIENCE))? == 0 {
            return Err(Errno(libc::ETIMEDOUT));
        }
        let mut room = [0; 512];
        let length = fd::read(control.as_fd(), &mut room)?;
        let answer = room.get(..length).unwrap_or_default();
        let number = |at: usize| Some(i32::from_ne_bytes(answer.get(at..at + 4)?.try_into().ok()?));
        match kind(answer) {
            Some(GET) => return Ok(number(ENABLED).unwrap_or_default() != 0),
            Some(kind) if i32::from(kind) == libc::NLMSG_ERROR => {
                let negated = number(HEADER).unwrap_or_default();
                if negated != 0 {
                    return Err(Errno(negated.saturating_neg()));
                }
            }
            _ => {}
        }
    }
}

/// The log from now on.
#[derive(Debug)]
pub struct Log(OwnedFd);

impl Log {
    /// Follows the log.
    ///
    /// # Errors
    /// `EPERM` without the right to read it, `EPROTONOSUPPORT` where the kernel has no audit.
    pub fn follow() -> Result<Self, Errno> {
        let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK;
        let log = socket::socket(libc::AF_NETLINK, kind, NETLINK_AUDIT)?;
        socket::bind_address(log.as_fd(), &Address::Netlink(0, READ_LOG))?;
        Ok(Self(log))
    }

    /// The next record, if there is one: its type and its text. Records that came too fast are lost.
    pub fn next<'a>(&self, room: &'a mut [u8]) -> Option<(u16, &'a str)> {
        let length = loop {
            match fd::read(self.0.as_fd(), room) {
                // So many that the kernel dropped some; the next read goes on.
                Err(Errno(libc::ENOBUFS)) => {}
                read => break read.ok()?,
            }
        };
        let record = room.get(..length)?;
        // The header's length may leave out the header itself, so what was read counts.
        let text = std::str::from_utf8(record.get(HEADER..)?).ok()?;
        Some((kind(record)?, text.trim_end_matches(['\0', '\n'])))
    }
}

impl AsFd for Log {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn kind(message: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(message.get(4..6)?.try_into().ok()?))
}
