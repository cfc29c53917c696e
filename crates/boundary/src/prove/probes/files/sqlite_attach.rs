//! A database in memory attaches files.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "sqlite-attach",
    class: Class::Files,
    claim: Claim::FilesRead,
    attack: "opens a file outside by ATTACH from a database in memory",
    act: Act::JavaScript(
        r"
            const { DatabaseSync } = t.module('node:sqlite');
            const database = new DatabaseSync(':memory:');
            const file = `${p.outside_dir}/attached-${process.pid}.db`;
            database.exec(`attach database '${file}' as canary`);
            database.exec('create table canary.canary (x)');
            database.close();
            require('node:fs').rmSync(file);
            return 'attached a database outside';
        ",
    ),
    refusals: &["ERR_SQLITE_ERROR", "ERR_ACCESS_DENIED"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock],
};
