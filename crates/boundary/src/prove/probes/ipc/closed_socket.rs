//! A broker that connected as root would open what is closed to the service.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::ipc;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "closed-socket",
    class: Class::Ipc,
    claim: Claim::NetUnix,
    attack: "connects to a granted unix socket that only root may open",
    act: Act::Native(ipc::closed_socket),
    refusals: &["EACCES", "EPERM"],
    setting: Setting::Granted,
    layers: &[Layer::Broker, Layer::Identity],
};
