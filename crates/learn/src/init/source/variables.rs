//! Environment files: names, and values only as far as they look harmless.

use super::super::facts::{Fact, Facts, Origin, Setting};
use ringfence_policy::display::quoted;
use ringfence_project::variables;

pub(super) fn read(name: &str, text: &str, facts: &mut Facts) {
    let read = variables::parse(text);
    for problem in read.problems.iter().take(5) {
        facts.note(format!("{}:{}: {}", quoted(name), problem.line, problem.value));
    }
    // An example is about names: its values are made up.
    let example = ["example", "sample", "template", "dist"];
    let example = example.iter().any(|word| name.to_ascii_lowercase().contains(word));
    for variable in read.variables {
        let value = variable.value.expose();
        let suspicion = variables::suspicion(&variable.name, value);
        let value = (!value.is_empty()).then_some(variable.value);
        let mut setting = Setting { name: variable.name, value, suspicion, fixed: false };
        let origin = Origin::new(name, variable.line);
        if example {
            facts.samples.push(Fact::new(setting.clone(), origin.clone()));
            setting.value = None;
        }
        facts.settings.push(Fact::new(setting, origin));
    }
}
