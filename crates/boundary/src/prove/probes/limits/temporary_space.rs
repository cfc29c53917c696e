//! Filling memory by temporary files.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::limits;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "temporary-space",
    class: Class::Limits,
    claim: Claim::LimitsTmp,
    attack: "takes more temporary space than its limit",
    act: Act::Native(limits::temporary_space),
    refusals: &["ENOSPC"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces],
};
