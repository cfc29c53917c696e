//! TCP to an address without a grant.

use crate::prove::probe::{Act, Class, NOT_CONNECTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "tcp-undeclared",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "connects to a listener of the host that no grant names",
    act: Act::Native(|params| network::reach_tcp(params, "tcp4")),
    refusals: NOT_CONNECTED,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::Landlock],
};
