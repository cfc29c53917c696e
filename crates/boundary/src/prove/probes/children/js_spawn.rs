//! The plain way of JavaScript.

use crate::prove::probe::{Act, Class, NOT_STARTED, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-spawn",
    class: Class::Children,
    claim: Claim::ProcessChildren,
    attack: "starts a program with node:child_process",
    act: Act::JavaScript(
        r"
            const { spawnSync } = require('node:child_process');
            const done = spawnSync(p.other_program, ['--version'], { timeout: 1500 });
            if (done.error) throw done.error;
            return `it ran and ended with ${done.status}`;
        ",
    ),
    refusals: NOT_STARTED,
    setting: Setting::Exact,
    layers: &[Layer::Seccomp, Layer::Landlock, Layer::Namespaces, Layer::NodeFlags],
};
