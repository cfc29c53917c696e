//! Changing the address after it was read.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::race;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "flip-address",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "exchanges the address in memory while it is decided",
    act: Act::Native(race::flip_address),
    refusals: &["race-lost"],
    setting: Setting::Granted,
    layers: &[Layer::Broker, Layer::Namespaces, Layer::Landlock],
};
