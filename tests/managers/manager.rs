//! The package managers, as npm installs them.

use crate::project::authorities;
use ringfence_tests::command::{Run, other};
use ringfence_tests::{not_run, packages, workspace};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Node that runs those which are programs of Node.
const NODE: &str = "24.21.0";

/// Kinds of managers: who share commands and files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Npm,
    Pnpm,
    Yarn1,
    Yarn,
    Bun,
}

/// A package manager of one version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manager {
    pub(crate) kind: Kind,
    pub(crate) version: &'static str,
    /// The package it comes in.
    package: &'static str,
    /// Its program in that package.
    program: &'static str,
    /// Whether that is a program of Node.
    of_node: bool,
}

const fn npm(version: &'static str) -> Manager {
    let (package, program) = ("npm", "bin/npm-cli.js");
    Manager { kind: Kind::Npm, version, package, program, of_node: true }
}

const fn pnpm(version: &'static str, program: &'static str) -> Manager {
    Manager { kind: Kind::Pnpm, version, package: "pnpm", program, of_node: true }
}

/// Every one, the oldest first.
pub(crate) const ALL: [Manager; 11] = [
    npm("10.9.9"),
    npm("11.19.1"),
    npm("12.2.0"),
    pnpm("8.15.9", "bin/pnpm.cjs"),
    pnpm("9.15.9", "bin/pnpm.cjs"),
    pnpm("10.34.9", "bin/pnpm.cjs"),
    pnpm("11.28.11", "bin/pnpm.mjs"),
    Manager {
        kind: Kind::Pnpm,
        version: "12.21.0",
        package: "@pnpm/exe.linux-x64",
        program: "pnpm",
        of_node: false,
    },
    Manager {
        kind: Kind::Yarn1,
        version: "1.22.22",
        package: "yarn",
        program: "bin/yarn.js",
        of_node: true,
    },
    Manager {
        kind: Kind::Yarn,
        version: "4.18.1",
        package: "@yarnpkg/cli-dist",
        program: "bin/yarn.js",
        of_node: true,
    },
    Manager {
        kind: Kind::Bun,
        version: "1.4.5",
        package: "@oven/bun-linux-x64",
        program: "bin/bun",
        of_node: false,
    },
];

/// Those of a kind.
pub(crate) fn of(kind: Kind) -> impl Iterator<Item = &'static Manager> {
    ALL.iter().filter(move |manager| manager.kind == kind)
}

/// Where managers, their caches and their stores lie.
pub(crate) fn folder() -> PathBuf {
    workspace::root().join("target/ringfence-managers")
}

impl Manager {
    /// The name of its program.
    const fn name(&self) -> &'static str {
        match self.kind {
            Kind::Npm => "npm",
            Kind::Pnpm => "pnpm",
            Kind::Yarn1 | Kind::Yarn => "yarn",
            Kind::Bun => "bun",
        }
    }

    /// As it is spoken of.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.name(), self.version)
    }

    /// The first number of its version.
    pub(crate) fn major(&self) -> u32 {
        self.version.split('.').next().and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// The name of its lockfile.
    pub(crate) const fn lockfile(&self) -> &'static str {
        match self.kind {
            Kind::Npm => "package-lock.json",
            Kind::Pnpm => "pnpm-lock.yaml",
            Kind::Yarn1 | Kind::Yarn => "yarn.lock",
            Kind::Bun => "bun.lock",
        }
    }

    /// A command of it in a folder; `None`, and said by name, where it cannot be had.
    pub(crate) fn command(&self, folder: &Path) -> Option<Command> {
        let program = self.installed()?;
        let bin = node_folder()?;
        let mut command = if self.of_node {
            let mut command = other(&bin.join("node").to_string_lossy());
            command.arg(program);
            command
        } else {
            other(&program.to_string_lossy())
        };
        // Certificates and the way to the network are the machine's; settings of managers are not.
        let own = ["npm_", "NPM_", "pnpm_", "PNPM_", "YARN_", "BUN_", "NODE_OPTIONS", "XDG_"];
        for (name, value) in std::env::vars() {
            if !own.iter().any(|start| name.starts_with(start)) {
                command.env(name, value);
            }
        }
        // npm's own may stand in a file of settings that belongs to the machine's npm alone.
        for name in ["NODE_EXTRA_CA_CERTS", "npm_config_cafile"] {
            command.envs(authorities().map(|path| (name, path)));
        }
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", bin.display()));
        command.env("CI", "1").env("npm_config_update_notifier", "false");
        command.env("YARN_ENABLE_TELEMETRY", "0").env("YARN_IGNORE_PATH", "1");
        // A registry may be slow for a moment, and so may this machine be.
        command.env("npm_config_fetch_retries", "5").env("npm_config_fetch_timeout", "600000");
        // Yarn ends at a setting that it does not know.
        if self.kind == Kind::Yarn {
            command.env("YARN_HTTP_RETRY", "5").env("YARN_HTTP_TIMEOUT", "600000");
        }
        if self.kind == Kind::Yarn1 {
            command.env("YARN_NETWORK_TIMEOUT", "600000");
        }
        command.env("YARN_UNSAFE_HTTP_WHITELIST", "127.0.0.1");
        command.current_dir(folder);
        Some(command)
    }

    /// Puts it and the npm that comes with Node into a folder, and answers a `PATH` on which they are, with
    /// Node and the system's compilers; `None`, and said by name, where they cannot be had.
    pub(crate) fn on_path(&self, folder: &Path) -> Option<String> {
        let npm = ALL.iter().find(|one| one.kind == Kind::Npm && one.major() == 11)?;
        fs::create_dir_all(folder).unwrap();
        for (name, manager) in [("npm", npm), (self.name(), self)] {
            let link = folder.join(name);
            let _ = fs::remove_file(&link);
            std::os::unix::fs::symlink(manager.installed()?, link).unwrap();
        }
        let bin = node_folder()?;
        Some(format!("{}:{}:/usr/local/bin:/usr/bin:/bin", folder.display(), bin.display()))
    }

    /// Its program, installed where it is not there yet.
    fn installed(&self) -> Option<PathBuf> {
        packages::installed(self.package, self.version).map(|folder| folder.join(self.program))
    }
}

/// The folder with `node`; `None`, and said by name, where it is not installed.
fn node_folder() -> Option<PathBuf> {
    let folder = std::env::var_os("RINGFENCE_TEST_NODES").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| workspace::root().join("target/ringfence-nodes"));
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let bin = folder.join(NODE).join(format!("node_modules/node-linux-{machine}/bin"));
    if bin.join("node").is_file() {
        return Some(bin);
    }
    not_run(&format!("Node {NODE} is not installed (`cargo xtask setup`): no manager is started"));
    None
}

/// Runs a command to its end.
pub(crate) fn ran(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// The same, which must succeed.
pub(crate) fn done(command: &mut Command) -> Run {
    let run = ran(command);
    assert_eq!(run.code, 0, "{command:?}\n{run}");
    run
}
