//! The right to answer one waiting call.

use ringfence_sys::Errno;
use ringfence_sys::notify::{Answer, Listener};
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::Arc;

/// Answers one call, once, possibly from another thread.
#[derive(Debug)]
pub(super) struct Sender {
    listener: Arc<Listener>,
    id: u64,
    descriptor: RawFd,
}

impl Sender {
    pub(super) fn new(listener: Arc<Listener>, id: u64, descriptor: u64) -> Self {
        let descriptor = RawFd::try_from(descriptor & 0xffff_ffff).unwrap_or(-1);
        Self { listener, id, descriptor }
    }

    /// Whether the caller still waits.
    pub(super) fn alive(&self) -> bool {
        self.listener.alive(self.id)
    }

    /// Puts `socket` in the place of the caller's own and keeps the call waiting.
    pub(super) fn replace(&self, socket: BorrowedFd<'_>) -> Result<(), Errno> {
        self.listener.replace(self.id, self.descriptor, socket)
    }

    /// Ends the call.
    pub(super) fn answer(self, result: Result<(), Errno>) {
        let answer = match result {
            Ok(()) => Answer::Return(0),
            Err(errno) => Answer::Fail(errno),
        };
        let _ = self.listener.answer(self.id, answer);
    }
}
