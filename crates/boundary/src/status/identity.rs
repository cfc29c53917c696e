//! Which ids a service can run under when this user starts it.

use super::facts::Facts;
use super::finding::{Finding, Probe};
use ringfence_policy::layer::Layer;

/// The probe.
pub(super) const PROBE: Probe = Probe { id: "identity", layer: Layer::Identity, run };

fn run(facts: &Facts) -> Finding {
    if !facts.is_root() {
        return Finding::partial(format!(
            "not root: services run as user {} and keep its supplementary groups",
            facts.uid
        ))
        .remedy("start ringfence as root where services must have a user of their own");
    }
    if facts.switches_user {
        Finding::good("root: a service is switched to its own user")
    } else {
        Finding::absent("this root cannot become another user, and no service may run as root")
            .remedy(
                "start ringfence as a plain user, or the container with --cap-add SETUID and \
                 --cap-add SETGID and more than one user mapped",
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringfence_policy::layer::Answer;

    #[test]
    fn root_switches_and_a_plain_user_keeps_its_groups() {
        let host =
            |uid, switches_user| run(&Facts { uid, switches_user, ..Facts::default() }).answer;
        assert_eq!(host(0, true), Answer::Enforced);
        assert!(matches!(host(0, false), Answer::Absent(_)));
        assert!(matches!(host(1000, false), Answer::Partial(_)));
    }
}
