//! Acts that attack a boundary, and the canaries they attack.
//!
//! Every act is a plain function from [`Params`] to an [`Attempt`]; it is run in a child of its own
//! ([`forked`]) so that a filter that kills, a crash or a hang ends one act and not the battery. The
//! same function runs inside the boundary and outside as its control, with the same parameters.
//! Acts touch only what the parameters name: files, sockets, processes and memory that `prove`
//! made for them. Where the real deed would hurt the host outside (loading a kernel module), the
//! act passes arguments the kernel must refuse *after* it has let the call in: `EFAULT`, `EINVAL`
//! or the like then counts as "reached".
//! Nothing here defends anything, and a kernel without the attacked call makes an act inapplicable.

pub mod canary;
pub mod execute;
pub mod files;
pub mod forked;
pub mod identity;
pub mod injected;
pub mod ipc;
pub mod kernel;
pub mod limits;
pub mod locks;
pub mod metadata;
pub mod mounts;
pub mod network;
pub mod processes;
pub mod race;
pub mod stall;

pub use forked::{Ended, forked};

use crate::errno::Errno;
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What one act came to: what it achieved, or why it did not.
pub type Attempt = Result<String, Failure>;

/// One attack, run with the same parameters inside and outside.
pub type Act = fn(&Params) -> Attempt;

/// Why an act did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The act cannot be tried here; the reason says why.
    NotApplicable(String),
    /// The act was refused.
    Refused {
        /// Symbolic error (`EACCES`), or what came instead of an answer (`no-answer`).
        code: String,
        /// The kernel's error number, where it was one.
        errno: Option<i32>,
        /// Which step was refused.
        detail: String,
    },
}

impl Failure {
    /// A refusal by the kernel at `step`.
    #[must_use]
    pub fn at(step: &str, errno: Errno) -> Self {
        Self::Refused {
            code: errno.name().to_owned(),
            errno: Some(errno.0),
            detail: format!("{step}: {}", errno.text()),
        }
    }

    /// A failure that is not an error number: the effect did not show.
    #[must_use]
    pub fn effect(code: &str, detail: impl Into<String>) -> Self {
        Self::Refused { code: code.to_owned(), errno: None, detail: detail.into() }
    }

    /// The act cannot be tried here.
    #[must_use]
    pub fn not_applicable(why: impl Into<String>) -> Self {
        Self::NotApplicable(why.into())
    }
}

/// Names the step of a system call that failed.
pub trait Step<T> {
    /// The value, or the refusal at `step`.
    ///
    /// # Errors
    /// The call's own error, as a refusal.
    fn step(self, step: &str) -> Result<T, Failure>;
}

impl<T> Step<T> for Result<T, Errno> {
    fn step(self, step: &str) -> Result<T, Failure> {
        self.map_err(|errno| Failure::at(step, errno))
    }
}

impl<T> Step<T> for io::Result<T> {
    fn step(self, step: &str) -> Result<T, Failure> {
        self.map_err(|error| match error.raw_os_error() {
            Some(number) => Failure::at(step, Errno(number)),
            None => Failure::effect("no-answer", format!("{step}: {error}")),
        })
    }
}

/// A call that the kernel let in and refused only for its deliberately useless arguments counts as
/// success; every other error is the refusal.
///
/// # Errors
/// The error, when it is not one of `harmless`.
pub fn reached(step: &str, answer: Result<usize, Errno>, harmless: &[i32]) -> Attempt {
    match answer {
        Ok(_) => Ok(format!("{step} succeeded")),
        Err(errno) if harmless.contains(&errno.0) => {
            Ok(format!("{step} was let in and answered {}", errno.name()))
        }
        Err(errno) => Err(Failure::at(step, errno)),
    }
}

/// The name of a signal that may end an act, or `SIG` and its number.
#[must_use]
pub fn signal_name(signal: i32) -> String {
    match signal {
        libc::SIGABRT => "SIGABRT".to_owned(),
        libc::SIGBUS => "SIGBUS".to_owned(),
        libc::SIGILL => "SIGILL".to_owned(),
        libc::SIGKILL => "SIGKILL".to_owned(),
        libc::SIGSEGV => "SIGSEGV".to_owned(),
        libc::SIGSYS => "SIGSYS".to_owned(),
        libc::SIGXCPU => "SIGXCPU".to_owned(),
        other => format!("SIG{other}"),
    }
}

/// What the acts are told: paths, ports, process ids and tokens of canaries.
///
/// A parameter that this host or boundary cannot give is carried as the reason, so that the act
/// that needs it answers "not applicable" with that reason.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params {
    entries: BTreeMap<String, Result<OsString, String>>,
}

