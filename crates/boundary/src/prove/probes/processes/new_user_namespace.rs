//! Gaining capabilities, and most of the attack surface of the kernel with them.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::processes;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "new-user-namespace",
    class: Class::Processes,
    claim: Claim::IdentityNoPrivileges,
    attack: "makes a user namespace, with every capability in it",
    act: Act::Native(processes::new_user_namespace),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
