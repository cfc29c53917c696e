//! A bounded fork bomb.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::limits;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "processes",
    class: Class::Limits,
    claim: Claim::LimitsPids,
    attack: "starts more processes than its limit",
    act: Act::Native(limits::processes),
    refusals: &["EAGAIN"],
    setting: Setting::Alone,
    layers: &[Layer::Cgroup],
};
