//! The same for writing.

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "worker-write",
    class: Class::Workers,
    claim: Claim::ProcessWorkers,
    attack: "writes a file outside in a worker without Node flags",
    act: Act::JavaScript(
        r"
            return t.worker(`
                const fs = require('node:fs');
                const file = data.outside_dir + '/worker-' + process.pid;
                fs.writeFileSync(file, 'x');
                fs.rmSync(file);
                parent.postMessage('wrote a file outside');
            `);
        ",
    ),
    refusals: NOT_WRITABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::NodeFlags],
};
