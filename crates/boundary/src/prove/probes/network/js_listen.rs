//! Listening is no network access of its own in Node before 25.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-listen",
    class: Class::Network,
    claim: Claim::NetListen,
    attack: "listens with node:net where the host can connect",
    act: Act::JavaScript(
        r"
            const server = require('node:net').createServer();
            try {
                const reached = new Promise((resolve, reject) => {
                    server.once('connection', (socket) => resolve(socket.destroy()));
                    server.once('error', reject);
                });
                server.listen({ host: t.host(p.listen4), port: t.port(p.listen4) });
                await t.within(400, reached);
                return 'the host connected';
            } finally {
                server.close();
            }
        ",
    ),
    refusals: &["no-answer", "EACCES", "EPERM", "EADDRNOTAVAIL", "ERR_ACCESS_DENIED"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::Landlock, Layer::NodeFlags],
};
