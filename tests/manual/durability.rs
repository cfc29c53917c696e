//! `process.node-flags`: what Node's permissions switch off whatever is granted, and that a boundary
//! without them holds all the same.

use crate::refused_by_host;
use crate::runtime::nodes;
use ringfence_tests::command::{Playground, Run};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Stores what must survive a power failure, and then tries to get out.
const PROGRAM: &str = r"const fs = require('node:fs');
const tried = (act) => {
  try {
    return act() ?? 'done';
  } catch (error) {
    return error.code;
  }
};
const fd = fs.openSync('./data/kept', 'w');
console.log('fsync', tried(() => fs.fsyncSync(fd)), tried(() => fs.fdatasyncSync(fd)));
console.log('change', tried(() => fs.fchmodSync(fd, 0o600)), tried(() => fs.futimesSync(fd, 1, 1)));
console.log('link', tried(() => fs.symlinkSync('kept', './data/link')));
console.log('flush', tried(() => fs.writeFileSync('./data/kept', 'x', { flush: true })));
console.log('worker', process.permission?.has('worker'));
console.log('file', process.permission?.has('fs.write', `${process.cwd()}/data/kept`));
console.log('outside', tried(() => fs.readFileSync('./outside.txt', 'utf8')));
console.log('shell', tried(() => require('node:child_process').execFileSync('/bin/sh', ['-c', 'exit']).length));
";

fn playground(node: &Path, process: &str) -> Playground {
    let file = format!(
        "schema = 1\n[service]\nname = \"keeper\"\nstart = [{:?}, \"app/keep.cjs\"]\n\
         [fs]\nread = [\"./app\"]\nwrite = [\"./data\"]\n{process}",
        node.display().to_string()
    );
    let playground = Playground::new()
        .with("ringfence.toml", &file)
        .with("app/keep.cjs", PROGRAM)
        .with("data/.keep", "")
        .with("outside.txt", "outside");
    // Started by root, the service is another user.
    for (path, mode) in [("", 0o755), ("data", 0o777)] {
        set_permissions(playground.path().join(path), Permissions::from_mode(mode)).unwrap();
    }
    playground
}

fn held(node: &Path, process: &str) -> Run {
    playground(node, process).run(["run"])
}

#[test]
fn a_service_that_insists_on_fsync_runs_without_node_s_own_flags_and_is_held_all_the_same() {
    for (version, _, node) in nodes() {
        let run = held(&node, "");
        if refused_by_host(&run) {
            return;
        }
        // The control: Node refuses, though the file is granted. What is outside is held by the kernel in
        // both runs (the playground lies in `/tmp`, which the flags grant: the service has its own).
        let refused = "fsync ERR_ACCESS_DENIED ERR_ACCESS_DENIED\n\
                       change ERR_ACCESS_DENIED ERR_ACCESS_DENIED\n\
                       link ERR_ACCESS_DENIED\nflush ERR_ACCESS_DENIED\n\
                       worker false\nfile true\n\
                       outside ENOENT\nshell ERR_ACCESS_DENIED\n";
        assert_eq!(run.stdout, refused, "Node {version}: {run}");

        let run = held(&node, "[process]\nnode-flags = false\n");
        let kept = "fsync done done\nchange done done\nlink done\nflush done\n\
                    worker true\nfile true\noutside ENOENT\nshell ERR_ACCESS_DENIED\n";
        assert_eq!((run.code, run.stdout.as_str()), (0, kept), "Node {version}: {run}");

        // Outside there is nothing that holds it: both ways out are open.
        let playground = playground(&node, "");
        let mut bare = ringfence_tests::command::other(node.to_str().unwrap());
        let run = playground.finish(bare.arg("app/keep.cjs").current_dir(playground.path()));
        assert!(run.stdout.ends_with("outside outside\nshell 0\n"), "Node {version}: {run}");
    }
}

#[test]
fn who_leaves_node_s_own_flags_out_is_told() {
    for (version, _, node) in nodes() {
        let playground = playground(&node, "[process]\nnode-flags = false\n");
        let run = playground.run(["check-config"]);
        if refused_by_host(&run) {
            return;
        }
        assert_eq!(run.code, 0, "Node {version}: {run}");
        let told = format!("{}{}", run.stdout, run.stderr);
        let said = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains("runs without Node's own permission flags"), "Node {version}: {run}");
    }
}
