//! TCP under another protocol number.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "multipath",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "connects by multipath TCP",
    act: Act::Native(network::reach_multipath),
    refusals: &["EACCES", "EPERM", "ECONNREFUSED", "ENETUNREACH", "EPROTONOSUPPORT", "ENOSYS"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::Landlock, Layer::Seccomp],
};
