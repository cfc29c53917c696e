//! Mounts and open files.

use super::{Judge, Weaker};
use ringfence_policy::layer::Layer;
use ringfence_policy::model::{Delivery, SecretSource};

/// What a service has of its own, whatever is granted.
const PRIVATE: [&str; 7] =
    ["/dev", "/memfd:", "/proc", "/sys", "/tmp", "/anon_hugepage", "/var/tmp"];
/// What its runtime reads.
const RUNTIME: [&str; 8] = [
    "/etc",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share",
    "/usr/local/share",
];

impl Judge<'_> {
    pub(super) fn mounts(&mut self) {
        let facts = self.facts;
        let Some(text) = self.text("mountinfo", &facts.mounts) else { return };
        self.compared();
        let mut root_writable = None;
        for line in text.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let (Some(at), Some(options)) = (fields.get(4), fields.get(5)) else { continue };
            // The last mount over a place is the one that counts.
            if *at == "/" {
                root_writable = Some(!options.split(',').any(|option| option == "ro"));
            }
        }
        if root_writable == Some(true) {
            self.weaker(Weaker {
                code: "writable-root",
                layer: Layer::Namespaces,
                place: self.place("mountinfo: /"),
                wanted: "ro",
                found: "rw".to_owned(),
                why: "whoever takes it over can change the files that its user may write",
            });
            return;
        }
        for line in text.lines() {
            self.mount(line);
        }
    }

    /// A writable mount below a read-only root.
    fn mount(&mut self, line: &str) {
        let Some((left, right)) = line.split_once(" - ") else { return };
        let fields: Vec<&str> = left.split(' ').collect();
        let (Some(at), Some(options)) = (fields.get(4), fields.get(5)) else { return };
        let at = at.replace("\\040", " ");
        let kind = right.split(' ').next().unwrap_or_default();
        let writable = options.split(',').any(|option| option == "rw");
        let own = ["proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2", "devtmpfs"];
        if !writable || own.contains(&kind) || is_below(&PRIVATE, &at) || at == "/run/secrets" {
            return;
        }
        self.compared();
        let write: Vec<&str> =
            self.order.boundary.fs.write.iter().map(|path| path.value.as_str()).collect();
        let secrets = self.order.boundary.secrets.iter().any(
            |secret| matches!(&secret.delivery, Delivery::File(to) if to.value.starts_with(&at)),
        );
        // Small files that engines mount: /etc/hosts, /etc/resolv.conf.
        let engine = ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"].contains(&at.as_str());
        if self.is_within(&write, &at) || secrets || engine {
            return;
        }
        self.weaker(Weaker {
            code: "writable-mount",
            layer: Layer::Namespaces,
            place: self.place(&format!("mountinfo: {at}")),
            wanted: "read-only, or a path of fs.write",
            found: format!("rw, {kind}"),
            why: "the service can change what lies there",
        });
    }

    pub(super) fn files(&mut self) {
        let facts = self.facts;
        let descriptors = match &facts.descriptors {
            Ok(descriptors) => descriptors,
            Err(why) => {
                let place = self.place("fd");
                self.undecided(format!("{place} cannot be read: {why}"));
                return;
            }
        };
        let boundary = self.order.boundary;
        let fs = &boundary.fs;
        let written: Vec<&str> = fs.write.iter().map(|path| path.value.as_str()).collect();
        let mut read: Vec<&str> = written.clone();
        let more = fs.read.iter().chain(&fs.optional).chain(&fs.droppable);
        read.extend(more.map(|path| path.value.as_str()));
        read.extend(boundary.process.children.iter().map(|path| path.value.as_str()));
        for secret in &boundary.secrets {
            if let Delivery::File(to) = &secret.delivery {
                read.push(&to.value);
            }
        }
        for descriptor in descriptors {
            let path = descriptor.to.as_str();
            // Streams are what the caller chose; the rest is no file.
            if descriptor.number <= 2 || !path.starts_with('/') || is_below(&PRIVATE, path) {
                continue;
            }
            self.compared();
            let path = path.strip_suffix(" (deleted)").unwrap_or(path);
            let writable = descriptor.writable == Some(true);
            let source = boundary.secrets.iter().any(|secret| match &secret.from.value {
                SecretSource::File(from) => self.is_within(&[from], path),
                _ => false,
            });
            let granted = self.is_within(if writable { &written } else { &read }, path);
            let runtime = !writable && is_below(&RUNTIME, path);
            let itself = facts.executable.as_ref().is_ok_and(|itself| itself == path);
            if (granted && !source) || runtime || itself || path == "/" {
                continue;
            }
            self.weaker(Weaker {
                code: "ungranted-file",
                layer: if self.is_required(Layer::Namespaces) {
                    Layer::Namespaces
                } else {
                    Layer::Landlock
                },
                place: self.place(&format!("fd/{}", descriptor.number)),
                wanted: if writable { "a path of fs.write" } else { "a path of fs.read" },
                found: path.to_owned(),
                why: "it has a file open that the boundary does not give it",
            });
        }
    }
}

fn is_below(folders: &[&str], path: &str) -> bool {
    folders.iter().any(|folder| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || folder.ends_with(':'))
    })
}
