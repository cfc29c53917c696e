//! Starting the built command, hermetically: an empty folder, an empty environment, no terminal.

use crate::workspace;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// A folder of its own in which `ringfence` is run.
#[derive(Debug)]
pub struct Playground {
    folder: tempfile::TempDir,
}

/// How a run ended, as text to be compared.
#[derive(Debug)]
pub struct Run {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Playground {
    /// An empty folder.
    #[must_use]
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder can be made") }
    }

    /// An empty folder below another one: a boundary has a `/tmp` of its own, which hides what is refused
    /// elsewhere.
    #[must_use]
    pub fn within(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("the folder can be made");
        Self { folder: tempfile::tempdir_in(folder).expect("a temporary folder can be made") }
    }

    /// Its path, without symbolic links.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().expect("the folder is there")
    }

    /// Writes a file, with its folders.
    #[must_use]
    pub fn with(self, name: &str, text: &str) -> Self {
        let path = self.path().join(name);
        let folder = path.parent().expect("a file has a folder");
        std::fs::create_dir_all(folder).expect("the folder can be made");
        std::fs::write(path, text).expect("the file can be written");
        self
    }

    /// Runs `ringfence` here.
    #[must_use]
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Run {
        self.finish(self.command().args(arguments))
    }

    /// The command, to be changed before [`Self::finish`].
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = program(binary());
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", self.path()).env("LANG", "C");
        command.current_dir(self.path()).stdin(Stdio::null());
        command
    }

    /// `ringfence` as root of a user namespace of its own, after a line of shell that takes something
    /// away there. `None` where such a namespace cannot be made.
    #[must_use]
    pub fn without(&self, takes_away: &str, arguments: &[&str]) -> Option<Run> {
        let mut command = program(Path::new("unshare"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).current_dir(self.path()).stdin(Stdio::null());
        let namespaces =
            ["--user", "--map-root-user", "--mount", "--pid", "--fork", "--mount-proc"];
        let script = format!("{{ {takes_away}; }} || exit 77; exec \"$@\"");
        command.args(namespaces).args(["sh", "-c", &script, "sh"]).arg(binary()).args(arguments);
        let run = self.outcome(&command.output().ok()?);
        (run.code != 77 && !run.stderr.starts_with("unshare:")).then_some(run)
    }

    /// Waits for a command, and writes `[DIR]` where it names this folder.
    #[must_use]
    pub fn finish(&self, command: &mut Command) -> Run {
        self.outcome(&command.output().expect("ringfence starts"))
    }

    fn outcome(&self, output: &Output) -> Run {
        let folder = self.path().to_string_lossy().into_owned();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&folder, "[DIR]");
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

impl Default for Playground {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "exit: {}", self.code)?;
        writeln!(f, "--- stdout\n{}--- stderr\n{}---", self.stdout, self.stderr)
    }
}

/// The `ringfence` of this checkout, as fresh as its sources: `RINGFENCE_BINARY` names another one
/// (a release build, a package).
#[must_use]
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("RINGFENCE_BINARY") {
        Some(path) => path.into(),
        None => build(),
    })
}

/// Cargo builds the commands of other packages only when asked, so the tests ask, with the same
/// package selection as `cargo test --workspace` so that nothing is built twice.
fn build() -> PathBuf {
    let target = target_folder();
    let mut cargo = cargo();
    cargo.args(["build", "--quiet", "--workspace", "--bin", "ringfence", "--target-dir"]);
    let output: Output = cargo.arg(&target).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let binary = target.join("debug").join(format!("ringfence{}", std::env::consts::EXE_SUFFIX));
    assert!(binary.is_file(), "{} was not built", binary.display());
    binary
}

/// Where this test itself was built: `TARGET/debug/deps/test`.
fn target_folder() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.ancestors().nth(3).expect("tests lie three folders deep");
    folder.to_path_buf()
}

/// The cargo that runs these tests, in the root of the checkout.
#[must_use]
pub fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = program(Path::new(&cargo));
    command.current_dir(workspace::root());
    command
}

/// Another program, with an empty environment.
#[must_use]
pub fn other(name: &str) -> Command {
    let mut command = program(Path::new(name));
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

#[expect(clippy::disallowed_methods, reason = "the one place where tests start processes")]
fn program(path: &Path) -> Command {
    Command::new(path)
}
