//! The plain way of JavaScript.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-read-outside",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "reads a file outside with node:fs",
    act: Act::JavaScript(
        r"
            const text = require('node:fs').readFileSync(p.outside_file, 'utf8');
            return t.expect(text, 'read the canary');
        ",
    ),
    refusals: NOT_REACHABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::NodeFlags],
};
