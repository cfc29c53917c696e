//! The same in the private temporary folder.

use crate::prove::probe::{Act, Class, NOT_STARTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::execute;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "run-written-tmp",
    class: Class::Children,
    claim: Claim::FilesExecute,
    attack: "writes a program to the temporary folder and executes it",
    act: Act::Native(|params| execute::run_written(params, "tmp_dir")),
    refusals: NOT_STARTED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces],
};
