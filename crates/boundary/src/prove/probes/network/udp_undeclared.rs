//! UDP to an address without a grant.

use crate::prove::probe::{Act, Class, NOT_ANSWERED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "udp-undeclared",
    class: Class::Network,
    claim: Claim::NetUdp,
    attack: "sends a datagram to the host that no grant names",
    act: Act::Native(|params| network::reach_udp(params, "udp4")),
    refusals: NOT_ANSWERED,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker],
};
