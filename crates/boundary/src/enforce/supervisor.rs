//! The process outside: makes everything, tells what happened, passes signals on, cleans up.
//!
//! It prepares what needs the caller's rights (mounts that only root may copy, control groups,
//! secrets), starts the broker and then only waits. It reads no byte of the service except what
//! standard streams that cannot be handed over carry.

use super::broker::BrokerProcess;
use super::error::{During, EnforceError};
use super::handover::Handover;
use super::init::Init;
use super::layers::Layers;
use super::report::{self, List, Report};
use super::stdio::Stdio;
use super::{Outcome, RunOptions, confine, group, observe, view};
use crate::egress::broker::Scope;
use crate::egress::netloop::Resolution;
use crate::plan::{Access, Plan, ViewEntry};
use ringfence_policy::layer::Layer;
use ringfence_sys::launch::{BindSource, Step};
use ringfence_sys::seccomp::{Arch, FilterOptions, Profile};
use ringfence_sys::spawn::{self, Keep, Spawned};
use ringfence_sys::{Errno, fd, linux, namespace, privilege, seccomp, socket, wait};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Signals that are passed on to the service.
const PASSED_ON: [i32; 8] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGWINCH,
    libc::SIGCONT,
];
/// Namespaces of a service.
const NAMESPACES: u64 = namespace::NEWUSER
    | namespace::NEWNS
    | namespace::NEWPID
    | namespace::NEWIPC
    | namespace::NEWUTS
    | namespace::NEWNET;
/// How long the broker may take to end after the service.
const BROKER_GRACE: Duration = Duration::from_secs(2);

/// A started service.
pub(super) struct Supervisor<'a> {
    plan: &'a Plan,
    options: &'a RunOptions,
    layers: Layers,
    init_steps: Vec<Step>,
    service_steps: Vec<Step>,
    report: OwnedFd,
    events: OwnedFd,
    signals: OwnedFd,
    broker: Spawned,
    group: group::Groups,
    stdio: Stdio,
    handover: Handover,
    /// What the service reports to a service manager arrives here.
    notify: Option<OwnedFd>,
    /// Closes when this process ends, whatever ends it.
    _alive: OwnedFd,
    service: Option<OwnedFd>,
    waiting_signal: Option<i32>,
    deadline: Option<Instant>,
}

impl<'a> Supervisor<'a> {
    /// Makes the processes; the service starts as soon as the broker is ready.
    pub(super) fn start(
        plan: &'a Plan,
        options: &'a RunOptions,
        mut layers: Layers,
    ) -> Result<Self, EnforceError> {
        let signals = wait::signal_descriptor(&PASSED_ON).during("blocking signals")?;
        let (report, report_there) =
            fd::socketpair(libc::SOCK_SEQPACKET).during("making a channel")?;
        let (events, events_there) = fd::pipe(libc::O_NONBLOCK).during("making a pipe")?;
        let (channel, channel_init) =
            fd::socketpair(libc::SOCK_SEQPACKET).during("making a channel")?;
        let (requests, requests_init) =
            fd::socketpair(libc::SOCK_SEQPACKET).during("making a channel")?;
        let (alive_there, alive) = fd::pipe(0).during("making a pipe")?;
        let (broker_alive_there, broker_alive) = fd::pipe(0).during("making a pipe")?;
        let group = group::Groups::make(plan, &mut layers)?;
        let stdio = Stdio::take(&options.stdio)?;
        let handover = Handover::take(&plan.network, layers.namespaces)?;
        let (init_steps, service_steps, trees) = lists(plan, &layers, &stdio, &group, &handover)?;
        let filters = Filters::compile(plan, options, &layers, handover.notify.is_some())?;
        let carried: Vec<RawFd> =
            trees.iter().chain(group.doors()).map(AsRawFd::as_raw_fd).chain(stdio.inside()).chain(handover.inherited()).collect();
        let inherited: Vec<RawFd> = handover.inherited().collect();
        let own = [
            &report_there,
            &events_there,
            &channel,
            &channel_init,
            &requests,
            &requests_init,
            &alive_there,
        ];
        let mut kept: Vec<RawFd> = own.iter().map(|fd| fd.as_raw_fd()).collect();
        kept.extend([broker_alive_there.as_raw_fd(), broker_alive.as_raw_fd()]);
        kept.extend_from_slice(&carried);
        let process = BrokerProcess {
            init: Init {
                steps: &init_steps,
                service: &service_steps,
                filter: &filters.service,
                inherited: &inherited,
                notify: handover.notify.is_some(),
                namespaces: layers.namespaces,
                report: report_there.as_fd(),
                broker: channel_init.as_fd(),
                requests: requests_init.as_fd(),
                supervisor_alive: alive_there.as_fd(),
                broker_alive: broker_alive_there.as_fd(),
            },
            carried: &carried,
            flags: if layers.namespaces { NAMESPACES } else { 0 },
            identity: identity(plan),
            layers: &layers,
            scope: scope(plan, options, &layers, &handover),
            resolution: Resolution::of_host(),
            network: Arc::clone(&plan.network),
            service: plan.name.clone(),
            filter: filters.broker.as_ref(),
            events: events_there.as_raw_fd(),
            channel: channel.as_fd(),
            requests: requests.as_fd(),
            alive: broker_alive.as_fd(),
        };
        let broker = spawn::process(0, Keep::Only(&kept), || process.run())
            .during("starting the broker")?;
        Ok(Self {
            plan,
            options,
            layers,
            init_steps,
            service_steps,
            report,
            events,
            signals,
            broker,
            group,
            stdio,
            handover,
            notify: None,
            _alive: alive,
            service: None,
            waiting_signal: None,
            deadline: None,
        })
    }

