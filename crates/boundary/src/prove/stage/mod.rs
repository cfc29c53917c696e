//! Everything `prove` puts outside for a run: files, sockets, processes, memory, each with a token
//! that only it knows, and the parameters that tell the probes where they are.
//!
//! Inside and outside get the same parameters. All of it is removed when the stage is dropped, and
//! nothing of the host is changed by it. Permission bits are wide open on purpose: what stops an act
//! shall be the boundary and not the owner of a file.

mod folder;
mod keeper;
mod network;
mod programs;

use super::facts::Facts;
use folder::Folder;
use keeper::Keeper;
use ringfence_policy::net::HostName;
use ringfence_sys::attack::canary::{MessageQueue, Process, SharedMemory};
use ringfence_sys::attack::{Params, files, processes};
use ringfence_sys::{Errno, fd};
use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

/// Name of the variable that nobody grants.
pub(super) const CANARY_VARIABLE: &str = "RINGFENCE_CANARY";
/// What `NODE_OPTIONS` would make the title of the process.
pub(super) const CANARY_TITLE: &str = "ringfence-canary";

/// The stage of one run.
#[derive(Debug)]
pub struct Stage {
    params: Params,
    grants: CanaryGrants,
    token: String,
    keeper: Keeper,
    _held: Vec<Held>,
    _folder: Folder,
}

/// Something outside that goes with its value.
#[derive(Debug)]
#[expect(dead_code, reason = "held only to be dropped at the end")]
enum Held {
    Descriptor(OwnedFd),
    File(folder::Extra),
    Memory(SharedMemory),
    Process(Process),
    Queue(MessageQueue),
}

/// What the granted setting adds to a boundary.
#[derive(Debug, Clone, Default)]
pub struct CanaryGrants {
    /// Addresses the service may connect to.
    pub connect: Vec<SocketAddr>,
    /// A name and a port it may connect to.
    pub name: Option<(HostName, u16)>,
    /// A folder it may read.
    pub read: PathBuf,
    /// A folder it may write.
    pub write: PathBuf,
    /// A unix socket it may connect to, though only root may open it.
    pub unix: Option<PathBuf>,
    /// What only the canaries of this run hold.
    pub token: String,
}

impl CanaryGrants {
    /// A folder with a mount of its own, which can be dropped.
    #[must_use]
    pub fn droppable(&self) -> PathBuf {
        self.read.join("droppable")
    }

    /// Where a file system may be mounted below the readable folder.
    #[must_use]
    pub fn mounted(&self) -> PathBuf {
        self.read.join("submount")
    }
}

/// Why the stage could not be set.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Every place for canary files is granted to the service.
    #[error("no folder for canary files that the boundary does not grant: tried {0}")]
    NoPlace(String),
    /// The caller is root of a user namespace that has no such user.
    #[error("this root cannot become the service's user {0}, nor give a file to it")]
    NoSuchUser(u32),
    /// A canary could not be made.
    #[error("making {what}: {errno}")]
    Canary {
        /// Which.
        what: &'static str,
        /// What the kernel said.
        errno: Errno,
    },
}

