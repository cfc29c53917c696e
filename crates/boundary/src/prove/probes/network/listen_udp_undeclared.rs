//! Receiving datagrams without a grant.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;
use ringfence_sys::attack::network;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "listen-udp-undeclared",
    class: Class::Network,
    claim: Claim::NetListen,
    attack: "binds a UDP port where the host can send",
    act: Act::Native(|params| network::be_sent_to(params, "listen_udp")),
    refusals: &["no-answer", "EACCES", "EPERM", "EADDRNOTAVAIL"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker],
};
