//! Child processes: the only file that starts, waits for and stops them.
//!
//! Every child leads a process group of its own, so that stopping it stops what it started. All
//! live groups are known: Ctrl-C, SIGTERM and an early return end them, whatever the task was
//! doing. Waiting is always on a descriptor or a channel with a deadline.

use crate::failure::Failure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

static LIVE: Mutex<Vec<i32>> = Mutex::new(Vec::new());
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// A command for `program`, in a process group of its own, with standard input closed.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    #[expect(clippy::disallowed_methods, reason = "this is the one file that starts children")]
    let mut command = Command::new(program);
    command.process_group(0).stdin(Stdio::null());
    command
}

/// Ends every live child when this process is asked to stop; the task then fails and cleans up.
pub(crate) fn end_children_on_signals() -> Result<(), Failure> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])
        .map_err(Failure::file("cannot handle signals", "SIGINT"))?;
    std::thread::spawn(move || {
        for _ in signals.forever() {
            let again = INTERRUPTED.swap(true, Ordering::SeqCst);
            let signal = if again { Signal::KILL } else { Signal::TERM };
            for &group in live().iter() {
                signal_group(group, signal);
            }
        }
    });
    Ok(())
}

/// Fails once a signal has asked this process to stop.
pub(crate) fn check_interrupted() -> Result<(), Failure> {
    if INTERRUPTED.load(Ordering::SeqCst) { Err(Failure::Interrupted) } else { Ok(()) }
}

/// What a program that has ended said.
#[derive(Debug)]
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Finished {
    /// Itself when it succeeded.
    pub(crate) fn success(self, program: &str) -> Result<Self, Failure> {
        if self.status.success() {
            return Ok(self);
        }
        let output = format!("{}{}", self.stdout, self.stderr);
        Err(Failure::Exit { program: program.to_owned(), status: spoken(self.status), output })
    }
}

/// "exit code 1" or "signal 9".
pub(crate) fn spoken(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

/// Runs a program to its end with its output collected and `input` written to it.
pub(crate) fn run(
    command: &mut Command,
    input: &[u8],
    limit: Duration,
) -> Result<Finished, Failure> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::start(command)?;
    let stdin = running.child.stdin.take();
    let input = input.to_vec();
    std::thread::spawn(move || stdin.map(|mut pipe| pipe.write_all(&input)));
    let stdout = collect(running.child.stdout.take());
    let stderr = collect(running.child.stderr.take());
    let ended = running.wait(limit);
    running.end();
    let (stdout, stderr) = (received(&stdout), received(&stderr));
    match ended? {
        Some(status) => Ok(Finished { status, stdout, stderr }),
        None => Err(Failure::Late {
            program: running.name.clone(),
            what: "end".to_owned(),
            after: limit,
            output: format!("{stdout}{stderr}"),
        }),
    }
}

/// Runs a program whose output goes straight to the person watching.
pub(crate) fn show(command: &mut Command) -> Result<ExitStatus, Failure> {
    let mut running = Running::start(command.stdin(Stdio::null()))?;
    let status = running.wait(Duration::from_hours(2))?;
    status.ok_or_else(|| Failure::NotHeld(format!("{} did not end within two hours", running.name)))
}

/// Runs a program whose output goes straight to the person watching, and fails when it fails.
pub(crate) fn show_success(command: &mut Command) -> Result<(), Failure> {
    let name = short_name(command);
    let status = show(command)?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Exit { program: name, status: spoken(status), output: String::new() })
}

/// A program that runs beside the task. Dropping it ends it and everything it started.
#[derive(Debug)]
pub(crate) struct Running {
    name: String,
    child: Child,
    pid: i32,
    lines: Option<Receiver<String>>,
    heard: Vec<String>,
    status: Option<ExitStatus>,
}

