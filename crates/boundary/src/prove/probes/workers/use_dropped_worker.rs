//! A drop counts for threads that run already.

use crate::prove::probe::{Act, Class, NOT_CONNECTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "use-dropped-worker",
    class: Class::Workers,
    claim: Claim::NetConnect,
    attack: "connects from a worker to what was dropped by the main thread",
    act: Act::JavaScriptWithin(
        r"
            const { Worker } = require('node:worker_threads');
            const net = require('node:net');
            const [host, port] = [t.host(p.granted4), t.port(p.granted4)];
            await t.stream(net.connect({ host, port }));
            const source = `
                const { parentPort: parent } = require('node:worker_threads');
                parent.on('message', ({ host, port }) => {
                    const socket = require('node:net').connect({ host, port });
                    socket.on('data', (data) => parent.postMessage({ text: String(data) }));
                    socket.on('error', ({ code, message }) => parent.postMessage({ code, message }));
                });
                parent.postMessage({ ready: true });
            `;
            const worker = new Worker(source, { eval: true, execArgv: [], env: {} });
            const next = () => new Promise((resolve, reject) => {
                worker.once('message', resolve);
                worker.once('error', reject);
            });
            try {
                await t.within(2000, next());
                t.drop('net.connect', p.granted4);
                worker.postMessage({ host, port });
                const answer = await t.within(1500, next());
                if (answer.text !== undefined) return t.expect(answer.text, 'a worker read the canary');
                throw t.refusal(answer.code, answer.message);
            } finally {
                await worker.terminate();
            }
        ",
    ),
    refusals: NOT_CONNECTED,
    setting: Setting::Dropping,
    layers: &[Layer::Broker],
};
