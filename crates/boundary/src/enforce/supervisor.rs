//! The process outside: makes everything, tells what happened, passes signals on, cleans up.
//!
//! It prepares what needs the caller's rights (mounts that only root may copy, control groups,
//! secrets), starts the broker and then only waits. It reads no byte of the service except what
//! standard streams that cannot be handed over carry.

use super::broker::BrokerProcess;
use super::control::{self, Control};
use super::error::{During, EnforceError};
use super::landlock_log::LandlockLog;
use super::layers::Layers;
use super::outlet::Outlet;
use super::outside::{Identity, Outside};
use super::prepare::{self, Prepared};
use super::report::{self, List, Report};
use super::revoke::Tree;
use super::sink;
use super::wires::{self, Here};
use super::{Outcome, RunOptions};
use crate::egress::netloop::Resolution;
use crate::plan::Plan;
use ringfence_policy::event::Event;
use ringfence_policy::layer::{Answer, Layer};
use ringfence_sys::launch::{PrivateFs, Step};
use ringfence_sys::spawn::{self, Keep, Spawned};
use ringfence_sys::{Errno, fd, namespace, peer, socket, wait};
use std::os::fd::{AsFd, OwnedFd, RawFd};
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
/// A file of events or of output that has reached its limit (`RLIMIT_FSIZE`) is an error of the
/// write, and not the end of the supervisor. The service starts with no signal blocked.
const HELD_BACK: [i32; 1] = [libc::SIGXFSZ];
/// Namespaces of a service.
const NAMESPACES: u64 = namespace::NEWUSER
    | namespace::NEWNS
    | namespace::NEWPID
    | namespace::NEWIPC
    | namespace::NEWUTS
    | namespace::NEWNET;
/// How long the broker may take to end after the service.
const BROKER_GRACE: Duration = Duration::from_secs(10);

/// Namespaces that are made; a guest of a live service enters those of its host.
fn flags(layers: &Layers) -> u64 {
    let makes = layers.namespaces && layers.joined.is_none();
    if makes { layers.left_out.namespaces(NAMESPACES) } else { 0 }
}

/// A started service.
pub(super) struct Supervisor<'a> {
    plan: &'a Plan,
    prepared: Prepared,
    here: Here,
    outlet: Outlet,
    signals: OwnedFd,
    broker: Spawned,
    /// What the service reports to a service manager arrives here.
    notify: Option<OwnedFd>,
    /// Where refused accesses are traced and the host keeps an audit.
    landlock_log: Option<LandlockLog>,
    /// Requests from outside, and what they ask to be taken away.
    control: Control,
    /// Why a drop has ended the service.
    revoked: Option<String>,
    /// Whether weaknesses are said on standard error.
    warns: bool,
    service: Option<OwnedFd>,
    init: Option<OwnedFd>,
    waiting_signal: Option<i32>,
    deadline: Option<Instant>,
}

impl<'a> Supervisor<'a> {
    /// Makes the processes; the service starts as soon as the broker is ready.
    pub(super) fn start(
        plan: &'a Plan,
        options: &RunOptions,
        layers: Layers,
    ) -> Result<Self, EnforceError> {
        let signals = wait::signal_descriptor(&PASSED_ON).during("blocking signals")?;
        wait::block_signals(&HELD_BACK).during("blocking signals")?;
        let (here, there) = wires::make()?;
        let outlet =
            Outlet::open(options.events.as_ref(), options.quiet).during("copying a descriptor")?;
        let mut prepared = Prepared::make(plan, options, layers)?;
        let landlock_log = if options.trace { LandlockLog::follow() } else { None };
        let carried = prepared.carried(plan);
        let left_out = &prepared.layers.left_out;
        let inherited: Vec<RawFd> =
            prepared.handover.inherited().chain(left_out.inherited().iter().copied()).collect();
        let process = BrokerProcess {
            init: prepared.init(&there, &inherited),
            carried: &carried,
            flags: flags(&prepared.layers),
            identity: left_out.identity(plan, prepare::identity(plan)),
            layers: &prepared.layers,
            scope: prepared.scope(plan, options),
            resolution: options.resolution.clone().unwrap_or_else(Resolution::of_host),
            network: Arc::clone(&plan.network),
            service: plan.name.clone(),
            control: prepared.channel(plan),
            filter: &prepared.filters.broker,
            wires: &there,
        };
        // Before the service runs: whoever sees that it does may ask at once.
        let (outside, missing) = Outside::open();
        let kept = [there.all(), carried.clone()].concat();
        let broker =
            spawn::process(0, Keep::Only(&kept), || process.run()).during("starting the broker")?;
        prepared.release_mounts();
        let mut supervisor = Self {
            plan,
            prepared,
            here,
            outlet,
            signals,
            broker,
            notify: None,
            landlock_log,
            control: Control::new(plan, outside),
            revoked: None,
            warns: !options.quiet,
            service: None,
            init: None,
            waiting_signal: None,
            deadline: None,
        };
        if let Some(errno) = missing {
            supervisor.tell(control::without_address(errno));
        }
        Ok(supervisor)
    }

