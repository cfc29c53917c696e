//! Answering in place of the supervisor.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::processes;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "own-listener",
    class: Class::Processes,
    claim: Claim::ProcessKernel,
    attack: "installs a filter listener of its own",
    act: Act::Native(processes::own_listener),
    refusals: &["EBUSY", "EPERM", "EACCES", "ENOSYS", "EINVAL"],
    setting: Setting::Exact,
    layers: &[Layer::Seccomp],
};
