//! The same over IPv6.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "listen-undeclared-v6",
    class: Class::Network,
    claim: Claim::NetListen,
    attack: "listens over IPv6 where the host can connect",
    act: Act::Native(|params| network::be_reached(params, "listen6")),
    refusals: &["no-answer", "EACCES", "EPERM", "EADDRNOTAVAIL"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::Landlock],
};
