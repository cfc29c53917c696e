//! The same for the network.

use crate::prove::probe::{Act, Class, NOT_CONNECTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "worker-connect",
    class: Class::Workers,
    claim: Claim::ProcessWorkers,
    attack: "connects to the host in a worker without Node flags",
    act: Act::JavaScript(
        r"
            return t.worker(`
                const at = data.tcp4.lastIndexOf(':');
                const socket = require('node:net').connect({
                    host: data.tcp4.slice(0, at), port: Number(data.tcp4.slice(at + 1)),
                });
                socket.once('data', () => { parent.postMessage('reached the canary'); });
                socket.once('error', (error) => { parent.postMessage({ code: error.code }); });
            `);
        ",
    ),
    refusals: NOT_CONNECTED,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::Landlock, Layer::NodeFlags],
};
