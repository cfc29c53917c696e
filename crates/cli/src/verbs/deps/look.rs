//! Where tarballs and metadata are looked for: npm's cache, pnpm's store, and with `--online` the
//! registry that npm is configured to use.

use super::npm;
use crate::error::{CommandError, Kind};
use ringfence_deps::cache::Cache;
use ringfence_deps::evidence::{Looked, Remote, Tarballs, pnpm_stores};
#[cfg(target_os = "linux")]
use ringfence_deps::http::ALTOGETHER;
use ringfence_deps::npmrc::Npmrc;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The option of what may ask.
#[derive(Debug, clap::Args)]
pub(super) struct Look {
    /// Ask the registry that npm is configured to use for what is not on this machine
    #[arg(long)]
    online: bool,
    #[command(flatten)]
    time: OnlineTime,
}

/// The option of how long a registry is asked.
#[derive(Debug, clap::Args)]
pub(super) struct OnlineTime {
    /// Time for everything that the registry is asked together, such as 90s or 10m: what was not answered
    /// by then is unknown
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "10m",
        value_parser = ringfence_policy::duration,
        requires = "online"
    )]
    pub(super) online_for: Duration,
}

/// The places of a project.
#[derive(Debug)]
pub(super) struct Places {
    folder: PathBuf,
    npm_cache: Option<PathBuf>,
    stores: Vec<PathBuf>,
    remote: Option<Remote>,
}

impl Look {
    /// What is on this machine alone.
    #[cfg(target_os = "linux")]
    pub(super) const fn nearby() -> Self {
        Self { online: false, time: OnlineTime { online_for: ALTOGETHER } }
    }

    /// Reads npm's configuration for the project in a folder.
    pub(super) fn open(&self, folder: &Path) -> Result<Places, CommandError> {
        let (npmrc, variables, remote) = if self.online {
            let (npmrc, variables) = npm::configured(folder)?;
            let remote = Remote::new(&npmrc).map_err(|why| CommandError::new(Kind::Source, why))?;
            let remote = remote.with_time(self.time.online_for);
            (npmrc, variables, Some(remote))
        } else {
            // Without the registry only the place of the cache is asked for.
            let variables = npm::variables();
            (Npmrc::read(folder, &variables).unwrap_or_default(), variables, None)
        };
        let path = |name: &str| variables.get(name).map(PathBuf::from);
        let data = path("XDG_DATA_HOME").or_else(|| Some(path("HOME")?.join(".local/share")));
        Ok(Places {
            folder: folder.to_path_buf(),
            npm_cache: npmrc.cache(&variables),
            stores: pnpm_stores(folder, data.as_deref()),
            remote,
        })
    }
}

impl Places {
    /// Where tarballs are.
    pub(super) fn tarballs(&self) -> Tarballs<'_> {
        let tarballs = Tarballs::new(&self.folder, self.npm_cache.as_deref());
        tarballs.with_stores(self.stores.clone()).with_registry(self.remote.as_ref())
    }

    /// The same as evidence, with what was learnt before.
    pub(super) fn evidence(&self) -> Looked<'_> {
        let cache = Cache::of_user(&|name| std::env::var_os(name));
        Looked::new(self.tarballs(), cache).with_registry(self.remote.as_ref())
    }

    /// The registry, where it may be asked.
    pub(super) const fn remote(&self) -> Option<&Remote> {
        self.remote.as_ref()
    }
}

/// The folder of a project: the one that is named, or that of a lockfile.
pub(super) fn folder_of(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_path_buf();
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_path_buf()
}

/// `1 file`, `2 files`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Bytes for people.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} bytes"),
        1024..1_048_576 => format!("{} KiB", count >> 10),
        _ => format!("{} MiB", count >> 20),
    }
}
