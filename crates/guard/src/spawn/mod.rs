//! Other programs, without a shell and without leftovers.
//!
//! A [`Spawn`] names a program by its absolute path, or by a name and the folders it may lie in; the
//! file that was found and looked at is the one that is executed, by its descriptor. Arguments are a
//! list, the environment has only what is named, no descriptor but 0 to 2 is inherited, and nothing the
//! program executes gains rights. Shells, programs that run other programs, and code handed to
//! interpreters are refused, unless the constructor that is named for it was used: a command line
//! cannot be injected where nobody reads one.
//!
//! What the program starts ends with it, also by a double fork into another session: a keeper process,
//! the child subreaper of all of it, kills and reaps every descendant when the program ends, when its
//! time is over, when its output is too long, or when this process is gone. A signal that would kill
//! the keeper itself is held back by Landlock from Linux 6.12 on; before, a program that looks for it
//! can end it, and then [`SpawnError::Lost`] says so. Out of reach is what a service manager, cron or a
//! container engine starts for the program. Files and the network are as open to it as to its user:
//! that is what a boundary is for.
//!
//! ```
//! use ringfence_guard::spawn::{Program, SearchPath, Spawn, SpawnError};
//!
//! let search = SearchPath::new(["/usr/bin", "/bin"])?;
//! let count = Spawn::new(Program::find("wc", &search)?)?.arg("-c")?;
//! assert_eq!(count.with_input(*b"hello").run()?.stdout, b"5\n");
//!
//! // What came from outside is never an option, and nobody reads a command line.
//! let cat = Spawn::new(Program::find("cat", &search)?)?;
//! assert!(matches!(cat.user_arg("--help"), Err(SpawnError::Option)));
//! assert!(matches!(Spawn::new(Program::find("sh", &search)?), Err(SpawnError::Shell)));
//! # Ok::<(), SpawnError>(())
//! ```

mod arguments;
mod environment;
mod interpreter;
mod program;
mod run;
#[cfg(test)]
mod tests;

pub use arguments::Spawn;
pub use program::{Program, SearchPath};
pub use run::{Output, Status, Stream};

use std::io;
use std::time::Duration;

/// What a program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until everything is killed.
    pub time: Duration,
    /// Bytes of standard output, and of standard error: one more ends it.
    pub output: u64,
    /// Seconds of processor time of one process (`RLIMIT_CPU`).
    pub cpu: Option<u64>,
    /// Bytes of address space of one process (`RLIMIT_AS`).
    pub memory: Option<u64>,
    /// Open files of one process (`RLIMIT_NOFILE`).
    pub open_files: u64,
    /// Processes and threads of the user, all of them (`RLIMIT_NPROC`); the kernel does not hold
    /// root to it.
    pub processes: Option<u64>,
    /// Bytes of one file that is written (`RLIMIT_FSIZE`).
    pub file_size: Option<u64>,
}

impl Default for Limits {
    /// 30 seconds, 1 MiB of output, 256 open files; core dumps are always off.
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            output: 1 << 20,
            cpu: None,
            memory: None,
            open_files: 256,
            processes: None,
            file_size: None,
        }
    }
}

/// Why a program was not run, or not to its end. None holds an argument or a value.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The program is not named by an absolute path without `.` and `..`, or a name without slashes.
    #[error("a program is named by its absolute path, or by a name in a pinned search path")]
    Name,
    /// It is not there, not a file, or not executable.
    #[error("the program cannot be opened")]
    Program(#[source] io::Error),
    /// Others than its owner can change it, or the folder it was found in.
    #[error("the program can be changed by everybody")]
    Writable,
    /// It is a script: what is executed is its interpreter.
    #[error("it is a script: name its interpreter as the program, and the script as an argument")]
    Script,
    /// It is a shell.
    #[error("a shell is run by the constructor of that name alone")]
    Shell,
    /// It runs what its arguments name, which would then not be looked at.
    #[error("a program that runs other programs: name that program itself")]
    Launcher,
    /// An option of an interpreter makes an argument code.
    #[error("code in an argument is run by the constructor of that name alone")]
    Code,
    /// An argument, a name or a value holds a NUL byte.
    #[error("a NUL byte")]
    Nul,
    /// An argument from outside begins with `-` where options are read.
    #[error("an argument from outside begins with `-`")]
    Option,
    /// A variable whose name is malformed, or that makes programs load code, skip verification or
    /// speak to a supervisor.
    #[error("the variable `{0}` is not handed on")]
    Variable(String),
    /// The working directory cannot be opened.
    #[error("the working directory cannot be opened")]
    Folder(#[source] io::Error),
    /// It could not be started: a limit that cannot be set, a kernel without what is needed, a file
    /// that cannot be executed.
    #[error("the program cannot be started")]
    Start(#[source] io::Error),
    /// Its time was over. Nothing of it is left.
    #[error("the program was not done in time")]
    Time,
    /// More output than it may have. Nothing of it is left.
    #[error("{0} is longer than {1} bytes")]
    OutputTooLong(Stream, u64),
    /// The receiver of its output asked for no more, or its end was asked for. Nothing of it is left.
    #[error("its end was asked for")]
    Stopped,
    /// What watches over it was killed: something of it may be left.
    #[error("the program's keeper was killed")]
    Lost,
}
