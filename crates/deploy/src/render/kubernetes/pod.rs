//! The Deployment: a pod that `restricted` admits, with nothing left to a default that could be weaker.

use super::volumes::{LOGS, Volumes};
use super::{annotations, bytes, command, cores, entry, environment, labels, metadata, network};
use crate::render::{Entry, Note, Order};
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, HostAlias, PodSecurityContext, PodSpec,
    PodTemplateSpec, Probe, ResourceRequirements, SeccompProfile, SecurityContext, TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use std::collections::BTreeMap;

/// Seconds that the kubelet waits beyond the boundary's own stop timeout.
const GRACE: u64 = 5;

pub(super) fn deployment(
    order: &Order<'_>,
    entry: Entry,
    volumes: Volumes,
    notes: &mut Vec<Note>,
) -> Deployment {
    let own = ObjectMeta {
        labels: Some(labels(order)),
        annotations: Some(annotations(order)),
        ..ObjectMeta::default()
    };
    Deployment {
        metadata: metadata(order),
        spec: Some(DeploymentSpec {
            selector: LabelSelector {
                match_labels: Some(labels(order)),
                ..LabelSelector::default()
            },
            template: PodTemplateSpec {
                metadata: Some(own),
                spec: Some(pod(order, entry, volumes, notes)),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn pod(order: &Order<'_>, entry: Entry, volumes: Volumes, notes: &mut Vec<Note>) -> PodSpec {
    let seconds = order.boundary.service.stop_timeout.as_secs_f64().ceil();
    #[expect(clippy::cast_possible_truncation, reason = "the parser bounds it")]
    let grace = seconds as i64 + GRACE.cast_signed();
    let (storage, mounts, kept) = (volumes.storage, volumes.mounts, volumes.kept);
    let inner = Volumes { kept: Vec::new(), mounts, storage };
    PodSpec {
        service_account_name: Some(order.name().to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        host_ipc: Some(false),
        host_network: Some(false),
        host_pid: Some(false),
        host_users: (entry == Entry::Ringfence).then_some(false),
        host_aliases: aliases(order, entry, notes),
        runtime_class_name: order.runtime_class.map(str::to_owned),
        termination_grace_period_seconds: Some(grace),
        security_context: Some(identity(order, entry)),
        containers: vec![container(order, entry, inner, notes)],
        volumes: Some(kept),
        ..PodSpec::default()
    }
}

fn identity(order: &Order<'_>, entry: Entry) -> PodSecurityContext {
    let (user, group) = order.user();
    let groups: Vec<i64> = order
        .boundary
        .identity
        .groups
        .iter()
        .filter_map(|group| group.value.parse().ok())
        .collect();
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(user.into()),
        run_as_group: Some(group.into()),
        fs_group: Some(group.into()),
        supplemental_groups: (!groups.is_empty()).then_some(groups),
        seccomp_profile: Some(match entry {
            Entry::Node => {
                SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }
            }
            Entry::Ringfence => SeccompProfile {
                type_: "Localhost".to_owned(),
                localhost_profile: Some(entry::profile(order)),
            },
        }),
        ..PodSecurityContext::default()
    }
}

fn container(
    order: &Order<'_>,
    entry: Entry,
    volumes: Volumes,
    notes: &mut Vec<Note>,
) -> Container {
    let command = command::of(order, entry);
    if entry == Entry::Node {
        notes.extend(command::notes(order));
    }
    let (command, args) = match command.split_first() {
        Some((first, rest)) => (vec![first.clone()], rest.to_vec()),
        None => (Vec::new(), Vec::new()),
    };
    let ports = network::ports(order);
    let probe = |failures: i32, period: i32| {
        let tcp = ports.iter().find(|port| port.protocol == "TCP")?;
        Some(Probe {
            tcp_socket: Some(TCPSocketAction {
                host: None,
                port: IntOrString::String(tcp.name.clone()),
            }),
            failure_threshold: Some(failures),
            period_seconds: Some(period),
            timeout_seconds: Some(2),
            ..Probe::default()
        })
    };
    let declared: Vec<ContainerPort> = ports
        .iter()
        .map(|port| ContainerPort {
            name: Some(port.name.clone()),
            container_port: port.number.into(),
            protocol: Some(port.protocol.to_owned()),
            ..ContainerPort::default()
        })
        .collect();
    let env = environment::of(order, entry, notes);
    Container {
        name: order.name().to_owned(),
        image: Some(order.image.map_or_else(|| format!("{}:latest", order.name()), str::to_owned)),
        command: Some(command),
        args: (!args.is_empty()).then_some(args),
        working_dir: Some(order.path(&order.boundary.service.cwd.value)),
        env: (!env.is_empty()).then_some(env),
        startup_probe: probe(30, 2),
        readiness_probe: probe(3, 5),
        liveness_probe: probe(3, 10),
        ports: (!declared.is_empty()).then_some(declared),
        security_context: Some(confinement(entry)),
        resources: Some(resources(order, volumes.storage)),
        volume_mounts: Some(volumes.mounts),
        ..Container::default()
    }
}

fn confinement(entry: Entry) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { add: None, drop: Some(vec!["ALL".to_owned()]) }),
        privileged: Some(false),
        proc_mount: (entry == Entry::Ringfence).then(|| "Unmasked".to_owned()),
        read_only_root_filesystem: Some(true),
        ..SecurityContext::default()
    }
}

fn resources(order: &Order<'_>, storage: u64) -> ResourceRequirements {
    let limits = &order.boundary.limits;
    let mut most = BTreeMap::new();
    if let Some(memory) = &limits.memory {
        most.insert("memory".to_owned(), Quantity(bytes(memory.value)));
    }
    if let Some(cpu) = &limits.cpu {
        most.insert("cpu".to_owned(), Quantity(cores(cpu.value)));
    }
    most.insert("ephemeral-storage".to_owned(), Quantity(bytes(storage + LOGS)));
    ResourceRequirements { requests: Some(most.clone()), limits: Some(most), claims: None }
}

/// Fixed addresses of names. Those on this machine stand for something else in a cluster.
fn aliases(order: &Order<'_>, entry: Entry, notes: &mut Vec<Note>) -> Option<Vec<HostAlias>> {
    let mut by_address: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, address) in &order.boundary.net.hosts {
        if address.value.is_loopback() {
            let carried = match entry {
                Entry::Node => {
                    "left to the cluster's resolver: in a pod that address is the pod's own"
                }
                Entry::Ringfence => {
                    "`ringfence run` takes that address, which in a pod is the pod's own"
                }
            };
            notes.push(Note {
                grant: format!("net.hosts \"{}\"", name.as_str()),
                carried: carried.to_owned(),
            });
        } else if entry == Entry::Node {
            by_address.entry(address.value.to_string()).or_default().push(name.as_str().to_owned());
        }
    }
    let aliases: Vec<HostAlias> = by_address
        .into_iter()
        .map(|(ip, hostnames)| HostAlias { ip, hostnames: Some(hostnames) })
        .collect();
    (!aliases.is_empty()).then_some(aliases)
}
