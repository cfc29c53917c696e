//! What the orders service needs around it: certificates, secrets, a database, the price service.
//!
//! All of it runs outside the boundary, as it would in production. Keys and passwords are made
//! anew every time, in a folder that is removed at the end.

use crate::failure::Failure;
use crate::npm;
use crate::places;
use crate::postgres::Postgres;
use crate::process::{self, Running};
use rustix::process::Signal;
use std::fmt::Write as _;
use std::io::Read as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where the boundary file of the example says that PostgreSQL listens.
const DATABASE_PORT: u16 = 18432;
/// Where it says that the price service listens.
const PRICES_PORT: u16 = 18443;

/// The running surroundings.
#[derive(Debug)]
pub(crate) struct Surroundings {
    postgres: Option<Postgres>,
    prices: Running,
    run: RunFolder,
}

impl Surroundings {
    /// Starts everything; the example's packages must be installed.
    pub(crate) fn start() -> Result<Self, Failure> {
        let orders = places::orders();
        let run = RunFolder::create(orders.join("run"))?;
        let tls = run.0.join("tls");
        let mut certificates = node();
        certificates.args(["tools/certificates.mjs"]).arg(&tls).args(["api.internal", "127.0.0.1"]);
        process::run(&mut certificates, b"", Duration::from_mins(2))?
            .success("certificates.mjs")?;

        let password = random_hex(16)?;
        write_secret(&run.secret("database-password"), &password)?;
        write_secret(&run.secret("invoice-signing-key"), &random_hex(32)?)?;

        let modules = orders.join("node_modules");
        let postgres = Postgres::start(&modules, DATABASE_PORT, &password)?;
        let mut prices = node();
        prices.arg("tools/upstream.mjs").arg(PRICES_PORT.to_string()).arg(&tls);
        let mut prices = Running::listen(&mut prices)?;
        prices.line_with("ready", Duration::from_mins(2))?;
        Ok(Self { postgres: Some(postgres), prices, run })
    }

    /// The key that signs invoices, for a client that checks them.
    pub(crate) fn signing_key(&self) -> PathBuf {
        self.run.secret("invoice-signing-key")
    }

    /// The price service's private key: what the attacks are after.
    pub(crate) fn private_key(&self) -> PathBuf {
        self.run.0.join("tls/key.pem")
    }

    /// A file that does not exist, in a folder the service was not granted.
    pub(crate) fn loot(&self) -> PathBuf {
        self.run.0.join("loot.db")
    }

    /// Stops everything and removes the keys.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        self.prices.stop(Signal::TERM, Duration::from_mins(1))?;
        if let Some(postgres) = self.postgres.take() {
            postgres.stop()?;
        }
        Ok(())
    }
}

/// The example's own Node, in the example's folder.
pub(crate) fn node() -> Command {
    let orders = places::orders();
    let mut command = process::command(npm::executable(&orders));
    command.current_dir(orders);
    command
}

/// The folder of keys and secrets; removed when it is dropped.
#[derive(Debug)]
struct RunFolder(PathBuf);

impl RunFolder {
    fn create(path: PathBuf) -> Result<Self, Failure> {
        let _ = std::fs::remove_dir_all(&path);
        let folder = Self(path);
        for part in ["tls", "secrets"] {
            let part = folder.0.join(part);
            std::fs::create_dir_all(&part).map_err(Failure::file("cannot create", &part))?;
        }
        let secrets = folder.0.join("secrets");
        std::fs::set_permissions(&secrets, std::fs::Permissions::from_mode(0o700))
            .map_err(Failure::file("cannot chmod", &secrets))?;
        Ok(folder)
    }

    fn secret(&self, name: &str) -> PathBuf {
        self.0.join("secrets").join(name)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn write_secret(path: &Path, value: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(Failure::file("cannot create", path))?;
    file.write_all(value.as_bytes()).map_err(Failure::file("cannot write", path))
}

/// Random bytes of the kernel, as hexadecimal.
pub(crate) fn random_hex(bytes: usize) -> Result<String, Failure> {
    let mut buffer = vec![0; bytes];
    let path = Path::new("/dev/urandom");
    let mut source = std::fs::File::open(path).map_err(Failure::file("cannot open", path))?;
    source.read_exact(&mut buffer).map_err(Failure::file("cannot read", path))?;
    Ok(buffer.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
