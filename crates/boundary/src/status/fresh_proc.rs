//! Whether a service can have a `/proc` of its own.
//!
//! The kernel mounts a fresh proc in a user namespace only where nobody has hidden parts of the
//! old one, which is what container runtimes do by default (masked paths).

use super::facts::Facts;
use super::finding::{Finding, Probe};
use super::trial;
use ringfence_policy::layer::Layer;
use ringfence_sys::{Errno, probe};

/// The probe.
pub(super) const PROBE: Probe = Probe { id: "fresh-proc", layer: Layer::Namespaces, run };

fn run(facts: &Facts) -> Finding {
    match probe::fresh_proc(trial::ids(facts)) {
        Err(_) if trial::user_namespace(facts).is_err() => {
            Finding::absent("a fresh /proc: not without a user namespace")
        }
        outcome => judge(outcome, facts),
    }
}

fn judge(outcome: Result<(), Errno>, facts: &Facts) -> Finding {
    match outcome {
        Ok(()) => Finding::good("a fresh /proc can be mounted"),
        Err(errno) if !facts.proc_masks.is_empty() => Finding::absent(format!(
            "/proc is masked here ({}), so no fresh one can be mounted: {errno}",
            facts.proc_masks.join(", ")
        ))
        .remedy(
            "start the container with an unmasked /proc (Docker and Podman: --security-opt \
             systempaths=unconfined or unmask=ALL; Kubernetes: procMount: Unmasked)",
        ),
        Err(errno) => Finding::absent(format!("no fresh /proc can be mounted: {errno}"))
            .remedy("look for what covers /proc in /proc/self/mountinfo and take it away"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_proc_is_named_with_the_remedy_of_each_runtime() {
        let facts = Facts { proc_masks: vec!["/proc/kcore".to_owned()], ..Facts::default() };
        let finding = judge(Err(Errno(libc::EPERM)), &facts);
        assert!(finding.seen.contains("/proc/kcore"));
        assert!(finding.remedies[0].contains("procMount: Unmasked"));
    }
}
