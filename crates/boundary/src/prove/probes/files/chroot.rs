//! Changing the root.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::mounts;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "chroot",
    class: Class::Files,
    claim: Claim::ProcessKernel,
    attack: "changes its root",
    act: Act::Native(mounts::chroot),
    refusals: NOT_ALLOWED,
    setting: Setting::Granted,
    layers: &[Layer::Seccomp, Layer::Identity],
};
