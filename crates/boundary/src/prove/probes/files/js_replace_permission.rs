//! What JavaScript can replace is no boundary.

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-replace-permission",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "replaces process.permission and reads a file outside",
    act: Act::JavaScript(
        r"
            try {
                Object.defineProperty(process, 'permission', { value: { has: () => true } });
                require('node:path').toNamespacedPath = (path) => path;
            } catch {
                // As good as replaced: nobody asks it for the kernel's opinion.
            }
            return t.expect(require('node:fs').readFileSync(p.outside_file, 'utf8'), 'read the canary');
        ",
    ),
    refusals: NOT_REACHABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::NodeFlags],
};
