//! Numbers the filter does not mean.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "foreign-abi",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "makes a system call by int 0x80",
    act: Act::Native(kernel::foreign_abi),
    refusals: &["SIGSYS", "ENOSYS", "EPERM", "SIGSEGV"],
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
