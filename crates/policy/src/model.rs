//! The boundary as values: what `ringfence.toml` says once it has been parsed.
//!
//! Only the parser builds these. Every value keeps the span it was read from, so that a
//! later step (a path that does not exist, a port that is taken) can still point at the line.
//! Nothing here touches the disk, the clock or the kernel.

use crate::dependencies::Dependencies;
use crate::net::{Cuts, Endpoint, HostName, ListenEndpoint};
use crate::source::Located;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Everything one service may do.
#[derive(Debug, Clone)]
pub struct Boundary {
    /// Who the service is and how it starts.
    pub service: Service,
    /// File grants.
    pub fs: Filesystem,
    /// Network grants.
    pub net: Network,
    /// Process grants.
    pub process: Process,
    /// Environment variables.
    pub env: Environment,
    /// Secrets, in file order.
    pub secrets: Vec<Secret>,
    /// Resource limits; absent is unlimited.
    pub limits: Limits,
    /// The user the service runs as.
    pub identity: Identity,
    /// Which layers must be in force.
    pub require: Require,
    /// How changes of its packages are judged; nothing that the service may do.
    pub dependencies: Dependencies,
}

/// `[service]`
#[derive(Debug, Clone)]
pub struct Service {
    /// Name, `[a-z0-9][a-z0-9-]{0,62}`.
    pub name: Located<String>,
    /// Program and arguments; never a shell string, never empty.
    pub start: Vec<Located<String>>,
    /// Working directory, relative to the file's folder; default `./`.
    pub cwd: Located<String>,
    /// Accepted Node versions.
    pub node: Option<Located<VersionRange>>,
    /// Signal number sent to stop the service; default SIGTERM.
    pub stop_signal: i32,
    /// Time between the stop signal and the kill; default 10 s.
    pub stop_timeout: Duration,
}

/// A range of Node versions such as `>=20`, `>=22.13 <27` or `24`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRange {
    /// Every comparator must hold.
    pub comparators: Vec<(Comparison, [u64; 3])>,
}

/// One comparison of a version range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`: equal.
    Equal,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

/// `[fs]`: paths as written, relative ones against the file's folder. A directory grants its subtree.
#[derive(Debug, Clone, Default)]
pub struct Filesystem {
    /// Readable.
    pub read: Vec<Located<String>>,
    /// Readable and writable, on the host.
    pub write: Vec<Located<String>>,
    /// Readable, and may be missing.
    pub optional: Vec<Located<String>>,
    /// Readable, and mounted alone so that it can be dropped at run time.
    pub droppable: Vec<Located<String>>,
}

/// `[net]`
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Outbound TCP.
    pub connect: Vec<Located<Endpoint>>,
    /// TCP listeners on the host.
    pub listen: Vec<Located<ListenEndpoint>>,
    /// Outbound UDP, relayed.
    pub udp: Vec<Located<Endpoint>>,
    /// UDP listeners on the host, relayed.
    pub udp_listen: Vec<Located<ListenEndpoint>>,
    /// Unix socket paths the service may connect to.
    pub unix: Vec<Located<String>>,
    /// Names that may resolve to private ranges.
    pub private: Vec<Located<HostName>>,
    /// Fixed addresses for names.
    pub hosts: BTreeMap<HostName, Located<IpAddr>>,
    /// What the resolver inside answers.
    pub dns: DnsMode,
    /// What was taken back while the service runs; empty in what the parser makes.
    pub cuts: Cuts,
}

/// What the resolver inside answers for a granted name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DnsMode {
    /// The real addresses.
    Real,
    /// One synthetic address per name and real address.
    #[default]
    Synthetic,
}

/// `[process]`
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file with its own meaning")]
pub struct Process {
    /// Executables the service may start, absolute or, with `./` in front, against the boundary
    /// file's folder; empty is none.
    pub children: Vec<Located<String>>,
    /// Worker threads, inside Node.
    pub workers: bool,
    /// Native addons.
    pub addons: Vec<Addon>,
    /// WASI, inside Node.
    pub wasi: bool,
    /// Foreign functions, inside Node.
    pub ffi: bool,
    /// The inspector.
    pub inspector: bool,
    /// Node's own permission flags, which switch `fsync` and others off whatever is granted.
    pub node_flags: bool,
}

impl Default for Process {
    /// What holds without the section: nothing is granted, and Node's flags are passed.
    fn default() -> Self {
        Self {
            children: Vec::new(),
            workers: false,
            addons: Vec::new(),
            wasi: false,
            ffi: false,
            inspector: false,
            node_flags: true,
        }
    }
}

/// One granted native addon: every `.node` file of the package must have a listed hash.
#[derive(Debug, Clone)]
pub struct Addon {
    /// npm package name.
    pub package: Located<String>,
    /// Lower-case hexadecimal SHA-256 of the `.node` file.
    pub sha256: Located<String>,
}

/// `[env]`
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// Names passed through.
    pub pass: Vec<Located<String>>,
    /// Fixed values.
    pub set: BTreeMap<String, Located<String>>,
}

/// `[secrets.NAME]`
#[derive(Debug, Clone)]
pub struct Secret {
    /// The table's name.
    pub name: Located<String>,
    /// Where it comes from.
    pub from: Located<SecretSource>,
    /// How the service receives it.
    pub delivery: Delivery,
    /// Permission bits of the delivered file; default `0400`.
    pub mode: u32,
    /// How often the source is read again.
    pub refresh: Option<Duration>,
    /// How long an old value stays valid beside a new one.
    pub overlap: Option<Duration>,
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `aws-kms:`
    AwsKms(String),
    /// `aws-sm:`
    AwsSecretsManager(String),
    /// `env:NAME`
    Environment(String),
    /// `file:PATH`
    File(String),
    /// `sealed:`
    Sealed(String),
    /// `vault:`
    Vault(String),
}

/// How the service receives a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// As an environment variable: the weakest form, and marked so.
    Environment(String),
    /// As an open descriptor.
    Descriptor,
    /// As a file on a private memory file system, at this absolute path.
    File(Located<String>),
    /// Over the control socket.
    Socket,
}

/// `[limits]`
#[derive(Debug, Clone, Default)]
pub struct Limits {
    /// Bytes.
    pub memory: Option<Located<u64>>,
    /// Processes and threads.
    pub pids: Option<Located<u64>>,
    /// Cores.
    pub cpu: Option<Located<f64>>,
    /// Open descriptors per process.
    pub open_files: Option<Located<u64>>,
    /// Bytes in one file.
    pub file_size: Option<Located<u64>>,
    /// Bytes in the private `/tmp`.
    pub tmp: Option<Located<u64>>,
}

/// `[identity]`: names or numbers, looked up when the boundary is resolved.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// User name or number.
    pub user: Option<Located<String>>,
    /// Group name or number.
    pub group: Option<Located<String>>,
    /// Supplementary groups.
    pub groups: Vec<Located<String>>,
}

/// `[require]`
#[derive(Debug, Clone, Default)]
pub struct Require {
    /// Which layers must not be absent.
    pub layers: RequiredLayers,
}

/// Which layers must not be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum RequiredLayers {
    /// Every layer the boundary needs.
    #[default]
    All,
    /// Only these.
    Listed(Vec<crate::layer::Layer>),
}
