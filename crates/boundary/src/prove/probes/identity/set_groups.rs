//! Joining groups.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::identity;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "set-groups",
    class: Class::Identity,
    claim: Claim::IdentityNonRoot,
    attack: "joins another group",
    act: Act::Native(identity::set_groups),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Identity, Layer::Namespaces, Layer::Seccomp],
};
