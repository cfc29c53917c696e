//! npm is JavaScript: whoever can read it can run it without a program of its own.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-package-manager",
    class: Class::Children,
    claim: Claim::ProcessPackageManager,
    attack: "loads npm into its own process",
    act: Act::JavaScript(
        r"
            const path = require('node:path');
            const places = [
                path.join(path.dirname(process.execPath), '../lib/node_modules/npm'),
                '/usr/lib/node_modules/npm',
                '/usr/local/lib/node_modules/npm',
                '/usr/share/nodejs/npm',
            ];
            let refused;
            for (const place of places) {
                try {
                    return `loaded npm ${require(path.join(place, 'package.json')).version} from ${place}`;
                } catch (error) {
                    refused = error;
                }
            }
            throw refused;
        ",
    ),
    refusals: &["MODULE_NOT_FOUND", "ENOENT", "EACCES", "ERR_ACCESS_DENIED"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};
