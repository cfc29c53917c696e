//! Services of the host behind its own address.

use crate::prove::probe::{Act, Class, NOT_CONNECTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "tcp-own-interface",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "connects to an address of the host's own interface",
    act: Act::Native(|params| network::reach_tcp(params, "interface4")),
    refusals: NOT_CONNECTED,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::Landlock],
};
