//! A command that a person gives, and commands that other files hold.

use super::super::facts::{Fact, Facts, Origin, Start};
use ringfence_project::command::{self, NodeCommand};

/// Reads `--command`.
pub(super) fn read(text: &str, facts: &mut Facts) {
    let origin = Origin::new("the command", 0);
    match command::split(text) {
        Ok(plain) => {
            let (words, variables) = (plain.words, plain.variables);
            let said = "as given".to_owned();
            facts.starts.push(Fact::new(Start { words, variables, root: None, said }, origin));
        }
        Err(error) => facts.note(format!("the command cannot be started without a shell: {error}")),
    }
}

/// Takes the permission flags out of every start that has some, and keeps what they meant.
pub(in crate::init) fn take_permissions(facts: &mut Facts) {
    for start in &mut facts.starts {
        let Some(node) = NodeCommand::read(&start.value.words) else { continue };
        if node.permission.flags.is_empty() {
            continue;
        }
        let mut words = vec![node.program.clone()];
        words.extend(node.options.iter().cloned());
        words.extend(node.script.iter().cloned());
        words.extend(node.arguments.iter().cloned());
        start.value.words = words;
        facts.permissions.push(Fact::new(node, start.origin.clone()));
    }
}
