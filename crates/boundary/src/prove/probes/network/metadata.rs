//! The address where clouds hand out credentials; outside it is made in a network of the act's own.

use crate::prove::probe::{Act, Class, NOT_CONNECTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::metadata;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "metadata",
    class: Class::Network,
    claim: Claim::NetMetadata,
    attack: "connects to the metadata address of clouds",
    act: Act::Native(metadata::reach),
    refusals: NOT_CONNECTED,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::Landlock],
};