    /// Waits for the end of the service.
    pub(super) fn stay(mut self) -> Result<Outcome, EnforceError> {
        self.stdio.relay()?;
        self.handover.relay()?;
        let ended = self.watch();
        let killed = self.end_broker();
        self.drain_events();
        self.stdio.finish();
        let out_of_memory = self.group.ran_out_of_memory();
        self.group.remove();
        let status = ended?;
        killed.during("waiting for the broker")?;
        let exit_code = match (libc::WIFEXITED(status), out_of_memory) {
            (true, _) => libc::WEXITSTATUS(status),
            (false, true) => 128 + libc::SIGKILL,
            (false, false) => 128 + libc::WTERMSIG(status),
        };
        Ok(Outcome { exit_code, layers: self.layers })
    }

    /// The loop: reports, signals, events, the end of the broker. Answers the wait status.
    fn watch(&mut self) -> Result<i32, EnforceError> {
        loop {
            let pause = self.deadline.map(|d| d.saturating_duration_since(Instant::now()));
            let mut sources = vec![
                self.report.as_fd(),
                self.signals.as_fd(),
                self.events.as_fd(),
                self.broker.pidfd.as_fd(),
            ];
            sources.extend(self.notify.as_ref().map(AsFd::as_fd));
            let ready = wait::readable(&sources, pause).during("waiting")?;
            if let (Some(notify), true) = (&self.notify, ready & 0b1_0000 != 0) {
                self.handover.pass_report(notify);
            }
            if ready & 0b0100 != 0 {
                self.pass_events();
            }
            if ready & 0b0001 != 0
                && let Some(status) = self.read_report()?
            {
                return Ok(status);
            }
            if ready & 0b0010 != 0 {
                self.pass_signals();
            }
            if ready & 0b1001 == 0b1000 {
                return Err(EnforceError::BrokerLost);
            }
            if self.deadline.is_some_and(|d| d <= Instant::now()) {
                self.deadline = None;
                self.signal(libc::SIGKILL);
            }
        }
    }

    fn read_report(&mut self) -> Result<Option<i32>, EnforceError> {
        let mut record = [0; report::SIZE];
        let (length, mut fds) =
            socket::recv_fds(self.report.as_fd(), &mut record).during("reading a report")?;
        if length == 0 {
            return Err(EnforceError::InitLost);
        }
        match Report::decode(record.get(..length).unwrap_or_default()) {
            Some(Report::Ended(status)) => Ok(Some(status)),
            Some(Report::Notify) => {
                self.notify = fds.pop();
                Ok(None)
            }
            Some(Report::Started) => {
                self.service = fds.pop();
                if let Some(signal) = self.waiting_signal.take() {
                    self.signal(signal);
                }
                Ok(None)
            }
            Some(Report::NamespacesRefused(errno)) => Err(EnforceError::NamespacesRefused(errno)),
            Some(Report::StepFailed { list, index, errno }) => {
                Err(self.step_failed(list, index, errno))
            }
            Some(Report::DescriptorsRefused(errno)) => Err(EnforceError::LayerAbsent {
                layer: Layer::Broker,
                why: format!("pidfd_getfd is refused: {errno}"),
            }),
            Some(Report::BrokerFailed(errno)) => {
                Err(EnforceError::System { what: "the broker failed", errno })
            }
            None => Err(EnforceError::System {
                what: "reading a report",
                errno: Errno(libc::EPROTO),
            }),
        }
    }

    fn step_failed(&self, list: List, index: u32, errno: Errno) -> EnforceError {
        let steps = match list {
            List::Init => &self.init_steps,
            List::Service => &self.service_steps,
        };
        let step = steps.get(index as usize);
        match step {
            Some(Step::Exec(_)) => {
                EnforceError::Exec { program: self.plan.program.path.clone(), errno }
            }
            // The first thing that needs a right over a new user namespace fails where a security
            // module hands out namespaces without rights.
            Some(Step::IdMap { .. } | Step::PrivatePropagation)
                if matches!(errno.0, libc::EPERM | libc::EACCES) =>
            {
                EnforceError::NamespacesRefused(errno)
            }
            _ => EnforceError::Step {
                step: step.map_or_else(|| format!("step {index}"), |s| format!("{s:?}")),
                errno,
            },
        }
    }

