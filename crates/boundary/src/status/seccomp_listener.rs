//! Whether a system call filter with a listener can be installed, by installing one.
//!
//! A process can stand under one listener only: inside another sandbox that uses one (some
//! container tools, some editors' sandboxes) the second is refused with `EBUSY`.

use super::facts::Facts;
use super::finding::{Finding, Probe};
use ringfence_policy::layer::Layer;
use ringfence_sys::{Errno, probe};

/// The filter with its listener.
pub(super) const PROBE: Probe = Probe { id: "seccomp-listener", layer: Layer::Seccomp, run };
/// Calls that a signal cannot interrupt between decision and effect.
pub(super) const WAIT_KILLABLE: Probe =
    Probe { id: "seccomp-wait-killable", layer: Layer::Seccomp, run: wait_killable };

fn run(facts: &Facts) -> Finding {
    judge(probe::listener(false), facts)
}

fn judge(outcome: Result<(), Errno>, facts: &Facts) -> Finding {
    match outcome {
        Ok(()) => Finding::good("a filter with a listener can be installed"),
        Err(Errno(libc::EBUSY)) => {
            Finding::absent("another sandbox already listens to this process's system calls")
                .remedy("start ringfence outside of that sandbox")
        }
        Err(errno) if facts.seccomp_filtered => Finding::absent(format!(
            "the filter over this process forbids to install another: {errno}"
        ))
        .remedy("start the container with a seccomp profile that permits the call seccomp"),
        Err(errno) => Finding::absent(format!("no filter can be installed: {errno}"))
            .remedy("use a kernel built with CONFIG_SECCOMP_FILTER, Linux 5.0 or newer"),
    }
}

fn wait_killable(facts: &Facts) -> Finding {
    match probe::listener(true) {
        Ok(()) => Finding::good("decided calls are not interrupted by signals"),
        // Without any listener the probe before this one has said all there is to say.
        Err(_) if probe::listener(false).is_err() => {
            Finding::absent("calls that signals leave alone: not without a listener")
        }
        Err(_) => Finding::partial(format!(
            "Linux {} lets a signal interrupt a call between decision and effect",
            facts.kernel
        ))
        .remedy("boot Linux 5.19 or newer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_listener_is_told_from_a_kernel_without_filters() {
        let none = Facts::default();
        assert!(judge(Err(Errno(libc::EBUSY)), &none).seen.contains("another sandbox"));
        assert!(judge(Err(Errno(libc::EINVAL)), &none).remedies[0].contains("CONFIG_SECCOMP"));
        let filtered = Facts { seccomp_filtered: true, ..Facts::default() };
        assert!(judge(Err(Errno(libc::EPERM)), &filtered).remedies[0].contains("profile"));
    }
}
