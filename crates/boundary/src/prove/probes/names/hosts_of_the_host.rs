//! What the host calls its neighbours.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "hosts-of-the-host",
    class: Class::Names,
    claim: Claim::NetNames,
    attack: "resolves a name from the hosts file of the host",
    act: Act::JavaScript(
        r"
            const { lookup } = require('node:dns/promises');
            const { address } = await lookup(p.hosts_name);
            return `${p.hosts_name} is ${address}`;
        ",
    ),
    refusals: &["ENOTFOUND", "EAI_AGAIN", "ERR_ACCESS_DENIED", "EAI_FAIL", "ECONNREFUSED"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker],
};
