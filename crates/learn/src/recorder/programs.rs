//! Programs that were started, and which of them the script in front of Node tells of.

use super::caller::as_path;
use super::lines::Lines;
use super::look::{self, Found};
use super::reader::clean;
use crate::record::line::{Exec, Line};
use std::collections::HashSet;

/// Most different starts told.
const MOST: usize = 1 << 14;
/// Most interpreters behind one another, as in the kernel.
const INTERPRETERS: usize = 4;

/// All of them.
#[derive(Default)]
pub(super) struct Programs {
    seen: HashSet<(Vec<u8>, Vec<String>)>,
    started: bool,
    /// Node processes that the script has not told of yet.
    waiting: HashSet<i32>,
}

impl Programs {
    /// A program that exists is about to be started.
    pub(super) fn start(
        &mut self,
        path: &[u8],
        found: &Found,
        argv: &[String],
        pid: i32,
        lines: &mut Lines,
    ) {
        let first = !std::mem::replace(&mut self.started, true);
        let mut path = path.to_vec();
        let mut real = found.real.clone().unwrap_or_else(|| path.clone());
        let mut of_script = false;
        for _ in 0..=INTERPRETERS {
            if self.seen.len() < MOST && self.seen.insert((path.clone(), argv.to_vec())) {
                let at = lines.now();
                let first = first && !of_script;
                let argv = if of_script { Vec::new() } else { argv.to_vec() };
                let (path, real) = (clean(&path), Some(clean(&real)));
                lines.put(&Line::Exec(Exec { path, real, argv, first, at, pid }));
            }
            let Some(interpreter) = look::interpreter(&real) else { break };
            let canonical = std::fs::canonicalize(as_path(&interpreter)).ok();
            path.clone_from(&interpreter);
            real = canonical.map_or(interpreter, |real| {
                use std::os::unix::ffi::OsStringExt as _;
                real.into_os_string().into_vec()
            });
            of_script = true;
        }
        if is_node(&real) && !only_tells(argv) {
            self.waiting.insert(pid);
        } else {
            self.waiting.remove(&pid);
        }
    }

    /// The script runs in this process.
    pub(super) fn told(&mut self, pid: i32) {
        self.waiting.remove(&pid);
    }

    /// Node processes in which the script did not run.
    pub(super) fn untold(&self) -> u64 {
        self.waiting.len() as u64
    }
}

fn is_node(real: &[u8]) -> bool {
    let name = real.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    name == b"node" || name == b"nodejs"
}

/// Whether Node runs no program with these arguments.
fn only_tells(argv: &[String]) -> bool {
    const TELLS: [&str; 5] = ["-h", "--help", "-v", "--v8-options", "--version"];
    argv.get(1).is_some_and(|word| TELLS.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_is_known_by_its_name_and_by_what_it_is_asked() {
        assert!(is_node(b"/usr/bin/node") && !is_node(b"/usr/bin/nodemon"));
        let argv = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert!(only_tells(&argv(&["node", "--version"])));
        assert!(!only_tells(&argv(&["node", "x.js", "--version"])));
    }
}
