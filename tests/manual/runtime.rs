//! Permissions asked and reduced at run time: the manual's two snippets, word for word, on every Node.
//!
//! Their paths are absolute (`/app`, `/run/secrets`), so each runs where the whole file system is a
//! view of this host's with an `/app` and a `/run` of its own. The same programs run there without
//! a boundary as the control.

use ringfence_tests::command::{self, Playground, Run, binary};
use ringfence_tests::workspace;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Lines 79 to 91 of the manual.
const STARTUP: &str = include_str!("snippets/startup-permissions.mjs");
/// Lines 93 to 97 of the manual.
const REDUCING: &str = include_str!("snippets/reducing-access.mjs");
/// Node's versions, and what switches its own permissions on.
const NODES: [(&str, &str); 5] = [
    ("20.20.2", "--experimental-permission"),
    ("22.23.3", "--permission"),
    ("24.21.0", "--permission"),
    ("25.9.0", "--permission"),
    ("26.10.0", "--permission"),
];

const ASSERTS: &str = "import { assertStartupPermissions } from './snippet.mjs';
try {
  assertStartupPermissions();
  console.log('granted');
} catch (error) {
  console.log(error.message);
}
";
const REDUCES: &str = "import { openSync, readFileSync, readSync } from 'node:fs';
const path = '/run/secrets/jwt-key.pem';
const attempt = (act) => {
  try {
    return act();
  } catch (error) {
    return error.code;
  }
};
const opened = openSync(path);
const { privateKey } = await import('./snippet.mjs');
console.log('key:', privateKey);
console.log('again:', attempt(() => readFileSync(path, 'utf8')));
console.log('handle:', attempt(() => readSync(opened, Buffer.alloc(64), 0, 64, 0)));
console.log('has:', process.permission?.has('fs.read', path));
";

