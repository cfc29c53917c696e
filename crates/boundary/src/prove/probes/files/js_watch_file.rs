//! `fs.watchFile` was once unchecked (CVE-2023-30582).

use crate::prove::probe::{Act, Class, NOT_REACHABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-watch-file",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "learns the size of a file outside by watching it",
    act: Act::JavaScript(
        r"
            const fs = require('node:fs');
            const seen = new Promise((resolve) => {
                fs.watchFile(p.outside_file, { interval: 50 }, resolve);
                setTimeout(() => resolve(fs.statSync(p.outside_file)), 150);
            });
            try {
                const stat = await t.within(1000, seen.catch((error) => { throw error; }));
                if (stat.size === p.token.length) return 'saw the size of the canary';
                throw t.refusal('ENOENT', 'watched something else');
            } finally {
                fs.unwatchFile(p.outside_file);
            }
        ",
    ),
    refusals: NOT_REACHABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::NodeFlags],
};
