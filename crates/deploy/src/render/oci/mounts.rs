//! What is mounted into the container.

use crate::render::{Entry, Order};
use ringfence_policy::model::{Delivery, SecretSource};
use serde_json::{Value, json};

/// The mounts, parents before what lies in them.
pub(super) fn mounts(order: &Order<'_>, entry: Entry) -> Vec<Value> {
    let mut tmp =
        vec!["nosuid".to_owned(), "noexec".to_owned(), "nodev".to_owned(), "mode=1777".to_owned()];
    tmp.extend(order.boundary.limits.tmp.as_ref().map(|size| format!("size={}", size.value)));
    let mut mounts = vec![
        of("/proc", "proc", &["nosuid", "noexec", "nodev"]),
        of("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        of(
            "/dev/pts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
        ),
        of("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        of("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        json!({ "destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": tmp }),
    ];
    if entry == Entry::Ringfence {
        mounts.push(of(
            "/sys/fs/cgroup",
            "cgroup",
            &["nosuid", "noexec", "nodev", "relatime", "ro"],
        ));
    }
    for path in &order.boundary.fs.write {
        mounts.push(bind(&source(order, &path.value), &order.path(&path.value), "rw"));
    }
    for path in &order.boundary.net.unix {
        let folder = path.value.rsplit_once('/').map_or("/", |(folder, _)| folder);
        mounts.push(bind(folder, folder, "ro"));
    }
    for secret in &order.boundary.secrets {
        let SecretSource::File(from) = &secret.from.value else { continue };
        let to = match (&secret.delivery, entry) {
            (Delivery::File(to), Entry::Node) => to.value.clone(),
            _ => order.path(from),
        };
        mounts.push(bind(&format!("secrets/{}", secret.name.value), &to, "ro"));
    }
    mounts
}

/// Where a writable path comes from: the same path of the host, or `data` beside `config.json`.
pub(super) fn source(order: &Order<'_>, written: &str) -> String {
    if written.starts_with('/') {
        return order.path(written);
    }
    let path = order.path(written);
    let below = path.strip_prefix(order.place).unwrap_or(&path);
    format!("data{below}")
}

fn of(destination: &str, kind: &str, options: &[&str]) -> Value {
    json!({ "destination": destination, "type": kind, "source": kind, "options": options })
}

fn bind(source: &str, destination: &str, mode: &str) -> Value {
    let options = ["rbind", mode, "nosuid", "nodev", "noexec"];
    json!({ "destination": destination, "type": "bind", "source": source, "options": options })
}
