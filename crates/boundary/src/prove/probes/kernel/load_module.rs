//! Code in the kernel.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "load-module",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "loads a kernel module",
    act: Act::Native(kernel::load_module),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
