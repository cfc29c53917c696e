//! The sockets of Docker, D-Bus and the like.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::ipc;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "path-socket",
    class: Class::Ipc,
    claim: Claim::NetUnix,
    attack: "connects to a unix socket of the host by path",
    act: Act::Native(ipc::path_socket),
    refusals: &["ENOENT", "EACCES", "EPERM", "ECONNREFUSED", "ENOTDIR"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker],
};
