//! The same in the private temporary folder.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::execute;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "map-written-tmp",
    class: Class::Children,
    claim: Claim::FilesExecute,
    attack: "maps a file in the temporary folder executable",
    act: Act::Native(|params| execute::map_written(params, "tmp_dir")),
    refusals: &["EPERM", "EACCES", "ENODEV"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces],
};