/// A file system with these files in `/app` and a key in `/run/secrets`.
const WORLD: &str = r#"
set -e
root=$PWD/root; mkdir "$root"
mount --make-rprivate /
mount -t tmpfs -o mode=0755 tmpfs "$root"
for entry in /*; do
  name=${entry#/}
  case $name in app|run|root) continue ;; esac
  if [ -L "$entry" ]; then cp -P "$entry" "$root/$name"
  elif [ -d "$entry" ]; then mkdir "$root/$name"; mount --rbind "$entry" "$root/$name"
  fi
done
mkdir -p "$root/app" "$root/run/secrets" "$root/.old"
printf key > "$root/run/secrets/jwt-key.pem"
mount --rbind "$PWD/app" "$root/app"
cd "$root"
pivot_root . .old
cd /app
umount -l /.old
exec "$@"
"#;

/// A program of `/app`, on a Node, inside the boundary that `sections` draw or without one.
struct Trial<'a> {
    snippet: &'a str,
    program: &'a str,
    sections: &'a str,
}

impl Trial<'_> {
    fn file(&self, node: &Path) -> String {
        format!(
            "schema = 1\n[service]\nname = \"app\"\nstart = [\"{}\", \"dist/main.mjs\"]\n{}",
            node.display(),
            self.sections
        )
    }

    fn inside(&self, node: &Path) -> Run {
        self.run(&self.file(node), &[], &[binary().to_str().unwrap(), "run"])
    }

    fn bare(&self, node: &Path, flags: &[&str]) -> Run {
        let node = node.to_str().unwrap();
        self.run("", &[], &[&[node], flags, &["/app/dist/main.mjs"]].concat())
    }

    /// Runs words in `/app`, with more files in the playground.
    fn run(&self, file: &str, more: &[(&str, &str)], words: &[&str]) -> Run {
        let mut playground = Playground::new()
            .with("app/ringfence.toml", file)
            .with("app/dist/main.mjs", self.program)
            .with("app/dist/snippet.mjs", self.snippet)
            .with("app/keys/jwt.pem", "key");
        for (name, text) in more {
            playground = playground.with(name, text);
        }
        // The service runs as another user than root.
        let all = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(playground.path(), all).unwrap();
        let mut command = command::other("unshare");
        command.current_dir(playground.path());
        command.args(["--mount", "sh", "-c", WORLD, "sh"]).args(words);
        playground.finish(&mut command)
    }
}

/// Every Node that is there; another file system needs root.
pub(crate) fn nodes() -> Vec<(&'static str, &'static str, PathBuf)> {
    let user = command::other("id").arg("-u").output().unwrap();
    if user.stdout != b"0\n" {
        ringfence_tests::not_run("only root can make the file system that the manual speaks of");
        return Vec::new();
    }
    let folder = std::env::var_os("RINGFENCE_TEST_NODES").map_or_else(
        || {
            let target = &workspace::metadata()["target_directory"];
            PathBuf::from(target.as_str().unwrap()).join("ringfence-nodes")
        },
        PathBuf::from,
    );
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let there = NODES.iter().filter_map(|(version, switch)| {
        let package = format!("{version}/node_modules/node-linux-{machine}/bin/node");
        let node = folder.join(package);
        if !node.is_file() {
            ringfence_tests::not_run(&format!("Node {version} is not there: cargo xtask setup"));
            return None;
        }
        Some((*version, *switch, node))
    });
    there.collect()
}

const NETWORK: &str =
    "[net]\nconnect = [\"api.internal:443\"]\nhosts = { \"api.internal\" = \"127.0.0.1\" }\n";

#[test]
fn line_78_to_91_the_startup_check_passes_when_each_line_is_granted() {
    let sections = format!("[fs]\nread = [\"./\"]\n{NETWORK}");
    let trial = Trial { snippet: STARTUP, program: ASSERTS, sections: &sections };
    for (version, _, node) in nodes() {
        let run = trial.inside(&node);
        assert_eq!((run.code, run.stdout.as_str()), (0, "granted\n"), "Node {version}: {run}");
        // Without its permissions Node answers nothing, and the check says so.
        let run = trial.bare(&node, &[]);
        assert_eq!(run.stdout, "missing permission fs.read /app\n", "Node {version}: {run}");
    }
}

#[test]
fn line_78_to_91_the_startup_check_throws_for_a_line_that_is_not_granted() {
    let without_app = format!("[fs]\nread = [\"./dist\"]\n{NETWORK}");
    let other_port = format!("[fs]\nread = [\"./\"]\n{}", NETWORK.replace(":443", ":80"));
    for (version, switch, node) in nodes() {
        for (sections, missing) in [
            (without_app.as_str(), "fs.read /app"),
            ("[fs]\nread = [\"./\"]\n", "net api.internal:443"),
            (other_port.as_str(), "net api.internal:443"),
        ] {
            let run = Trial { snippet: STARTUP, program: ASSERTS, sections }.inside(&node);
            let said = format!("missing permission {missing}\n");
            assert_eq!((run.code, run.stdout), (0, said), "Node {version}");
        }
        // Node by itself: before 25 the network is open and the answer no, from then on any host
        // that is named grants every other one.
        let trial = Trial { snippet: STARTUP, program: ASSERTS, sections: "" };
        let files = [switch, "--allow-fs-read=/app", "--allow-fs-write=/tmp"];
        let knows_network = version.split('.').next().unwrap() >= "25";
        let net: &[&str] = if knows_network { &["--allow-net=other.test:1"] } else { &[] };
        let run = trial.bare(&node, &[&files, net].concat());
        let said =
            if knows_network { "granted" } else { "missing permission net api.internal:443" };
        assert_eq!(run.stdout.trim_end(), said, "Node {version}: {run}");
    }
}

#[test]
fn line_92_to_97_a_key_that_was_dropped_cannot_be_read_again() {
    let sections = "[fs]\nread = [\"./dist\"]\n[secrets.jwt-key]\nfrom = \"file:./keys/jwt.pem\"\n\
                    as = \"file\"\nto = \"/run/secrets/jwt-key.pem\"\n";
    let trial = Trial { snippet: REDUCING, program: REDUCES, sections };
    for (version, switch, node) in nodes() {
        let run = trial.inside(&node);
        assert_eq!(run.code, 0, "Node {version}: {run}");
        let lines: Vec<&str> = run.stdout.lines().collect();
        assert_eq!(lines[0], "key: key", "Node {version}: {run}");
        assert_ne!(lines[1], "again: key", "Node {version}: {run}");
        assert_eq!(lines[2..], ["handle: 0", "has: false"], "Node {version}: {run}");

        // Node by itself: what its permissions name exactly is gone for new reads where there is a
        // drop at all, and a handle still reads.
        let run = trial.bare(&node, &[]);
        assert_eq!(run.stdout, "key: key\nagain: key\nhandle: 3\nhas: undefined\n", "{run}");
        if ["20", "22", "25"].iter().all(|line| !version.starts_with(line)) {
            let flags = [switch, "--allow-fs-read=/app", "--allow-fs-read=/run/secrets"];
            let run = trial.bare(&node, &flags);
            let lie = "key: key\nagain: key\nhandle: 3\nhas: true\n";
            assert_eq!(run.stdout, lie, "a drop below a wider grant does nothing: {run}");
        }
    }
}

#[test]
fn line_41_a_file_that_node_refused_is_evidence_with_the_package_that_asked() {
    let program = "import './node_modules/nosy/index.mjs';";
    let nosy = "import { readFileSync } from 'node:fs';
for (let at = 0; at < 3; at += 1) {
  try { readFileSync('/etc/shadow'); } catch (error) { console.log(error.code); }
}";
    let sections = "[fs]\nread = [\"./dist\"]\n";
    for (version, _, node) in nodes().into_iter().skip(2) {
        let trial = Trial { snippet: nosy, program, sections };
        let run = trial.run(
            &trial.file(&node),
            &[("app/dist/node_modules/nosy/index.mjs", nosy)],
            &[binary().to_str().unwrap(), "run"],
        );
        let told = run.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let told: Vec<Value> = told.filter(|event| event["resource"] == "/etc/shadow").collect();
        assert_eq!(run.stdout, "ERR_ACCESS_DENIED\n".repeat(3), "Node {version}: {run}");
        assert_eq!(told.len(), 1, "Node {version}: {run}");
        let fields = ["layer", "permission", "package"].map(|name| told[0][name].as_str());
        let expected = [Some("node-flags"), Some("FileSystemRead"), Some("nosy")];
        assert_eq!((fields, &told[0]["told_by_service"]), (expected, &true.into()), "{run}");
    }
}

/// Namespaces are switched off for the user, as in many containers.
const NO_NAMESPACES: &str = "echo 0 > /proc/sys/user/max_user_namespaces || exit 77
exec setpriv --inh-caps=-all --ambient-caps=-all \"$@\"";

#[test]
fn line_55_can_code_check_permissions_also_where_a_host_refuses_namespaces() {
    let program = "import { connect } from 'node:net';
const { permission } = process;
console.log(permission.has('net', '127.0.0.1:5999'), permission.has('net', '127.0.0.1:5998'));
connect(80, '192.0.2.1').on('error', ({ code, resource }) => console.log(code, resource));
";
    for (version, _, node) in nodes() {
        let file = format!(
            "schema = 1\n[service]\nname = \"app\"\nstart = [\"{}\", \"main.mjs\"]\n\
             [net]\nconnect = [\"127.0.0.1:5999\"]\n[fs]\nread = [\"./main.mjs\"]\n\
             [require]\nlayers = [\"seccomp\", \"broker\", \"landlock\"]\n",
            node.display()
        );
        let playground = Playground::new().with("ringfence.toml", &file).with("main.mjs", program);
        let all = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(playground.path(), all).unwrap();
        let mut command = command::other("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "--user"]);
        command.args(["--map-user=65534", "--map-group=65534", "--keep-caps", "sh", "-c"]);
        command.args([NO_NAMESPACES, "sh"]).arg(binary()).arg("run").current_dir(playground.path());
        let run = playground.finish(&mut command);
        if run.code == 77 || run.stderr.starts_with("unshare:") {
            ringfence_tests::not_run("namespaces cannot be switched off here");
            return;
        }
        let told = "true false\nERR_ACCESS_DENIED 192.0.2.1:80\n";
        assert_eq!((run.code, run.stdout.as_str()), (0, told), "Node {version}: {run}");
        assert!(run.stderr.contains("the layer `namespaces` is not in force"), "{run}");
    }
}
