//! System V shared memory.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::ipc;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "shared-memory",
    class: Class::Ipc,
    claim: Claim::ProcessIsolation,
    attack: "reads System V shared memory of the host",
    act: Act::Native(ipc::shared_memory),
    refusals: &["ENOENT", "EACCES", "EPERM", "ENOSYS", "SIGSYS", "EIDRM"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Seccomp],
};
