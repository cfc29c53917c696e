//! From an order to its record: the processes around the program, and the wait for its end.

use super::calls::{self, Numbers};
use super::environment::Environment;
use super::error::RecordError;
use super::folder::{self, Place};
use super::guardian::{Guardian, Report, next_report};
use super::lines::{self, Lines};
use super::look::Root;
use super::order::{Order, Outcome};
use super::reader::{Reader, Seen};
use super::stage::Stage;
use super::traffic;
use crate::record::line::{Begin, End, Line, VERSION};
use ringfence_sys::launch::ExecStep;
use ringfence_sys::notify::Listener;
use ringfence_sys::seccomp::{self, Arch, Profile};
use ringfence_sys::spawn::{self, Keep, Spawned};
use ringfence_sys::wait::{self, Descendants};
use ringfence_sys::{Errno, fd, privilege};
use std::ffi::{CString, OsStr};
use std::fs::File;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Passed on to the program; the second one that asks it to end ends everything.
const PASSED_ON: [i32; 8] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGCONT,
    libc::SIGWINCH,
];
const ENDING: [i32; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];
/// What the guardian gets to end a tree.
const GRACE: Duration = Duration::from_secs(30);

trait During<T> {
    fn during(self, what: &'static str) -> Result<T, RecordError>;
}

impl<T, E: Into<Errno>> During<T> for Result<T, E> {
    fn during(self, what: &'static str) -> Result<T, RecordError> {
        self.map_err(|error| RecordError::System { what, source: error.into() })
    }
}

/// Runs the order's program, writes its record, and answers when nothing of it is left.
///
/// The calling process must have a single thread.
///
/// # Errors
/// The record cannot be begun, this host cannot watch a program or cannot give it the hosts and
/// secrets it needs, or the program cannot be started. Nothing is left running then.
pub fn run(order: &Order) -> Result<Outcome, RecordError> {
    let arch = Arch::native().ok_or_else(|| {
        RecordError::Unsupported("system calls can be watched on x86-64 and 64-bit ARM".to_owned())
    })?;
    let profile = Profile::builtin();
    let filter = seccomp::compile_watch(&profile, arch, &calls::watched(order.stats));
    let filter = filter.map_err(|error| RecordError::Unsupported(error.to_string()))?;
    let command = order.command.first().ok_or_else(|| RecordError::NoProgram(String::new()))?;
    let cwd = std::env::current_dir().unwrap_or_else(|_| order.folder.clone());
    let place = folder::make(&order.folder)?;
    let environment = Environment::of(order, &place);
    let Some(program) = environment.program(command) else {
        folder::take_back(&place);
        return Err(RecordError::NoProgram(command.to_string_lossy().into_owned()));
    };
    let own = place.record.parent().unwrap_or(&order.folder).to_owned();
    let stage = Stage::of(order, &own, &cwd).during("preparing secrets")?;
    let mut lines =
        Lines::new(place.file.try_clone().during("opening the record")?, Instant::now());
    lines.put(&Line::Begin(begin(order, &place, &environment, &stage, &cwd)));
    if let Some(Errno(number)) = lines.failure() {
        folder::take_back(&place);
        let source = std::io::Error::from_raw_os_error(number);
        return Err(RecordError::Begin { path: place.record, source });
    }
    let exec = exec(order, &program, &environment)?;
    let numbers = Numbers::of(&profile, arch);
    let guardian = |recorder| Guardian {
        recorder,
        stage: &stage,
        filter: &filter,
        no_new_privileges: !is_privileged(),
        exec,
    };
    let ended = Recording::start(order, &place, &stage, numbers, lines, guardian)
        .and_then(|recording| recording.stay(&program));
    // What is done with the record can be interrupted again.
    let _ = wait::unblock_signals(&PASSED_ON);
    if ended.is_err() {
        folder::take_back(&place);
    }
    ended
}

/// Whether a filter can be set without giving up gaining rights.
fn is_privileged() -> bool {
    const SYS_ADMIN: u64 = 1 << 21;
    privilege::effective_capabilities() & SYS_ADMIN != 0
}

fn begin(
    order: &Order,
    place: &Place,
    environment: &Environment,
    stage: &Stage,
    cwd: &Path,
) -> Begin {
    let mut blind = vec![
        "calls of 32-bit programs are not seen".to_owned(),
        "a process that installs a listener of its own for system calls cannot do so here"
            .to_owned(),
    ];
    if !is_privileged() {
        blind.push("set-user-id programs ran without the rights of their owner".to_owned());
    }
    if !order.stats {
        blind.push("calls that only look at files (stat and its like) are not recorded".to_owned());
    }
    blind.extend(environment.untold.map(str::to_owned));
    blind.extend(stage.blind());
    Begin {
        version: VERSION,
        ringfence: env!("CARGO_PKG_VERSION").to_owned(),
        command: order.command.iter().map(|word| word.to_string_lossy().into_owned()).collect(),
        cwd: cwd.canonicalize().unwrap_or_else(|_| cwd.to_owned()),
        started: place.started,
        environment: environment.names.clone(),
        boundary: order.boundary.clone(),
        blind,
    }
}

fn exec(order: &Order, program: &Path, of: &Environment) -> Result<ExecStep, RecordError> {
    let text = |bytes: &OsStr| CString::new(bytes.as_bytes()).map_err(|_| Errno(libc::EINVAL));
    let argv = order.command.iter().map(|word| text(word)).collect::<Result<_, _>>();
    let variables = of.variables.iter().map(|(name, value)| {
        let mut entry = name.clone();
        entry.push("=");
        entry.push(value);
        text(&entry)
    });
    let env = variables.collect::<Result<_, _>>().during("laying the environment out")?;
    let argv = argv.during("laying the command out")?;
    Ok(ExecStep::new(text(program.as_os_str()).during("laying the command out")?, argv, env))
}

/// A run that goes on.
struct Recording<'a> {
    order: &'a Order,
    record: PathBuf,
    told: &'a (File, PathBuf),
    signals: OwnedFd,
    guardian: Spawned,
    reports: OwnedFd,
    program: Option<OwnedFd>,
    waiting: Option<Waiting>,
    reader: Option<JoinHandle<Seen>>,
    namespaces: bool,
    asked: u32,
    stopped: bool,
    traffic: Option<traffic::Running>,
    deadline: Option<Instant>,
}

