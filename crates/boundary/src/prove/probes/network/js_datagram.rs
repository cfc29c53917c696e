//! Datagrams from JavaScript.

use crate::prove::probe::{Act, Class, NOT_ANSWERED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-datagram",
    class: Class::Network,
    claim: Claim::NetUdp,
    attack: "sends a datagram with node:dgram",
    act: Act::JavaScript(
        r"
            const socket = require('node:dgram').createSocket('udp4');
            try {
                const answer = new Promise((resolve, reject) => {
                    socket.once('message', resolve);
                    socket.once('error', reject);
                });
                socket.send('ringfence', t.port(p.udp4), t.host(p.udp4));
                return t.expect(String(await t.within(400, answer)), 'the canary answered');
            } finally {
                socket.close();
            }
        ",
    ),
    refusals: NOT_ANSWERED,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::NodeFlags],
};
