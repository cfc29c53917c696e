//! The same in two steps.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::execute;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "protect-written",
    class: Class::Children,
    claim: Claim::FilesExecute,
    attack: "makes a mapping of a file it has written executable",
    act: Act::Native(execute::protect_written),
    refusals: &["EPERM", "EACCES", "ENODEV"],
    setting: Setting::Granted,
    layers: &[Layer::Namespaces],
};
