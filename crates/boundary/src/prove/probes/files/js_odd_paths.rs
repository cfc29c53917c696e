//! Paths as bytes, as URLs and with steps back were ways around (CVE-2023-32004, CVE-2024-21891).

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-odd-paths",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "reads a file outside by other forms of its path",
    act: Act::JavaScript(
        r"
            const fs = require('node:fs');
            const forms = [
                Buffer.from(p.outside_file),
                new Uint8Array(Buffer.from(p.outside_file)),
                require('node:url').pathToFileURL(p.outside_file),
                `${p.read_dir}/../outside/canary`,
                `//${p.outside_file}`,
            ];
            let refused;
            for (const form of forms) {
                try {
                    return t.expect(fs.readFileSync(form, 'utf8'), 'read the canary by another form of its path');
                } catch (error) {
                    refused = error;
                }
            }
            throw refused;
        ",
    ),
    refusals: NOT_REACHABLE,
    setting: Setting::Granted,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::NodeFlags],
};
