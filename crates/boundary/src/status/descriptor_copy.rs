//! Whether the broker may reach a descriptor of the service, by copying one of a child.
//!
//! Docker's and containerd's default filters tie `pidfd_getfd` to the capability to trace.

use super::facts::Facts;
use super::finding::{Finding, Probe};
use super::trial;
use ringfence_policy::layer::Layer;
use ringfence_sys::{Errno, probe};

/// The probe.
pub(super) const PROBE: Probe = Probe { id: "descriptor-copy", layer: Layer::Broker, run };

fn run(facts: &Facts) -> Finding {
    judge(probe::descriptor_copy(trial::ids(facts)), facts)
}

fn judge(outcome: Result<(), Errno>, facts: &Facts) -> Finding {
    match outcome {
        Ok(()) => Finding::good("descriptors of a service can be copied"),
        Err(Errno(libc::ENOSYS)) if !facts.kernel_at_least(5, 6) => Finding::absent(format!(
            "Linux {} cannot copy descriptors between processes",
            facts.kernel
        ))
        .remedy("boot Linux 6.7 or newer"),
        Err(errno) if facts.seccomp_filtered || facts.container.is_some() => {
            let refused = Finding::absent(format!(
                "this container's seccomp filter forbids pidfd_getfd: {errno}"
            ))
            .remedy("start the container with a seccomp profile that permits pidfd_getfd");
            if facts.may_trace() {
                refused
            } else {
                refused.remedy("or with --cap-add SYS_PTRACE, to which default profiles tie it")
            }
        }
        Err(errno) => Finding::absent(format!("pidfd_getfd is refused: {errno}"))
            .remedy("look for the security module that refuses it (journalctl -k)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_containers_filter_is_named_with_both_remedies() {
        let docker = Facts { seccomp_filtered: true, ..Facts::default() };
        let finding = judge(Err(Errno(libc::EPERM)), &docker);
        assert!(finding.remedies[0].contains("pidfd_getfd"));
        assert!(finding.remedies[1].contains("SYS_PTRACE"));
    }
}
