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
        let value = (!value.is_empty() && !example).then_some(variable.value);
        let (name_, fixed) = (variable.name, false);
        let setting = Setting { name: name_, value, suspicion, fixed };
        facts.settings.push(Fact::new(setting, Origin::new(name, variable.line)));
    }
}
