//! Moving mounts by the new interface.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::mounts;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "move-mount",
    class: Class::Files,
    claim: Claim::ProcessKernel,
    attack: "moves a mount",
    act: Act::Native(mounts::move_mount),
    refusals: NOT_ALLOWED,
    setting: Setting::Granted,
    layers: &[Layer::Seccomp, Layer::Identity],
};
