//! One run of a compatibility program, outside or inside a boundary.

use crate::addon;
use crate::failure::Failure;
use crate::npm::Node;
use crate::places::is_root;
use crate::process::{self, Running};
use crate::test::case::{self, Case, fill};
use crate::test::world::{World, free_port, shared_folder};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::{chown, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Everything a case may take, in one direction: it ends one that hangs, and a busy machine must be done before.
const LIMIT: Duration = Duration::from_mins(3);
/// `nobody`: whom a service of root's becomes.
const NOBODY: u32 = 65534;

/// What is run, and where.
pub(crate) struct Attempt<'a> {
    /// The program.
    pub(crate) case: &'a Case,
    /// Its Node.
    pub(crate) node: &'a Node,
    /// What it talks to.
    pub(crate) world: &'a World,
    /// The ringfence to run it inside with; `None` is outside.
    pub(crate) ringfence: Option<&'a Path>,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Exit code, or 128 and the signal.
    pub(crate) code: i32,
    /// The lines to compare.
    pub(crate) lines: Vec<String>,
    /// Everything it said on standard error.
    stderr: String,
}

impl Outcome {
    /// Both outputs, for a person.
    pub(crate) fn shown(&self) -> String {
        let lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        let cut = |line: &str| line.chars().take(300).collect::<String>();
        let said =
            lines.iter().copied().chain(self.stderr.lines()).map(|line| format!("| {}", cut(line)));
        said.collect::<Vec<_>>().join("\n")
    }
}

/// The files and values of one run.
struct Prepared {
    folder: tempfile::TempDir,
    values: BTreeMap<String, String>,
    env: Vec<(String, String)>,
}

impl Prepared {
    fn cwd(&self, case: &Case) -> PathBuf {
        let own = || self.folder.path().to_path_buf();
        case.cwd.as_ref().map_or_else(own, |cwd| PathBuf::from(fill(cwd, &self.values)))
    }
}

