//! Pasting into the console.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "terminal-paste",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "controls the console",
    act: Act::Native(kernel::terminal_paste),
    refusals: &["EPERM", "EACCES", "SIGSYS"],
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
