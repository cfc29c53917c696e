//! Watching everybody's files.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "watch-files",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "opens a fanotify group",
    act: Act::Native(kernel::watch_files),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
