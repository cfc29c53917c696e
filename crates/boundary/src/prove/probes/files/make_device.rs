//! Making a device to reach a disk or memory.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::mounts;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "make-device",
    class: Class::Files,
    claim: Claim::ProcessKernel,
    attack: "makes a device node",
    act: Act::Native(mounts::make_device),
    refusals: NOT_ALLOWED,
    setting: Setting::Granted,
    layers: &[Layer::Seccomp, Layer::Identity, Layer::Landlock],
};
