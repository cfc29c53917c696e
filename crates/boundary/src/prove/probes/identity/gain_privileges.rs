//! Set-user-id programs.

use crate::prove::probe::{Act, Class, NO_EFFECT, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::identity;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "gain-privileges",
    class: Class::Identity,
    claim: Claim::IdentityNoPrivileges,
    attack: "could gain privileges by executing a set-user-id program",
    act: Act::Native(identity::gain_privileges),
    refusals: NO_EFFECT,
    setting: Setting::Exact,
    layers: &[Layer::Identity],
};
