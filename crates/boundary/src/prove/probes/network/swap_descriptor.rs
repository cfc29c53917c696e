//! Changing the socket after it was decided.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::race;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "swap-descriptor",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "exchanges the socket while it is decided",
    act: Act::Native(race::swap_descriptor),
    refusals: &["race-lost"],
    setting: Setting::Granted,
    layers: &[Layer::Broker, Layer::Namespaces, Layer::Landlock],
};
