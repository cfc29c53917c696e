//! What a start needs before any process is made.
//!
//! Steps, filters, control groups, mounts that only root may copy, standard streams and what a
//! parent hands over: all that can fail for a reason of the boundary fails here.

use super::broker::Channel;
use super::error::EnforceError;
use super::handover::Handover;
use super::init::Init;
use super::layers::Layers;
use super::lock::Lock;
use super::stdio::Stdio;
use super::wires::There;
use super::{RunOptions, confine, group, view};
use crate::control::naming::Naming;
use crate::egress::broker::{Children, Scope};
use crate::egress::trace;
use crate::plan::{Access, Plan, ViewEntry};
use ringfence_policy::layer::{Answer, Layer};
use ringfence_sys::launch::{BindSource, Step};
use ringfence_sys::seccomp::{Arch, FilterOptions, Profile};
use ringfence_sys::{landlock, linux, privilege, seccomp};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

/// What a service that may report to a service manager can do besides.
const NOTIFY: &str = "NOTIFY_SOCKET is handed over: datagrams can be sent to every unix socket in a read grant, because their receiver is named past the broker";

/// The variable that names the control channel.
const CONTROL: &str = "RINGFENCE_CONTROL";
/// Its number: above what programs open early, so that none of them meets it by chance.
const CONTROL_NUMBER: RawFd = 200;
/// Below this limit of open files there is no channel: the service needs them all.
const FEW: RawFd = 16;

/// Everything a start needs.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What will be in force.
    pub(super) layers: Layers,
    /// Namespaces and root.
    pub(super) init_steps: Vec<Step>,
    /// Limits, rights, program.
    pub(super) service_steps: Vec<Step>,
    /// Filters of the service, of the broker and of init.
    pub(super) filters: Filters,
    /// Control groups.
    pub(super) group: group::Groups,
    /// Standard streams.
    pub(super) stdio: Stdio,
    /// What a parent handed over.
    pub(super) handover: Handover,
    /// The number that a Node process finds its control channel at.
    control: Option<RawFd>,
    trees: Vec<OwnedFd>,
}

impl Prepared {
    /// Prepares a start.
    pub(super) fn make(
        plan: &Plan,
        options: &RunOptions,
        mut layers: Layers,
    ) -> Result<Self, EnforceError> {
        let group = group::Groups::make(plan, &mut layers)?;
        let stdio = Stdio::take(&options.stdio)?;
        let mut handover = Handover::take(&plan.network, layers.namespaces)?;
        if handover.notify.is_some() {
            layers.set(Layer::Seccomp, Answer::Partial(NOTIFY.to_owned()));
        }
        let control = control_number(plan, &handover);
        if let Some(number) = control {
            handover.env.push((CONTROL.into(), number.to_string().into()));
        }
        let (init_steps, mut service_steps, trees) =
            lists(plan, &layers, &stdio, &group, &handover)?;
        if options.trace {
            log_refusals(&mut service_steps, layers.landlock.flags);
        }
        let filters = Filters::compile(options, &layers, handover.notify.is_some())?;
        Ok(Self {
            layers,
            init_steps,
            service_steps,
            filters,
            group,
            stdio,
            handover,
            control,
            trees,
        })
    }