impl Stage {
    /// Sets the stage for one boundary.
    ///
    /// # Errors
    /// What every probe needs cannot be made; what only some need is a missing parameter.
    pub fn set(facts: &Facts) -> Result<Self, StageError> {
        // A file that may not grow is an error of the write, and not the end of the proof.
        let _ = ringfence_sys::wait::block_signals(&[libc::SIGXFSZ]);
        let token = token();
        let mut params = Params::default();
        params.set("token", &token);
        params.set("tmp_dir", temporary());
        params.set("env_name", CANARY_VARIABLE);
        params.set("node_title", CANARY_TITLE);
        let folder = Folder::make(facts, &token)?;
        folder.describe(&mut params);
        let mut held = Vec::new();
        // The process is made first: what is opened later is not in it.
        process(&mut params, &mut held, facts, &token);
        memory(&mut params, &mut held, facts, &token);
        descriptors(&mut params, &mut held, &folder);
        let sockets = network::open(&mut params, facts, &folder, &token)?;
        let connect = network::granted(&params);
        let keeper = Keeper::start(sockets, &token)
            .map_err(|errno| StageError::Canary { what: "the keeper of canaries", errno })?;
        own_files(&mut params, facts);
        programs::find(&mut params, facts, &folder);
        limits(&mut params, facts);
        let name = network::granted_name(&params);
        let unix = params.path("closed_socket").ok().map(std::path::Path::to_owned);
        let (read, write) = (folder.read(), folder.write());
        let grants = CanaryGrants { connect, name, read, write, unix, token: token.clone() };
        params.set("submount_dir", grants.mounted());
        params.set("droppable_dir", grants.droppable());
        Ok(Self { params, grants, token, keeper, _held: held, _folder: folder })
    }

    /// The parameters of every probe.
    #[must_use]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// What only the canaries of this run hold.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// What the granted setting adds to the boundary.
    #[must_use]
    pub fn grants(&self) -> &CanaryGrants {
        &self.grants
    }

    /// Variables that are set for whoever starts the service, and granted to nobody.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        vec![
            (CANARY_VARIABLE.to_owned(), self.token.clone()),
            ("NODE_OPTIONS".to_owned(), format!("--title={CANARY_TITLE}")),
            ("LD_LIBRARY_PATH".to_owned(), "/ringfence-no-such-folder".to_owned()),
        ]
    }

    /// What the canaries have seen since the last time.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.keeper.seen()
    }
}

/// A folder that is private inside, where this user may write outside: the control needs it.
fn temporary() -> &'static str {
    let writable = |folder: &&str| {
        let place = PathBuf::from(folder).join(format!("ringfence-{}", std::process::id()));
        let made = File::create_new(&place).is_ok();
        let _ = std::fs::remove_file(place);
        made
    };
    ["/tmp", "/dev/shm"].into_iter().find(writable).unwrap_or("/tmp")
}

/// Twenty-four characters that nobody else knows.
fn token() -> String {
    use std::hash::{BuildHasher, RandomState};
    let word = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:08x}", word(), word() & 0xffff_ffff)
}

fn process(params: &mut Params, held: &mut Vec<Held>, facts: &Facts, token: &str) {
    let identity = facts.switches_user.then_some((facts.identity.0, facts.identity.1));
    let started = Process::start(token, identity);
    let groups = [facts.identity.1].into_iter().chain(facts.identity.2.iter().copied());
    let groups: Vec<String> = groups.map(|group| group.to_string()).collect();
    params.set("groups", groups.join(","));
    match started {
        Ok(process) => {
            params.set("canary_pid", process.pid().to_string());
            params.set("canary_token_address", process.token_address().to_string());
            match processes::start_time(process.pid()) {
                Some(start) => params.set("canary_start", start),
                None => params.lack("canary_start", "/proc does not show the canary process"),
            }
            held.push(Held::Process(process));
        }
        Err(errno) => params.lack("canary_pid", format!("no canary process: {errno}")),
    }
}

fn memory_key(token: &str) -> i32 {
    i32::from_str_radix(token.get(..7).unwrap_or_default(), 16).unwrap_or(1)
}

/// Removes everything that carries a token; what is gone already is none of it.
fn sweep(token: &str) {
    folder::sweep(token);
    let _ = std::fs::remove_file(format!("/dev/shm/ringfence-{token}"));
    drop(MessageQueue::left(&format!("ringfence-{token}")));
    drop(SharedMemory::left(memory_key(token)));
}

