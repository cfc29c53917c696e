//! Programs under a keeper: nothing of what they start outlives them.

use super::{code, elsewhere, refused};
use napi::bindgen_prelude::{Buffer, Object, Uint8Array};
use napi::{Env, Error, Result};
use napi_derive::napi;
use ringfence_guard::spawn::{Limits, Output, Program, SearchPath, Spawn, SpawnError, Status};
use std::io::{PipeReader, PipeWriter, Write as _};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What is run, and how. What is a user's in it was judged before.
#[napi(object, object_to_js = false)]
pub struct NativeProgram {
    /// An absolute path, or a name in `folders`.
    pub command: String,
    /// Absolute folders a name is looked for in.
    pub folders: Vec<String>,
    /// Arguments.
    pub words: Vec<String>,
    /// Names and values of the environment, in turn.
    pub environment: Vec<String>,
    /// The working directory.
    pub folder: String,
    /// Bytes on standard input.
    pub input: Option<Uint8Array>,
    /// Milliseconds.
    pub timeout: u32,
    /// Bytes of standard output, and of standard error.
    pub most_output: u32,
    /// Whether arguments of an interpreter may be code.
    pub code: bool,
    /// Seconds of processor time.
    pub cpu: Option<u32>,
    /// Bytes of address space.
    pub memory: Option<f64>,
    /// Open files.
    pub open_files: Option<u32>,
    /// Processes and threads of the user.
    pub processes: Option<u32>,
    /// Bytes of one file that is written.
    pub file_size: Option<f64>,
}

/// How it ended, and what it said.
#[napi(object, object_from_js = false)]
pub struct NativeEnded {
    /// Exit code.
    pub code: Option<i32>,
    /// Number of the signal.
    pub signal: Option<i32>,
    /// Standard output.
    pub stdout: Buffer,
    /// Standard error.
    pub stderr: Buffer,
}

/// Ends a run from the event loop; dropped with its environment (a worker was terminated) it does too.
#[napi]
pub struct GuardStop {
    reader: Mutex<Option<PipeReader>>,
    writer: PipeWriter,
}

#[napi]
impl GuardStop {
    /// For one run.
    #[napi(constructor)]
    pub fn new() -> Result<Self> {
        let (reader, writer) = std::io::pipe().map_err(|error| refused("EMFILE", error))?;
        Ok(Self { reader: Mutex::new(Some(reader)), writer })
    }

    /// Ends it.
    #[napi]
    pub fn stop(&self) {
        let _ = (&self.writer).write(b"x");
    }
}

impl Drop for GuardStop {
    fn drop(&mut self) {
        // A keeper may still hold a copy of this end: that it closes tells nothing.
        self.stop();
    }
}

/// Runs a program to its end.
#[napi(ts_return_type = "Promise<NativeEnded>", catch_unwind)]
pub fn guard_run<'env>(
    env: &'env Env,
    program: NativeProgram,
    stop: &GuardStop,
) -> Result<Object<'env>> {
    let reader = stop.reader.lock().unwrap_or_else(PoisonError::into_inner).take();
    let reader = reader.ok_or_else(|| refused("ERR_INVALID_ARG_VALUE", "a stop is for one run"))?;
    // Copied here: another thread must not read what JavaScript may change.
    let input = program.input.as_ref().map(|input| input.to_vec());
    let program = NativeProgram { input: None, ..program };
    elsewhere(env, move || {
        let spawn = build(program, input).map_err(told)?;
        spawn.with_stop(OwnedFd::from(reader)).run().map(ended).map_err(told)
    })
}

fn build(program: NativeProgram, input: Option<Vec<u8>>) -> std::result::Result<Spawn, SpawnError> {
    let found = if program.command.starts_with('/') {
        Program::at(&program.command)?
    } else {
        Program::find(&program.command, &SearchPath::new(&program.folders)?)?
    };
    let judged = Spawn::new(found.clone())?;
    let mut spawn = if program.code { Spawn::new(found.even_a_shell())? } else { judged };
    for word in &program.words {
        spawn = spawn.arg(word)?;
    }
    for variable in program.environment.chunks_exact(2) {
        if let [name, value] = variable {
            spawn = spawn.env(name, value)?;
        }
    }
    spawn = spawn.in_folder(&program.folder)?;
    if let Some(input) = input {
        spawn = spawn.with_input(input);
    }
    let usual = Limits::default();
    Ok(spawn.with_limits(Limits {
        time: Duration::from_millis(program.timeout.into()),
        output: program.most_output.into(),
        cpu: program.cpu.map(u64::from),
        memory: program.memory.map(whole),
        open_files: program.open_files.map_or(usual.open_files, u64::from),
        processes: program.processes.map(u64::from),
        file_size: program.file_size.map(whole),
    }))
}

fn ended(output: Output) -> NativeEnded {
    let (code, signal) = match output.status {
        Status::Exited(code) => (Some(code), None),
        Status::Signalled(signal) => (None, Some(signal)),
    };
    NativeEnded { code, signal, stdout: output.stdout.into(), stderr: output.stderr.into() }
}

/// The rule goes along: `CODE|rule: message`.
fn told(error: SpawnError) -> Error {
    let (number, rule) = match &error {
        SpawnError::Name => ("ERR_RINGFENCE_GUARD_SPAWN", "relative"),
        SpawnError::Writable => ("ERR_RINGFENCE_GUARD_SPAWN", "writable"),
        SpawnError::Script => ("ERR_RINGFENCE_GUARD_SPAWN", "script"),
        SpawnError::Shell | SpawnError::Launcher => ("ERR_RINGFENCE_GUARD_SPAWN", "shell"),
        SpawnError::Code => ("ERR_RINGFENCE_GUARD_SPAWN", "code"),
        SpawnError::Nul => ("ERR_RINGFENCE_GUARD_SPAWN", "nul"),
        SpawnError::Option => ("ERR_RINGFENCE_GUARD_SPAWN", "option"),
        SpawnError::Variable(_) => ("ERR_RINGFENCE_GUARD_SPAWN", "environment"),
        SpawnError::Program(cause) => (code(cause.kind()), "program"),
        SpawnError::Folder(cause) => (code(cause.kind()), "folder"),
        SpawnError::Start(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied => {
            ("EACCES", "start")
        }
        SpawnError::Start(_) => ("ERR_RINGFENCE_GUARD_START", "start"),
        SpawnError::Time => ("ERR_RINGFENCE_GUARD_TIMEOUT", "timeout"),
        SpawnError::OutputTooLong(..) => ("ERR_RINGFENCE_GUARD_TOO_LARGE", "too-large"),
        SpawnError::Stopped => ("ABORT_ERR", "abort"),
        SpawnError::Lost => ("ERR_RINGFENCE_GUARD_LOST", "lost"),
    };
    match &error {
        // Texts of the system's errors hold no argument.
        SpawnError::Start(cause) => refused(number, format_args!("{rule}: {error}: {cause}")),
        _ => refused(number, format_args!("{rule}: {error}")),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "as saturates")]
const fn whole(value: f64) -> u64 {
    value as u64
}
