//! Changing what is mounted, the classic call.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::mounts;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "mount-tmpfs",
    class: Class::Files,
    claim: Claim::ProcessKernel,
    attack: "mounts a file system",
    act: Act::Native(mounts::mount_tmpfs),
    refusals: NOT_ALLOWED,
    setting: Setting::Granted,
    layers: &[Layer::Seccomp, Layer::Identity],
};
