//! Another form of the same address.

use crate::prove::probe::{Act, Class, NOT_CONNECTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "tcp-mapped-address",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "connects through the IPv4-mapped IPv6 form",
    act: Act::Native(|params| network::reach_tcp_mapped(params, "tcp4")),
    refusals: NOT_CONNECTED,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::Landlock],
};
