//! Which missing grants a refusal names: never one that nobody should give.
//!
//! What must not be granted is judged where errors are explained; here it is held against the line
//! of a refusal, with what this service must not be able to replace. A line is a convenience for a
//! person, so in doubt there is none: `ringfence explain` says more.

use crate::explain::access::Access as Tried;
use crate::explain::{Grant, is_never_granted};
use crate::plan::{Access, Plan, ViewEntry};
use std::path::{Path, PathBuf};

/// Folders that are made for every service, or that its secrets are delivered in.
const MADE: [&str; 2] = ["/run/ringfence", "/run/secrets"];

/// What is never named for one service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Naming {
    /// What the next start runs or obeys; no folder around it is named for writing.
    guarded: Vec<PathBuf>,
    /// Sources of secrets inside of broader grants.
    hidden: Vec<PathBuf>,
}

impl Naming {
    /// For the service of a plan.
    pub(crate) fn of(plan: &Plan) -> Self {
        let modules = plan.folder.join("node_modules");
        let mut guarded = vec![plan.file.clone(), modules, plan.program.path.clone()];
        // The first argument that is no option is the script, or does no harm here.
        let mut words = plan.program.argv.iter().skip(1).map(Path::new);
        let script = words.find(|word| !word.as_os_str().as_encoded_bytes().starts_with(b"-"));
        guarded.extend(script.map(|script| crate::resolve::tidy(&plan.cwd.join(script))));
        let mut hidden = Vec::new();
        for entry in &plan.view {
            match entry {
                ViewEntry::Bind { target, access: Access::Execute, .. } => {
                    guarded.push(target.clone());
                }
                ViewEntry::Mask { target, .. } => hidden.push(target.clone()),
                _ => {}
            }
        }
        Self { guarded, hidden }
    }

    /// The line, unless it should not be given.
    pub(crate) fn line(&self, line: Option<String>) -> Option<String> {
        line.filter(|line| self.names(line))
    }

    fn names(&self, line: &str) -> bool {
        let Some(grant) = Grant::of_line(line) else { return true };
        let text = grant.value.trim_matches('"').to_owned();
        let path = Path::new(&text).to_owned();
        let tried = match (grant.section, grant.key) {
            ("fs", "write") => Tried::Write(text),
            ("fs", _) => Tried::Read(text),
            ("net", "unix") => Tried::Unix(text),
            ("process", "children") => Tried::Exec(text),
            ("process", "inspector") => Tried::Inspector,
            _ => return true,
        };
        if is_never_granted(&tried) {
            return false;
        }
        let around = |guarded: &PathBuf| guarded.starts_with(&path);
        match tried {
            Tried::Write(_) | Tried::Read(_) if self.is_out_of_reach(&path) => false,
            Tried::Write(_) => !self.guarded.iter().any(around),
            _ => true,
        }
    }

    fn is_out_of_reach(&self, path: &Path) -> bool {
        let made = MADE.iter().any(|made| path.starts_with(made));
        made || self.hidden.iter().any(|hidden| hidden == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_that_nobody_should_give_is_never_named() {
        let naming = Naming {
            guarded: vec!["/app/src/main.mjs".into(), "/app/ringfence.toml".into()],
            hidden: vec!["/app/dev-secret".into()],
        };
        for (line, named) in [
            ("fs.read = [\"/etc/orders.json\"]", true),
            ("fs.read = [\"/etc/shadow\"]", false),
            ("fs.read = [\"/home/ann\"]", false),
            ("fs.read = [\"/home/ann/.ssh/id_ed25519\"]", false),
            ("fs.read = [\"/proc/1/environ\"]", false),
            ("fs.read = [\"/run/secrets/key\"]", false),
            ("fs.read = [\"/app/dev-secret\"]", false),
            ("fs.read = [\"/app/src\"]", true),
            ("fs.write = [\"/app/data\"]", true),
            ("fs.write = [\"/app/src\"]", false),
            ("fs.write = [\"/app\"]", false),
            ("fs.write = [\"/app/src/other.mjs\"]", false),
            ("fs.write = [\"/etc\"]", false),
            ("process.children = [\"/usr/bin/git\"]", true),
            ("process.children = [\"/bin/sh\"]", false),
            ("process.children = [\"/usr/bin/npm\"]", false),
            ("process.inspector = true", false),
            ("process.workers = true", true),
            ("net.unix = [\"/run/docker.sock\"]", false),
            ("net.unix = [\"/run/db.sock\"]", true),
            ("net.connect = [\"api.internal:443\"]", true),
            ("env.pass = [\"DEBUG\"]", true),
        ] {
            let kept = naming.line(Some(line.to_owned()));
            assert_eq!(kept.is_some(), named, "{line}");
        }
    }
}
