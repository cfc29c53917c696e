//! `FileHandle.chmod` was once unchecked (CVE-2026-21716).

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-handle-mode",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "changes the mode of a read-only file through its handle",
    act: Act::JavaScript(
        r"
            const handle = await require('node:fs/promises').open(p.spare_file);
            try {
                await handle.chmod(0o666);
                return 'changed the mode of a read-only file';
            } finally {
                await handle.close();
            }
        ",
    ),
    refusals: NOT_WRITABLE,
    setting: Setting::Granted,
    layers: &[Layer::Namespaces, Layer::NodeFlags],
};
