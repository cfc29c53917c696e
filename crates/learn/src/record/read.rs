//! Reading a record back.

use super::line::{self, Begin, Count, Feature, FileKind, Line, VERSION};
use super::{ConnectSeen, FirstUse, ListenSeen, ProgramSeen, Record, UnixSeen};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a record cannot be read.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The file cannot be opened or read.
    #[error("cannot read the record: {0}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is larger than a record is.
    #[error("the record has more than {what}: {0}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// What it has more of than is read.
        what: &'static str,
    },
    /// Its first line is not one that begins a record.
    #[error("not a record of a run: {0}", path.display())]
    NotARecord {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a later ringfence.
    #[error(
        "the record has version {version}, this program reads up to version {VERSION}: {0}",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

/// Most bytes of a record that are read, in both of its files together.
const MAX_BYTES: u64 = 256 << 20;
/// Most lines.
const MAX_LINES: u64 = 1_000_000;

/// Where the script in front of Node writes: beside the record, so that the program, which is told of
/// this file, never hears of the one in which the recorder writes what it saw itself.
#[must_use]
pub fn told_beside(record: &Path) -> PathBuf {
    record.with_extension("told")
}

impl Record {
    /// Reads a record, whole or cut short, with what the script told beside it.
    ///
    /// # Errors
    /// A file cannot be read, is too large, is no record, or is of a later version.
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Read { path: path.to_owned(), source };
        let mut lines = Bounded::new(path, open(path).map_err(failed)?);
        let Some(line) = lines.next()? else {
            return Err(ReadError::NotARecord { path: path.to_owned() });
        };
        let Some(version) = Version::of(&line) else {
            return Err(ReadError::NotARecord { path: path.to_owned() });
        };
        if version > VERSION {
            return Err(ReadError::Newer { path: path.to_owned(), version });
        }
        let Ok(Line::Begin(begin)) = serde_json::from_slice(&line) else {
            return Err(ReadError::NotARecord { path: path.to_owned() });
        };
        let beside = told_beside(path);
        let told = match open(&beside) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(source) => return Err(ReadError::Read { path: beside, source }),
        };
        // Where one file holds everything, it is taken as it is.
        let from = if told.is_some() { From::Recorder } else { From::Both };
        let mut reader = Reader { record: Self::new(begin), counts: BTreeMap::new(), from };
        while let Some(line) = lines.next()? {
            reader.take(&line);
        }
        if let Some(file) = told {
            reader.from = From::Script;
            let mut lines = lines.go_on(&beside, file);
            while let Some(line) = lines.next()? {
                reader.take(&line);
            }
        }
        Ok(reader.finish())
    }

    /// A record of a run that has used nothing yet.
    #[must_use]
    pub fn new(begin: Begin) -> Self {
        Self {
            begin,
            end: None,
            files: BTreeMap::new(),
            connects: BTreeMap::new(),
            queries: BTreeMap::new(),
            resolved: BTreeMap::new(),
            names_of: BTreeMap::new(),
            listens: BTreeMap::new(),
            unix: BTreeMap::new(),
            programs: BTreeMap::new(),
            uses: BTreeMap::new(),
            env: BTreeMap::new(),
            features: BTreeSet::new(),
            told: BTreeSet::new(),
            unknown: 0,
            torn: false,
        }
    }
}

/// Opens a regular file; anything else could keep a reader waiting.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    Ok(file)
}

/// Lines of a file, as many as are read.
struct Bounded<'a> {
    path: &'a Path,
    from: BufReader<File>,
    bytes: u64,
    lines: u64,
}

impl<'a> Bounded<'a> {
    fn new(path: &'a Path, file: File) -> Self {
        Self { path, from: BufReader::new(file), bytes: 0, lines: 0 }
    }

    /// The same bounds over another file too.
    fn go_on<'b>(&self, path: &'b Path, file: File) -> Bounded<'b> {
        Bounded { path, from: BufReader::new(file), bytes: self.bytes, lines: self.lines }
    }

    /// The next line, with its newline when it has one; nothing at the end. What is longer than a
    /// line can be comes in pieces, which are lines of no known kind.
    fn next(&mut self) -> Result<Option<Vec<u8>>, ReadError> {
        let mut line = Vec::new();
        loop {
            let longest = u64::try_from(line::LONGEST).unwrap_or(u64::MAX);
            match self.from.by_ref().take(longest).read_until(b'\n', &mut line) {
                Ok(0) => return Ok(None),
                Ok(read) => {
                    self.bytes += u64::try_from(read).unwrap_or(u64::MAX);
                    self.lines += 1;
                    let too_large = |what| ReadError::TooLarge { path: self.path.to_owned(), what };
                    return if self.bytes > MAX_BYTES {
                        Err(too_large("256 MiB"))
                    } else if self.lines > MAX_LINES {
                        Err(too_large("1,000,000 lines"))
                    } else {
                        Ok(Some(line))
                    };
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(ReadError::Read { path: self.path.to_owned(), source });
                }
            }
        }
    }
}

/// The first line of any version.
#[derive(serde::Deserialize)]
struct Version {
    kind: String,
    version: u32,
}

impl Version {
    fn of(line: &[u8]) -> Option<u32> {
        let found: Self = serde_json::from_slice(line).ok()?;
        (found.kind == "begin").then_some(found.version)
    }
}

/// Whose lines are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Both,
    Recorder,
    Script,
}

struct Reader {
    record: Record,
    from: From,
    /// The last count of each thing, until all things are known.
    counts: BTreeMap<String, u64>,
}