impl Attempt<'_> {
    /// Runs it to its end.
    pub(crate) fn run(&self) -> Result<Outcome, Failure> {
        let prepared = self.prepare()?;
        let stderr_path = prepared.folder.path().join("stderr");
        let stderr = std::fs::File::create(&stderr_path)
            .map_err(Failure::file("cannot create", &stderr_path))?;
        let mut command = self.command(&prepared)?;
        command.envs(prepared.env.iter().cloned()).current_dir(prepared.cwd(self.case));
        let piped = self.case.stdin.is_some() || self.case.terminal.is_some();
        command.stdin(if piped { Stdio::piped() } else { Stdio::null() });
        let mut running = Running::listen_to_stdout(&mut command, stderr)?;

        let mut input = running.take_stdin();
        if let Some(text) = self.case.stdin.clone() {
            let pipe = input.take();
            std::thread::spawn(move || pipe.map(|mut pipe| pipe.write_all(text.as_bytes())));
        }
        let (mut lines, status) = self.attend(&mut running, &prepared, &mut input)?;
        lines.retain(|line| self.counts(line));
        let stderr =
            std::fs::read(&stderr_path).map_err(Failure::file("cannot read", &stderr_path))?;
        let stderr = String::from_utf8_lossy(&stderr).into_owned();
        Ok(Outcome { code: code(status), lines, stderr })
    }

    /// Listens until the program has ended, doing what its `ready` lines ask for.
    fn attend(
        &self,
        running: &mut Running,
        prepared: &Prepared,
        input: &mut Option<ChildStdin>,
    ) -> Result<(Vec<String>, ExitStatus), Failure> {
        let deadline = Instant::now() + LIMIT;
        let mut lines: Vec<String> = Vec::new();
        let mut outside = None;
        let left = || deadline.saturating_duration_since(Instant::now());
        while let Some(line) = running.next_line(left())? {
            let line = line.trim_end_matches('\r').to_owned();
            let Some(ready) = line.strip_prefix("ready ") else {
                lines.push(line);
                continue;
            };
            let ready: serde_json::Value = serde_json::from_str(ready).unwrap_or_default();
            let signal = ready.get("signal").and_then(serde_json::Value::as_str);
            if let Some(signal) = signal.and_then(case::signal) {
                running.signal(signal);
            } else if let (Some(text), Some(pipe)) = (&self.case.terminal, input.as_mut()) {
                let _ = pipe.write_all(text.as_bytes());
            } else if let Some(program) = &self.case.outside {
                let mut other = self.start_outside(program, prepared, &ready.to_string())?;
                if let Some(signal) = self.case.stop {
                    lines.extend(finish_outside(&mut other, left())?);
                    running.signal(signal);
                } else {
                    outside = Some(other);
                }
            }
        }
        if let Some(mut other) = outside {
            lines.extend(finish_outside(&mut other, left())?);
        }
        let status = running.wait(left())?;
        let late = || Failure::Late {
            program: self.case.name.clone(),
            what: "end".to_owned(),
            after: LIMIT,
            output: lines.join("\n"),
        };
        let status = status.ok_or_else(late)?;
        Ok((lines, status))
    }

    fn start_outside(
        &self,
        program: &Path,
        prepared: &Prepared,
        ready: &str,
    ) -> Result<Running, Failure> {
        let mut command = process::command(&self.world.node.path);
        command.arg(program).envs(prepared.env.iter().cloned()).env("READY", ready);
        Running::listen(&mut command)
    }

    /// Whether a line of output is compared.
    fn counts(&self, line: &str) -> bool {
        let typed = self.case.terminal.is_some() && (line == "^C" || line == "hello");
        !typed
            && (self.case.keep.is_empty()
                || self.case.keep.iter().any(|start| line.starts_with(start.as_str())))
    }

    /// Chooses ports and makes the folders of this run.
    fn prepare(&self) -> Result<Prepared, Failure> {
        let folder = shared_folder("ringfence-case-")?;
        let scratch = folder.path().join("scratch");
        std::fs::create_dir(&scratch).map_err(Failure::file("cannot create", &scratch))?;
        if is_root() {
            chown(&scratch, Some(NOBODY), Some(NOBODY))
                .map_err(Failure::file("cannot chown", &scratch))?;
        }
        if self.case.takes_addon() {
            // Granted addons are looked for where the boundary file is.
            let modules = folder.path().join("node_modules");
            std::fs::create_dir(&modules).map_err(Failure::file("cannot create", &modules))?;
            symlink(addon::package(), modules.join("ringfence"))
                .map_err(Failure::file("cannot link into", &modules))?;
        }
        let mut values = self.world.values.clone();
        let path = |path: &Path| path.to_string_lossy().into_owned();
        values.insert("listen".to_owned(), free_port().to_string());
        values.insert("node".to_owned(), path(&self.node.path));
        values.insert("scratch".to_owned(), path(&scratch));

        let own =
            if self.ringfence.is_some() { &self.case.inside_env } else { &self.case.bare_env };
        let mut env: Vec<(String, String)> = self.case.env.iter().chain(own).cloned().collect();
        for (_, value) in &mut env {
            *value = fill(value, &values);
        }
        env.push(("LISTEN".to_owned(), values["listen"].clone()));
        env.push(("SCRATCH".to_owned(), values["scratch"].clone()));
        env.push(("PEER".to_owned(), peer(&values)));
        Ok(Prepared { folder, values, env })
    }

    /// The command line: Node itself, or ringfence with a boundary file of this run.
    fn command(&self, prepared: &Prepared) -> Result<Command, Failure> {
        let mut words = vec![self.node.path.to_string_lossy().into_owned()];
        match &self.case.program {
            Some(program) => {
                words.extend(fill(program, &prepared.values).split(' ').map(str::to_owned));
            }
            None => words.push(self.case.path.to_string_lossy().into_owned()),
        }
        if let Some(ringfence) = self.ringfence {
            let file = self.write_boundary(prepared, &words)?;
            let path = |path: &Path| path.to_string_lossy().into_owned();
            words = vec![path(ringfence), "run".to_owned(), "--config".to_owned(), path(&file)];
        }
        if self.case.terminal.is_some() {
            let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
            let line = format!("exec {}", quoted.join(" "));
            words = ["script", "-qec", &line, "/dev/null"].map(str::to_owned).to_vec();
        }
        let mut command = process::command(&words[0]);
        command.args(&words[1..]);
        Ok(command)
    }

    fn write_boundary(&self, prepared: &Prepared, start: &[String]) -> Result<PathBuf, Failure> {
        let names: Vec<&String> = prepared.env.iter().map(|(name, _)| name).collect();
        let cwd = prepared.cwd(self.case).to_string_lossy().into_owned();
        let mut text = format!(
            "schema = 1\n\n[service]\nname = \"suite\"\nstart = {start:?}\ncwd = {cwd:?}\n\n"
        );
        if !self.case.boundary.contains("[fs]") {
            text += "[fs]\nread = [\"${suite}\"]\n\n";
        }
        let _ = writeln!(text, "{}\n[env]\npass = {names:?}", self.case.boundary);
        let path = prepared.folder.path().join("ringfence.toml");
        std::fs::write(&path, fill(&text, &prepared.values))
            .map_err(Failure::file("cannot write", &path))?;
        Ok(path)
    }
}

/// Everything the outside program says until it ends.
fn finish_outside(other: &mut Running, left: Duration) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    while let Some(line) = other.next_line(left)? {
        lines.push(format!("outside: {line}"));
    }
    Ok(lines)
}

/// Exit code, or 128 and the signal.
fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

/// What a case is told about its surroundings, as JSON: numbers where they are numbers.
fn peer(values: &BTreeMap<String, String>) -> String {
    let value = |text: &String| {
        text.parse::<u16>().map_or_else(|_| serde_json::Value::from(text.as_str()), Into::into)
    };
    let object: serde_json::Map<_, _> =
        values.iter().map(|(name, text)| (name.clone(), value(text))).collect();
    serde_json::Value::Object(object).to_string()
}
