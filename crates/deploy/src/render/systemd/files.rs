//! Who the service is, what it is told, and which files it sees.

use super::{Settings, quoted};
use crate::render::{Entry, Order, RenderError};
use ringfence_policy::model::{Delivery, SecretSource};

/// Variables that would load code into the program that is started, before anything is enforced.
pub(super) const NEVER: [&str; 12] = [
    "BASH_ENV",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "LD_AUDIT",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "OPENSSL_CONF",
    "SSLKEYLOGFILE",
];

/// `User=` and its kind.
pub(super) fn identity(unit: &mut Settings, order: &Order<'_>) {
    let identity = &order.boundary.identity;
    match &identity.user {
        Some(user) => {
            unit.add("User", &user.value);
        }
        None => {
            unit.said(
                "DynamicUser",
                "yes",
                "identity.user names nobody: a user of its own, made at the start",
            );
        }
    }
    if let Some(group) = &identity.group {
        unit.add("Group", &group.value);
    }
    if !identity.groups.is_empty() {
        let groups: Vec<&str> = identity.groups.iter().map(|group| group.value.as_str()).collect();
        unit.add("SupplementaryGroups", groups.join(" "));
    }
    unit.add("UMask", "0077");
}

/// Variables and secrets.
pub(super) fn environment(
    unit: &mut Settings,
    order: &Order<'_>,
    entry: Entry,
) -> Result<(), RenderError> {
    let env = &order.boundary.env;
    let mut passed: Vec<&str> = env.pass.iter().map(|name| name.value.as_str()).collect();
    for secret in &order.boundary.secrets {
        if let SecretSource::Environment(name) = &secret.from.value {
            passed.push(name);
        }
    }
    if !passed.is_empty() {
        unit.add("PassEnvironment", passed.join(" "));
        let comment = "values for this host, NAME=value a line, readable by root alone";
        unit.said("EnvironmentFile", format!("-/etc/{}.env", order.name()), comment);
    }
    if entry == Entry::Node {
        for (name, value) in &env.set {
            unit.add("Environment", assignment(name, &value.value)?);
        }
        for name in ["HOME", "TMPDIR"] {
            if !env.set.contains_key(name) && !passed.contains(&name) {
                unit.add("Environment", assignment(name, "/tmp")?);
            }
        }
        for secret in &order.boundary.secrets {
            let SecretSource::File(from) = &secret.from.value else { continue };
            if matches!(secret.delivery, Delivery::File(_)) {
                let value = format!("{}:{}", secret.name.value, order.path(from));
                let comment = "read by the manager, given on a memory file system below %d";
                unit.said("LoadCredential", quoted(&value)?, comment);
            }
        }
    }
    let given = |name: &&str| passed.contains(name) || env.set.contains_key(*name);
    let never: Vec<&str> = NEVER.into_iter().filter(|name| !given(name)).collect();
    unit.said("UnsetEnvironment", never.join(" "), "taken out last, wherever they came from");
    Ok(())
}

/// `"NAME=value"`, with what systemd would expand doubled; `$` is not expanded here.
fn assignment(name: &str, value: &str) -> Result<String, RenderError> {
    quoted(&format!("{name}={value}"))
}

/// Folders that `ProtectHome=` is about.
const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];
/// Folders that a service has no business in, whatever its user may read.
const CLOSED: [&str; 3] = ["-/boot", "-/lost+found", "-/media"];

/// Which files.
pub(super) fn files(
    unit: &mut Settings,
    order: &Order<'_>,
    entry: Entry,
) -> Result<(), RenderError> {
    let fs = &order.boundary.fs;
    unit.said("ProtectSystem", "strict", "everything is read-only but what follows");
    let granted = |path: &str| {
        let lists = [&fs.read, &fs.write, &fs.optional, &fs.droppable];
        let place = std::iter::once(order.place.to_owned());
        place
            .chain(lists.into_iter().flatten().map(|grant| order.path(&grant.value)))
            .any(|grant| below(&grant, path))
    };
    if HOMES.iter().any(|home| granted(home)) {
        let comment = "not \"yes\": a grant lies below /home, /root or /run/user";
        unit.said("ProtectHome", "read-only", comment);
    } else {
        unit.add("ProtectHome", "yes");
    }
    for path in &fs.write {
        let path = order.path(&path.value);
        match managed(order, &path) {
            Some((key, below)) => unit.add(key, quoted(below)?),
            None => unit.add("ReadWritePaths", quoted(&path)?),
        };
    }
    let closed: Vec<&str> = CLOSED.into_iter().filter(|path| !granted(&path[1..])).collect();
    unit.add("InaccessiblePaths", closed.join(" "));
    if entry == Entry::Node {
        for secret in &order.boundary.secrets {
            if let SecretSource::File(from) = &secret.from.value {
                let comment = "the source: what is delivered is the credential above";
                unit.said("InaccessiblePaths", format!("-{}", quoted(&order.path(from))?), comment);
            }
        }
        let mut executable = vec!["/usr".to_owned(), "-/lib".to_owned(), "-/lib64".to_owned()];
        let program = super::super::node::program(order);
        let children = order.boundary.process.children.iter().map(|path| order.path(&path.value));
        for path in children.chain(program.starts_with('/').then(|| program.clone())) {
            if !below(&path, "/usr") {
                executable.push(quoted(&path)?);
            }
        }
        if !order.boundary.process.addons.is_empty() {
            executable.push(quoted(&order.path("node_modules"))?);
        }
        let comment = "nothing may be executed or mapped executable but the system's programs and what the boundary starts";
        unit.said("NoExecPaths", "/", comment);
        unit.add("ExecPaths", executable.join(" "));
    }
    unit.add("PrivateTmp", "yes");
    Ok(())
}

/// Settings by which the manager makes a folder, gives it to the unit's user and lets the unit write
/// there, each with where its folders lie.
pub(crate) const MANAGED: [(&str, &str); 3] = [
    ("StateDirectory", "/var/lib/"),
    ("CacheDirectory", "/var/cache/"),
    ("LogsDirectory", "/var/log/"),
];

/// The setting for a folder of the service's own name, and the folder as it stands there. A folder of
/// another name may be somebody else's, and the manager would give it away with all that is in it.
pub(super) fn managed<'a>(order: &Order<'_>, path: &'a str) -> Option<(&'static str, &'a str)> {
    let of = |(key, root): (&'static str, &str)| Some((key, path.strip_prefix(root)?));
    let (key, folder) = MANAGED.into_iter().find_map(of)?;
    // A colon would begin the name of a link.
    (below(folder, order.name()) && !folder.contains(':')).then_some((key, folder))
}

/// Whether a path is a folder or lies in it.
fn below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
