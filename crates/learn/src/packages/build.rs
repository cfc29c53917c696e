//! From a record to the view.

use super::place::{file_of, package_of, shown};
use super::{Ability, Entry, SCHEMA, View};
use crate::record::{Caller, Capability, FileUse, Record, Transport};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// A connection to what the run itself listens on: the port is another one each time.
const OWN: &str = "own listener";
/// The first port that systems choose by themselves; Linux: `net.ipv4.ip_local_port_range`.
const CHOSEN: u16 = 32_768;
/// The program that runs the code itself.
const NODE: &str = "node";
/// A resource without a name of its own.
const NO_FOLDER: &str = "no folder";

/// What each package used, as a record tells it.
#[must_use]
pub fn view(record: &Record) -> View {
    let mut building = Building::new(record);
    for ((capability, resource), callers) in &record.uses {
        for caller in callers.keys() {
            building.used(*capability, resource, caller);
        }
    }
    building.loaded();
    building.finish()
}

struct Building<'a> {
    record: &'a Record,
    project: PathBuf,
    application: Entry,
    packages: BTreeMap<String, Entry>,
}

impl<'a> Building<'a> {
    fn new(record: &'a Record) -> Self {
        let file = record.begin.boundary.as_deref();
        let folder = file.and_then(Path::parent).filter(|folder| folder.is_absolute());
        let project = folder.unwrap_or(&record.begin.cwd).to_owned();
        let (application, packages) = (Entry::default(), BTreeMap::new());
        Self { record, project, application, packages }
    }

    fn entry(&mut self, package: Option<&str>) -> &mut Entry {
        match package {
            None => &mut self.application,
            Some(name) => self.packages.entry(name.to_owned()).or_default(),
        }
    }

    fn used(&mut self, capability: Capability, resource: &str, caller: &Caller) {
        let Some((ability, what)) = self.meaning(capability, resource, caller) else { return };
        // Native code is of the package that ships it, whoever had it loaded.
        let shipped = (ability == Ability::NativeCode)
            .then(|| package_of(Path::new(resource)))
            .flatten()
            .map(|(_, name)| name);
        let by_itself = shipped.is_none() || shipped == caller.package;
        let package = shipped.or_else(|| caller.package.clone());
        let entry = self.entry(package.as_deref());
        entry.add(ability, what);
        if by_itself {
            entry.versions.extend(caller.version.clone());
        }
    }

    /// What a use means for an entry; nothing when it stays within its own folder.
    fn meaning(
        &self,
        capability: Capability,
        resource: &str,
        caller: &Caller,
    ) -> Option<(Ability, String)> {
        let path = || shown(Path::new(resource), &self.project);
        let named = || if resource.starts_with('/') { path() } else { resource.to_owned() };
        Some(match capability {
            Capability::FsLook => return None,
            Capability::FsRead => (Ability::Reads, self.outside(resource, caller)?),
            Capability::FsWrite => (Ability::Writes, self.outside(resource, caller)?),
            Capability::Connect => (Ability::Network, self.peer(resource, Transport::Tcp)),
            Capability::Lookup => (Ability::Names, self.name(resource, caller)?),
            Capability::Listen => (Ability::Listeners, resource.to_owned()),
            Capability::Udp => (Ability::Datagrams, self.peer(resource, Transport::Udp)),
            Capability::Unix => (Ability::UnixSockets, named()),
            // Where Node lies is the machine's own.
            Capability::Child if resource.ends_with("/node") => {
                (Ability::Children, NODE.to_owned())
            }
            Capability::Child => (Ability::Children, named()),
            Capability::Worker => (Ability::Workers, named()),
            Capability::Addon => (Ability::NativeCode, path()),
            Capability::Wasi if resource.is_empty() => (Ability::Wasi, NO_FOLDER.to_owned()),
            Capability::Wasi => (Ability::Wasi, path()),
            Capability::Inspector => (Ability::Inspector, resource.to_owned()),
            Capability::Ffi => (Ability::Ffi, named()),
            Capability::Env => (Ability::Environment, resource.to_owned()),
        })
    }

    /// A name, unless the same package connects to it: that says more.
    fn name(&self, resource: &str, caller: &Caller) -> Option<String> {
        let start = format!("{resource}:");
        let connects = self.record.uses.iter().any(|((of, what), callers)| {
            matches!(of, Capability::Connect | Capability::Udp)
                && what.starts_with(&start)
                && callers.keys().any(|other| other.package == caller.package)
        });
        (!connects && resource != "localhost").then(|| resource.to_owned())
    }

