//! Undoing the read-only view.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::mounts;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "remount-writable",
    class: Class::Files,
    claim: Claim::ProcessKernel,
    attack: "remounts the root writable",
    act: Act::Native(mounts::remount_writable),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Identity],
};
