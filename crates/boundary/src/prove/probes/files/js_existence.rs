//! Resolving a path tells whether it exists, which Node does not guard everywhere.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-existence",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "learns whether a file outside exists",
    act: Act::JavaScript(
        r"
            const fs = require('node:fs');
            const real = fs.realpathSync(p.outside_file);
            if (!fs.statSync(real).isFile()) throw t.refusal('other-content', 'something else is there');
            return 'the canary exists';
        ",
    ),
    refusals: NOT_REACHABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::NodeFlags],
};
