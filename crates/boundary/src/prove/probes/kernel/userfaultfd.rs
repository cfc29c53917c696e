//! The usual way to win races in the kernel.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "userfaultfd",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "opens a userfaultfd",
    act: Act::Native(kernel::userfaultfd),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
