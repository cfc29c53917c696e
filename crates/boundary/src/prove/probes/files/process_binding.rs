//! Node's internal bindings, below the checks of `node:fs`.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "process-binding",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "opens a file outside through process.binding",
    act: Act::JavaScript(
        r"
            const binding = process.binding('fs');
            const number = binding.open(p.outside_file, 0, 0o666);
            if (!(number > 0)) throw Object.assign(new Error('no descriptor'), { code: 'ENOENT' });
            require('node:fs').closeSync(number);
            return 'opened the canary';
        ",
    ),
    refusals: NOT_REACHABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::NodeFlags],
};
