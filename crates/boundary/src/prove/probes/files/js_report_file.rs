//! Reports were once written past the grants (CVE-2026-58039).

use crate::prove::probe::{Act, Class, NOT_WRITABLE, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-report-file",
    class: Class::Files,
    claim: Claim::FilesWrite,
    attack: "writes a diagnostic report outside",
    act: Act::JavaScript(
        r"
            const file = `${p.outside_dir}/report-${process.pid}.json`;
            process.report.compact = true;
            process.report.excludeNetwork = true;
            process.report.writeReport(file);
            const fs = require('node:fs');
            if (!fs.existsSync(file)) throw t.refusal('EACCES', 'no report was written');
            fs.rmSync(file);
            return 'wrote a report outside';
        ",
    ),
    refusals: NOT_WRITABLE,
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Landlock, Layer::NodeFlags],
};
