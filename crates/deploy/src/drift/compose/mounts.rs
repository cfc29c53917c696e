//! What of the host is in the container.

use super::{Judge, Said, items};
use ringfence_policy::model::{Delivery, SecretSource};
use ringfence_policy::paths::normal;
use ringfence_project::yaml::Node;

/// Sockets of engines: who reaches one is root on the host.
const ENGINES: [&str; 4] = ["docker.sock", "containerd.sock", "podman.sock", "crio.sock"];

/// A mount, however it is written.
struct Mount {
    source: Option<String>,
    target: String,
    read_only: bool,
    kind: String,
    /// What the mount is given besides, by its names.
    options: Vec<String>,
}

/// Folders of a host that hold more than one service's files.
const OF_HOST: [&str; 10] =
    ["/boot", "/dev", "/etc", "/home", "/lib", "/proc", "/root", "/run", "/sys", "/usr"];
/// Options of a mount that give nothing.
const OPTIONS: [&str; 12] = [
    "",
    "cached",
    "consistent",
    "delegated",
    "nocopy",
    "private",
    "ro",
    "rprivate",
    "rw",
    "z",
    "Z",
    "readonly",
];

impl Judge<'_> {
    pub(super) fn mounts(&mut self) {
        if let Some(node) = self.value("volumes") {
            for one in items(node) {
                if one.is_template() || one.get("source").is_some_and(Node::is_template) {
                    self.undecided(one.line(), "a mount is filled in later");
                    continue;
                }
                if let Some(mount) = read(one) {
                    self.mount(&mount, one.line());
                }
            }
        }
        if let Some(entry) = self.service.entry("volumes_from") {
            let said = Said {
                wanted: "nothing",
                found: &entry.value.shown(),
                why: "what another container has is in this one too",
            };
            self.weaker("extra-mount", "volumes_from", Some(entry.line), said);
        }
        self.secrets();
    }

    fn mount(&mut self, mount: &Mount, line: usize) {
        self.compared();
        let key = format!("volumes {}", mount.target);
        let source = mount.source.clone().unwrap_or_default();
        if ENGINES.iter().any(|engine| source.ends_with(engine)) {
            let said = Said {
                wanted: "nothing",
                found: &source,
                why: "who reaches the engine is root on the host",
            };
            self.weaker("host-control", &key, Some(line), said);
            return;
        }
        let fs = &self.order.boundary.fs;
        let within = |grants: &[ringfence_policy::source::Located<String>], path: &str| {
            grants.iter().any(|grant| is_within(&self.order.path(&grant.value), path))
        };
        let target = resolved(&mount.target);
        self.options(mount, &key, line);
        if mount.kind == "tmpfs" {
            self.scratch(&target, &key, line);
            return;
        }
        let sockets = self.order.boundary.net.unix.iter().any(|socket| {
            is_within(&target, &normal(&socket.value)) || target == normal(&socket.value)
        });
        let writable = within(&fs.write, &target);
        let readable = writable
            || sockets
            || within(&fs.read, &target)
            || within(&fs.optional, &target)
            || within(&fs.droppable, &target);
        let secret = self.order.boundary.secrets.iter().any(|secret| {
            matches!(&secret.delivery, Delivery::File(to) if target == normal(&to.value))
                || matches!(&secret.from.value, SecretSource::File(from) if target == self.order.path(from))
        });
        if !readable && !secret {
            let said = Said {
                wanted: "only granted paths",
                found: if source.is_empty() { &mount.target } else { &source },
                why: "files are in the container that the boundary does not give",
            };
            self.weaker("extra-mount", &key, Some(line), said);
        } else if !mount.read_only && !writable {
            let said = Said {
                wanted: "read_only: true",
                found: "writable",
                why: "the boundary gives it to be read, and here it can be changed",
            };
            self.weaker("writable-mount", &key, Some(line), said);
        } else if !writable && !secret && self.replaces_code(&target, &source) {
            let said = Said {
                wanted: "the code that is in the image",
                found: if source.is_empty() { &mount.target } else { &source },
                why: "other files take the place of the service's code",
            };
            self.weaker("code-mount", &key, Some(line), said);
        } else if mount.kind == "bind" && !source.is_empty() {
            self.source(mount, &source, &key, line);
        }
    }

    /// What a mount is given besides its place.
    fn options(&mut self, mount: &Mount, key: &str, line: usize) {
        let strange = mount.options.iter().find(|option| !OPTIONS.contains(&option.as_str()));
        if let Some(option) = strange {
            let why = "not known to be harmless";
            let said = Said { wanted: "nothing", found: option, why };
            self.weaker("unknown-setting", key, Some(line), said);
        }
    }

    /// Whether other files than those of the folder are at a place of the service's code.
    fn replaces_code(&self, target: &str, source: &str) -> bool {
        let place = normal(self.order.place);
        let Some(rest) = target.strip_prefix(place.as_str()) else { return false };
        if !(rest.is_empty() || rest.starts_with('/')) {
            return false;
        }
        let rest = rest.trim_start_matches('/');
        let own = self.order.folder.join(rest);
        normal(source) != normal(rest) && std::path::Path::new(source) != own
    }

    /// Memory file systems are where the boundary lets the service write.
    pub(super) fn place_of_tmpfs(&mut self, path: &str, node: &Node) {
        if path.starts_with('/') {
            self.scratch(&resolved(path), "tmpfs", node.line());
        }
    }

    fn scratch(&mut self, target: &str, key: &str, line: usize) {
        let mut granted = self.order.boundary.fs.write.iter();
        let known = ["/tmp", "/dev/shm"].iter().any(|own| is_within(own, target))
            || granted.any(|path| is_within(&self.order.path(&path.value), target));
        if !known {
            let said = Said {
                wanted: "only granted paths",
                found: target,
                why: "the service can write where the boundary does not let it",
            };
            self.weaker("extra-mount", key, Some(line), said);
        }
    }

    /// The right place in the container, but another file of the host.
    fn source(&mut self, mount: &Mount, source: &str, key: &str, line: usize) {
        let place = self.order.place;
        let wanted = match normal(&mount.target).strip_prefix(place) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                let from = normal(source);
                if from == "/" || OF_HOST.iter().any(|folder| is_within(folder, &from)) {
                    let said = Said {
                        wanted: "a folder of the service's own",
                        found: source,
                        why: "more of the host is in the container than the boundary gives",
                    };
                    self.weaker("wider-mount", key, Some(line), said);
                }
                return;
            }
            _ => normal(&mount.target),
        };
        if source.starts_with('/')
            && is_within(&normal(source), &wanted)
            && normal(source) != wanted
        {
            let said = Said {
                wanted: &wanted,
                found: source,
                why: "more of the host is in the container than the boundary gives",
            };
            self.weaker("wider-mount", key, Some(line), said);
        }
    }

    fn secrets(&mut self) {
        let Some(node) = self.value("secrets") else { return };
        for one in items(node) {
            self.compared();
            let name = one.get("source").map_or_else(|| one.shown(), Node::shown);
            let key = format!("secrets {name}");
            let known = self.order.boundary.secrets.iter().find(|secret| secret.name.value == name);
            let Some(known) = known else {
                let said = Said {
                    wanted: "only secrets of the boundary",
                    found: &name,
                    why: "the service gets a secret that the boundary does not give it",
                };
                self.weaker("extra-secret", &key, Some(one.line()), said);
                continue;
            };
            let wanted = known.mode;
            let Some(mode) = one.get("mode") else { continue };
            if !is_within_mode(mode, wanted) {
                let said = Said {
                    wanted: &format!("{wanted:04o}"),
                    found: &mode.shown(),
                    why: "others in the container may read or change it",
                };
                self.weaker("secret-mode", &key, Some(mode.line()), said);
            }
        }
    }
}

