//! Taking the processors of the host.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::limits;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "processor",
    class: Class::Limits,
    claim: Claim::LimitsCpu,
    attack: "uses more processor time than its limit",
    act: Act::Native(limits::processor),
    refusals: &["throttled"],
    setting: Setting::Alone,
    layers: &[Layer::Cgroup],
};
