//! POSIX message queues.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::ipc;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "message-queue",
    class: Class::Ipc,
    claim: Claim::ProcessIsolation,
    attack: "opens a POSIX message queue of the host",
    act: Act::Native(ipc::message_queue),
    refusals: &["ENOENT", "EACCES", "EPERM", "ENOSYS", "SIGSYS"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Seccomp],
};
