//! Connecting without connect(2); Landlock does not see it.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "fast-open",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "sends in the call that connects",
    act: Act::Native(network::reach_fast_open),
    refusals: &["EOPNOTSUPP", "EPERM", "EACCES", "ENETUNREACH", "ECONNREFUSED", "ENOSYS"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Seccomp],
};
