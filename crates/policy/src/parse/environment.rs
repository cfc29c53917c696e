//! `[env]`: the variables a service receives.

use super::section::{Report, Section, any_string};
use crate::diagnostic::{Code, Problem};
use crate::display::quoted;
use crate::environment::parse_name;
use crate::model::Environment;
use std::collections::{BTreeMap, HashSet};

pub(super) fn read(report: &mut Report, section: &Section<'_>) -> Environment {
    let pass = section.list(report, "pass", "\"PORT\"", parse_name, String::clone);
    let passed: HashSet<&str> = pass.iter().map(|name| name.value.as_str()).collect();
    let mut set = BTreeMap::new();
    if let Some(table) = section.table(report, "set") {
        for (key, value) in table.entries() {
            let name = report.keep(&key.span, parse_name(key.value));
            let value = any_string(
                report,
                format_args!("env.set.{}", quoted(key.value)),
                value,
                "\"production\"",
            );
            let (Some(name), Some(value)) = (name, value) else { continue };
            if passed.contains(name.as_str()) {
                let what = "the same variable in env.pass and env.set";
                let problem = Problem::with_value(Code::Duplicate, what, &name);
                report.push(key.span, problem.hint("keep the one that is meant"));
            }
            set.insert(name, value.map(str::to_owned));
        }
    }
    Environment { pass, set }
}
