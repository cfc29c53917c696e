//! The plain way of JavaScript.

use crate::prove::probe::{Act, Class, NOT_CONNECTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-connect",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "connects with node:net",
    act: Act::JavaScript(
        r"
            return t.stream(require('node:net').connect({ host: t.host(p.tcp4), port: t.port(p.tcp4) }));
        ",
    ),
    refusals: NOT_CONNECTED,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::Landlock, Layer::NodeFlags],
};
