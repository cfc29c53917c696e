//! Every refusal is an event; a flood of them must not stop the broker.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::stall;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "stall-events",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "is refused thousands of times",
    act: Act::NativeWithin(stall::refusals),
    refusals: &["served"],
    setting: Setting::Granted,
    layers: &[Layer::Broker],
};
