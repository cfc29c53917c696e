//! A worker with an empty `execArgv` has none of Node's restrictions.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "worker-read",
    class: Class::Workers,
    claim: Claim::ProcessWorkers,
    attack: "reads a file outside in a worker without Node flags",
    act: Act::JavaScript(
        r"
            return t.worker(`
                const text = require('node:fs').readFileSync(data.outside_file, 'utf8');
                parent.postMessage(text.startsWith(data.token) ? 'read the canary' : 'other');
            `);
        ",
    ),
    refusals: NOT_REACHABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::NodeFlags],
};
