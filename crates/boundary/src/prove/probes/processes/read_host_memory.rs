//! Reading secrets from memory outside.

use crate::prove::probe::{Act, Class, NO_SUCH_PROCESS, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::processes;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "read-host-memory",
    class: Class::Processes,
    claim: Claim::ProcessIsolation,
    attack: "reads the memory of a process outside",
    act: Act::Native(processes::read_memory),
    refusals: NO_SUCH_PROCESS,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::Seccomp],
};
