//! Secrets in a core dump.

use crate::prove::probe::{Act, Class, NOT_ALLOWED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::processes;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "core-dump",
    class: Class::Processes,
    claim: Claim::SecretsDelivered,
    attack: "raises its core limit to dump secrets",
    act: Act::Native(processes::allow_core_dump),
    refusals: NOT_ALLOWED,
    setting: Setting::Exact,
    layers: &[Layer::Rlimits],
};