impl Reader {
    fn take(&mut self, line: &[u8]) {
        match serde_json::from_slice(line) {
            Ok(line) if self.is_foreign(&line) => self.record.unknown += 1,
            Ok(line) => self.add(line),
            Err(_) if !line.ends_with(b"\n") && line.len() < line::LONGEST => {
                self.record.torn = true;
            }
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(_) => self.record.unknown += 1,
        }
    }

    /// Whether a line stands in the file of the other one.
    fn is_foreign(&self, line: &Line) -> bool {
        let script =
            matches!(line, Line::Use(_) | Line::Resolved(_) | Line::Env(_) | Line::Feature(_));
        match self.from {
            From::Both => false,
            From::Recorder => script,
            From::Script => !script,
        }
    }

    fn add(&mut self, line: Line) {
        let record = &mut self.record;
        match line {
            // Only the first one counts.
            Line::Begin(_) => record.unknown += 1,
            Line::File(file) => add_file(record, file),
            Line::Connect(connect) => {
                let seen = record.connects.entry((connect.transport, connect.to));
                let seen = seen.or_insert(ConnectSeen {
                    own: connect.own,
                    answered: connect.own,
                    at: connect.at,
                    pid: connect.pid,
                    times: 0,
                });
                seen.times += 1;
                // Somebody else's at least once is somebody else's.
                seen.own &= connect.own;
                seen.answered |= connect.own;
            }
            Line::Query(query) => {
                record.queries.entry(query.name).or_default().insert(query.to);
            }
            Line::Listen(listen) => {
                let seen = record.listens.entry((listen.transport, listen.address));
                let (at, pid) = (listen.at, listen.pid);
                seen.or_insert(ListenSeen { listening: false, at, pid }).listening |=
                    listen.listening;
            }
            Line::Unix(socket) => {
                let (at, pid) = (socket.at, socket.pid);
                let fresh = UnixSeen { bound: false, connected: false, at, pid };
                let seen = record.unix.entry(socket.path).or_insert(fresh);
                seen.bound |= socket.bound;
                seen.connected |= !socket.bound;
            }
            Line::Exec(exec) => add_program(record, exec),
            Line::Use(used) => {
                let callers = record.uses.entry((used.capability, used.resource)).or_default();
                *callers.entry(used.by).or_default() += 1;
            }
            Line::Resolved(resolved) => add_names(record, resolved),
            Line::Env(variable) => {
                *record.env.entry(variable.name).or_default() |= variable.present;
            }
            Line::Feature(used) => {
                if used.feature == Feature::Told {
                    record.told.insert(used.pid);
                }
                record.features.insert(used.feature);
            }
            Line::Blind(blind) => record.begin.blind.push(blind.what),
            Line::Count(Count { of, times }) => {
                self.counts.insert(of, times);
            }
            Line::End(end) => record.end = Some(end),
        }
    }

    fn finish(mut self) -> Record {
        own_connections(&mut self.record);
        for (of, times) in &self.counts {
            if of.starts_with('/') {
                if let Some(file) = self.record.files.get_mut(Path::new(of)) {
                    file.times = file.times.max(*times);
                }
            } else if let Ok(peer) = of.parse::<SocketAddr>() {
                for transport in [line::Transport::Tcp, line::Transport::Udp] {
                    if let Some(seen) = self.record.connects.get_mut(&(transport, peer)) {
                        seen.times = seen.times.max(*times);
                    }
                }
            }
        }
        self.record
    }
}

/// A program that asks its own port before it listens there asks itself. Only over loopback: at
/// any other address somebody else may listen at another time.
fn own_connections(record: &mut Record) {
    for ((transport, to), seen) in &mut record.connects {
        let mut listens = record.listens.iter().filter(|((of, address), seen)| {
            of == transport
                && address.port() == to.port()
                && (seen.listening || *of == line::Transport::Udp)
        });
        let target = to.ip().to_canonical();
        seen.own |= (target.is_loopback() || target.is_unspecified())
            && listens.any(|((_, address), _)| {
                let at = address.ip().to_canonical();
                at == target || at.is_unspecified() || target.is_unspecified()
            });
    }
}

fn add_file(record: &mut Record, file: line::FileSeen) {
    let line::FileSeen { path, real, used, found, at, pid, program } = file;
    let seen = record.files.entry(path).or_default();
    seen.times += 1;
    let makes = matches!(used, line::FileUse::Create | line::FileUse::Write);
    seen.made |= makes && found == FileKind::Missing;
    let fresh = FirstUse { found, at, pid, program, real };
    let first = seen.uses.entry(used).or_insert_with(|| fresh.clone());
    if first.found == FileKind::Missing && found != FileKind::Missing {
        first.found = found;
        first.real = fresh.real;
    }
}

fn add_program(record: &mut Record, exec: line::Exec) {
    let line::Exec { path, real, argv, first, at, pid } = exec;
    let fresh = ProgramSeen { real: None, argv, first: false, at, pid, times: 0 };
    let seen = record.programs.entry(path).or_insert(fresh);
    seen.real = seen.real.take().or(real);
    seen.first |= first;
    seen.times += 1;
}

fn add_names(record: &mut Record, resolved: line::Resolved) {
    for address in &resolved.addresses {
        record.names_of.entry(*address).or_default().insert(resolved.name.clone());
    }
    record.resolved.entry(resolved.name).or_default().extend(resolved.addresses);
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
