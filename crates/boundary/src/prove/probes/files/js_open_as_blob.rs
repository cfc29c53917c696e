//! `fs.openAsBlob` was once unchecked (CVE-2023-30583).

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-open-as-blob",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "reads a file outside as a blob",
    act: Act::JavaScript(
        r"
            const { openAsBlob } = require('node:fs');
            if (openAsBlob === undefined) throw new t.Absent('this Node has no openAsBlob');
            const text = await (await openAsBlob(p.outside_file)).text();
            return t.expect(text, 'read the canary as a blob');
        ",
    ),
    refusals: &[
        "ENOENT",
        "EACCES",
        "EPERM",
        "ENOTDIR",
        "ERR_ACCESS_DENIED",
        "ERR_INVALID_ARG_VALUE",
    ],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::NodeFlags],
};
