//! What a run used, as lines of JSON in a file that grows while the run goes on.
//!
//! Two write to it: the recorder, which looks at system calls, and the script in front of each Node
//! process, which knows packages and names. Each appends whole lines of at most [`LONGEST`] bytes with
//! one `write` to a file opened with `O_APPEND`, so lines never mix and a killed run keeps what it saw.
//! The same thing is written once by each process that saw it first; the recorder repeats its counts.

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Version of the format, in [`Begin`].
pub const VERSION: u32 = 1;
/// Longest line in bytes, its newline included. Whoever has more to say cuts texts down.
pub const LONGEST: usize = 4096;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Line {
    /// The first line.
    Begin(Begin),
    /// A file or folder, from the kernel.
    File(FileSeen),
    /// An outbound connection or the first datagram to a peer, from the kernel.
    Connect(Connect),
    /// A name that a DNS query asked for, from the kernel.
    Query(Query),
    /// A socket bound to an address of the network, from the kernel.
    Listen(Listen),
    /// A unix socket, from the kernel.
    Unix(UnixSocket),
    /// A program that was started, from the kernel.
    Exec(Exec),
    /// Who used what, from inside Node.
    Use(Use),
    /// A name and its addresses, from inside Node.
    Resolved(Resolved),
    /// A variable of the environment, from inside Node.
    Env(Variable),
    /// Something of Node that a boundary names, from inside Node.
    Feature(FeatureUsed),
    /// Something that this run cannot see, which showed only while it went on.
    Blind(Blind),
    /// How often the recorder has seen a thing so far; the last one counts.
    Count(Count),
    /// The last line; without it the run was cut short.
    End(End),
}

/// What was run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// [`VERSION`].
    pub version: u32,
    /// Version of ringfence.
    pub ringfence: String,
    /// Program and arguments.
    pub command: Vec<String>,
    /// Working directory, real.
    pub cwd: PathBuf,
    /// Seconds since the epoch.
    pub started: u64,
    /// Names of the variables the program was given.
    pub environment: Vec<String>,
    /// The boundary file of the run, when there was one.
    pub boundary: Option<PathBuf>,
    /// What this run cannot see, one sentence each.
    pub blind: Vec<String>,
}

/// How a file was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileUse {
    /// `stat` and its like: that it is there, of what kind, what a link says.
    Look,
    /// Opened for reading.
    Read,
    /// Opened for writing or truncated.
    Write,
    /// Made, or opened with `O_CREAT`.
    Create,
    /// Removed.
    Remove,
    /// The old name of a rename or link.
    RenameFrom,
    /// The new name of a rename or link.
    RenameTo,
    /// Mode, owner, times or attributes changed.
    Change,
    /// Mapped or loaded as code.
    Load,
}

/// What lay at a path when it was used first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// Nothing.
    Missing,
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A socket.
    Socket,
    /// A device, a pipe.
    Other,
}

/// A file or folder and one way it was used. One line for each pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSeen {
    /// Absolute, `.` and `..` taken out, symlinks left in.
    pub path: PathBuf,
    /// Without symlinks, when that is another path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real: Option<PathBuf>,
    /// How.
    #[serde(rename = "use")]
    pub used: FileUse,
    /// What lay there.
    pub found: FileKind,
    /// Milliseconds since the start.
    pub at: u64,
    /// Which process.
    pub pid: i32,
    /// Its program.
    pub program: PathBuf,
}

/// Protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// An outbound connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    /// Peer.
    pub to: SocketAddr,
    /// Protocol.
    pub transport: Transport,
    /// Whether the run itself listened there at that moment.
    pub own: bool,
    /// Milliseconds since the start.
    pub at: u64,
    /// Which process.
    pub pid: i32,
}

/// A DNS query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Lower case, no dot at the end.
    pub name: String,
    /// Which resolver.
    pub to: SocketAddr,
    /// Milliseconds since the start.
    pub at: u64,
    /// Which process.
    pub pid: i32,
}

