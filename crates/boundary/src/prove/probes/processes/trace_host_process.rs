//! Taking over a process outside.

use crate::prove::probe::{Act, Class, NO_SUCH_PROCESS, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::processes;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "trace-host-process",
    class: Class::Processes,
    claim: Claim::ProcessIsolation,
    attack: "attaches to a process outside as a debugger",
    act: Act::Native(processes::trace),
    refusals: NO_SUCH_PROCESS,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::Seccomp],
};
