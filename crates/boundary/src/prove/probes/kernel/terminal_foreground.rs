//! Taking what is typed at the terminal of whoever started the service.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::kernel;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "terminal-foreground",
    class: Class::Kernel,
    claim: Claim::ProcessKernel,
    attack: "makes itself the foreground of a terminal",
    act: Act::Native(kernel::terminal_foreground),
    refusals: &["EPERM", "EACCES", "SIGSYS"],
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
