//! npm and its like, which fetch and run code.

use crate::prove::probe::{Act, Class, NOT_STARTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::execute;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "run-package-manager",
    class: Class::Children,
    claim: Claim::ProcessPackageManager,
    attack: "executes a package manager",
    act: Act::Native(|params| execute::run_parameter(params, "package_manager")),
    refusals: NOT_STARTED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces],
};
