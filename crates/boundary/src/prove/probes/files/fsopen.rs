//! Mounting by the new interface.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::mounts;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "fsopen",
    class: Class::Files,
    claim: Claim::ProcessKernel,
    attack: "opens a file system context",
    act: Act::Native(mounts::fsopen),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Identity],
};