    /// Waits for the end of the service.
    pub(super) fn stay(mut self) -> Result<Outcome, EnforceError> {
        let ended = self.watch();
        let killed = self.end_broker();
        self.drain_events();
        self.pass_landlock_log();
        self.prepared.stdio.finish();
        let reached = self.prepared.group.reached(&self.plan.limits);
        for event in reached.events {
            self.warn(&event.reason);
            self.tell(event);
        }
        self.prepared.group.remove();
        let status = match (ended, self.revoked) {
            (Err(EnforceError::InitLost | EnforceError::BrokerLost), Some(why)) => {
                return Err(EnforceError::Revoked(why));
            }
            (ended, _) => ended?,
        };
        killed.during("waiting for the broker")?;
        let exit_code = match (libc::WIFEXITED(status), reached.out_of_memory) {
            (true, _) => libc::WEXITSTATUS(status),
            (false, true) => 128 + libc::SIGKILL,
            (false, false) => 128 + libc::WTERMSIG(status),
        };
        Ok(Outcome { exit_code, layers: self.prepared.layers })
    }

    /// The loop: reports, signals, events, the end of the broker. Answers the wait status.
    fn watch(&mut self) -> Result<i32, EnforceError> {
        loop {
            let next = self.deadline.into_iter().chain(self.control.outside.deadline()).min();
            let pause = next.map(|d| d.saturating_duration_since(Instant::now()));
            let mut sources = vec![
                self.here.report.as_fd(),
                self.signals.as_fd(),
                self.here.events.as_fd(),
                self.broker.pidfd.as_fd(),
            ];
            sources.extend(self.notify.as_ref().map(AsFd::as_fd));
            let log_at = sources.len();
            sources.extend(self.landlock_log.as_ref().map(AsFd::as_fd));
            let control_at = sources.len();
            sources.extend(control::sources(&self.control, self.here.control.as_fd()));
            let ready = wait::readable(&sources, pause).during("waiting")?;
            if ready & (1 << log_at) != 0 {
                self.pass_landlock_log();
            }
            if let (Some(notify), true) = (&self.notify, ready & 0b1_0000 != 0) {
                self.prepared.handover.pass_report(notify);
            }
            if ready & 0b0100 != 0 {
                self.pass_events();
            }
            if ready & 0b0001 != 0
                && let Some(status) = self.read_reports()?
            {
                return Ok(status);
            }
            // After the reports: what is dropped of a service that has started needs its handle.
            if ready >> control_at != 0 || ready == 0 {
                self.serve_control();
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

    /// All that have come; the last one is the end.
    fn read_reports(&mut self) -> Result<Option<i32>, EnforceError> {
        loop {
            let status = self.read_report()?;
            let more = wait::readable(&[self.here.report.as_fd()], Some(Duration::ZERO));
            if status.is_some() || more != Ok(1) {
                return Ok(status);
            }
        }
    }

    fn read_report(&mut self) -> Result<Option<i32>, EnforceError> {
        let mut record = [0; report::SIZE];
        let (length, mut fds) =
            socket::recv_fds(self.here.report.as_fd(), &mut record).during("reading a report")?;
        if length == 0 {
            return Err(EnforceError::InitLost);
        }
        match Report::decode(record.get(..length).unwrap_or_default()) {
            Some(Report::Ended(status)) => Ok(Some(status)),
            Some(Report::Init) => {
                self.init = fds.pop();
                Ok(None)
            }
            Some(Report::Notify) => {
                self.notify = fds.pop();
                Ok(None)
            }
            Some(Report::Started) => {
                self.service = fds.pop();
                if let (Some(log), Some(service)) = (&mut self.landlock_log, &self.service) {
                    log.of(peer::pid_of(service.as_fd()));
                }
                self.tell_absent_layers();
                self.prepared.stdio.relay()?;
                self.prepared.handover.relay()?;
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
            Some(Report::IdentityRefused(errno)) => Err(EnforceError::LayerAbsent {
                layer: Layer::Identity,
                why: format!(
                    "this process may not become user {}: {errno}",
                    self.plan.identity.uid
                ),
            }),
            Some(Report::BrokerFailed(errno)) => {
                Err(EnforceError::System { what: "the broker failed", errno })
            }
            None => {
                Err(EnforceError::System { what: "reading a report", errno: Errno(libc::EPROTO) })
            }
        }
    }

    fn step_failed(&self, list: List, index: u32, errno: Errno) -> EnforceError {
        let steps = match list {
            List::Init => &self.prepared.init_steps,
            List::Service => &self.prepared.service_steps,
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
            // A container that masks parts of /proc: no new one may show what it hides.
            Some(Step::FileSystem { kind: PrivateFs::Proc, .. }) if errno.0 == libc::EPERM => {
                EnforceError::NamespacesRefused(errno)
            }
            _ => EnforceError::Step {
                step: step.map_or_else(|| format!("step {index}"), |s| format!("{s:?}")),
                errno,
            },
        }
    }

    /// A run without a layer that the boundary accepts to miss is weaker, and never silently so.
    fn tell_absent_layers(&self) {
        for (layer, answer) in &self.prepared.layers.answers {
            if let Answer::Absent(why) = answer {
                self.warn(&format!("the layer `{layer}` is not in force: {why}"));
            }
        }
    }

    /// A line on standard error, which is never waited for.
    fn warn(&self, what: &str) {
        if self.warns && wait::writable_now(std::io::stderr().as_fd()) {
            let line = format!("warning: {what}\n");
            let _ = fd::write(std::io::stderr().as_fd(), line.as_bytes());
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

    fn pass_events(&mut self) {
        let mut room = [0; 16 * 1024];
        let Ok(length) = fd::read(self.here.events.as_fd(), &mut room) else { return };
        self.outlet.pass(room.get(..length).unwrap_or_default());
    }

    fn pass_landlock_log(&mut self) {
        let events = self.landlock_log.as_mut().map(LandlockLog::read).unwrap_or_default();
        for event in events {
            self.tell(event);
        }
    }

    fn tell(&mut self, mut event: Event) {
        event.service.clone_from(&self.plan.name);
        event.time = sink::now();
        self.outlet.pass(format!("{}\n", event.to_json_line()).as_bytes());
    }

    /// Callers from outside, and the broker's answers and orders.
    fn serve_control(&mut self) {
        let broker = self.here.control.as_fd();
        let dropped = self.control.dropped.clone();
        let identity = Identity {
            boundary: &self.plan.boundary_hash,
            file: &self.plan.file,
            service: &self.plan.name,
            layers: &self.prepared.layers.answers,
            program_pid: self.service.as_ref().and_then(|s| peer::pid_of(s.as_fd())),
            generation: self.control.generation,
            dropped: &dropped,
        };
        self.control.serve(broker, &identity);
        for order in self.control.hear(broker) {
            let tree = self.init.as_ref().map(|init| Tree {
                init: init.as_fd(),
                namespaces: self.prepared.layers.namespaces,
                group: self.prepared.group.of_service(),
                ids: (self.plan.identity.uid, self.plan.identity.gid),
            });
            let ended = self.control.carry_out(order, self.plan, tree.as_ref(), broker);
            self.revoked = self.revoked.take().or(ended);
        }
    }

    fn drain_events(&mut self) {
        while wait::readable(&[self.here.events.as_fd()], Some(Duration::ZERO)) == Ok(1) {
            let mut probe = [0; 0];
            if fd::read(self.here.events.as_fd(), &mut probe).is_err() || !self.has_events() {
                return;
            }
            self.pass_events();
        }
    }

    /// Whether bytes are there, as opposed to the end of the pipe.
    fn has_events(&self) -> bool {
        fd::bytes_ready(self.here.events.as_fd()).is_ok_and(|n| n > 0)
    }

    /// Waits until nothing of the service is left. With a pid namespace that is the end of init;
    /// the broker then has nothing to serve and ends with this process at the latest, so its end is
    /// waited for only when it has told something: its last event counts those it has dropped.
    /// Without one the broker is the last guardian of what the service started.
    fn end_broker(&mut self) -> Result<(), Errno> {
        let all_gone = self.prepared.layers.namespaces
            && self
                .init
                .as_ref()
                .is_some_and(|init| wait::readable(&[init.as_fd()], Some(BROKER_GRACE)) == Ok(1));
        if all_gone && !self.outlet.has_told() && !self.has_events() {
            return Ok(());
        }
        if !self.broker_ends_within(BROKER_GRACE) {
            let _ = wait::send_signal(self.broker.pidfd.as_fd(), libc::SIGKILL);
        }
        wait::wait_for(self.broker.pid).map(drop)
    }

    /// Takes its events meanwhile: the last one needs room in the pipe.
    fn broker_ends_within(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // A pipe without a writer is always readable, and then there is nothing to wait for.
            let sources = [self.broker.pidfd.as_fd(), self.here.events.as_fd()];
            match wait::readable(&sources, Some(left)) {
                Ok(0b10) if self.has_events() => self.pass_events(),
                Ok(0b10) => {
                    return wait::readable(&[self.broker.pidfd.as_fd()], Some(left)) == Ok(1);
                }
                ready => return ready.is_ok_and(|ready| ready & 1 != 0),
            }
        }
    }
}
