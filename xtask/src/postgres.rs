//! A PostgreSQL server of the example's own, from its npm lockfile, in a temporary folder.
//!
//! PostgreSQL refuses to run as root, and the checkout may lie where only root can go. So as root
//! the server's files are copied to the temporary folder and it runs as `nobody`.

use crate::failure::Failure;
use crate::npm::npm_architecture;
use crate::places::is_root;
use crate::process::{self, Running};
use rustix::process::Signal;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// `nobody` on every Linux.
const NOBODY: u32 = 65534;

/// A running server with one role and one database, both called `orders`.
#[derive(Debug)]
pub(crate) struct Postgres {
    server: Running,
    folder: tempfile::TempDir,
}

impl Postgres {
    /// Makes a cluster and starts it on `127.0.0.1:port`. `modules` is a `node_modules` folder.
    pub(crate) fn start(modules: &Path, port: u16, password: &str) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("ringfence-postgres-")
            .permissions(std::fs::Permissions::from_mode(0o755))
            .tempdir()
            .map_err(Failure::file("cannot create a folder in", std::env::temp_dir()))?;
        let programs = programs(modules, folder.path())?;
        let data = data_folder(folder.path())?;

        let superuser = folder.path().join("superuser-password");
        std::fs::write(&superuser, password).map_err(Failure::file("cannot write", &superuser))?;
        let mut initdb = as_nobody(programs.join("bin/initdb"));
        initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8"]);
        initdb.args(["--locale=C", "--no-sync", "--no-instructions"]);
        initdb.arg("-D").arg(&data).arg("--pwfile").arg(&superuser);
        process::run(&mut initdb, b"", Duration::from_mins(10))?.success("initdb")?;

        let statements = format!(
            "CREATE ROLE orders LOGIN PASSWORD '{password}';\nCREATE DATABASE orders OWNER orders;\n"
        );
        let mut single = as_nobody(programs.join("bin/postgres"));
        single.arg("--single").arg("-D").arg(&data).arg("postgres");
        process::run(&mut single, statements.as_bytes(), Duration::from_mins(5))?
            .success("postgres --single")?;

        let mut command = as_nobody(programs.join("bin/postgres"));
        command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=64"] {
            command.args(["-c", setting]);
        }
        command.arg("-c").arg(format!("unix_socket_directories={}", data.display()));
        let mut server = Running::listen(&mut command)?;
        server.line_with("ready to accept connections", Duration::from_mins(3))?;
        Ok(Self { server, folder })
    }

    /// Stops the server, disconnecting its clients, and removes its folder.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        self.server.stop(Signal::INT, Duration::from_mins(2))?;
        let path = self.folder.path().to_path_buf();
        self.folder.close().map_err(Failure::file("cannot remove", path))
    }
}

/// A command that runs as `nobody` when this process is root.
fn as_nobody(program: PathBuf) -> Command {
    let mut command = process::command(program);
    command.current_dir("/");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// The folder with `bin`, `lib` and `share`, readable by the server's user.
fn programs(modules: &Path, folder: &Path) -> Result<PathBuf, Failure> {
    let package = modules.join(format!("@embedded-postgres/linux-{}", npm_architecture()));
    restore_symlinks(&package)?;
    let native = package.join("native");
    if !is_root() {
        return Ok(native);
    }
    let copy = folder.join("pgsql");
    copy_tree(&native, &copy)?;
    Ok(copy)
}

fn data_folder(folder: &Path) -> Result<PathBuf, Failure> {
    let data = folder.join("data");
    std::fs::create_dir(&data).map_err(Failure::file("cannot create", &data))?;
    if is_root() {
        chown(&data, Some(NOBODY), Some(NOBODY)).map_err(Failure::file("cannot chown", &data))?;
    }
    Ok(data)
}

/// npm packages hold no symlinks; this one lists them for an install script, which never runs here.
fn restore_symlinks(package: &Path) -> Result<(), Failure> {
    let list = package.join("native/pg-symlinks.json");
    let text = std::fs::read(&list).map_err(Failure::file("cannot read", &list))?;
    let links: Vec<serde_json::Value> = serde_json::from_slice(&text)
        .map_err(|error| Failure::NotHeld(format!("{}: {error}", list.display())))?;
    for link in &links {
        let path = |key: &str| link.get(key).and_then(serde_json::Value::as_str).map(Path::new);
        let (Some(source), Some(target)) = (path("source"), path("target")) else { continue };
        let (Some(to), at) = (source.file_name(), package.join(target)) else { continue };
        if at.symlink_metadata().is_err() {
            symlink(to, &at).map_err(Failure::file("cannot create the link", &at))?;
        }
    }
    Ok(())
}

/// Copies a tree with its symlinks, readable for everybody; static libraries are left out.
fn copy_tree(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::create_dir(to).map_err(Failure::file("cannot create", to))?;
    for entry in std::fs::read_dir(from).map_err(Failure::file("cannot read", from))? {
        let entry = entry.map_err(Failure::file("cannot read", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(Failure::file("cannot read", &source))?;
        if kind.is_dir() {
            copy_tree(&source, &target)?;
        } else if kind.is_symlink() {
            let text =
                std::fs::read_link(&source).map_err(Failure::file("cannot read", &source))?;
            symlink(text, &target).map_err(Failure::file("cannot create the link", &target))?;
        } else if source.extension().is_none_or(|extension| extension != "a") {
            std::fs::copy(&source, &target).map_err(Failure::file("cannot copy", &source))?;
        }
    }
    Ok(())
}
