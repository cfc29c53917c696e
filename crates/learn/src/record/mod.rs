//! What a run used: the lines on disk, and the same read back and put together.
//!
//! A record is read as it is, also one that was cut short: whatever whole lines it holds count, a
//! torn one at the end is left out and lines of kinds that this version does not know are counted.
//! The same thing told by several processes becomes one entry. What the recorder saw and what the
//! script told stand in two files, and neither is believed what belongs into the other. A hostile
//! program can still write anything into the script's, so what is made of it is for a person to review.

pub mod line;
mod read;

pub use line::{
    Begin, Caller, Capability, Connect, End, Exec, Feature, FileKind, FileUse, Listen, Query,
    Transport,
};
pub use read::{ReadError, told_beside};

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// A whole record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What was run.
    pub begin: Begin,
    /// How it ended; missing when the run was cut short.
    pub end: Option<End>,
    /// Files and folders by path.
    pub files: BTreeMap<PathBuf, FileSeen>,
    /// Outbound connections by transport and peer.
    pub connects: BTreeMap<(Transport, SocketAddr), ConnectSeen>,
    /// Names that DNS queries asked for, with the resolvers that were asked.
    pub queries: BTreeMap<String, BTreeSet<SocketAddr>>,
    /// Names that Node resolved, with all the addresses that came back.
    pub resolved: BTreeMap<String, BTreeSet<IpAddr>>,
    /// The other direction: the names that an address was an answer to.
    pub names_of: BTreeMap<IpAddr, BTreeSet<String>>,
    /// Bound addresses.
    pub listens: BTreeMap<(Transport, SocketAddr), ListenSeen>,
    /// Unix sockets by path; abstract names start with `@`.
    pub unix: BTreeMap<String, UnixSeen>,
    /// Programs that were started, by the path they were named with.
    pub programs: BTreeMap<PathBuf, ProgramSeen>,
    /// What Node was asked for, by kind and resource: callers and how many processes told of each.
    pub uses: BTreeMap<(Capability, String), BTreeMap<Caller, u64>>,
    /// Variables of the environment that were asked for, and whether one process found them set.
    pub env: BTreeMap<String, bool>,
    /// Things of Node that were used.
    pub features: BTreeSet<Feature>,
    /// Processes in which the script in front of Node told something.
    pub told: BTreeSet<i32>,
    /// Lines of kinds this version does not know, or that hold something else than they should.
    pub unknown: u64,
    /// Whether the last line was torn.
    pub torn: bool,
}

/// A file or folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileSeen {
    /// First use of each kind.
    pub uses: BTreeMap<FileUse, FirstUse>,
    /// How often it was used in all; at least one.
    pub times: u64,
    /// Whether the run made it where nothing was.
    pub made: bool,
}

/// The first time a file was used in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstUse {
    /// What lay there; what was missing first and found later is what was found.
    pub found: FileKind,
    /// Milliseconds since the start.
    pub at: u64,
    /// Which process.
    pub pid: i32,
    /// Its program.
    pub program: PathBuf,
    /// The path without symlinks, when that is another one.
    pub real: Option<PathBuf>,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectSeen {
    /// Whether the run itself listened there, then or later.
    pub own: bool,
    /// Whether the run itself listened there at that moment, at least once.
    pub answered: bool,
    /// Milliseconds since the start, of the first.
    pub at: u64,
    /// Which process was first.
    pub pid: i32,
    /// How often; at least one.
    pub times: u64,
}

/// A bound address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenSeen {
    /// Whether `listen` was called on it.
    pub listening: bool,
    /// Milliseconds since the start, of the first.
    pub at: u64,
    /// Which process was first.
    pub pid: i32,
}

/// A unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixSeen {
    /// Whether the run bound it.
    pub bound: bool,
    /// Whether the run connected to it.
    pub connected: bool,
    /// Milliseconds since the start, of the first.
    pub at: u64,
    /// Which process was first.
    pub pid: i32,
}

/// A program that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramSeen {
    /// Its real path, when it was found.
    pub real: Option<PathBuf>,
    /// Arguments of its first start.
    pub argv: Vec<String>,
    /// Whether it is the program of the run.
    pub first: bool,
    /// Milliseconds since the start, of the first.
    pub at: u64,
    /// Which process was first.
    pub pid: i32,
    /// How many different starts were told.
    pub times: u64,
}
