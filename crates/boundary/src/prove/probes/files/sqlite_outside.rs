//! `node:sqlite` ignores Node's file grants.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "sqlite-outside",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "makes a database outside with node:sqlite, which ignores file grants",
    act: Act::JavaScript(
        r"
            const { DatabaseSync } = t.module('node:sqlite');
            const file = `${p.outside_dir}/canary-${process.pid}.db`;
            const database = new DatabaseSync(file);
            database.exec('create table canary (x)');
            database.close();
            require('node:fs').rmSync(file);
            return 'made a database outside';
        ",
    ),
    refusals: &["ERR_SQLITE_ERROR", "ERR_ACCESS_DENIED"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};
