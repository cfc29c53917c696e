//! Guards of the application's edges: the kernel's and the judge's half of `npm/guard/`.
//!
//! Every error's reason is `CODE|message`; `npm/guard/error.js` makes the typed error of it. No reason
//! holds anything of what was refused.

#[cfg(target_os = "linux")]
mod archive;
mod path;
mod scan;
#[cfg(target_os = "linux")]
mod spawn;
#[cfg(target_os = "linux")]
mod temp;
#[cfg(target_os = "linux")]
mod upload;
mod url;
mod webhook;

use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, Error, JsDeferred, Result, Status};
use std::panic::{AssertUnwindSafe, catch_unwind};

type Resolver<T> = Box<dyn FnOnce(Env) -> Result<T> + Send>;

/// An error that JavaScript takes apart again.
fn refused(code: &str, why: impl std::fmt::Display) -> Error {
    Error::new(Status::GenericFailure, format!("{code}|{why}"))
}

/// The code that Node gives such an error of the system.
const fn code(kind: std::io::ErrorKind) -> &'static str {
    match kind {
        std::io::ErrorKind::NotFound => "ENOENT",
        std::io::ErrorKind::PermissionDenied => "EACCES",
        std::io::ErrorKind::NotADirectory => "ENOTDIR",
        _ => "EIO",
    }
}

/// A promise of what another thread answers. It is a thread of its own: what waits for other programs
/// would keep one of libuv's four from everybody's files and names.
fn elsewhere<T: ToNapiValue + Send + 'static>(
    env: &Env,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<Object<'_>> {
    let (deferred, promise): (JsDeferred<T, Resolver<T>>, _) = env.create_deferred()?;
    let job = move || match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => deferred.resolve(Box::new(move |_| Ok(value))),
        Ok(Err(error)) => deferred.reject(error),
        Err(_) => deferred
            .reject(refused("ERR_RINGFENCE_GUARD_FAULT", "it failed in a way that is a fault")),
    };
    let thread = std::thread::Builder::new().name("ringfence-guard".to_owned());
    match thread.spawn(job) {
        Ok(_) => Ok(promise),
        Err(error) => Err(refused("EAGAIN", format_args!("no thread can be started: {error}"))),
    }
}
