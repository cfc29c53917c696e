//! What is run, and how.

use super::environment::Environment;
use super::interpreter::Kind;
use super::run::{self, Output, Status, Stream};
use super::{Limits, Program, SpawnError};
use rustix::fs::{Mode, OFlags};
use std::ffi::{CString, OsStr};
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

/// A program with its arguments, its environment and its limits. It can be run again and again.
#[derive(Debug, Clone)]
pub struct Spawn {
    pub(super) program: Program,
    pub(super) arguments: Vec<CString>,
    /// How many of the arguments the constructor has set: code that was meant to be.
    meant: usize,
    options_ended: bool,
    pub(super) environment: Environment,
    pub(super) folder: Option<Arc<OwnedFd>>,
    pub(super) input: Option<Arc<[u8]>>,
    pub(super) umask: u32,
    pub(super) limits: Limits,
    pub(super) stop: Option<Arc<OwnedFd>>,
}

impl Spawn {
    /// A program without arguments, with an empty environment, in `/`, with nothing on standard input
    /// and a file creation mask of 077.
    ///
    /// # Errors
    /// [`SpawnError::Shell`] and [`SpawnError::Launcher`].
    pub fn new(program: Program) -> Result<Self, SpawnError> {
        match program.kind {
            Kind::Shell => Err(SpawnError::Shell),
            Kind::Launcher => Err(SpawnError::Launcher),
            Kind::Ordinary | Kind::Interpreter(_) => Ok(Self::of(program)),
        }
    }

    /// `/bin/sh` with a script that is part of this application: it cannot be put together from what
    /// came from outside. Arguments become `$1` and on; the script must quote them.
    ///
    /// # Errors
    /// [`SpawnError::Program`].
    pub fn shell(script: &'static str) -> Result<Self, SpawnError> {
        let mut shell = Self::of(Program::at("/bin/sh")?.even_a_shell());
        shell.means(["-c", script, "sh"])?;
        shell.options_ended = true;
        Ok(shell)
    }

    /// An interpreter with code that is part of this application, after the option that takes it.
    ///
    /// # Errors
    /// [`SpawnError::Nul`].
    pub fn interpreter_with_code(
        program: Program,
        option: &'static str,
        code: &'static str,
    ) -> Result<Self, SpawnError> {
        let mut interpreter = Self::of(program.even_a_shell());
        interpreter.means([option, code])?;
        Ok(interpreter)
    }

    fn of(program: Program) -> Self {
        Self {
            program,
            arguments: Vec::new(),
            meant: 0,
            options_ended: false,
            environment: Environment::default(),
            folder: None,
            input: None,
            umask: 0o077,
            limits: Limits::default(),
            stop: None,
        }
    }

    fn means<const N: usize>(&mut self, words: [&'static str; N]) -> Result<(), SpawnError> {
        for word in words {
            self.push(word.as_ref())?;
        }
        self.meant = self.arguments.len();
        Ok(())
    }

    fn push(&mut self, word: &OsStr) -> Result<(), SpawnError> {
        self.arguments.push(CString::new(word.as_bytes()).map_err(|_| SpawnError::Nul)?);
        Ok(())
    }

    /// An argument of the application's own: an option, most of all.
    ///
    /// # Errors
    /// [`SpawnError::Nul`].
    pub fn arg(mut self, word: impl AsRef<OsStr>) -> Result<Self, SpawnError> {
        let word = word.as_ref();
        self.push(word)?;
        Ok(self)
    }

    /// An argument that came from outside. It may not begin with `-`, unless
    /// [`Self::end_of_options`] was said before.
    ///
    /// # Errors
    /// [`SpawnError::Option`], [`SpawnError::Nul`].
    pub fn user_arg(mut self, word: impl AsRef<OsStr>) -> Result<Self, SpawnError> {
        let word = word.as_ref();
        if !self.options_ended && word.as_bytes().starts_with(b"-") {
            return Err(SpawnError::Option);
        }
        self.push(word)?;
        Ok(self)
    }

    /// `--`: what follows is no option. Only for programs that know it.
    #[must_use]
    pub fn end_of_options(mut self) -> Self {
        self.arguments.push(c"--".to_owned());
        self.options_ended = true;
        self
    }

    /// A variable of the environment. It has no other.
    ///
    /// # Errors
    /// [`SpawnError::Variable`], [`SpawnError::Nul`].
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Result<Self, SpawnError> {
        self.environment.set(name, value.as_ref())?;
        Ok(self)
    }

    /// A variable of this process, when it is set here.
    ///
    /// # Errors
    /// As [`Self::env`].
    pub fn inherit(self, name: &str) -> Result<Self, SpawnError> {
        // Refused also where it is not set: tests would pass and production fail.
        let value = std::env::var_os(name.split('\0').next().unwrap_or_default());
        let checked = self.clone().env(name, value.as_deref().unwrap_or_default())?;
        Ok(if value.is_some() { checked } else { self })
    }

    /// The working directory, opened now.
    ///
    /// # Errors
    /// [`SpawnError::Folder`].
    pub fn in_folder(mut self, folder: impl AsRef<Path>) -> Result<Self, SpawnError> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(folder.as_ref(), flags, Mode::empty());
        self.folder = Some(Arc::new(opened.map_err(|errno| SpawnError::Folder(errno.into()))?));
        Ok(self)
    }

    /// The working directory, open already.
    ///
    /// # Errors
    /// [`SpawnError::Folder`].
    pub fn in_open_folder(mut self, folder: impl AsFd) -> Result<Self, SpawnError> {
        let copy = folder.as_fd().try_clone_to_owned().map_err(SpawnError::Folder)?;
        self.folder = Some(Arc::new(copy));
        Ok(self)
    }

    /// Bytes on standard input; without, there is nothing.
    #[must_use]
    pub fn with_input(mut self, bytes: impl Into<Arc<[u8]>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// The file creation mask, as in umask(2).
    #[must_use]
    pub const fn with_umask(mut self, mask: u32) -> Self {
        self.umask = mask & 0o777;
        self
    }

    /// What it may use.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Ends everything as soon as this descriptor can be read, from whatever thread something is written
    /// to its other end: [`SpawnError::Stopped`].
    #[must_use]
    pub fn with_stop(mut self, stop: impl Into<Arc<OwnedFd>>) -> Self {
        self.stop = Some(stop.into());
        self
    }

    /// Runs it to its end and keeps its output.
    ///
    /// # Errors
    /// [`SpawnError`].
    pub fn run(&self) -> Result<Output, SpawnError> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let status = self.stream(|stream, bytes| {
            match stream {
                Stream::Output => stdout.extend_from_slice(bytes),
                Stream::Error => stderr.extend_from_slice(bytes),
            }
            ControlFlow::Continue(())
        })?;
        Ok(Output { status, stdout, stderr })
    }

    /// Runs it to its end and hands on its output as it comes. While `to` is busy the program waits
    /// once its pipe is full, and its time goes on. `Break` ends it.
    ///
    /// # Errors
    /// [`SpawnError`]; what came before is no whole output then.
    pub fn stream(
        &self,
        to: impl FnMut(Stream, &[u8]) -> ControlFlow<()>,
    ) -> Result<Status, SpawnError> {
        if let Kind::Interpreter(code) = self.program.kind
            && code.is_in(&self.arguments[self.meant..])
        {
            return Err(SpawnError::Code);
        }
        run::run(self, to)
    }
}
