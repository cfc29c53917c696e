//! A set-user-id program, such as su.

use crate::prove::probe::{Act, Class, NOT_STARTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::execute;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "run-set-id",
    class: Class::Children,
    claim: Claim::ProcessChildren,
    attack: "executes a program that belongs to root and has the set-user-id bit",
    act: Act::Native(execute::run_set_id),
    refusals: NOT_STARTED,
    setting: Setting::Granted,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces],
};
