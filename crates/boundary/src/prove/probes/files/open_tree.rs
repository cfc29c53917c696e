//! Copying mounts by the new interface.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::mounts;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "open-tree",
    class: Class::Files,
    claim: Claim::ProcessKernel,
    attack: "copies the mount tree",
    act: Act::Native(mounts::open_tree),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Identity],
};
