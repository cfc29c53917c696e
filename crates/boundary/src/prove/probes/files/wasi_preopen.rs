//! WASI preopens ignore Node's file grants.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "wasi-preopen",
    class: Class::Files,
    claim: Claim::ProcessWasi,
    attack: "opens a folder outside as a WASI preopen, which ignores file grants",
    act: Act::JavaScript(
        r"
            const { WASI } = t.module('node:wasi');
            new WASI({ version: 'preview1', preopens: { '/out': p.outside_dir } });
            return 'opened a folder outside';
        ",
    ),
    refusals: &["UVWASI_ENOENT", "UVWASI_EACCES", "UVWASI_EPERM", "ENOENT", "ERR_ACCESS_DENIED"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};
