//! Abstract names of the host.

use crate::prove::probe::{Act, Class, NOT_CONNECTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::ipc;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "abstract-socket",
    class: Class::Ipc,
    claim: Claim::NetUnix,
    attack: "connects to an abstract unix socket of the host",
    act: Act::Native(ipc::abstract_socket),
    refusals: NOT_CONNECTED,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::Broker],
};
