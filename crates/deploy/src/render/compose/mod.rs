//! A Compose file.
//!
//! Everything a container can be held by that Compose can say: a read-only root, no capabilities,
//! no new privileges, a filter, limits, mounts of what is granted and nothing else. Compose knows no
//! destinations of connections, so `net.connect` is carried by `ringfence run` inside, or by nothing.

mod mounts;
mod notes;
#[cfg(test)]
mod tests;

use super::dockerfile::{self, CONTEXT, signal};
use super::{Entry, Order, RenderError, Rendered, Target};
use ringfence_policy::model::{Delivery, Secret, SecretSource};
use ringfence_project::yaml::emit;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Bytes that ringfence's own processes may take beside the service.
pub(crate) const OWN_MEMORY: u64 = 16 << 20;
/// Processes and threads of ringfence beside the service.
pub(crate) const OWN_PIDS: u64 = 16;
/// Seconds that `ringfence run` needs to end what its service left behind.
const OWN_SECONDS: u64 = 5;
/// Size of `/tmp` where the boundary limits nothing.
const TMP: u64 = 64 << 20;

/// Stands for a dollar sign that Compose is meant to see; no text of a boundary has it.
const VARIABLE: char = '\u{1}';

/// Keys in the order in which a person reads them.
const ORDER: [&str; 40] = [
    "name",
    "services",
    "image",
    "build",
    "context",
    "entrypoint",
    "user",
    "group_add",
    "init",
    "working_dir",
    "environment",
    "read_only",
    "cap_drop",
    "security_opt",
    "tmpfs",
    "mem_limit",
    "memswap_limit",
    "pids_limit",
    "cpus",
    "ulimits",
    "soft",
    "hard",
    "network_mode",
    "networks",
    "ports",
    "extra_hosts",
    "type",
    "source",
    "target",
    "volumes",
    "secrets",
    "mode",
    "uid",
    "gid",
    "healthcheck",
    "test",
    "stop_signal",
    "stop_grace_period",
    "labels",
    "file",
];

/// Writes it.
///
/// # Errors
/// The project's files cannot be read.
pub fn render(order: &Order<'_>) -> Result<Rendered, RenderError> {
    let entry = order.entry.unwrap_or(Entry::Ringfence);
    let version = dockerfile::node_version(order)?;
    let writer = Writer { order, entry, version };
    let notes = notes::of(order, entry);
    let mut text = order.head("# ", Target::Compose, &notes);
    let _ = writeln!(text, "#\n# Beside it belongs seccomp.json: ringfence render seccomp");
    text.push('\n');
    text.push_str(&emit::document(&escaped(writer.document()), &ORDER));
    Ok(Rendered { files: vec![("compose.yaml".into(), text)], notes })
}

struct Writer<'a> {
    order: &'a Order<'a>,
    entry: Entry,
    version: [u64; 3],
}

