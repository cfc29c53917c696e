//! A dropped path is gone, mount and all.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "read-dropped-file",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "reads a file below a path that was dropped",
    act: Act::JavaScriptWithin(
        r"
            const fs = require('node:fs');
            const file = `${p.droppable_dir}/file`;
            t.expect(fs.readFileSync(file, 'utf8'), 'the control');
            t.drop('fs.read', p.droppable_dir);
            return t.expect(fs.readFileSync(file, 'utf8'), 'read the canary after the drop');
        ",
    ),
    refusals: &["ENOENT", "EACCES", "EPERM", "ERR_ACCESS_DENIED", "other-content"],
    setting: Setting::Dropping,
    layers: &[Layer::Namespaces],
};
