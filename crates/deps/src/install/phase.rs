//! One program in its boundary: output and events into memory, a deadline, and an end at the first
//! attempt that is not to be tolerated.
//!
//! The engine copies its process, so it is run in a child with a single thread. Whatever ends that child
//! ends everything in the boundary (its life lines).

use super::error::InstallError;
use ringfence_boundary::enforce::{self, RunOptions};
use ringfence_boundary::plan::Plan;
use ringfence_policy::event::Event;
use ringfence_policy::layer::{Answer, Layer};
use ringfence_sys::attack::forked::Child;
use ringfence_sys::{Errno, fd, wait};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

/// Most bytes kept of the end of what a program says.
const OUTPUT: usize = 64 << 10;
/// Most events kept, besides those that end a program.
const EVENTS: usize = 2_000;
/// How long what was killed may take to be gone.
const GRACE: Duration = Duration::from_secs(10);

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with this code; 128 and a number for a signal.
    Code(i32),
    /// It was stopped at an event.
    Stopped,
    /// It was stopped at its deadline.
    TimedOut,
}

/// What happened.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) end: End,
    /// In order.
    pub(super) events: Vec<Event>,
    /// The end of what it said.
    pub(super) output: String,
    /// Why memory and processes were not limited, where they were not.
    pub(super) unlimited: Option<String>,
    pub(super) time: Duration,
}

/// What the child tells.
#[derive(Debug, Serialize, Deserialize)]
enum Told {
    Ended { code: i32, unlimited: Option<String> },
    Failed { message: String, host: bool, hints: Vec<String> },
}

/// How a program is watched.
pub(super) struct Watch<'a> {
    /// Whether refused accesses to files are events.
    pub(super) trace: bool,
    /// Longest time it may take.
    pub(super) deadline: Duration,
    /// Whether an event is the end.
    pub(super) stops: &'a dyn Fn(&Event) -> bool,
}

/// Runs a plan.
pub(super) fn run(plan: &Plan, watch: &Watch<'_>) -> Result<Ran, InstallError> {
    let system = |what| move |errno| InstallError::System { what, errno };
    let (events, told_events) = fd::pipe(0).map_err(system("making a pipe"))?;
    let (output, said) = fd::pipe(0).map_err(system("making a pipe"))?;
    let copy = said.try_clone().map_err(|error| system("copying a pipe")(error.into()))?;
    let nothing = File::open("/dev/null");
    let nothing = nothing.map_err(|error| system("opening /dev/null")(error.into()))?;
    let answer = fd::memfd(c"ringfence-install").map_err(system("making a file"))?;
    let written = answer.try_clone().map_err(|error| system("copying a file")(error.into()))?;
    let options = RunOptions {
        trace: watch.trace,
        stdio: [Some(nothing.into()), Some(said), Some(copy)],
        events: Some(told_events),
        quiet: true,
        ..RunOptions::default()
    };
    let started = Instant::now();
    let child = Child::fork(move || {
        let told = enforced(plan, &options);
        let bytes = serde_json::to_vec(&told).unwrap_or_default();
        i32::from(fd::write_all(written.as_fd(), &bytes).is_err())
    });
    let child = child.map_err(system("starting a process"))?;
    let mut reader =
        Reader { events, output, told: Vec::new(), line: Vec::new(), said: Vec::new() };
    let end = reader.read(watch, started);
    let time = started.elapsed();
    if let Some(end) = end {
        drop(child);
        reader.drain(watch.stops);
        let output = reader.text();
        return Ok(Ran { end, events: reader.told, output, unlimited: None, time });
    }
    let _ = child.wait();
    match told(answer) {
        Some(Told::Ended { code, unlimited }) => {
            let output = reader.text();
            Ok(Ran { end: End::Code(code), events: reader.told, output, unlimited, time })
        }
        Some(Told::Failed { message, host, hints }) => {
            Err(InstallError::Enforce { message, host, hints })
        }
        None => {
            Err(InstallError::System { what: "watching a boundary", errno: Errno(libc::EPROTO) })
        }
    }
}

