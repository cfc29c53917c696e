//! Thousands of connections that nobody waits for.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::stall;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "stall-connects",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "begins connections and leaves them",
    act: Act::NativeWithin(stall::connects),
    refusals: &["served"],
    setting: Setting::Granted,
    layers: &[Layer::Broker],
};
