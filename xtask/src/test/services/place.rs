//! Where a service is installed: a folder of its own below the target folder.
//!
//! It is a copy, so that the checkout stays as it was cloned, what a service writes is never taken
//! for a file of the project, and the boundary file can be completed with what depends on the
//! machine: the path of a program, the port of a database.

use crate::failure::Failure;
use crate::npm::{self, Node};
use crate::places::{self, is_root};
use crate::test::case::fill;
use crate::test::services::description::Description;
use crate::test::services::stores::Facts;
use std::collections::BTreeMap;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use toml::de::{DeTable, DeValue};

/// `nobody`: whom a service of root's becomes.
const NOBODY: u32 = 65534;

/// Names and values.
type Variables = Vec<(String, String)>;

/// An installed service.
#[derive(Debug)]
pub(crate) struct Place {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// `service.start`.
    pub(crate) start: Vec<String>,
    /// `env.set`.
    pub(crate) set: Variables,
    /// What `${name}` stands for.
    pub(crate) values: BTreeMap<String, String>,
    /// Whether its folder `run` is the service's own, to be emptied for each run.
    pub(crate) writes: bool,
}

impl Place {
    /// Copies and installs a service and completes its boundary file.
    pub(crate) fn prepare(
        service: &Description,
        node: &Node,
        facts: &Facts,
    ) -> Result<Self, Failure> {
        let folder = places::target()?.join("ringfence-services").join(&service.name);
        copy(&service.folder, &folder)?;
        npm::install_locked(&folder)?;
        let config = folder.join("ringfence.toml");
        let text =
            std::fs::read_to_string(&config).map_err(Failure::file("cannot read", &config))?;
        let mut values = facts.values.clone();
        values.insert("folder".to_owned(), folder.to_string_lossy().into_owned());
        values.insert("node".to_owned(), node.path.to_string_lossy().into_owned());
        let text = fill(&text, &values);
        std::fs::write(&config, &text).map_err(Failure::file("cannot write", &config))?;
        let (start, set) = command_of(&text)
            .ok_or_else(|| Failure::NotHeld(format!("{}: no start", config.display())))?;
        Ok(Self { folder, start, set, values, writes: true })
    }

    /// The example, whose traffic is in another folder; `run` is what its surroundings were given.
    pub(crate) fn prepare_orders(service: &Description, run: &Path) -> Result<Self, Failure> {
        let folder = places::target()?.join("ringfence-services").join(&service.name);
        copy(&places::orders(), &folder)?;
        copy(run, &folder.join("run"))?;
        npm::install_locked(&folder)?;
        let config = folder.join("ringfence.toml");
        let text =
            std::fs::read_to_string(&config).map_err(Failure::file("cannot read", &config))?;
        let (start, set) = command_of(&text)
            .ok_or_else(|| Failure::NotHeld(format!("{}: no start", config.display())))?;
        let folder_shown = folder.to_string_lossy().into_owned();
        let values = BTreeMap::from([("folder".to_owned(), folder_shown)]);
        Ok(Self { folder, start, set, values, writes: false })
    }

    /// Its boundary file.
    pub(crate) fn boundary(&self) -> PathBuf {
        self.folder.join("ringfence.toml")
    }

    /// The folder a service may write to, empty again where it writes.
    pub(crate) fn clear(&self) -> Result<PathBuf, Failure> {
        let run = self.folder.join("run");
        if !self.writes {
            return Ok(run);
        }
        match std::fs::remove_dir_all(&run) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::file("cannot remove", run)(error));
            }
            _ => {}
        }
        std::fs::create_dir(&run).map_err(Failure::file("cannot create", &run))?;
        if is_root() {
            chown(&run, Some(NOBODY), Some(NOBODY)).map_err(Failure::file("cannot chown", &run))?;
        }
        Ok(run)
    }

    /// `PATH` with this Node first, as both runs are given it.
    pub(crate) fn path(node: &Node) -> String {
        let bin = node.path.parent().unwrap_or(Path::new("/")).display();
        format!("{bin}:/usr/local/bin:/usr/bin:/bin")
    }
}

/// Copies a tree without `node_modules`; what is there already and not in the checkout stays.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(to).map_err(Failure::file("cannot create", to))?;
    for entry in std::fs::read_dir(from).map_err(Failure::file("cannot read", from))? {
        let entry = entry.map_err(Failure::file("cannot read", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            if entry.file_name() != "node_modules" {
                copy(&source, &target)?;
            }
        } else {
            std::fs::copy(&source, &target).map_err(Failure::file("cannot copy", &source))?;
        }
    }
    Ok(())
}

/// `service.start` and `env.set` of a boundary file.
fn command_of(text: &str) -> Option<(Vec<String>, Variables)> {
    let root = DeTable::parse(text).ok()?;
    let root = root.get_ref();
    let section = |name: &str| root.get(name)?.get_ref().as_table();
    let words = section("service")?.get("start")?.get_ref().as_array()?;
    let text = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
    let start = words.iter().map(|word| text(word.get_ref())).collect::<Option<Vec<_>>>()?;
    let set = section("env").and_then(|env| env.get("set")?.get_ref().as_table());
    let set = set.into_iter().flat_map(|set| set.iter());
    let set = set
        .map(|(name, value)| Some((name.get_ref().to_string(), text(value.get_ref())?)))
        .collect::<Option<Vec<_>>>()?;
    Some((start, set))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_runs_what_the_boundary_file_starts() {
        let text = "[service]\nstart = [\"serve\", \"-l\"]\n[env.set]\nA = \"b\"\n";
        let (start, set) = command_of(text).unwrap();
        assert_eq!(start, ["serve", "-l"]);
        assert_eq!(set, [("A".to_owned(), "b".to_owned())]);
        assert!(command_of("[service]\n").is_none());
    }
}
