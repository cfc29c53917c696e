//! Root, by call or in a namespace.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::identity;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "become-root",
    class: Class::Identity,
    claim: Claim::IdentityNonRoot,
    attack: "becomes root",
    act: Act::Native(identity::become_root),
    refusals: &["EPERM", "EACCES", "ENOSYS", "ENOSPC", "EINVAL", "SIGSYS"],
    setting: Setting::Exact,
    layers: &[Layer::Identity, Layer::Namespaces, Layer::Seccomp],
};
