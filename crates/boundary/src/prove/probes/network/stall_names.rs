//! Endless names for the resolver.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::stall;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "stall-names",
    class: Class::Network,
    claim: Claim::NetNames,
    attack: "asks for hundreds of names at once",
    act: Act::NativeWithin(stall::names),
    refusals: &["served"],
    setting: Setting::Granted,
    layers: &[Layer::Broker],
};
