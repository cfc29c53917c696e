//! Which names are asked for a name, and under which granted name each answer counts.

use super::resolv_conf::ResolvConf;
use ringfence_policy::model::Network;
use ringfence_policy::net::HostName;

/// One name to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// What is sent to the nameserver.
    pub(super) asked: HostName,
    /// The granted name that the addresses belong to.
    pub(super) granted: HostName,
}

/// What is asked for `name`, in order; empty when nothing is granted.
///
/// A granted name may be completed by the host's search list, as it would be outside, and its
/// addresses belong to the name as it was granted. A name that is not granted may become a granted
/// one when it is completed; then only those completions are asked.
pub(super) fn targets(network: &Network, conf: &ResolvConf, name: &HostName) -> Vec<Target> {
    let granted = network.may_resolve(name);
    let candidates = conf.candidates(name).into_iter();
    let target = |asked: HostName| {
        if granted {
            Some(Target { asked, granted: name.clone() })
        } else if network.may_resolve(&asked) {
            Some(Target { granted: asked.clone(), asked })
        } else {
            None
        }
    };
    candidates.filter_map(target).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::shared;
    use super::*;

    fn targets_of(connect: &str, name: &str) -> Vec<String> {
        let (shared, _) = shared(&format!("connect = [{connect:?}]"));
        let conf = ResolvConf::parse("search a.test b.test\n");
        let name = HostName::parse(name).unwrap();
        let targets = targets(&shared.network(), &conf, &name);
        targets.iter().map(|t| format!("{} for {}", t.asked, t.granted)).collect()
    }

    #[test]
    fn a_granted_name_is_completed_and_keeps_its_name() {
        assert_eq!(
            targets_of("api:443", "api"),
            ["api.a.test for api", "api.b.test for api", "api for api"]
        );
        assert_eq!(
            targets_of("api.x:443", "api.x"),
            ["api.x for api.x", "api.x.a.test for api.x", "api.x.b.test for api.x"]
        );
    }

    #[test]
    fn a_name_that_is_granted_only_when_completed_is_asked_completed_only() {
        assert_eq!(targets_of("api.b.test:443", "api"), ["api.b.test for api.b.test"]);
        assert_eq!(targets_of("*.b.test:443", "api"), ["api.b.test for api.b.test"]);
    }

    #[test]
    fn a_name_without_a_grant_is_not_asked() {
        assert!(targets_of("api.c.test:443", "api").is_empty());
    }
}
