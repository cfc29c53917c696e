//! The ways a program is run: bare, inside ringfence, inside a peer.

use crate::failure::Failure;
use crate::places;
use crate::process;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// One way of running a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Runner {
    /// Nothing around it.
    Bare,
    /// Nothing around it, again: the noise.
    Control,
    /// Ours.
    Ringfence,
    /// bubblewrap.
    Bubblewrap,
    /// firejail.
    Firejail,
    /// gVisor.
    Runsc,
}

/// What a program needs of the network.
#[derive(Debug, Clone)]
pub(crate) enum Network {
    /// Nothing: peers give it an empty namespace.
    None,
    /// One listener.
    Listen(u16),
    /// One upstream.
    Connect(u16),
}

impl Runner {
    /// Every runner, bare first.
    pub(crate) const ALL: [Self; 6] =
        [Self::Bare, Self::Control, Self::Ringfence, Self::Bubblewrap, Self::Firejail, Self::Runsc];

    /// Its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Control => "bare again",
            Self::Ringfence => "ringfence",
            Self::Bubblewrap => "bubblewrap",
            Self::Firejail => "firejail",
            Self::Runsc => "runsc",
        }
    }

    fn program(self) -> Option<&'static str> {
        match self {
            Self::Bare | Self::Control | Self::Ringfence => None,
            Self::Bubblewrap => Some("bwrap"),
            Self::Firejail => Some("firejail"),
            Self::Runsc => Some("runsc"),
        }
    }
}

/// Runs programs in every way this machine can.
#[derive(Debug)]
pub(crate) struct Bench {
    ringfence: PathBuf,
    folder: tempfile::TempDir,
    /// The runners that work here.
    pub(crate) runners: Vec<Runner>,
}

impl Bench {
    /// Finds out which runners can start `/bin/true`; says which cannot, and why.
    pub(crate) fn new(ringfence: PathBuf) -> Result<(Self, Vec<String>), Failure> {
        let folder = tempfile::tempdir()
            .map_err(Failure::file("cannot create a folder in", std::env::temp_dir()))?;
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), permissions)
            .map_err(Failure::file("cannot chmod", folder.path()))?;
        let mut bench = Self { ringfence, folder, runners: Vec::new() };
        let mut not_run = Vec::new();
        for runner in Runner::ALL {
            let mut command = bench.command(runner, &["/bin/true".to_owned()], &Network::None)?;
            let missing = runner.program().is_some_and(|name| places::in_path(name).is_none());
            let tried = if missing {
                None
            } else {
                Some(process::run(&mut command, b"", Duration::from_secs(20)))
            };
            match tried {
                None => not_run.push(format!("{}: not installed", runner.name())),
                Some(Ok(said)) if said.status.success() => bench.runners.push(runner),
                Some(Ok(said)) => {
                    let why = said.stderr.lines().last().unwrap_or("").to_owned();
                    not_run.push(format!("{}: cannot start /bin/true: {why}", runner.name()));
                }
                Some(Err(failure)) => not_run.push(format!("{}: {failure}", runner.name())),
            }
        }
        Ok((bench, not_run))
    }

    /// The command that runs `words` in this way.
    pub(crate) fn command(
        &self,
        runner: Runner,
        words: &[String],
        network: &Network,
    ) -> Result<Command, Failure> {
        let alone = matches!(network, Network::None);
        let prefix: Vec<&str> = match (runner, alone) {
            (Runner::Bare | Runner::Control, _) => Vec::new(),
            (Runner::Ringfence, _) => {
                let file = self.write_boundary(words, network)?;
                let mut command = process::command(&self.ringfence);
                command.args(["run", "--config"]).arg(file);
                return Ok(command);
            }
            (Runner::Bubblewrap, true) => {
                vec![
                    "bwrap",
                    "--unshare-all",
                    "--ro-bind",
                    "/",
                    "/",
                    "--dev",
                    "/dev",
                    "--proc",
                    "/proc",
                ]
            }
            (Runner::Bubblewrap, false) => vec![
                "bwrap",
                "--unshare-all",
                "--share-net",
                "--ro-bind",
                "/",
                "/",
                "--dev",
                "/dev",
                "--proc",
                "/proc",
            ],
            (Runner::Firejail, true) => {
                vec!["firejail", "--quiet", "--noprofile", "--net=none", "--seccomp"]
            }
            (Runner::Firejail, false) => vec!["firejail", "--quiet", "--noprofile", "--seccomp"],
            (Runner::Runsc, true) => {
                vec!["runsc", "--platform=ptrace", "--network=none", "--ignore-cgroups", "do"]
            }
            (Runner::Runsc, false) => {
                vec!["runsc", "--platform=ptrace", "--network=host", "--ignore-cgroups", "do"]
            }
        };
        let mut all = prefix.into_iter().chain(words.iter().map(String::as_str));
        let mut command = process::command(all.next().unwrap_or("true"));
        command.args(all);
        if runner == Runner::Runsc {
            // It leaves files behind in the temporary folder: then in ours, which is removed.
            command.env("TMPDIR", self.folder.path());
        }
        Ok(command)
    }

    /// A boundary file for `words`.
    pub(crate) fn write_boundary(
        &self,
        words: &[String],
        network: &Network,
    ) -> Result<PathBuf, Failure> {
        let (net, name) = match network {
            Network::None => (String::new(), 0),
            Network::Listen(port) => (format!("listen = [\"127.0.0.1:{port}\"]"), *port),
            Network::Connect(port) => (format!("connect = [\"127.0.0.1:{port}\"]"), *port),
        };
        let benches = places::root().join("benches");
        let text = format!(
            "schema = 1\n\n[service]\nname = \"bench\"\nstart = {words:?}\n\n[fs]\nread = [{:?}]\n\n[net]\n{net}\n",
            benches.to_string_lossy()
        );
        let path = self.folder.path().join(format!("boundary-{}-{name}.toml", words.len()));
        std::fs::write(&path, text).map_err(Failure::file("cannot write", &path))?;
        Ok(path)
    }
}

/// Puts a command on one CPU, so that the measured side and the measuring side do not share one.
pub(crate) fn pinned(command: &Command, cpu: u32) -> Command {
    if places::in_path("taskset").is_none() {
        let mut same = process::command(command.get_program());
        same.args(command.get_args());
        same.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        return same;
    }
    let mut pinned = process::command("taskset");
    pinned.args(["-c", &cpu.to_string()]).arg(Path::new(command.get_program()));
    pinned.args(command.get_args());
    pinned.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    pinned
}
