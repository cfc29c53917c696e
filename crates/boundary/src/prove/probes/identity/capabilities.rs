//! Capabilities in any of the five sets.

use crate::prove::probe::{Act, Class, NO_EFFECT, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::identity;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "capabilities",
    class: Class::Identity,
    claim: Claim::IdentityNoPrivileges,
    attack: "holds a capability or could gain one",
    act: Act::Native(identity::capabilities),
    refusals: NO_EFFECT,
    setting: Setting::Exact,
    layers: &[Layer::Identity],
};
