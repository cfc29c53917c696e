//! System calls that the filter refuses, and signals.

use super::super::code::Code;
use super::super::context::Context;
use super::super::report::{Explanation, shown};
use super::super::symptom::Symptom;
use ringfence_policy::layer::Layer;

const SECCOMP: Option<Layer> = Some(Layer::Seccomp);

pub(super) fn of(symptom: &Symptom, _: &Context<'_>) -> Option<Explanation> {
    let lower = symptom.message.to_ascii_lowercase();
    if lower.contains("bad system call") || lower.contains("sigsys") || lower.contains("code 159") {
        return Some(killed());
    }
    let call = symptom.call();
    match symptom.code.as_str() {
        "ESRCH" | "EPERM" if call == "kill" || call == "setpriority" => Some(signal()),
        "ENOSYS" => Some(no_such_call(call)),
        "EPERM" => Some(refused(call)),
        "" if symptom.bare && lower.contains("operation not permitted") => Some(refused(call)),
        "EAFNOSUPPORT" | "EPROTONOSUPPORT" => Some(family()),
        "EOPNOTSUPP" | "ENOTSUP" if lower.contains("fastopen") => Some(family()),
        _ => None,
    }
}

fn killed() -> Explanation {
    Explanation::new(
        Code::SystemCallKilled,
        SECCOMP,
        "the process was ended by a filter of system calls (SIGSYS): it used the table of another \
         processor mode, or the filter is not ringfence's, which mostly answers with an error",
    )
    .instead("run a program that was built for this processor; no grant allows a system call")
    .likely()
}

fn signal() -> Explanation {
    Explanation::new(
        Code::SystemCallRefused,
        Some(Layer::Namespaces),
        "the process that was signalled is not one of this service: no other process is visible or \
         reachable inside, or it has ended already",
    )
    .instead("signal only processes that the service started; no grant helps")
    .likely()
}

fn no_such_call(call: &str) -> Explanation {
    let uring = call.contains("uring");
    let what = if uring { "io_uring does" } else { "this system call does" };
    Explanation::new(
        Code::SystemCallRefused,
        SECCOMP,
        format!("{what} not exist inside a boundary, or in this kernel; programs that know how do without"),
    )
    .instead("switch the feature off in the program's settings; no grant allows it")
    .likely()
}

fn refused(call: &str) -> Explanation {
    let what = if call.is_empty() { "a system call".to_owned() } else { shown(call) };
    Explanation::new(
        Code::SystemCallRefused,
        SECCOMP,
        format!(
            "{what} was not permitted: the filter of system calls refuses what changes mounts, \
             namespaces, users, the clock or other processes, and socket options that lead elsewhere"
        ),
    )
    .instead("do without it, or let a separate process outside do it; no grant allows it")
    .likely()
}

fn family() -> Explanation {
    Explanation::new(
        Code::SystemCallRefused,
        SECCOMP,
        "this kind of socket does not exist inside a boundary: only TCP, UDP, unix streams and \
         what the runtime needs",
    )
    .instead("use TCP, UDP or a unix socket; no grant allows the rest")
    .likely()
}