impl Writer<'_> {
    fn document(&self) -> Value {
        let name = self.order.name();
        let mut document = Map::new();
        document.insert("name".into(), json!(name));
        document.insert("services".into(), json!({ name: self.service() }));
        if let Some((network, _)) = self.network() {
            document.insert("networks".into(), json!({ name: network }));
        }
        let mut secrets = Map::new();
        for secret in &self.order.boundary.secrets {
            let source = match &secret.from.value {
                _ if !self.is_mounted(secret) => continue,
                SecretSource::File(path) => json!({ "file": path }),
                SecretSource::Environment(variable) => json!({ "environment": variable }),
                _ => continue,
            };
            secrets.insert(secret.name.value.clone(), source);
        }
        if !secrets.is_empty() {
            document.insert("secrets".into(), Value::Object(secrets));
        }
        Value::Object(document)
    }

    fn service(&self) -> Value {
        let (order, boundary) = (self.order, self.order.boundary);
        let (user, group) = order.user();
        let mut service = Map::new();
        let mut set = |key: &str, value: Value| {
            service.insert(key.to_owned(), value);
        };
        set("image", json!(order.image.unwrap_or(order.name())));
        if order.image.is_none() {
            let mut build = json!({ "context": "." });
            if self.entry == Entry::Ringfence {
                build["additional_contexts"] = json!({ CONTEXT: "./ringfence" });
            }
            set("build", build);
        }
        set("entrypoint", json!(dockerfile::command(order, self.entry, self.version)));
        set("user", json!(format!("{user}:{group}")));
        if !boundary.identity.groups.is_empty() {
            let groups: Vec<&str> =
                boundary.identity.groups.iter().map(|g| g.value.as_str()).collect();
            set("group_add", json!(groups));
        }
        set("init", json!(false));
        let folder = order.path(&boundary.service.cwd.value);
        // `ringfence run` goes there by itself.
        if self.entry == Entry::Node && folder != order.place {
            set("working_dir", json!(folder));
        }
        set("environment", Value::Object(self.environment()));
        set("read_only", json!(true));
        set("cap_drop", json!(["ALL"]));
        let mut security = vec!["no-new-privileges:true", "seccomp=./seccomp.json"];
        if self.entry == Entry::Ringfence {
            // A process that may mount nothing but a whole /proc makes its namespaces with one.
            security.push("systempaths=unconfined");
        }
        set("security_opt", json!(security));
        let tmp = boundary.limits.tmp.as_ref().map_or(TMP, |limit| limit.value);
        set("tmpfs", json!([format!("/tmp:rw,noexec,nosuid,nodev,size={tmp},mode=1777")]));
        self.limits(&mut set);
        self.reached(&mut set);
        let mounts = mounts::of(order);
        if !mounts.is_empty() {
            set("volumes", json!(mounts));
        }
        let secrets = self.secrets();
        if !secrets.is_empty() {
            set("secrets", json!(secrets));
        }
        self.ended(&mut set);
        let label = format!("sha256:{}", order.boundary_hash);
        set("labels", json!({ "org.ringfence.boundary": label }));
        Value::Object(service)
    }

    fn environment(&self) -> Map<String, Value> {
        let env = &self.order.boundary.env;
        let mut all: Map<String, Value> =
            env.pass.iter().map(|name| (name.value.clone(), Value::Null)).collect();
        if self.entry == Entry::Node {
            let set = env.set.iter();
            all.extend(set.map(|(name, value)| (name.clone(), json!(value.value))));
        }
        for secret in &self.order.boundary.secrets {
            let SecretSource::Environment(from) = &secret.from.value else { continue };
            match (self.entry, &secret.delivery) {
                _ if self.is_mounted(secret) => {}
                (Entry::Node, Delivery::Environment(to)) if to != from => {
                    all.insert(to.clone(), json!(format!("{VARIABLE}{{{from}}}")));
                }
                _ => drop(all.insert(from.clone(), Value::Null)),
            }
        }
        all
    }

    fn limits(&self, set: &mut impl FnMut(&str, Value)) {
        let limits = &self.order.boundary.limits;
        let (memory, pids) = match self.entry {
            Entry::Ringfence => (OWN_MEMORY, OWN_PIDS),
            Entry::Node => (0, 0),
        };
        if let Some(limit) = &limits.memory {
            set("mem_limit", json!(limit.value + memory));
            set("memswap_limit", json!(limit.value + memory));
        }
        if let Some(limit) = &limits.pids {
            set("pids_limit", json!(limit.value + pids));
        }
        if let Some(limit) = &limits.cpu {
            set("cpus", json!(limit.value));
        }
        if self.entry == Entry::Ringfence {
            return;
        }
        let mut all = Map::new();
        all.insert("core".into(), json!({ "soft": 0, "hard": 0 }));
        for (name, limit) in [("nofile", &limits.open_files), ("fsize", &limits.file_size)] {
            if let Some(limit) = limit {
                all.insert(name.into(), json!({ "soft": limit.value, "hard": limit.value }));
            }
        }
        set("ulimits", Value::Object(all));
    }

    /// The network, and whether anything is published; `None` without any grant.
    fn network(&self) -> Option<(Value, bool)> {
        let net = &self.order.boundary.net;
        let listens = !net.listen.is_empty() || !net.udp_listen.is_empty();
        if !net.connect.is_empty() || !net.udp.is_empty() {
            return Some((json!({ "driver": "bridge" }), listens));
        }
        let inward = json!({ "driver": "bridge",
            "driver_opts": { "com.docker.network.bridge.enable_ip_masquerade": "false" } });
        listens.then_some((inward, true))
    }

    fn reached(&self, set: &mut impl FnMut(&str, Value)) {
        let boundary = self.order.boundary;
        if self.network().is_none() {
            set("network_mode", json!("none"));
            return;
        }
        set("networks", json!([self.order.name()]));
        let mut ports = Vec::new();
        for (listen, protocol) in [(&boundary.net.listen, "tcp"), (&boundary.net.udp_listen, "udp")]
        {
            for endpoint in listen.iter().map(|endpoint| endpoint.value) {
                let address = match endpoint.address {
                    std::net::IpAddr::V4(address) => address.to_string(),
                    std::net::IpAddr::V6(address) => format!("[{address}]"),
                };
                let port = endpoint.port;
                if port != 0 {
                    ports.push(format!("{address}:{port}:{port}/{protocol}"));
                }
            }
        }
        if !ports.is_empty() {
            set("ports", json!(ports));
        }
        if self.entry == Entry::Node && !boundary.net.hosts.is_empty() {
            let hosts = boundary.net.hosts.iter();
            let hosts: Map<String, Value> = hosts
                .map(|(name, address)| (name.to_string(), json!(address.value.to_string())))
                .collect();
            set("extra_hosts", json!(hosts));
        }
    }

    /// Whether Compose mounts it as a file.
    fn is_mounted(&self, secret: &Secret) -> bool {
        self.target(secret).is_some()
    }

    /// Where a secret lies in the container: where the service reads it or, under `ringfence run`,
    /// where that reads its source.
    fn target(&self, secret: &Secret) -> Option<String> {
        match (self.entry, &secret.from.value, &secret.delivery) {
            (Entry::Ringfence, SecretSource::File(path), _) => Some(self.order.path(path)),
            (
                Entry::Node,
                SecretSource::File(_) | SecretSource::Environment(_),
                Delivery::File(to),
            ) => Some(to.value.clone()),
            _ => None,
        }
    }

    fn secrets(&self) -> Vec<Value> {
        let (user, group) = self.order.user();
        let secrets = self.order.boundary.secrets.iter().filter_map(|secret| {
            let target = self.target(secret)?;
            Some(json!({ "source": secret.name.value, "target": target,
                "mode": format!("{:04o}", secret.mode), "uid": user.to_string(),
                "gid": group.to_string() }))
        });
        secrets.collect()
    }

    /// How it is asked whether it lives, and how it ends.
    fn ended(&self, set: &mut impl FnMut(&str, Value)) {
        let boundary = self.order.boundary;
        let listener = boundary.net.listen.iter().map(|endpoint| endpoint.value);
        if let Some(endpoint) = listener.clone().find(|endpoint| endpoint.port != 0) {
            let host = match endpoint.address {
                address if !address.is_unspecified() => address.to_string(),
                std::net::IpAddr::V4(_) => "127.0.0.1".to_owned(),
                std::net::IpAddr::V6(_) => "::1".to_owned(),
            };
            let script = format!(
                "require('net').connect({}, '{host}').on('connect', () => process.exit(0))\
                 .on('error', () => process.exit(1))",
                endpoint.port
            );
            set(
                "healthcheck",
                json!({ "test": ["CMD", dockerfile::program(self.order), "-e", script],
                "interval": "30s", "timeout": "5s", "start_period": "10s" }),
            );
        }
        // `ringfence run` makes the service's own signal out of SIGTERM.
        let (stop, more) = match self.entry {
            Entry::Ringfence => ("SIGTERM".to_owned(), OWN_SECONDS),
            Entry::Node => (signal(boundary.service.stop_signal), 0),
        };
        set("stop_signal", json!(stop));
        let timeout = boundary.service.stop_timeout;
        let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
        set("stop_grace_period", json!(format!("{}s", seconds + more)));
    }
}

/// Compose replaces variables in every text; a dollar sign is written twice.
fn escaped(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('$', "$$").replace(VARIABLE, "$")),
        Value::Array(items) => Value::Array(items.into_iter().map(escaped).collect()),
        Value::Object(map) => {
            Value::Object(map.into_iter().map(|(key, value)| (key, escaped(value))).collect())
        }
        other => other,
    }
}
