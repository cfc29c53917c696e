//! Volumes, and where containers have them.

use super::check::{Asked, Check, items, joined, locate};
use super::quantity;
use crate::render::kubernetes::{bytes, volumes as wanted};
use crate::render::{Entry, Order};
use ringfence_policy::paths::normal;
use ringfence_project::yaml::{Entry as Key, Node};
use serde_json::Value;
use std::path::Path;

/// A volume in a container.
struct Mount<'n> {
    node: &'n Node,
    place: String,
    path: String,
    read_only: bool,
}

/// What the boundary gives a place for.
struct Granted {
    /// May be written.
    write: Vec<String>,
    /// May be read.
    read: Vec<String>,
    /// Files of secrets with their modes.
    secrets: Vec<(String, u32)>,
    /// The folder of the service's code.
    code: String,
    /// Where a rendered pod has its volumes.
    rendered: Vec<String>,
}

impl Granted {
    fn new(order: &Order<'_>, entry: Entry, pod: &Value) -> Self {
        let fs = &order.boundary.fs;
        let paths = |list: &[ringfence_policy::source::Located<String>]| -> Vec<String> {
            list.iter().map(|path| order.path(&path.value)).collect()
        };
        let mut write = paths(&fs.write);
        write.extend(["/tmp".to_owned(), "/dev/shm".to_owned()]);
        let mut read = paths(&fs.read);
        read.extend(paths(&fs.optional));
        read.extend(paths(&fs.droppable));
        read.extend(wanted::authorities(order));
        let secrets = order.boundary.secrets.iter().filter_map(|secret| {
            Some((wanted::secret_path(order, entry, secret)?, wanted::secret_mode(secret)))
        });
        let mounts = pod["containers"][0]["volumeMounts"].as_array().into_iter().flatten();
        let rendered = mounts.filter_map(|mount| mount["mountPath"].as_str()).map(normal);
        Self {
            write,
            read,
            secrets: secrets.collect(),
            code: normal(order.place),
            rendered: rendered.collect(),
        }
    }

    fn writes(&self, path: &str) -> bool {
        self.write.iter().any(|granted| Path::new(path).starts_with(granted))
    }

    fn reads(&self, path: &str) -> bool {
        self.writes(path)
            || !self.covers_code(path)
                && self.read.iter().any(|granted| Path::new(path).starts_with(granted))
    }

    /// Whether a volume there takes the place of the service's code, in a way that is not rendered.
    fn covers_code(&self, path: &str) -> bool {
        let path = Path::new(path);
        (path.starts_with(&self.code) || Path::new(&self.code).starts_with(path))
            && !self.rendered.iter().any(|rendered| Path::new(rendered) == path)
    }

    /// Whether a secret belongs at this path or below it.
    fn holds_secret(&self, path: &str) -> bool {
        !(self.covers_code(path) && Path::new(&self.code).starts_with(path))
            && self.secrets.iter().any(|(file, _)| Path::new(file).starts_with(path))
    }

    /// The mode that a file may have.
    fn mode(&self, file: &str) -> u32 {
        self.secrets.iter().find(|(known, _)| known == file).map_or(0o440, |(_, mode)| *mode)
    }
}

