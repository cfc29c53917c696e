//! Undoing the read-only view by the new call.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::mounts;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "mount-setattr",
    class: Class::Files,
    claim: Claim::ProcessKernel,
    attack: "makes the root writable by mount_setattr",
    act: Act::Native(mounts::mount_setattr),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Identity],
};
