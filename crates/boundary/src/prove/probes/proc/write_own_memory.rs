//! Writing memory past its protection.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::files;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "write-own-memory",
    class: Class::Proc,
    claim: Claim::ProcessKernel,
    attack: "writes its own memory through /proc, past page protection",
    act: Act::Native(files::write_own_memory),
    refusals: &["EROFS", "EACCES", "EPERM", "ENOENT"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};
