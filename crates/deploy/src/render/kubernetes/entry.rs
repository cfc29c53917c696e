//! How the service is started in a pod, and what that leaves open.

use crate::render::{Entry, Note, Order, RenderError};
use ringfence_policy::net::ListenEndpoint;
use ringfence_policy::source::Located;

/// Who starts the service.
pub(crate) fn decide(order: &Order<'_>) -> Result<Entry, RenderError> {
    if order.entry != Some(Entry::Ringfence) {
        return Ok(Entry::Node);
    }
    if let Some(class) = order.runtime_class.filter(|class| is_virtual(class)) {
        return Err(RenderError::Impossible {
            what: format!("`ringfence run` cannot hold a boundary under the runtime class {class}"),
            hint: "leave --entry away: the runtime class isolates, Node's flags harden".to_owned(),
        });
    }
    if order.needs_groups() {
        return Err(RenderError::Impossible {
            what: "a pod has no control groups to give: the boundary requires the layer cgroup".to_owned(),
            hint: "leave `cgroup` out of require.layers in the cluster's boundary: the pod's own limits carry it"
                .to_owned(),
        });
    }
    if only_loopback(order) {
        return Err(RenderError::Impossible {
            what:
                "every listener is on the loopback address, which nothing outside of a pod reaches"
                    .to_owned(),
            hint: format!("write {} in the cluster's boundary", everywhere(order)),
        });
    }
    Ok(Entry::Ringfence)
}

/// Runtime classes that bring a kernel of their own, by the names that their installers give them.
pub(crate) fn is_virtual(class: &str) -> bool {
    ["gvisor", "runsc", "kata", "firecracker", "cloud-hypervisor", "krun"]
        .iter()
        .any(|name| class.contains(name))
}

/// Whether the service listens, and only on loopback: behind a proxy of its host, which in a pod is
/// nobody.
pub(crate) fn only_loopback(order: &Order<'_>) -> bool {
    let net = &order.boundary.net;
    let mut listeners = net.listen.iter().chain(&net.udp_listen).peekable();
    listeners.peek().is_some() && listeners.all(|listener| listener.value.address.is_loopback())
}

/// The listeners as a boundary of a pod must grant them: `net.listen = ["0.0.0.0:8080"]`.
fn everywhere(order: &Order<'_>) -> String {
    let net = &order.boundary.net;
    let line = |key: &str, listeners: &[Located<ListenEndpoint>]| {
        let any = |one: &ListenEndpoint| match one.address {
            std::net::IpAddr::V4(_) => format!("\"0.0.0.0:{}\"", one.port),
            std::net::IpAddr::V6(_) => format!("\"[::]:{}\"", one.port),
        };
        let listeners: Vec<String> = listeners.iter().map(|one| any(&one.value)).collect();
        (!listeners.is_empty()).then(|| format!("{key} = [{}]", listeners.join(", ")))
    };
    let lines = [line("net.listen", &net.listen), line("net.udp-listen", &net.udp_listen)];
    lines.into_iter().flatten().collect::<Vec<_>>().join(" and ")
}

/// Where the seccomp profile of the `ringfence` entry lies below the node's seccomp folder.
pub(crate) fn profile(order: &Order<'_>) -> String {
    format!("ringfence/{}.json", order.name())
}

/// What the choice means, and what the pod cannot say.
pub(super) fn notes(order: &Order<'_>, entry: Entry) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |grant: &str, carried: String| {
        notes.push(Note { grant: grant.to_owned(), carried });
    };
    let boundary = order.boundary;
    if order.image.is_none() {
        note(
            "service.start",
            "no --image was given: write the image with its digest in place of the tag".into(),
        );
    }
    match entry {
        Entry::Node => note(
            "service.start",
            "Node starts the service by itself: beside its own flags the pod and the NetworkPolicy hold what is \
             written here; `--entry ringfence` holds the whole boundary and says what the cluster must give"
                .into(),
        ),
        Entry::Ringfence => note(
            "service.start",
            format!(
                "`ringfence run` holds the boundary; the cluster must give user namespaces (Kubernetes 1.33, Linux \
                 6.7, containerd 2 or CRI-O), admit procMount Unmasked in them (Pod Security {}), and have the \
                 output of `ringfence render seccomp --entry ringfence` as {} in the seccomp folder of each node; where nodes use \
                 AppArmor, a profile that lets namespaces and mounts be made",
                super::STANDARDS_OF_USER_NAMESPACES,
                profile(order)
            ),
        ),
    }
    if let Some(class) = order.runtime_class {
        note(
            "--runtime-class",
            format!(
                "the RuntimeClass {class} belongs to the cluster and is not written here: pods wait until it exists"
            ),
        );
    }
    if boundary.service.stop_signal != 15 {
        note(
            "service.stop-signal",
            "pods are stopped with the image's STOPSIGNAL, which `ringfence render dockerfile` writes".into(),
        );
    }
    for (name, value) in [("user", &boundary.identity.user), ("group", &boundary.identity.group)] {
        if let Some(value) = value
            && value.value.parse::<u32>().is_err()
        {
            let number = if name == "user" { order.user().0 } else { order.user().1 };
            note(
                &format!("identity.{name} \"{}\"", value.value),
                format!("pods know numbers only: it is {number} here"),
            );
        }
    }
    limits(order, entry, &mut notes);
    if entry == Entry::Node {
        inside(order, &mut notes);
    }
    notes
}

/// Limits that a pod does not know.
fn limits(order: &Order<'_>, entry: Entry, notes: &mut Vec<Note>) {
    let limits = &order.boundary.limits;
    let mut note =
        |grant: String, carried: &str| notes.push(Note { grant, carried: carried.to_owned() });
    if let Some(pids) = &limits.pids {
        note(
            format!("limits.pids {}", pids.value),
            "a setting of the node: podPidsLimit of the kubelet",
        );
    }
    if entry == Entry::Ringfence {
        return;
    }
    if let Some(files) = &limits.open_files {
        note(
            format!("limits.open-files {}", files.value),
            "the container runtime's own limit holds; no field of a pod sets it",
        );
    }
    if let Some(size) = &limits.file_size {
        note(
            format!("limits.file-size {}", size.value),
            "not enforced: the sizes of the volumes bound all files together",
        );
    }
}

/// What only `ringfence run` enforces inside of a pod.
fn inside(order: &Order<'_>, notes: &mut Vec<Note>) {
    let boundary = order.boundary;
    let mut note =
        |grant: String, carried: &str| notes.push(Note { grant, carried: carried.to_owned() });
    for path in &boundary.fs.read {
        if path.value.starts_with('/') {
            note(
                format!("fs.read \"{}\"", path.value),
                "must be in the image; no hostPath is ever written",
            );
        }
    }
    for path in &boundary.fs.droppable {
        note(
            format!("fs.droppable \"{}\"", path.value),
            "cannot be dropped while the service runs",
        );
    }
    for path in &boundary.net.unix {
        note(
            format!("net.unix \"{}\"", path.value),
            "a socket of the host does not exist in a pod: a sidecar would have to share it in an emptyDir",
        );
    }
    if boundary.process.children.is_empty() {
        note(
            "process.children []".to_owned(),
            "Node's permissions refuse programs; the kernel does not",
        );
    } else {
        note(
            "process.children".to_owned(),
            "Node allows any program of the image, not only the granted ones",
        );
    }
    if !boundary.process.addons.is_empty() {
        note(
            "process.addons".to_owned(),
            "hashes are not checked: the image's digest holds what is loaded",
        );
    }
}