    /// A file outside the caller's own folder: that of the package, or that of the project without
    /// what is installed in it.
    fn outside(&self, resource: &str, caller: &Caller) -> Option<String> {
        let path = Path::new(resource);
        let own = match &caller.package {
            Some(_) => {
                let home = package_of(Path::new(file_of(&caller.place)));
                home.is_some_and(|(folder, _)| path.starts_with(folder))
            }
            None => path.starts_with(&self.project) && package_of(path).is_none(),
        };
        if own {
            return None;
        }
        Some(installed(path, &self.project).unwrap_or_else(|| shown(path, &self.project)))
    }

    /// A peer as the code named it. Ports that the run itself listened on say nothing.
    fn peer(&self, resource: &str, transport: Transport) -> String {
        let Some((host, port)) = resource.rsplit_once(':') else { return resource.to_owned() };
        let Ok(port) = port.parse::<u16>() else { return resource.to_owned() };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let loops = |ip: &IpAddr| ip.is_loopback() || ip.is_unspecified();
        let resolved = self.record.resolved.get(host);
        let local = host == "localhost"
            || host.parse::<IpAddr>().is_ok_and(|ip| loops(&ip))
            || resolved.is_some_and(|found| !found.is_empty() && found.iter().all(loops));
        let record = self.record;
        let listened = |port: u16| {
            let mut bound = record.listens.keys().filter(|(of, _)| *of == transport);
            bound.any(|(_, address)| address.port() == port)
        };
        let told = |port: u16| {
            let end = format!(":{port}");
            let kind = match transport {
                Transport::Tcp => Capability::Listen,
                Transport::Udp => Capability::Udp,
            };
            record.uses.keys().any(|(of, resource)| *of == kind && resource.ends_with(&end))
        };
        let connected = || {
            let mut peers = record.connects.iter().filter(|((of, _), _)| *of == transport);
            peers.any(|((_, peer), seen)| seen.own && peer.port() == port)
        };
        // A listener on any port has one that the system chose.
        let chosen = port >= CHOSEN && (listened(0) || told(0));
        let fixed = transport == Transport::Tcp && (listened(port) || told(port));
        let own = local && port != 0 && (fixed || chosen || connected());
        if own { OWN.to_owned() } else { resource.to_owned() }
    }

    /// Native code that the kernel saw: also what no script told of.
    fn loaded(&mut self) {
        let record = self.record;
        for (path, seen) in &record.files {
            let native = seen.uses.contains_key(&FileUse::Load)
                || (seen.uses.contains_key(&FileUse::Read) && has_extension(path, "node"));
            if !native || !(has_extension(path, "node") || has_extension(path, "so")) {
                continue;
            }
            let real = seen.uses.values().find_map(|first| first.real.clone());
            let path = real.as_ref().unwrap_or(path);
            if let Some((_, name)) = package_of(path) {
                let what = shown(path, &self.project);
                self.entry(Some(&name)).add(Ability::NativeCode, what);
            }
        }
    }

    fn finish(self) -> View {
        let mut gaps = Vec::new();
        let cut_short = self.record.end.is_none();
        if cut_short {
            gaps.push("the run was cut short: what came after is missing".to_owned());
        }
        let untold = self.record.end.as_ref().map_or(0, |end| end.untold);
        if untold > 0 {
            let who = if untold == 1 {
                "a Node process".to_owned()
            } else {
                format!("{untold} Node processes")
            };
            gaps.push(format!("{who} told nothing of packages: NODE_OPTIONS did not reach it"));
        }
        if self.record.told.is_empty() {
            let none = "no Node process told anything: is this the record of a Node program?";
            gaps.push(none.to_owned());
        }
        let Self { application, mut packages, .. } = self;
        packages.retain(|_, entry| !entry.is_empty());
        View { schema: SCHEMA, application, packages, gaps, cut_short }
    }
}

/// Also `libvips.so.42`.
fn has_extension(path: &Path, wanted: &str) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.split('.').skip(1).any(|part| part == wanted)
}

/// Everything in a `node_modules` as one: what lies where changes with every installation.
fn installed(path: &Path, project: &Path) -> Option<String> {
    let parts: Vec<_> = path.components().collect();
    let name = |at: usize| parts.get(at).and_then(|part| part.as_os_str().to_str());
    let at = (0..parts.len()).find(|at| name(*at) == Some("node_modules"))?;
    // A cache, or what a package manager keeps of itself, is no package.
    let inside = name(at + 1).is_some_and(|name| !name.starts_with('.') || name == ".pnpm");
    let folder: PathBuf = parts.iter().take(at + 1).collect();
    let folder = shown(&folder, project);
    inside.then(|| if folder.ends_with('*') { folder } else { folder + "/*" })
}