impl Running {
    /// Starts it as the command says.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Failure> {
        check_interrupted()?;
        let name = short_name(command);
        let child = command
            .spawn()
            .map_err(Failure::file("cannot start", Path::new(command.get_program())))?;
        let pid = i32::try_from(child.id()).unwrap_or(i32::MAX);
        live().push(pid);
        Ok(Self { name, child, pid, lines: None, heard: Vec::new(), status: None })
    }

    /// Starts it with both outputs collected line by line.
    pub(crate) fn listen(command: &mut Command) -> Result<Self, Failure> {
        let mut running = Self::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let (sender, lines) = channel();
        relay(running.child.stdout.take(), sender.clone());
        relay(running.child.stderr.take(), sender);
        running.lines = Some(lines);
        Ok(running)
    }

    /// Starts it with standard output collected line by line and standard error in a file.
    pub(crate) fn listen_to_stdout(command: &mut Command, stderr: File) -> Result<Self, Failure> {
        let mut running = Self::start(command.stdout(Stdio::piped()).stderr(stderr))?;
        let (sender, lines) = channel();
        relay(running.child.stdout.take(), sender);
        running.lines = Some(lines);
        Ok(running)
    }

    /// The next line it says; `None` once it has closed its outputs.
    pub(crate) fn next_line(&mut self, limit: Duration) -> Result<Option<String>, Failure> {
        let Some(lines) = &self.lines else { return Ok(None) };
        match lines.recv_timeout(limit) {
            Ok(line) => {
                self.heard.push(line.clone());
                Ok(Some(line))
            }
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(Failure::Late {
                program: self.name.clone(),
                what: "say more".to_owned(),
                after: limit,
                output: self.heard.join("\n"),
            }),
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    /// Its standard input, when it was asked for as a pipe.
    pub(crate) fn take_stdin(&mut self) -> Option<std::process::ChildStdin> {
        self.child.stdin.take()
    }

    /// Everything it has said so far.
    pub(crate) fn output(&mut self) -> String {
        if let Some(lines) = &self.lines {
            self.heard.extend(lines.try_iter());
        }
        self.heard.join("\n")
    }

    /// The first line from now on that holds `text`.
    pub(crate) fn line_with(&mut self, text: &str, limit: Duration) -> Result<String, Failure> {
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = match &self.lines {
                Some(lines) => lines.recv_timeout(left),
                None => Err(RecvTimeoutError::Disconnected),
            };
            match line {
                Ok(line) => {
                    self.heard.push(line.clone());
                    if line.contains(text) {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Failure::Late {
                        program: self.name.clone(),
                        what: format!("say {text:?}"),
                        after: limit,
                        output: self.heard.join("\n"),
                    });
                }
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended_early()),
            }
        }
    }

    /// The failure of a program that ended instead of becoming ready.
    fn ended_early(&mut self) -> Failure {
        if let Err(failure) = check_interrupted() {
            return failure;
        }
        let status = self.wait(Duration::from_secs(5)).ok().flatten();
        Failure::Exit {
            program: self.name.clone(),
            status: status.map_or_else(|| "closed outputs".to_owned(), spoken),
            output: self.heard.join("\n"),
        }
    }

    /// Waits for its end; `None` when the limit has passed.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>, Failure> {
        if self.status.is_some() {
            return Ok(self.status);
        }
        let failed = || Failure::file("cannot wait for", &*self.name);
        let pid = Pid::from_raw(self.pid).ok_or(Failure::Interrupted)?;
        let handle = pidfd_open(pid, PidfdFlags::empty()).map_err(|e| failed()(e.into()))?;
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = Timespec::try_from(left).ok();
            match poll(&mut [PollFd::new(&handle, PollFlags::IN)], timeout.as_ref()) {
                Ok(0) => return Ok(None),
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(failed()(error.into())),
            }
        }
        let status = self.child.wait().map_err(Failure::file("cannot wait for", &*self.name))?;
        self.status = Some(status);
        live().retain(|&pid| pid != self.pid);
        Ok(Some(status))
    }

    /// Ends what it started and left behind, and waits until nobody holds its outputs: then its
    /// ports are free again. What left its group is given up on after the limit.
    pub(crate) fn end_rest(&mut self, limit: Duration) {
        signal_group(self.pid, Signal::KILL);
        let deadline = Instant::now() + limit;
        while let Ok(Some(_)) = self.next_line(deadline.saturating_duration_since(Instant::now())) {
        }
    }

    /// Sends a signal to the program itself, not to what it started.
    pub(crate) fn signal(&self, signal: Signal) {
        if let (None, Some(pid)) = (self.status, Pid::from_raw(self.pid)) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Asks it to stop and waits.
    pub(crate) fn stop(&mut self, signal: Signal, limit: Duration) -> Result<ExitStatus, Failure> {
        self.signal(signal);
        let status = self.wait(limit)?;
        status.ok_or_else(|| Failure::Late {
            program: self.name.clone(),
            what: "stop".to_owned(),
            after: limit,
            output: self.output(),
        })
    }

    /// Ends it and its group now.
    fn end(&mut self) {
        signal_group(self.pid, Signal::KILL);
        if self.status.is_none() {
            self.status = self.child.wait().ok();
        }
        live().retain(|&pid| pid != self.pid);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn live() -> std::sync::MutexGuard<'static, Vec<i32>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn signal_group(group: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(group) {
        let _ = kill_process_group(group, signal);
    }
}

fn short_name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}

/// Sends a pipe's lines on from a thread of their own.
fn relay(pipe: Option<impl Read + Send + 'static>, sender: Sender<String>) {
    let Some(pipe) = pipe else { return };
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
        }
    });
}

/// Reads a pipe to its end on a thread of its own.
fn collect(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(bytes);
    });
    receiver
}

/// What was collected. A program that left its group and keeps the pipe open is not waited for.
fn received(collected: &Receiver<Vec<u8>>) -> String {
    let bytes = collected.recv_timeout(Duration::from_secs(30)).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
