//! The same for programs.

use crate::prove::probe::{Act, Class, NOT_STARTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "worker-spawn",
    class: Class::Workers,
    claim: Claim::ProcessWorkers,
    attack: "starts a program in a worker without Node flags",
    act: Act::JavaScript(
        r"
            return t.worker(`
                const { spawnSync } = require('node:child_process');
                const done = spawnSync(data.other_program, ['--version'], { timeout: 1500 });
                if (done.error) throw done.error;
                parent.postMessage('a program ran');
            `);
        ",
    ),
    refusals: NOT_STARTED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces, Layer::NodeFlags],
};
