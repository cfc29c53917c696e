//! The same by a call whose flags a filter cannot read.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::processes;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "clone-user-namespace",
    class: Class::Processes,
    claim: Claim::IdentityNoPrivileges,
    attack: "makes a user namespace by clone3",
    act: Act::Native(processes::clone_user_namespace),
    refusals: &["EPERM", "EACCES", "ENOSYS", "SIGSYS", "ENOSPC", "EUSERS"],
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Namespaces],
};
