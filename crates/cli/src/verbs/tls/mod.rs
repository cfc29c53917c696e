//! `ringfence tls`

mod dev_ca;
mod inspect;
mod report;
mod watch;

use crate::error::{CommandError, Finish, Kind};
use crate::printer::Printer;
use ringfence_crypto::tls::{LARGEST, StartTls, Target, Trust};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a file is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// What names of files with certificates or keys end with; no name on the internet does.
const ENDINGS: [&str; 9] = ["cer", "crt", "csr", "der", "key", "p12", "p7b", "pem", "pfx"];

/// Look at certificates, watch their ends, make some for development
#[derive(Debug, clap::Args)]
pub(crate) struct Tls {
    #[command(subcommand)]
    command: Command,
}

/// What is done.
#[derive(Debug, clap::Subcommand)]
enum Command {
    Inspect(inspect::Inspect),
    Watch(watch::Watch),
    DevCa(dev_ca::DevCa),
}

impl Tls {
    pub(super) fn execute(&self, printer: &mut Printer) -> Result<Finish, CommandError> {
        match &self.command {
            Command::Inspect(command) => command.execute(printer),
            Command::Watch(command) => command.execute(printer),
            Command::DevCa(command) => command.execute(printer),
        }
    }
}

/// A protocol that begins in plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Plain {
    Postgres,
    Smtp,
}

impl From<Plain> for StartTls {
    fn from(plain: Plain) -> Self {
        match plain {
            Plain::Postgres => Self::Postgres,
            Plain::Smtp => Self::Smtp,
        }
    }
}

/// How servers are reached, and whom they must come from.
#[derive(Debug, clap::Args)]
struct Reach {
    /// Trust the authorities in this file (PEM) and no others; without it, those of this system
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    ca: Option<PathBuf>,
    /// Begin in plain text and ask for TLS
    #[arg(long, value_name = "PROTOCOL")]
    starttls: Option<Plain>,
    /// Everything together, for each connection
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    #[arg(value_parser = ringfence_policy::duration)]
    timeout: Duration,
}

impl Reach {
    /// The authorities that were asked for, else those of this system.
    fn trust(&self) -> Result<Trust, CommandError> {
        match &self.ca {
            Some(path) => Trust::pinned(&read(path)?).map_err(|error| {
                let message = format!("{} holds no authorities", path.display());
                CommandError::new(Kind::Source, message).caused_by(&error)
            }),
            None => Trust::system().map_err(|error| {
                CommandError::new(Kind::Source, "nothing to trust here")
                    .caused_by(&error)
                    .hint("install the package ca-certificates, or name authorities with --ca FILE")
            }),
        }
    }
}

/// What is looked at.
#[derive(Debug, Clone)]
enum Subject {
    File(PathBuf),
    Server(Target),
}

impl Subject {
    /// A file where one is, or where a path or the name of such a file is written; else a server.
    fn read(text: &str) -> Result<Self, CommandError> {
        let path = PathBuf::from(text);
        let ending = path.extension().unwrap_or_default().to_ascii_lowercase();
        let is_named_so = ENDINGS.iter().any(|known| ending == *known);
        if text.contains('/') || path.is_file() || (is_named_so && !text.contains(':')) {
            return Ok(Self::File(path));
        }
        Target::read(text).map(Self::Server).ok_or_else(|| {
            CommandError::new(Kind::Usage, format!("neither a file nor a server: {text}"))
                .hint("a server is written HOST:PORT, without https://")
        })
    }

    fn shown(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Server(target) => target.to_string(),
        }
    }
}

/// A file of certificates or keys. Some that look ordinary, such as `/proc/kmsg`, or that lie on a
/// server that is gone, never end: they are left after [`PATIENCE`].
fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    let (sender, receiver) = mpsc::channel();
    let own = path.to_path_buf();
    let cannot = |error: &io::Error| {
        CommandError::new(Kind::Source, format!("cannot read {}", path.display())).caused_by(error)
    };
    // Nobody waits for it when it is late: it ends with the process.
    let reader = thread::Builder::new().spawn(move || sender.send(read_ordinary(&own)));
    reader.map_err(|error| cannot(&error))?;
    match receiver.recv_timeout(PATIENCE) {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => {
            let message = format!("{} is no ordinary file", path.display());
            Err(CommandError::new(Kind::Source, message))
        }
        Ok(Err(error)) => Err(cannot(&error)),
        Err(_) => Err(cannot(&io::Error::other("it does not end"))),
    }
}

/// What is in an ordinary file; none where it is something else. Nothing is waited for.
fn read_ordinary(path: &Path) -> io::Result<Option<Vec<u8>>> {
    // A device may do something by being opened.
    if !std::fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    // One byte more than is allowed shows that there is more.
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Whether others than the owner may read or write a file.
#[cfg(unix)]
fn is_shared(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).is_ok_and(|found| found.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_shared(_path: &Path) -> bool {
    false
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
