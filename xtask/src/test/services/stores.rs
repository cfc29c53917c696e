//! The databases that some services talk to, started only when one that is chosen needs them.

use crate::failure::Failure;
use crate::npm;
use crate::places;
use crate::postgres::Postgres;
use crate::process::Running;
use crate::surroundings::random_hex;
use crate::test::world::{shared_folder, start_postgres, start_redis};
use rustix::process::Signal;
use std::collections::BTreeMap;
use std::time::Duration;

/// What services are told about this machine.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Ports, passwords and paths by name, for boundary files.
    pub(crate) values: BTreeMap<String, String>,
    /// Things a service may need that are not there, with the reason.
    pub(crate) lacking: BTreeMap<String, String>,
}

/// The running databases.
#[derive(Debug)]
pub(crate) struct Stores {
    postgres: Option<Postgres>,
    redis: Option<Running>,
    folder: tempfile::TempDir,
}

impl Stores {
    /// Starts those of `wanted` that there are. `x64` is the architecture; other names are programs
    /// looked for in `PATH`.
    pub(crate) fn start(wanted: &[&str]) -> Result<(Facts, Self), Failure> {
        let folder = shared_folder("ringfence-stores-")?;
        let (mut values, mut lacking) = (BTreeMap::new(), BTreeMap::new());
        let (mut postgres, mut redis) = (None, None);
        for &name in wanted {
            match name {
                "postgres" if postgres.is_none() => {
                    npm::install_locked(&places::orders())?;
                    let password = random_hex(16)?;
                    postgres = start_postgres(&password, &mut values, &mut lacking)?;
                    values.insert("password".to_owned(), password);
                }
                "redis" if redis.is_none() => {
                    redis = start_redis(folder.path(), &mut values, &mut lacking)?;
                }
                "x64" if npm::npm_architecture() != "x64" => {
                    let why = "its packages for this architecture have other hashes";
                    lacking.insert("x64".to_owned(), why.to_owned());
                }
                "postgres" | "redis" | "x64" => {}
                program => match places::in_path(program).and_then(|path| path.canonicalize().ok())
                {
                    Some(path) => {
                        values.insert(program.to_owned(), path.to_string_lossy().into_owned());
                    }
                    None => {
                        lacking.insert(program.to_owned(), format!("{program} is not installed"));
                    }
                },
            }
        }
        Ok((Facts { values, lacking }, Self { postgres, redis, folder }))
    }

    /// Stops them and removes their files.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
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
