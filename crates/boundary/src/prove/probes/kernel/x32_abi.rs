//! Numbers the filter does not mean.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "x32-abi",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "makes a system call with an x32 number",
    act: Act::Native(kernel::x32_abi),
    refusals: &["SIGSYS", "ENOSYS", "EPERM"],
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
