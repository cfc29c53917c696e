//! Swapping the root.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::mounts;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "pivot-root",
    class: Class::Files,
    claim: Claim::ProcessKernel,
    attack: "swaps the root of its mount namespace",
    act: Act::Native(mounts::pivot_root),
    refusals: NOT_ALLOWED,
    setting: Setting::Granted,
    layers: &[Layer::Seccomp, Layer::Identity],
};
