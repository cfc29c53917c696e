//! Two decisions about one socket.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::race;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "two-threads",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "connects one socket from two threads at once",
    act: Act::Native(race::two_threads),
    refusals: &["race-lost"],
    setting: Setting::Granted,
    layers: &[Layer::Broker, Layer::Namespaces, Layer::Landlock],
};
