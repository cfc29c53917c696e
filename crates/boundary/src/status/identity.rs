//! Which ids a service can run under when this user starts it.

use super::facts::Facts;
use super::finding::{Finding, Probe};
use ringfence_policy::layer::Layer;

/// The probe.
pub(super) const PROBE: Probe = Probe { id: "identity", layer: Layer::Identity, run };

const CAP_SETGID: u64 = 1 << 6;
const CAP_SETUID: u64 = 1 << 7;

fn run(facts: &Facts) -> Finding {
    let may_switch = CAP_SETGID | CAP_SETUID;
    if !facts.is_root() {
        return Finding::partial(format!(
            "not root: services run as user {} and keep its supplementary groups",
            facts.uid
        ))
        .remedy("start ringfence as root where services must have a user of their own");
    }
    if facts.capabilities & may_switch == may_switch {
        Finding::good("root: a service is switched to its own user")
    } else {
        Finding::absent("root without the capabilities to change user and group").remedy(
            "start the container with --cap-add SETUID --cap-add SETGID, or as a plain user",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::layer::Answer;

    #[test]
    fn root_switches_and_a_plain_user_keeps_its_groups() {
        let host = |uid, capabilities| run(&Facts { uid, capabilities, ..Facts::default() }).answer;
        assert_eq!(host(0, u64::MAX), Answer::Enforced);
        assert!(matches!(host(0, 0), Answer::Absent(_)));
        assert!(matches!(host(1000, 0), Answer::Partial(_)));
    }
}
