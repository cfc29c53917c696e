//! Groups of whoever started the service.

use crate::prove::probe::{Act, Class, NO_EFFECT, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::identity;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "extra-group",
    class: Class::Identity,
    claim: Claim::IdentityNonRoot,
    attack: "belongs to a group that is not granted",
    act: Act::Native(identity::extra_group),
    refusals: NO_EFFECT,
    setting: Setting::Exact,
    layers: &[Layer::Identity],
};
