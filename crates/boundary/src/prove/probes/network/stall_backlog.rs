//! A broker that waits for one caller would serve no other.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::stall;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "stall-backlog",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "lets many calls wait for a queue that is full",
    act: Act::NativeWithin(stall::backlog),
    refusals: &["served"],
    setting: Setting::Granted,
    layers: &[Layer::Broker],
};