impl Params {
    /// Sets a parameter.
    pub fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.entries.insert(name.to_owned(), Ok(value.into()));
    }

    /// Says why a parameter cannot be given.
    pub fn lack(&mut self, name: &str, why: impl Into<String>) {
        self.entries.insert(name.to_owned(), Err(why.into()));
    }

    /// Every parameter, or the reason it is missing.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Result<&OsStr, &str>)> {
        self.entries.iter().map(|(name, value)| {
            (name.as_str(), value.as_ref().map(OsString::as_os_str).map_err(String::as_str))
        })
    }

    /// Arguments that [`Params::parse`] reads again: `name=value`, or `name!why` for a missing one.
    #[must_use]
    pub fn to_arguments(&self) -> Vec<OsString> {
        let mut arguments = Vec::with_capacity(self.entries.len());
        for (name, value) in self.entries() {
            let (sign, text) = match value {
                Ok(value) => ("=", value),
                Err(why) => ("!", OsStr::new(why)),
            };
            let mut argument = OsString::from(name);
            argument.push(sign);
            argument.push(text);
            arguments.push(argument);
        }
        arguments
    }

    /// Takes one argument made by [`Params::to_arguments`]; false when it is not one.
    pub fn parse(&mut self, argument: &OsStr) -> bool {
        let bytes = argument.as_bytes();
        let Some(place) = bytes.iter().position(|byte| matches!(byte, b'=' | b'!')) else {
            return false;
        };
        let (name, rest) = bytes.split_at(place);
        let Ok(name) = std::str::from_utf8(name) else { return false };
        let value = rest.get(1..).unwrap_or_default();
        if rest.first() == Some(&b'=') {
            self.set(name, OsStr::from_bytes(value));
        } else {
            self.lack(name, String::from_utf8_lossy(value));
        }
        true
    }

    /// A parameter as it was given.
    ///
    /// # Errors
    /// Not applicable, with the reason it is missing.
    pub fn value(&self, name: &str) -> Result<&OsStr, Failure> {
        match self.entries.get(name) {
            Some(Ok(value)) => Ok(value),
            Some(Err(why)) => Err(Failure::not_applicable(why)),
            None => Err(Failure::not_applicable(format!("no parameter {name}"))),
        }
    }

    /// A parameter that is a path.
    ///
    /// # Errors
    /// As [`Params::value`].
    pub fn path(&self, name: &str) -> Result<&Path, Failure> {
        self.value(name).map(Path::new)
    }

    /// A parameter for a call that wants a C string.
    ///
    /// # Errors
    /// As [`Params::value`].
    pub fn c_string(&self, name: &str) -> Result<CString, Failure> {
        CString::new(self.value(name)?.as_bytes())
            .map_err(|_| Failure::not_applicable(format!("{name} holds a zero byte")))
    }

    /// A parameter that is text.
    ///
    /// # Errors
    /// As [`Params::value`].
    pub fn text(&self, name: &str) -> Result<&str, Failure> {
        self.value(name)?
            .to_str()
            .ok_or_else(|| Failure::not_applicable(format!("{name} is not text")))
    }

    /// A parameter that is a number.
    ///
    /// # Errors
    /// As [`Params::value`].
    pub fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, Failure> {
        self.text(name)?
            .parse()
            .map_err(|_| Failure::not_applicable(format!("{name} is not a number in range")))
    }

    /// A parameter that is an address and a port.
    ///
    /// # Errors
    /// As [`Params::value`].
    pub fn address(&self, name: &str) -> Result<SocketAddr, Failure> {
        self.number(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_survive_the_way_through_the_command_line() {
        let mut params = Params::default();
        params.set("path", OsStr::from_bytes(b"/tmp/a=b\xff!c"));
        params.set("port", "8080");
        params.lack("limit", "no limit = nothing to hit");
        let mut again = Params::default();
        for argument in params.to_arguments() {
            assert!(again.parse(&argument));
        }
        assert_eq!(again, params);
        assert!(!again.parse(OsStr::new("--")));
    }

    #[test]
    fn a_missing_parameter_makes_an_act_inapplicable_and_says_why() {
        let mut params = Params::default();
        params.lack("limit", "no limit is set");
        assert_eq!(params.number::<u64>("limit"), Err(Failure::not_applicable("no limit is set")));
        assert!(matches!(params.text("other"), Err(Failure::NotApplicable(_))));
    }

    #[test]
    fn only_a_harmless_error_counts_as_reached() {
        assert!(reached("bpf", Err(Errno(libc::EFAULT)), &[libc::EFAULT]).is_ok());
        let refused = reached("bpf", Err(Errno(libc::EPERM)), &[libc::EFAULT]);
        assert!(matches!(refused, Err(Failure::Refused { errno: Some(libc::EPERM), .. })));
    }
}
