//! A run that is watched: a listener that answers every call with `Continue`.
//!
//! The program runs with the caller's own rights, terminal and folder; nothing is kept from it. What
//! it asks of files, names and sockets is looked at on the way to the kernel and written down when it
//! is seen first. This is a recording and no enforcement: a program that changes its arguments while
//! they are looked at can hide what it does, so a boundary is made of what *trusted* code did.

mod caller;
mod calls;
mod environment;
mod error;
mod files;
mod folder;
mod guardian;
mod lines;
mod look;
mod order;
mod place;
mod programs;
mod reader;
mod rules;
mod run;
pub mod script;
mod sockets;
mod stage;
mod traffic;
mod uses;

pub use error::RecordError;
pub use order::{Order, Outcome, SecretFile};
pub use run::run;
pub use traffic::{Traffic, TrafficEnd};
