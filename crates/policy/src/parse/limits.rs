//! `[limits]`: what a service may use up. A limit that is absent is no limit.

use super::section::{Report, Section, wrong_type};
use super::units;
use crate::diagnostic::{Code, Problem};
use crate::model::Limits;
use crate::source::Located;
use toml::de::DeValue;

pub(super) fn read(report: &mut Report, section: &Section<'_>) -> Limits {
    Limits {
        memory: section.value(report, "memory", "memory = \"512MiB\"", units::size),
        pids: section.count(report, "pids"),
        cpu: cpu(report, section),
        open_files: section.count(report, "open-files"),
        file_size: section.value(report, "file-size", "file-size = \"1GiB\"", units::size),
        tmp: section.value(report, "tmp", "tmp = \"64MiB\"", units::size),
    }
}

/// Cores, 0.01 to 10000: the kernel counts in hundredths of a core and less.
fn cpu(report: &mut Report, section: &Section<'_>) -> Option<Located<f64>> {
    let value = section.raw("cpu")?;
    let text = match value.get_ref() {
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
        DeValue::Float(float) => float.as_str(),
        other => {
            let problem = wrong_type("limits.cpu", "a number of cores", other);
            report.push(value.span(), problem.hint("write cpu = 1.5"));
            return None;
        }
    };
    let cores = text.parse::<f64>().ok().filter(|cores| (0.01..=10_000.0).contains(cores));
    if cores.is_none() {
        let what = "number of cores is out of range";
        let problem = Problem::with_value(Code::BadNumber, what, text);
        let hint = "write a number from 0.01 to 10000, or leave the key out for no limit";
        report.push(value.span(), problem.hint(hint));
    }
    cores.map(|cores| Located::new(cores, value.span()))
}
