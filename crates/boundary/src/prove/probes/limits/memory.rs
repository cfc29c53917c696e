//! Taking the memory of the host.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::limits;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "memory",
    class: Class::Limits,
    claim: Claim::LimitsMemory,
    attack: "uses more memory than its limit",
    act: Act::Native(limits::memory),
    refusals: &["SIGKILL", "ENOMEM", "SIGBUS"],
    setting: Setting::Alone,
    layers: &[Layer::Cgroup],
};