fn memory(params: &mut Params, held: &mut Vec<Held>, facts: &Facts, token: &str) {
    match SharedMemory::make(memory_key(token), token) {
        Ok(memory) => {
            params.set("shm_key", memory.key.to_string());
            held.push(Held::Memory(memory));
        }
        Err(errno) => params.lack("shm_key", format!("no System V shared memory: {errno}")),
    }
    let name = format!("ringfence-{token}");
    match MessageQueue::make(&name) {
        Ok(queue) => {
            params.set("mq_name", name);
            held.push(Held::Queue(queue));
        }
        Err(errno) => params.lack("mq_name", format!("no POSIX message queues: {errno}")),
    }
    let path = PathBuf::from(format!("/dev/shm/ringfence-{token}"));
    if facts.may_read(&path) {
        params.lack("shm_file", "the boundary grants /dev/shm of the host");
        return;
    }
    match folder::Extra::make(path, token) {
        Ok(extra) => {
            params.set("shm_file", extra.path());
            held.push(Held::File(extra));
        }
        Err(error) => params.lack("shm_file", format!("no file in /dev/shm: {error}")),
    }
}

/// Descriptors that a careless supervisor would hand on.
fn descriptors(params: &mut Params, held: &mut Vec<Held>, folder: &Folder) {
    for (name, path) in [("inherited_file", folder.secret()), ("inherited_dir", folder.inner())] {
        let opened = File::open(path)
            .map_err(Errno::from)
            .and_then(|file| fd::dup_above(file.as_fd(), 200))
            .and_then(|copy| fd::set_cloexec(copy.as_fd(), false).map(|()| copy));
        match opened {
            Ok(copy) => {
                params.set(name, std::os::fd::AsRawFd::as_raw_fd(&copy).to_string());
                held.push(Held::Descriptor(copy));
            }
            Err(errno) => params.lack(name, format!("no inheritable descriptor: {errno}")),
        }
    }
    match files::handle_of_root() {
        Ok(handle) => params.set("handle", handle),
        Err(errno) => params.lack("handle", format!("the root has no file handle: {errno}")),
    }
}

fn own_files(params: &mut Params, facts: &Facts) {
    let files =
        [("boundary_file", Some(&facts.boundary_file)), ("entrypoint", facts.entrypoint.as_ref())];
    for (name, path) in files {
        match path {
            None => params.lack(name, "the service starts no script"),
            Some(path) if facts.may_write(path) => {
                params.lack(name, "the boundary grants writing there");
            }
            Some(path) => params.set(name, path),
        }
    }
    match facts.secret_sources.first() {
        Some(path) => params.set("secret_source", path),
        None => params.lack("secret_source", "no secret comes from a file"),
    }
}

fn limits(params: &mut Params, facts: &Facts) {
    const MEMORY: u64 = 1 << 30;
    let limits = &facts.limits;
    let value = |limit: &Option<ringfence_policy::source::Located<u64>>| {
        limit.as_ref().map(|limit| limit.value)
    };
    let mut bounded = |name: &str, limit: Option<u64>, most: u64| match limit {
        None => params.lack(name, "no such limit is set"),
        Some(limit) if limit > most => {
            params.lack(name, format!("the limit is too large to be hit in a test ({limit})"));
        }
        Some(limit) => params.set(name, limit.to_string()),
    };
    bounded("memory_limit", value(&limits.memory), available_memory() / 2);
    bounded("pids_limit", value(&limits.pids), 2000);
    bounded("open_files_limit", value(&limits.open_files), 100_000);
    bounded("file_size_limit", value(&limits.file_size), i64::MAX.unsigned_abs() / 2);
    bounded("tmp_limit", value(&limits.tmp), MEMORY / 2);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match &limits.cpu {
        None => params.lack("cpu_limit", "no such limit is set"),
        Some(limit) if limit.value * 1.5 > f64::from(u32::try_from(cores).unwrap_or(1)) => {
            params.lack("cpu_limit", format!("the limit is not far below the {cores} cores here"));
        }
        Some(limit) => params.set("cpu_limit", limit.value.to_string()),
    }
}

/// Bytes of memory that can be had without swapping.
fn available_memory() -> u64 {
    let table = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = table.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}
