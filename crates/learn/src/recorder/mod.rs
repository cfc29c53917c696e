//! A run that is watched: a listener that answers every call with `Continue`.
//!
//! The program runs with the caller's own rights, terminal and folder; nothing is kept from it. What
//! it asks of files, names and sockets is looked at on the way to the kernel and written down when it
//! is seen first. This is a recording and no enforcement: a program that changes its arguments while
//! they are looked at can hide what it does, so a boundary is made of what *trusted* code did.

mod error;
mod order;
pub mod script;

pub use error::RecordError;
pub use order::{Order, Outcome, SecretFile};

/// Runs the order's program, writes its record, and answers when nothing of it is left.
///
/// # Errors
/// The record cannot be begun, this host cannot watch a program or cannot give it the hosts and
/// secrets it needs, or the program cannot be started. Nothing is left running then.
pub fn run(_order: &Order) -> Result<Outcome, RecordError> {
    Err(RecordError::Unsupported("recording is not there yet".to_owned()))
}