pub(super) fn judge(
    order: &Order<'_>,
    entry: Entry,
    check: &mut Check<'_>,
    (spec, at): (&Node, &str),
    containers: &[(&Node, String)],
    wanted: &Value,
) {
    let granted = Granted::new(order, entry, wanted);
    unlisted(check, &granted, (spec, at), containers);
    for (volume, place) in items(spec, at, "volumes") {
        let name = volume.get("name").and_then(Node::as_str).unwrap_or_default();
        let mounts = mounts(containers, name);
        let kind = volume.as_map().unwrap_or_default().iter().find(|key| key.key != "name");
        let Some(kind) = kind else {
            let why =
                "a volume of no kind is an emptyDir without a size, which fills the node's disk";
            let asked = Asked { code: "volume-size", wanted: "a size", why };
            check.judge(volume, &place, Some((volume, volume.line())), &asked, |_| false);
            continue;
        };
        let keys = volume.as_map().unwrap_or_default().iter().filter(|key| key.key != "name");
        for more in keys.skip(1) {
            foreign(check, more, &joined(&place, &more.key), &more.key);
        }
        let here = joined(&place, &kind.key);
        match kind.key.as_str() {
            "emptyDir" => {
                size(order, check, (volume, &place), &mounts);
                writable(check, &granted, &mounts);
            }
            "persistentVolumeClaim" | "ephemeral" | "nfs" | "iscsi" => {
                check.counted();
                writable(check, &granted, &mounts);
            }
            "configMap" | "downwardAPI" | "image" => {
                check.counted();
                readable(check, &granted, &mounts);
            }
            "secret" => secret(check, &granted, (&kind.value, &here), &mounts),
            "projected" => projected(check, &granted, (&kind.value, &here), &mounts),
            "csi"
                if mounts.iter().all(|mount| {
                    granted.holds_secret(&mount.path) || granted.writes(&mount.path)
                }) =>
            {
                check.counted();
            }
            other => foreign(check, kind, &here, other),
        }
    }
}

/// A path without `..`, as the runtime resolves it.
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

/// Mounts of volumes that the pod does not list: claims of a `StatefulSet`.
fn unlisted(
    check: &mut Check<'_>,
    granted: &Granted,
    (spec, at): (&Node, &str),
    containers: &[(&Node, String)],
) {
    // The API server refuses such a mount elsewhere.
    if check.kind() != "StatefulSet" {
        return;
    }
    let volumes = items(spec, at, "volumes");
    let name = |node: &Node| node.get("name").map(Node::shown);
    let all = containers.iter().flat_map(|(node, place)| items(node, place, "volumeMounts"));
    for (mount, _) in all {
        let Some(wanted) = name(mount) else { continue };
        if volumes.iter().all(|(volume, _)| name(volume).as_ref() != Some(&wanted)) {
            let found = mounts(containers, &wanted);
            let found: Vec<Mount<'_>> =
                found.into_iter().filter(|one| one.node.line() == mount.line()).collect();
            writable(check, granted, &found);
        }
    }
}

fn mounts<'n>(containers: &[(&'n Node, String)], volume: &str) -> Vec<Mount<'n>> {
    let all = containers.iter().flat_map(|(node, place)| items(node, place, "volumeMounts"));
    all.filter(|(node, _)| node.get("name").and_then(Node::as_str) == Some(volume))
        .filter_map(|(node, place)| {
            let path = node.get("mountPath").and_then(Node::as_str)?;
            let read_only = node.get("readOnly").and_then(Node::as_bool) == Some(true);
            Some(Mount { node, place, path: resolved(path), read_only })
        })
        .collect()
}

fn size(order: &Order<'_>, check: &mut Check<'_>, here: (&Node, &str), mounts: &[Mount<'_>]) {
    let tmp = order.boundary.limits.tmp.as_ref().map(|tmp| tmp.value);
    let most = tmp.filter(|_| mounts.iter().any(|mount| mount.path == "/tmp"));
    let words = most.map_or_else(|| "a size".to_owned(), |most| format!("at most {}", bytes(most)));
    let why = "without a size the volume fills the node's disk";
    let asked = Asked { code: "volume-size", wanted: &words, why };
    #[expect(clippy::cast_precision_loss, reason = "sizes are compared, not counted")]
    check.value(here, "emptyDir.sizeLimit", &asked, |found| {
        found
            .and_then(quantity::of)
            .is_some_and(|found| most.is_none_or(|most| found <= most as f64))
    });
}

fn writable(check: &mut Check<'_>, granted: &Granted, mounts: &[Mount<'_>]) {
    for mount in mounts {
        let ok = granted.writes(&mount.path) || mount.read_only && granted.reads(&mount.path);
        at(check, mount, ok, "writable-mount", "the boundary grants no place to write there");
    }
}

fn readable(check: &mut Check<'_>, granted: &Granted, mounts: &[Mount<'_>]) {
    for mount in mounts {
        at(
            check,
            mount,
            granted.reads(&mount.path),
            "extra-mount",
            "the boundary grants nothing at this path",
        );
    }
}