    /// A signal from a key at the terminal has reached the service already; any other is passed on.
    fn pass_signals(&mut self) {
        while let Some(signal) = wait::next_signal(self.signals.as_fd()) {
            if signal.from_kernel {
                continue;
            }
            let stops = signal.number == libc::SIGTERM;
            let number = if stops { self.plan.stop_signal } else { signal.number };
            if stops && self.deadline.is_none() {
                self.deadline = Some(Instant::now() + self.plan.stop_timeout);
            }
            self.signal(number);
        }
    }

    fn signal(&mut self, number: i32) {
        match &self.service {
            Some(service) => drop(wait::send_signal(service.as_fd(), number)),
            None => self.waiting_signal = Some(number),
        }
    }

    /// Never waits for a reader: what cannot be written now is lost, and standard error says less.
    fn pass_events(&self) {
        let mut room = [0; 16 * 1024];
        let Ok(length) = fd::read(self.events.as_fd(), &mut room) else { return };
        let lines = room.get(..length).unwrap_or_default();
        if let Some(file) = &self.options.events {
            let _ = fd::write_all(file.as_fd(), lines);
        } else if !self.options.quiet && wait::writable_now(std::io::stderr().as_fd()) {
            let _ = fd::write(std::io::stderr().as_fd(), lines);
        }
    }

    fn drain_events(&self) {
        while wait::readable(&[self.events.as_fd()], Some(Duration::ZERO)) == Ok(1) {
            let mut probe = [0; 0];
            if fd::read(self.events.as_fd(), &mut probe).is_err() || !self.has_events() {
                return;
            }
            self.pass_events();
        }
    }

    /// Whether bytes are there, as opposed to the end of the pipe.
    fn has_events(&self) -> bool {
        fd::bytes_ready(self.events.as_fd()).is_ok_and(|n| n > 0)
    }

    /// The broker ends by itself once nothing is left to serve; else it is ended.
    fn end_broker(&self) -> Result<i32, Errno> {
        let ended = wait::readable(&[self.broker.pidfd.as_fd()], Some(BROKER_GRACE));
        if ended != Ok(1) {
            let _ = wait::send_signal(self.broker.pidfd.as_fd(), libc::SIGKILL);
        }
        wait::wait_for(self.broker.pid)
    }
}

/// The two filters of a start.
struct Filters {
    service: seccomp::Filter,
    broker: Option<seccomp::Filter>,
}

impl Filters {
    fn compile(
        plan: &Plan,
        options: &RunOptions,
        layers: &Layers,
        notify: bool,
    ) -> Result<Self, EnforceError> {
        let profile = Profile::builtin();
        let arch = Arch::native().ok_or_else(|| {
            EnforceError::Unsupported("this machine is neither x86-64 nor aarch64".to_owned())
        })?;
        let enforcing = FilterOptions {
            network_namespace: layers.namespaces,
            notify_exec: plan.children.is_empty() || options.audit,
            unix_datagrams: notify,
            without: options.without.as_deref(),
            ..FilterOptions::strict(arch)
        };
        let wanted = if options.observe { observe::filter(arch) } else { enforcing };
        let service = seccomp::compile(&profile, &wanted)
            .map_err(|error| EnforceError::Filter(error.to_string()))?;
        Ok(Self { service, broker: None })
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
    let service = confine::steps(plan, handover, layers, &rules, &stdio.redirections(), &doors)?;
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
    let trees = if may_copy_mounts() { prepare_trees(&mut init)? } else { Vec::new() };
    Ok((init, service, trees))
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
        let tree = linux::clone_tree(path, *attributes, *object).map_err(|errno| match errno.0 {
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

fn identity(plan: &Plan) -> Option<Step> {
    plan.identity.switch.then(|| Step::SwitchIdentity {
        uid: plan.identity.uid,
        gid: plan.identity.gid,
        groups: plan.identity.groups.clone(),
    })
}

fn scope(plan: &Plan, options: &RunOptions, layers: &Layers, handover: &Handover) -> Scope {
    let writable = plan.view.iter().filter_map(|entry| match entry {
        ViewEntry::Bind { target, access: Access::Write, .. } => Some(target.clone()),
        _ => None,
    });
    Scope {
        namespaces: layers.namespaces,
        children: !plan.children.is_empty(),
        audit: options.audit,
        observe: options.observe.then(|| observe::shown(plan)),
        listening: handover.cookies.clone(),
        unix_sockets: plan.unix_sockets.clone(),
        writable: writable.collect(),
    }
}

/// Root in a container often has not this right; then init copies the mounts with its own.
fn may_copy_mounts() -> bool {
    const SYS_ADMIN: u64 = 1 << 21;
    privilege::effective_capabilities() & SYS_ADMIN != 0
}
