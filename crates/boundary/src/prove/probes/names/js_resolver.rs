//! The same from JavaScript.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-resolver",
    class: Class::Names,
    claim: Claim::NetNames,
    attack: "asks a name server of its own choice with node:dns",
    act: Act::JavaScript(
        r"
            const { Resolver } = require('node:dns').promises;
            const resolver = new Resolver({ timeout: 300, tries: 1 });
            resolver.setServers([p.dns]);
            const found = await resolver.resolve4(`js-resolver.${p.dns_zone}`);
            return `the canary server answered ${found[0]}`;
        ",
    ),
    refusals: &[
        "ECONNREFUSED",
        "ETIMEOUT",
        "ENOTFOUND",
        "EREFUSED",
        "ERR_ACCESS_DENIED",
        "ECANCELLED",
    ],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::NodeFlags],
};
