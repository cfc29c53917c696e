//! A worker takes NODE_OPTIONS from its own environment.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "worker-node-options",
    class: Class::Workers,
    claim: Claim::ProcessWorkers,
    attack: "reads a file outside in a worker with NODE_OPTIONS of its own",
    act: Act::JavaScript(
        r"
            return t.worker(
                `
                    const text = require('node:fs').readFileSync(data.outside_file, 'utf8');
                    parent.postMessage(text.startsWith(data.token) ? 'read the canary' : 'other');
                `,
                { NODE_OPTIONS: '--no-warnings' },
            );
        ",
    ),
    refusals: NOT_REACHABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::NodeFlags],
};