    /// What the control channel needs to know.
    pub(super) fn channel<'a>(&self, plan: &'a Plan) -> Channel<'a> {
        let program = plan.view.iter().find_map(|entry| match entry {
            ViewEntry::Bind { source, object, .. } if *source == plan.program.path => Some(*object),
            _ => None,
        });
        Channel { plan, node: program.zip(self.control) }
    }

    /// Descriptors that init and the service need.
    pub(super) fn carried(&self, plan: &Plan) -> Vec<RawFd> {
        let owned = self.trees.iter().chain(self.group.doors()).map(AsRawFd::as_raw_fd);
        let secrets = plan.secrets.iter().map(|secret| secret.value.file().as_raw_fd());
        let left = self.layers.left_out.inherited().iter().copied();
        let joined = self.layers.joined.iter().flat_map(|joined| joined.carried());
        let given = self.stdio.inside().chain(self.handover.inherited()).chain(left).chain(joined);
        owned.chain(secrets).chain(given).collect()
    }

    /// Lets go of the prepared mounts once those who attach them have them: a descriptor of a mount
    /// looks like a use of it for ever.
    pub(super) fn release_mounts(&mut self) {
        self.trees.clear();
    }

    /// Init, as it will be in its own process.
    pub(super) fn init<'a>(&'a self, wires: &'a There, inherited: &'a [RawFd]) -> Init<'a> {
        Init {
            steps: &self.init_steps,
            service: &self.service_steps,
            filter: &self.filters.service,
            own_filter: &self.filters.init,
            inherited,
            notify: self.handover.notify.is_some(),
            namespaces: self.layers.namespaces,
            // The live service's resolver is at the usual port already.
            own_network: !self.layers.left_out.has(Lock::NetworkNamespace)
                && self.layers.joined.is_none(),
            guest: self.layers.joined.is_some(),
            report: wires.report.as_fd(),
            broker: wires.channel.1.as_fd(),
            requests: wires.requests.1.as_fd(),
            supervisor_alive: wires.supervisor_alive.as_fd(),
            broker_alive: wires.broker_alive.0.as_fd(),
        }
    }

    /// What the broker needs to know of the boundary.
    pub(super) fn scope(&self, plan: &Plan, options: &RunOptions) -> Scope {
        let writable = plan.view.iter().filter_map(|entry| match entry {
            ViewEntry::Bind { target, access: Access::Write | Access::Build, .. } => {
                Some(target.clone())
            }
            _ => None,
        });
        Scope {
            namespaces: self.layers.namespaces && !self.layers.left_out.has(Lock::NetworkNamespace),
            left_out: self.layers.left_out.clone(),
            children: if plan.builds { Children::Any } else { Children::Listed(children(plan)) },
            audit: options.audit,
            trace: options.trace,
            shown: if options.trace { shown(plan) } else { Vec::new() },
            listening: self.handover.cookies.clone(),
            unix_sockets: plan.unix_sockets.clone(),
            naming: Naming::of(plan),
            writable: writable.collect(),
        }
    }
}

/// The filters of a start.
#[derive(Debug)]
pub(super) struct Filters {
    pub(super) service: seccomp::Filter,
    pub(super) broker: seccomp::Filter,
    pub(super) init: seccomp::Filter,
}

impl Filters {
    fn compile(options: &RunOptions, layers: &Layers, notify: bool) -> Result<Self, EnforceError> {
        let profile = Profile::builtin();
        let arch = Arch::native().ok_or_else(|| {
            EnforceError::Unsupported("this machine is neither x86-64 nor aarch64".to_owned())
        })?;
        let left_out = layers.left_out.filter_groups();
        let inspected = if options.trace { trace::calls() } else { Vec::new() };
        let wanted = FilterOptions {
            network_namespace: layers.namespaces,
            unix_datagrams: notify,
            notify_sockets: !layers.left_out.has(Lock::BrokerAsked),
            without: &left_out,
            marked: layers.left_out.marked,
            inspect: &inspected,
            ..FilterOptions::strict(arch)
        };
        let failed = |error: seccomp::CompileError| EnforceError::Filter(error.to_string());
        let service = seccomp::compile(&profile, &wanted).map_err(failed)?;
        let broker = seccomp::compile_broker(&profile, arch, layers.namespaces).map_err(failed)?;
        let init = seccomp::compile_init(&profile, arch, layers.namespaces).map_err(failed)?;
        Ok(Self { service, broker, init })
    }
}

type Lists = (Vec<Step>, Vec<Step>, Vec<OwnedFd>);

