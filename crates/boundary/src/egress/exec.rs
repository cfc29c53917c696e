//! `execve(2)`: the service's own program once, then only what is granted.
//!
//! The object behind the path is looked up as the caller would reach it and compared with the
//! grants. The kernel reads the path again afterwards, so this look is for the answer and the
//! event; what holds against a path that changes in between is Landlock and the mounts, under
//! which nothing but the granted programs, the service's own and the loader can be executed at all.

use super::broker::{Broker, Reply, event};
use super::target;
use crate::enforce::lock::Lock;
use ringfence_policy::event::{Action, Kind};
use ringfence_policy::net::Refusal;
use ringfence_sys::notify::{Answer, Notification};
use ringfence_sys::{Errno, fd};
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

impl Broker {
    /// The first exec is the service's own program: our own code asked for it, before any code of
    /// the service ran.
    pub(super) fn exec(&mut self, call: &Notification, path_at: usize) -> Reply {
        if !self.started {
            self.started = true;
            (self.on_start)(call.tid);
            self.door.first(&self.listener, call);
            return Reply::Now(Answer::Continue);
        }
        if self.scope.left_out.has(Lock::BrokerExec) {
            return Reply::Now(Answer::Continue);
        }
        let address = call.args.get(path_at).copied().unwrap_or_default();
        let path = self.targets.read_path(call.tid, address);
        let open = open_file(call, &path, path_at);
        let program = open.map_or_else(
            || String::from_utf8_lossy(&path).into_owned(),
            |number| target::name_of(call.tid, number),
        );
        match self.granted_program(call, &path, path_at, open) {
            Ok(Some(object)) => {
                if self.scope.audit {
                    self.record(call, &program, path_at);
                }
                self.door.pass(&self.listener, call, object);
                Reply::Now(Answer::Continue)
            }
            // What is not there is not refused: programs are looked for in several folders.
            Err(errno @ Errno(libc::ENOENT | libc::ENOTDIR)) => Reply::fail(errno.0),
            Ok(None) | Err(_) => {
                let dropped = self.shared.childless.load(Ordering::Acquire);
                let refusal = if dropped && !self.scope.children.is_empty() {
                    Refusal::dropped("child")
                } else {
                    Refusal {
                        reason: "the boundary does not let the service start it".to_owned(),
                        missing_grant: Some(format!("process.children = [{program:?}]")),
                    }
                };
                self.refuse(Action::Exec, &program, call, &refusal);
                Reply::fail(libc::EACCES)
            }
        }
    }

    /// What was started, with what: option names and paths of the arguments, names of the
    /// environment. Values are nobody's business.
    fn record(&self, call: &Notification, program: &str, path_at: usize) {
        let strings = |at: usize| {
            let table = call.args.get(path_at + at).copied().unwrap_or_default();
            self.targets.read_strings(call.tid, table)
        };
        let mut event = event(Kind::Allowed, Action::Exec, program, call);
        event.arguments = strings(1).iter().map(|argument| redacted(argument)).collect();
        event.environment =
            strings(2).iter().filter_map(|v| Some(v.split_once('=')?.0.to_owned())).collect();
        self.shared.events.emit(event);
    }

    /// The object that is started, if it is granted.
    fn granted_program(
        &self,
        call: &Notification,
        path: &[u8],
        path_at: usize,
        open: Option<i32>,
    ) -> Result<Option<(u64, u64)>, Errno> {
        let dropped = self.shared.childless.load(Ordering::Acquire);
        if self.scope.children.is_empty() || (path.is_empty() && open.is_none()) || dropped {
            return Ok(None);
        }
        let base =
            i32::try_from(call.args[0].cast_signed()).ok().filter(|n| path_at == 1 && *n >= 0);
        let found = match open {
            Some(number) => target::open_again(call.tid, number)?,
            None => target::open_inside(call.tid, path, base)?,
        };
        let object = fd::identity(found.as_fd())?.object();
        Ok(self.scope.children.contains(&object).then_some(object))
    }
}

/// The descriptor whose own file is started: `execveat(2)` with `AT_EMPTY_PATH`, as by programs that
/// start what they have looked at.
fn open_file(call: &Notification, path: &[u8], path_at: usize) -> Option<i32> {
    let flags = call.args.get(4).copied().unwrap_or_default();
    let empty = path.is_empty() && path_at == 1 && flags & libc::AT_EMPTY_PATH as u64 != 0;
    let number = i32::try_from(call.args.first()?.cast_signed()).ok();
    number.filter(|number| empty && *number >= 0)
}

/// An argument as far as it may be told: the name of an option, a path, a short plain word.
fn redacted(argument: &str) -> String {
    const REDACTED: &str = "[redacted]";
    const SHORT: usize = 16;
    let plain = |c: char| c.is_ascii_lowercase() || c == '-' || c == '_';
    match argument.split_once('=') {
        Some((name, _)) if name.starts_with('-') => format!("{name}={REDACTED}"),
        None if argument.starts_with('-') || argument.starts_with(['/', '.']) => {
            argument.to_owned()
        }
        None if argument.len() <= SHORT && argument.chars().all(plain) => argument.to_owned(),
        _ => REDACTED.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::redacted;

    #[test]
    fn arguments_are_told_by_name_and_never_by_value() {
        for (argument, told) in [
            ("--token=abc", "--token=[redacted]"),
            ("-v", "-v"),
            ("./report.mjs", "./report.mjs"),
            ("migrate", "migrate"),
            ("hunter2", "[redacted]"),
            ("postgres://u:p@h/db", "[redacted]"),
            ("KEY=value", "[redacted]"),
            ("averyverylongplainword", "[redacted]"),
        ] {
            assert_eq!(redacted(argument), told);
        }
    }
}
