//! Typing into the terminal of whoever started the service.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "terminal-input",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "pushes input into a terminal",
    act: Act::Native(kernel::terminal_input),
    refusals: &["EPERM", "EACCES", "SIGSYS"],
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
