//! Port rules alone are not enough: the right port at the wrong address.

use crate::prove::probe::{Act, Class, NOT_CONNECTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "tcp-wrong-address",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "connects to a granted port at another address",
    act: Act::Native(|params| network::reach_tcp(params, "wrong_address")),
    refusals: NOT_CONNECTED,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::Landlock],
};
