//! A dropped grant is gone for whatever comes after.

use crate::prove::probe::{Act, Class, NOT_CONNECTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "use-dropped-connection",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "connects to what was dropped",
    act: Act::JavaScriptWithin(
        r"
            const net = require('node:net');
            const [host, port] = [t.host(p.granted4), t.port(p.granted4)];
            await t.stream(net.connect({ host, port }));
            t.drop('net.connect', p.granted4);
            return t.stream(net.connect({ host, port }));
        ",
    ),
    refusals: NOT_CONNECTED,
    setting: Setting::Dropping,
    layers: &[Layer::Broker],
};
