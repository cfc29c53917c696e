//! Guards of the application's edges: the kernel's and the judge's half of `npm/guard/`.
//!
//! Every error's reason is `CODE|message`; `npm/guard/error.js` makes the typed error of it. No reason
//! holds anything of what was refused.

#[cfg(target_os = "linux")]
mod archive;
mod path;
mod scan;
mod url;
mod webhook;

use napi::{Error, Status};

/// An error that JavaScript takes apart again.
fn refused(code: &str, why: impl std::fmt::Display) -> Error {
    Error::new(Status::GenericFailure, format!("{code}|{why}"))
}
