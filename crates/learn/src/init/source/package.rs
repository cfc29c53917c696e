//! `package.json`: name, versions of Node, and how it is started.

use super::super::facts::{Fact, Facts, Origin, Start};
use ringfence_policy::display::quoted;
use ringfence_project::command;
use ringfence_project::package::{self, Package};

/// Scripts that start a service, the usual one first.
const SCRIPTS: [&str; 5] = ["start", "start:prod", "start:production", "serve", "server"];

/// Scripts that lead to another one are followed so often.
const DEEPEST: usize = 4;

pub(super) fn read(name: &str, text: &str, facts: &mut Facts) {
    let package = match package::parse(text) {
        Ok(package) => package,
        Err(error) => {
            return facts.note(format!("{}:{}: {}", quoted(name), error.line, error.message));
        }
    };
    for problem in &package.problems {
        facts.note(format!("{}:{}: {}", quoted(name), problem.line, problem.value));
    }
    if let Some(own) = &package.name {
        facts.names.push(Fact::new(own.value.clone(), Origin::new(name, own.line)));
    }
    if let Some(node) = &package.node {
        facts.node.push(Fact::new(node.value.clone(), Origin::new(name, node.line)));
    }
    for script in SCRIPTS {
        let Some(text) = package.script(script) else { continue };
        let origin = Origin::new(name, text.line);
        match follow(&package, script, 0) {
            Ok(mut start) => {
                start.said = format!("script \"{script}\"");
                facts.starts.push(Fact::new(start, origin));
                break;
            }
            Err(why) => {
                facts.note(format!(
                    "{origin}: the script \"{script}\" cannot be started without a shell: {why}"
                ));
            }
        }
    }
    facts.package = Some((name.to_owned(), package));
}

/// The command of a script; one that starts another script of the same file is followed.
pub(crate) fn follow(package: &Package, script: &str, depth: usize) -> Result<Start, String> {
    let Some(text) = package.script(script) else {
        return Err(format!("there is no script {}", quoted(script)));
    };
    let plain = command::split(&text.value).map_err(|error| error.to_string())?;
    let mut start = Start { words: plain.words, variables: plain.variables, ..Start::default() };
    if let Some(next) = script_of(&start.words) {
        if depth == DEEPEST {
            return Err("it leads from script to script".to_owned());
        }
        let followed = follow(package, &next, depth + 1)?;
        start.words = followed.words;
        start.variables.extend(followed.variables);
    }
    Ok(start)
}

/// The script that a package manager's command starts: `npm start`, `npm run -s serve`, `yarn dev`.
pub(crate) fn script_of(words: &[String]) -> Option<String> {
    let (program, rest) = words.split_first()?;
    let program = program.rsplit('/').next().unwrap_or(program);
    let mut rest = rest.iter().map(String::as_str).filter(|word| !word.starts_with('-'));
    let first = rest.next();
    match (program, first) {
        ("npm" | "pnpm" | "yarn" | "bun", Some("run" | "run-script")) => {
            rest.next().map(str::to_owned)
        }
        ("npm" | "pnpm" | "yarn" | "bun", Some(script @ "start")) => Some(script.to_owned()),
        ("yarn" | "pnpm", Some(script))
            if !["node", "exec", "dlx", "install"].contains(&script) =>
        {
            Some(script.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(scripts: &str) -> Result<Vec<String>, String> {
        let package = package::parse(&format!("{{\"scripts\": {{{scripts}}}}}")).unwrap();
        follow(&package, "start", 0).map(|start| start.words)
    }

    #[test]
    fn scripts_are_followed_and_shells_are_not() {
        let words = start(r#""start": "npm run -s serve", "serve": "A=1 node a.js""#);
        assert_eq!(words.unwrap(), ["node", "a.js"]);
        assert!(start(r#""start": "npm start""#).unwrap_err().contains("script to script"));
        assert!(start(r#""start": "tsc && node .""#).unwrap_err().contains("`&`"));
        assert!(start(r#""start": "npm run gone""#).unwrap_err().contains("no script"));
    }
}
