//! Scripts the service writes itself.

use crate::prove::probe::{Act, Class, NOT_STARTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::execute;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "run-script",
    class: Class::Children,
    claim: Claim::FilesExecute,
    attack: "writes a script and executes it",
    act: Act::Native(execute::run_script),
    refusals: NOT_STARTED,
    setting: Setting::Granted,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces],
};