/// A bound address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listen {
    /// As asked; port 0 is any.
    pub address: SocketAddr,
    /// Protocol.
    pub transport: Transport,
    /// Whether `listen` was called (always false for UDP).
    pub listening: bool,
    /// Milliseconds since the start.
    pub at: u64,
    /// Which process.
    pub pid: i32,
}

/// A unix socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnixSocket {
    /// Absolute path; abstract names start with `@`.
    pub path: String,
    /// Whether the run bound it; else it connected to it.
    pub bound: bool,
    /// Milliseconds since the start.
    pub at: u64,
    /// Which process.
    pub pid: i32,
}

/// A program that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// As it was named, absolute.
    pub path: PathBuf,
    /// Real path; the interpreter is a line of its own.
    pub real: Option<PathBuf>,
    /// Its arguments, cut to 1024 bytes together.
    pub argv: Vec<String>,
    /// Whether it is the first one: the program of the run.
    pub first: bool,
    /// Milliseconds since the start.
    pub at: u64,
    /// Which process.
    pub pid: i32,
}

/// Where in the source something was asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Caller {
    /// npm package nearest to the call; absent is the application itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `file:line:column`, absolute.
    pub place: String,
}

/// What a use is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Reading a file; the resource is its absolute path.
    FsRead,
    /// Looking whether a file is there, listing what it is.
    FsLook,
    /// Writing, making, removing a file.
    FsWrite,
    /// A TCP connection; `name-or-address:port`.
    Connect,
    /// A TCP listener; `address:port`.
    Listen,
    /// A UDP socket; `address:port`.
    Udp,
    /// A unix socket; its path.
    Unix,
    /// A child process; the program as it was named.
    Child,
    /// A worker thread; its file.
    Worker,
    /// A native addon; the absolute path of the `.node` file.
    Addon,
    /// WASI; a preopened folder, or nothing.
    Wasi,
    /// The inspector.
    Inspector,
    /// Foreign functions; the library.
    Ffi,
    /// A variable of the environment; its name, or `*` when all were listed.
    Env,
    /// A name that was looked up, connected to or not.
    Lookup,
}

/// Who used what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// What kind.
    pub capability: Capability,
    /// Of what.
    pub resource: String,
    /// Who.
    pub by: Caller,
    /// Which process.
    pub pid: i32,
}

/// A name and its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// Lower case, no dot at the end.
    pub name: String,
    /// What came back; empty when it was not found.
    pub addresses: Vec<IpAddr>,
    /// Which process.
    pub pid: i32,
}

/// A variable of the environment that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Whether it was set.
    pub present: bool,
    /// Which process.
    pub pid: i32,
}

/// Something of Node that was used, or that tells how much can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureUsed {
    /// Which.
    pub feature: Feature,
    /// Which process.
    pub pid: i32,
}

/// Something of Node that was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// The script in front of Node runs: this process tells packages and names.
    Told,
    /// Worker threads.
    Workers,
    /// WASI.
    Wasi,
    /// Foreign functions.
    Ffi,
    /// The inspector.
    Inspector,
    /// `fsync`, `fchmod` and others that Node's permission flags switch off.
    NeedsNoFlags,
    /// All variables of the environment were listed.
    WholeEnvironment,
}

/// What a run cannot see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blind {
    /// One sentence.
    pub what: String,
}

/// How often a thing was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Path of a file, or `address:port` of a connection.
    pub of: String,
    /// Calls so far.
    pub times: u64,
}

/// How the run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Exit code; 128 and the number for a signal.
    pub code: i32,
    /// Milliseconds since the start.
    pub at: u64,
    /// Calls that were looked at.
    pub calls: u64,
    /// Different things that found no room any more.
    pub left_out: u64,
    /// Node processes in which the script in front did not run.
    pub untold: u64,
}