/// What the reader will need once there is a listener.
struct Waiting {
    numbers: Numbers,
    lines: Lines,
    own: PathBuf,
}

impl<'a> Recording<'a> {
    fn start(
        order: &'a Order,
        place: &'a Place,
        stage: &Stage,
        numbers: Numbers,
        lines: Lines,
        guardian: impl FnOnce(std::os::fd::BorrowedFd<'static>) -> Guardian<'a>,
    ) -> Result<Self, RecordError> {
        // Should the guardian be ended from outside, what it left comes to this process.
        privilege::set_child_subreaper().during("becoming the parent of orphans")?;
        let inherited = inherited();
        let signals = wait::signal_descriptor(&PASSED_ON).during("blocking signals")?;
        let (reports, there) = fd::socketpair(libc::SOCK_SEQPACKET).during("making a socket")?;
        let mut kept: Vec<RawFd> = inherited.into_iter().chain(stage.descriptors()).collect();
        kept.push(there.as_raw_fd());
        let guardian = guardian(fd::borrow(there.as_raw_fd()));
        let guardian = spawn::process(0, Keep::Only(&kept), || guardian.run())
            .during("starting the guardian")?;
        let started = Instant::now();
        let own = order.folder.join(folder::OWN);
        Ok(Self {
            order,
            record: place.record.clone(),
            told: &place.told,
            signals,
            guardian,
            reports,
            program: None,
            waiting: Some(Waiting { numbers, lines, own }),
            reader: None,
            namespaces: stage.is_needed(),
            asked: 0,
            stopped: false,
            traffic: None,
            deadline: order.stop_after.map(|after| started + after),
        })
    }

    /// Waits for the end of everything.
    fn stay(mut self, program: &Path) -> Result<Outcome, RecordError> {
        let watched = self.watch(program);
        let traffic = self.traffic.take().map(traffic::Running::end);
        // The guardian ends when nothing of the tree is left.
        let _ = wait::readable(&[self.guardian.pidfd.as_fd()], Some(GRACE));
        let _ = wait::send_signal(self.guardian.pidfd.as_fd(), libc::SIGKILL);
        let _ = wait::wait_for(self.guardian.pid);
        if let Ok(left) = Descendants::of_this_process() {
            left.kill();
        }
        let seen = match self.reader.take().map(JoinHandle::join) {
            Some(Ok(seen)) => Some(seen),
            Some(Err(_)) | None => None,
        };
        let status = watched?;
        let Some(mut seen) = seen else {
            let what = "reading the calls of the program";
            return Err(RecordError::System { what, source: Errno(libc::EPROTO) });
        };
        if seen.shut_out {
            return Err(RecordError::Unsupported(
                "this host does not let one look into other processes (kernel.yama.ptrace_scope, or \
                 the filter of a container)"
                    .to_owned(),
            ));
        }
        let exit_code = match status {
            Some(status) if libc::WIFEXITED(status) => libc::WEXITSTATUS(status),
            Some(status) => 128 + libc::WTERMSIG(status),
            None => 128 + libc::SIGKILL,
        };
        if status.is_none() {
            seen.missing.push("the guardian of the program was ended from outside".to_owned());
        }
        let (at, calls, left_out) = (seen.lines.now(), seen.calls, seen.left_out);
        let end = End { code: exit_code, at, calls, left_out, untold: seen.untold };
        let mut lost = seen.lines.finish();
        seen.lines.put(&Line::End(end));
        lost.extend(seen.missing);
        for sentence in seen.lines.finish() {
            if !lost.contains(&sentence) {
                lost.push(sentence);
            }
        }
        let (told, at) = self.told;
        let files = [(seen.lines.is_kept(&self.record), &self.record), (lines::keep(told, at), at)];
        for (kept, path) in files {
            match kept {
                Ok(true) => {}
                Ok(false) => return Err(RecordError::Replaced { path: path.clone() }),
                Err(error) => lost.push(format!(
                    "the program removed its record, which cannot be put back: {error}"
                )),
            }
        }
        Ok(Outcome { record: self.record, exit_code, calls, stopped: self.stopped, traffic, lost })
    }

    /// Answers the program's wait status; nothing when the guardian is gone without one.
    fn watch(&mut self, program: &Path) -> Result<Option<i32>, RecordError> {
        loop {
            let pause = self.deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let traffic = self.traffic.as_ref().and_then(|traffic| traffic.pidfd.as_ref());
            let mut sources = vec![self.reports.as_fd(), self.signals.as_fd()];
            sources.extend(traffic.map(OwnedFd::as_fd));
            let ready = wait::readable(&sources, pause).during("waiting")?;
            if ready & 0b01 != 0 {
                let failed = |source| RecordError::Exec { program: program.to_owned(), source };
                match next_report(self.reports.as_fd()).during("reading a report")? {
                    Report::Started { listener, program, pid } => {
                        self.program = Some(program);
                        self.read(listener, pid)?;
                        let traffic = self.order.traffic.as_ref().map(traffic::Running::start);
                        self.traffic =
                            traffic.transpose().inspect_err(|_| self.signal(libc::SIGKILL))?;
                    }
                    Report::Ended(status) => return Ok(Some(status)),
                    Report::NoExec(errno) => return Err(failed(errno)),
                    Report::Failed(what, errno) => {
                        return Err(refused(&what, errno, self.namespaces));
                    }
                    Report::Gone => return Ok(None),
                }
            }
            if ready & 0b10 != 0 {
                self.pass_signals();
            }
            if ready & 0b100 != 0 {
                self.traffic.iter_mut().for_each(traffic::Running::ended);
                self.stop();
            } else if self.deadline.is_some_and(|at| at <= Instant::now()) {
                self.stop();
            }
        }
    }

    fn read(&mut self, listener: OwnedFd, pid: i32) -> Result<(), RecordError> {
        let Some(Waiting { numbers, lines, own }) = self.waiting.take() else { return Ok(()) };
        let root = if self.namespaces { Root::of(pid) } else { Ok(Root::own()) };
        let root = root.during("opening the program's root")?;
        let own = (own.as_path(), self.told.1.as_path());
        let reader = Reader::new(Listener::new(listener), numbers, root, own, lines);
        let thread = std::thread::Builder::new().name("reader".to_owned());
        let reader = thread.spawn(move || reader.run());
        self.reader = Some(reader.during("starting a thread")?);
        Ok(())
    }

    /// The time is over: first the stop signal, then the kill.
    fn stop(&mut self) {
        if self.stopped {
            self.deadline = None;
            self.signal(libc::SIGKILL);
            return;
        }
        self.stopped = true;
        self.deadline = Some(Instant::now() + self.order.stop_timeout);
        self.signal(self.order.stop_signal);
    }

    /// A signal from a key at the terminal has reached the program already; any other is passed on.
    fn pass_signals(&mut self) {
        while let Some(signal) = wait::next_signal(self.signals.as_fd()) {
            self.asked += u32::from(ENDING.contains(&signal.number));
            if self.asked > 1 && ENDING.contains(&signal.number) {
                self.signal(libc::SIGKILL);
            } else if !signal.from_kernel {
                self.signal(signal.number);
            }
        }
    }

    fn signal(&self, number: i32) {
        if let Some(program) = &self.program {
            let _ = wait::send_signal(program.as_fd(), number);
        } else if ENDING.contains(&number) || number == libc::SIGKILL {
            // Nothing has been started yet.
            let _ = wait::send_signal(self.guardian.pidfd.as_fd(), libc::SIGKILL);
        }
    }
}

fn refused(what: &str, errno: Errno, namespaces: bool) -> RecordError {
    let why = if namespaces {
        "names and secrets of the boundary file need mounts of the program's own, which this host \
         does not give"
    } else {
        "this host does not let a program be watched"
    };
    RecordError::Unsupported(format!("{why}: {what}: {errno}"))
}

/// Descriptors above the standard ones that the caller wants the program to have.
fn inherited() -> Vec<RawFd> {
    const CLOSED: u32 = libc::O_CLOEXEC.unsigned_abs();
    let Ok(entries) = std::fs::read_dir("/proc/self/fdinfo") else { return Vec::new() };
    let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let stays = |number: &RawFd| {
        let told = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}"));
        let flags = told.ok().and_then(|told| {
            let line = told.lines().find_map(|line| line.strip_prefix("flags:"))?;
            u32::from_str_radix(line.trim(), 8).ok()
        });
        *number > 2 && flags.is_some_and(|flags| flags & CLOSED == 0)
    };
    numbers.filter(stays).collect()
}