fn at(check: &mut Check<'_>, mount: &Mount<'_>, ok: bool, code: &'static str, why: &str) {
    let asked = Asked { code, wanted: "no mount at this path", why };
    let place = format!("{}.mountPath", mount.place);
    let (node, line) = locate(mount.node, "mountPath");
    check.judge(mount.node, &place, node.zip(line), &asked, |_| ok);
}

fn foreign(check: &mut Check<'_>, kind: &Key, place: &str, name: &str) {
    let (code, why) = match name {
        "hostPath" => ("host-path", "files of the node are then in the pod"),
        _ => ("extra-volume", "the boundary knows nothing of what is in it"),
    };
    let asked = Asked { code, wanted: "no such volume", why };
    check.counted();
    check.report(place, Some(kind.line), &asked, name.to_owned());
}

fn secret(
    check: &mut Check<'_>,
    granted: &Granted,
    (source, place): (&Node, &str),
    mounts: &[Mount<'_>],
) {
    belongs(check, granted, mounts);
    modes(check, granted, (source, place), source.get("defaultMode"), mounts);
}

/// A secret's mounts must be where the boundary delivers one.
fn belongs(check: &mut Check<'_>, granted: &Granted, mounts: &[Mount<'_>]) {
    for mount in mounts {
        let ok = granted.holds_secret(&mount.path);
        at(check, mount, ok, "extra-secret", "the boundary delivers no secret at this path");
    }
}

/// Files of a secret, their places and modes; `default` is the mode of those that name none.
fn modes(
    check: &mut Check<'_>,
    granted: &Granted,
    (source, place): (&Node, &str),
    default: Option<&Node>,
    mounts: &[Mount<'_>],
) {
    let folder = mounts.first().map_or("", |mount| mount.path.as_str());
    let single = mounts.iter().any(|mount| mount.node.get("subPath").is_some());
    let why = "others in the pod can then read the secret";
    let fits = |most: u32| {
        move |found: Option<&Node>| {
            let mode = found.map_or(Some(0o644), Node::as_int);
            mode.is_some_and(|mode| mode & !i64::from(most) == 0)
        }
    };
    let files = items(source, place, "items");
    if files.is_empty() {
        let asked = Asked { code: "secret-mode", wanted: "0440 or less", why };
        // A source of a projected volume has no mode for all of its files.
        let key = if place.contains(".projected.") { "items" } else { "defaultMode" };
        check.value((source, place), key, &asked, |found| {
            fits(0o440)(found.filter(|_| key != "items").or(default))
        });
    }
    for (file, place) in files {
        let name = file.get("path").and_then(Node::as_str).unwrap_or_default();
        let path = if single { folder.to_owned() } else { format!("{folder}/{name}") };
        let most = granted.mode(&path);
        let asked = Asked { code: "secret-mode", wanted: &format!("0{most:03o} or less"), why };
        check.value((file, &place), "mode", &asked, |found| fits(most)(found.or(default)));
        let known = granted.secrets.iter().any(|(known, _)| *known == path);
        if !(known || name.is_empty() || single || mounts.is_empty()) {
            let asked = Asked {
                code: "extra-secret",
                wanted: "no such file",
                why: "the boundary delivers no secret at this path",
            };
            check.report(&place, Some(file.line()), &asked, path);
        }
    }
}

fn projected(check: &mut Check<'_>, granted: &Granted, here: (&Node, &str), mounts: &[Mount<'_>]) {
    let sources = items(here.0, here.1, "sources");
    if sources.is_empty() {
        return;
    }
    let holds = sources.iter().any(|(source, _)| source.get("secret").is_some());
    if holds {
        belongs(check, granted, mounts);
    } else {
        readable(check, granted, mounts);
    }
    let default = here.0.get("defaultMode");
    for (source, place) in sources {
        if let Some(secret) = source.get("secret") {
            modes(check, granted, (secret, &format!("{place}.secret")), default, mounts);
        }
        if let Some(token) = source.entry("serviceAccountToken") {
            let asked = Asked {
                code: "service-account-token",
                wanted: "no token",
                why: "the pod then holds a token for the cluster's API",
            };
            check.report(&place, Some(token.line), &asked, "serviceAccountToken".to_owned());
        }
    }
}
