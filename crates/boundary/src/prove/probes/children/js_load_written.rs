//! A native addon of the attacker's own, written where writing is allowed.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-load-written",
    class: Class::Children,
    claim: Claim::ProcessAddons,
    attack: "loads a library that it wrote itself",
    act: Act::JavaScript(
        r"
            const fs = require('node:fs');
            const file = `${p.write_dir}/library-${process.pid}.node`;
            fs.copyFileSync(p.readable_library, file);
            try {
                process.dlopen({ exports: {} }, file);
            } catch (error) {
                // Loaded, and only then found to be no addon.
                if (/did not self-register|Module did not/.test(error.message)) return 'loaded a library';
                throw t.refusal(error.code ?? 'ERR_DLOPEN_FAILED', error.message);
            } finally {
                fs.rmSync(file, { force: true });
            }
            return 'loaded a library';
        ",
    ),
    refusals: &["ERR_DLOPEN_FAILED", "ERR_DLOPEN_DISABLED", "ERR_ACCESS_DENIED", "EACCES", "EPERM"],
    setting: Setting::Granted,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::NodeFlags],
};