fn enforced(plan: &Plan, options: &RunOptions) -> Told {
    match enforce::run(plan, options) {
        Ok(outcome) => {
            let cgroup = outcome.layers.answers.iter().find(|(layer, _)| *layer == Layer::Cgroup);
            let unlimited = match cgroup {
                Some((_, Answer::Absent(why) | Answer::Partial(why))) => Some(why.clone()),
                _ => None,
            };
            Told::Ended { code: outcome.exit_code, unlimited }
        }
        Err(error) => match InstallError::enforce(&error) {
            InstallError::Enforce { message, host, hints } => Told::Failed { message, host, hints },
            other => Told::Failed { message: other.to_string(), host: false, hints: Vec::new() },
        },
    }
}

fn told(answer: OwnedFd) -> Option<Told> {
    let mut file = File::from(answer);
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Both pipes.
struct Reader {
    events: OwnedFd,
    output: OwnedFd,
    told: Vec<Event>,
    line: Vec<u8>,
    said: Vec<u8>,
}

impl Reader {
    /// Reads until both are closed; or says why the program must end.
    fn read(&mut self, watch: &Watch<'_>, started: Instant) -> Option<End> {
        let (mut events, mut output) = (true, true);
        while events || output {
            let left = watch.deadline.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Some(End::TimedOut);
            }
            let (events_fd, output_fd) = (self.events.as_fd(), self.output.as_fd());
            let ready = match (events, output) {
                (true, true) => wait::readable(&[events_fd, output_fd], Some(left)),
                (true, false) => wait::readable(&[events_fd], Some(left)),
                _ => wait::readable(&[output_fd], Some(left)).map(|ready| ready << 1),
            };
            let ready = ready.unwrap_or_default();
            if output && ready & 0b10 != 0 {
                output = self.take_output();
            }
            if events && ready & 0b01 != 0 {
                let before = self.told.len();
                events = self.take_events(watch.stops);
                let new = self.told.get(before..).unwrap_or_default();
                if new.iter().any(|event| (watch.stops)(event)) {
                    return Some(End::Stopped);
                }
            }
        }
        None
    }

    /// Waits until nobody holds the other ends, for a while.
    fn drain(&mut self, stops: &dyn Fn(&Event) -> bool) {
        let until = Instant::now() + GRACE;
        let mut output = true;
        while output {
            let left = until.saturating_duration_since(Instant::now());
            match wait::readable(&[self.output.as_fd()], Some(left)) {
                Ok(ready) if ready != 0 => output = self.take_output(),
                _ => return,
            }
        }
        self.take_events(stops);
    }

    fn take_output(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        match fd::read(self.output.as_fd(), &mut buffer) {
            Ok(0) | Err(_) => false,
            Ok(taken) => {
                self.said.extend_from_slice(buffer.get(..taken).unwrap_or_default());
                let over = self.said.len().saturating_sub(2 * OUTPUT);
                if over > 0 {
                    let keep = self.said.len() - OUTPUT;
                    self.said.drain(..keep);
                }
                true
            }
        }
    }

    fn take_events(&mut self, stops: &dyn Fn(&Event) -> bool) -> bool {
        let mut buffer = [0; 16 << 10];
        match fd::read(self.events.as_fd(), &mut buffer) {
            Ok(0) | Err(_) => false,
            Ok(taken) => {
                self.line.extend_from_slice(buffer.get(..taken).unwrap_or_default());
                while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
                    let line: Vec<u8> = self.line.drain(..=end).collect();
                    let event = serde_json::from_slice(&line).ok();
                    let kept = |event: &Event| self.told.len() < EVENTS || stops(event);
                    if let Some(event) = event.filter(kept) {
                        self.told.push(event);
                    }
                }
                true
            }
        }
    }

    fn text(&self) -> String {
        let start = self.said.len().saturating_sub(OUTPUT);
        String::from_utf8_lossy(self.said.get(start..).unwrap_or_default()).into_owned()
    }
}
