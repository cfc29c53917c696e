//! Whether Yama leaves the supervisor its access to the service.
//!
//! The broker copies the socket that waits in a connect out of its own descendant. Scopes 0 to 2
//! allow that (a descendant; the owner of its user namespace); scope 3 forbids it to everybody
//! until the next reboot. Source: Documentation/admin-guide/LSM/Yama.rst.

use super::facts::Facts;
use super::finding::{Finding, Probe};
use ringfence_policy::layer::Layer;

/// The probe.
pub(super) const PROBE: Probe = Probe { id: "yama", layer: Layer::Broker, run };

fn run(facts: &Facts) -> Finding {
    match facts.ptrace_scope {
        None => Finding::good("Yama is not active"),
        Some(scope @ 0..=2) => Finding::good(format!("Yama scope {scope} permits it")),
        Some(scope) => Finding::absent(format!(
            "kernel.yama.ptrace_scope is {scope}: nobody may copy a descriptor of another process"
        ))
        .remedy(
            "set kernel.yama.ptrace_scope = 1 in /etc/sysctl.d and reboot (3 cannot be undone)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::layer::Answer;

    #[test]
    fn scope_three_is_absent_and_names_the_reboot() {
        let judge = |scope| run(&Facts { ptrace_scope: scope, ..Facts::default() });
        assert_eq!(judge(Some(1)).answer, Answer::Enforced);
        assert_eq!(judge(None).answer, Answer::Enforced);
        assert!(matches!(judge(Some(3)).answer, Answer::Absent(_)));
        assert!(judge(Some(3)).remedies.concat().contains("reboot"));
    }
}