/// The two lists of steps, and the mounts that were prepared for the first.
fn lists(
    plan: &Plan,
    layers: &Layers,
    stdio: &Stdio,
    group: &group::Groups,
    handover: &Handover,
) -> Result<Lists, EnforceError> {
    let mut view = view::build(plan, handover.notify.is_some())?;
    let rules = if layers.namespaces {
        std::mem::take(&mut view.rules)
    } else {
        confine::host_rules(&view.rules)
    };
    let doors: Vec<RawFd> = group.doors().map(AsRawFd::as_raw_fd).collect();
    let mut service =
        confine::steps(plan, handover, layers, &rules, &stdio.redirections(), &doors)?;
    layers.left_out.service_steps(&mut service);
    if let Some(joined) = &layers.joined {
        joined.service_steps(&mut service);
        return Ok((joined.init_steps(&doors), service, Vec::new()));
    }
    if !layers.namespaces {
        return Ok((Vec::new(), service, Vec::new()));
    }
    let hostname: String = plan.name.chars().take(64).collect();
    let hostname = std::ffi::CString::new(hostname).unwrap_or_default();
    let mut init = vec![
        Step::IdMap { uid: plan.identity.uid, gid: plan.identity.gid },
        Step::DieWithParent,
        Step::WriteKernelFile {
            path: c"/proc/self/coredump_filter".into(),
            contents: b"0".to_vec(),
        },
        Step::Hostname(hostname),
        Step::Loopback,
    ];
    init.append(&mut view.steps);
    layers.left_out.init_steps(&mut init);
    let trees = if may_copy_mounts() { prepare_trees(&mut init)? } else { Vec::new() };
    Ok((init, service, trees))
}

/// Landlock tells the host's audit what it refuses to the program that is executed.
fn log_refusals(steps: &mut [Step], known: u32) {
    for step in steps {
        if let Step::Landlock(rules) = step {
            rules.flags = landlock::LOG_NEW_EXEC_ON & known;
        }
    }
}

/// Root copies the mounts with its own rights, so that a grant below a folder closed to the
/// service's user can still be shown.
fn prepare_trees(steps: &mut [Step]) -> Result<Vec<OwnedFd>, EnforceError> {
    let mut trees = Vec::new();
    for step in steps {
        let Step::Bind { source, attributes, object, .. } = step else { continue };
        let BindSource::Path(path) = source else { continue };
        if !path.to_bytes().starts_with(b"/") {
            continue;
        }
        let tree =
            linux::clone_tree(path, *attributes, *object).map_err(|errno| match errno.0 {
                // A filter around this process forbids mounts as it forbids namespaces.
                libc::EPERM | libc::ENOSYS => EnforceError::NamespacesRefused(errno),
                _ => EnforceError::Step {
                    step: format!("copying the mount {}", path.to_string_lossy()),
                    errno,
                },
            })?;
        *source = BindSource::Tree(tree.as_raw_fd());
        trees.push(tree);
    }
    Ok(trees)
}

/// Where a service on Node finds its control channel.
fn control_number(plan: &Plan, handover: &Handover) -> Option<RawFd> {
    plan.program.node.as_ref()?;
    // Zero raises nothing: the limit that is in force.
    let limit = privilege::raise_limit(libc::RLIMIT_NOFILE, 0).ok()?;
    let limit = plan.limits.open_files.as_ref().map_or(limit, |own| own.value.min(limit));
    let limit = RawFd::try_from(limit).unwrap_or(RawFd::MAX);
    let free = |number: &RawFd| handover.inherited().all(|inherited| inherited != *number);
    (FEW..=CONTROL_NUMBER.min(limit - 1)).rev().find(free)
}

/// What the boundary shows.
fn shown(plan: &Plan) -> Vec<(PathBuf, Access)> {
    let binds = plan.view.iter().filter_map(|entry| match entry {
        ViewEntry::Bind { target, access, .. } => Some((target.clone(), *access)),
        ViewEntry::Symlink { path, .. } => Some((path.clone(), Access::Read)),
        _ => None,
    });
    binds.collect()
}

/// The objects that the service may start besides itself.
fn children(plan: &Plan) -> Vec<(u64, u64)> {
    let objects = plan.view.iter().filter_map(|entry| match entry {
        ViewEntry::Bind { source, object, .. } if plan.children.contains(source) => Some(*object),
        _ => None,
    });
    objects.collect()
}

/// The step that makes a process the service's user, where the caller is root.
pub(super) fn identity(plan: &Plan) -> Option<Step> {
    plan.identity.switch.then(|| Step::SwitchIdentity {
        uid: plan.identity.uid,
        gid: plan.identity.gid,
        groups: plan.identity.groups.clone(),
    })
}

/// Root in a container often has not this right; then init copies the mounts with its own.
fn may_copy_mounts() -> bool {
    const SYS_ADMIN: u64 = 1 << 21;
    privilege::effective_capabilities() & SYS_ADMIN != 0
}