/// Whether a mode gives nobody more; `0400` is a decimal number for some readers and an octal one
/// for others, and is taken as the one that fits.
fn is_within_mode(node: &Node, wanted: u32) -> bool {
    let shown = node.shown();
    let octal = u32::from_str_radix(shown.trim_start_matches("0o"), 8).ok();
    let decimal = node.as_int().and_then(|number| u32::try_from(number).ok());
    octal.into_iter().chain(decimal).any(|bits| bits & !wanted == 0)
}

fn read(node: &Node) -> Option<Mount> {
    if node.as_map().is_some() {
        let text = |key: &str| node.get(key).map(Node::shown);
        return Some(Mount {
            source: text("source").or_else(|| text("src")),
            target: text("target").or_else(|| text("destination"))?,
            read_only: node.get("read_only").and_then(Node::as_bool) == Some(true),
            kind: text("type").unwrap_or_default(),
            options: long_options(node),
        });
    }
    let text = node.as_str()?;
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [source, target] => (Some(*source), *target, ""),
        [source, target, options, ..] => (Some(*source), *target, *options),
        [] => return None,
    };
    let bind = source.is_some_and(|source| source.starts_with(['/', '.', '~']));
    Some(Mount {
        source: source.map(str::to_owned),
        target: target.to_owned(),
        read_only: options.split(',').any(|option| option == "ro"),
        options: options.split(',').map(str::to_owned).collect(),
        kind: if bind { "bind".to_owned() } else { "volume".to_owned() },
    })
}

/// What a mount in the long form says besides where it is.
fn long_options(node: &Node) -> Vec<String> {
    const KNOWN: [&str; 9] = [
        "type",
        "source",
        "src",
        "target",
        "destination",
        "read_only",
        "consistency",
        "tmpfs",
        "bind",
    ];
    let mut options = Vec::new();
    let kind = node.get("type").map(Node::shown).unwrap_or_default();
    if !["", "bind", "volume", "tmpfs"].contains(&kind.as_str()) {
        options.push(format!("type: {kind}"));
    }
    for entry in node.as_map().unwrap_or_default() {
        let harmless = entry.key == "volume" && entry.value.get("subpath").is_none();
        if !KNOWN.contains(&entry.key.as_str()) && !harmless {
            options.push(entry.key.clone());
        }
    }
    for entry in node.get("bind").and_then(Node::as_map).unwrap_or_default() {
        match entry.key.as_str() {
            "create_host_path" | "selinux" => {}
            "propagation" => options.push(entry.value.shown()),
            other => options.push(other.to_owned()),
        }
    }
    options
}

/// A path without `..`, as the engine resolves it.
fn resolved(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn is_within(folder: &str, path: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
