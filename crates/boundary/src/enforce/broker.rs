//! The broker as a process: who it is, what it keeps, which threads it has.
//!
//! It runs as the service's user, without capabilities and without secrets, under a filter of its
//! own (`profiles/broker.toml`) from before it hears of the service's first call: it can open files
//! as names only, execute nothing, map nothing executable, make no process and send no signal but
//! the one of its own abort. Whatever it needs beyond that is opened before. Landlock is not used on
//! it: a process in a domain cannot look into a process outside that domain (`ptrace(2)` access in
//! landlock(7)), and looking into the service is its task; and were the service in its domain, every
//! move of a file between two folders would be refused, which a domain refuses even when it handles
//! no file right. It does not defend the service, whose memory and descriptors stay open to it, nor
//! what a socket of the host can reach.

use super::init::{Init, tag};
use super::layers::Layers;
use super::lock::Lock;
use super::report::Report;
use super::sink::PipeSink;
use super::wires::There;
use crate::control::facts::Facts;
use crate::egress::broker::{Broker, Diagnosers, Scope};
use crate::egress::control::{Control, Door, Means, NetloopBell};
use crate::egress::netloop::{Bell, NetLoop, Resolution};
use crate::egress::shared::Shared;
use crate::egress::waiter::{self, Waiter};
use crate::plan::Plan;
use ringfence_policy::net::HostFacts;
use ringfence_sys::launch::{Kernel, Step};
use ringfence_sys::linux::Linux;
use ringfence_sys::notify::Listener;
use ringfence_sys::seccomp::{self, Filter};
use ringfence_sys::spawn::{self, Keep};
use ringfence_sys::wait::Descendants;
use ringfence_sys::{Errno, fd, interfaces, netlink, peer, privilege, process, socket, wait};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

/// Everything the broker needs, made before it is.
pub(super) struct BrokerProcess<'a> {
    pub(super) init: Init<'a>,
    /// Descriptors of the steps: prepared mounts, control groups, standard streams.
    pub(super) carried: &'a [RawFd],
    pub(super) flags: u64,
    pub(super) identity: Option<Step>,
    pub(super) layers: &'a Layers,
    pub(super) scope: Scope,
    pub(super) resolution: Resolution,
    pub(super) network: Arc<ringfence_policy::model::Network>,
    pub(super) service: String,
    /// What the control channel needs to know.
    pub(super) control: Channel<'a>,
    /// The broker's own filter.
    pub(super) filter: &'a Filter,
    pub(super) wires: &'a There,
}

/// What the control channel needs to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channel<'a> {
    pub(super) plan: &'a Plan,
    /// Device and inode of the service's Node, and the number that its processes find their channel
    /// at; missing where the service is none.
    pub(super) node: Option<((u64, u64), RawFd)>,
}

/// Stack of a broker thread: they hold a few buffers and never recurse.
const STACK: usize = 256 * 1024;

impl BrokerProcess<'_> {
    /// Runs until the service has ended; answers the exit code.
    pub(super) fn run(self) -> i32 {
        match self.try_run() {
            Ok(()) => 0,
            Err((report, errno)) => {
                Report::BrokerFailed(errno).send(report);
                1
            }
        }
    }

    fn try_run(&self) -> Result<(), (BorrowedFd<'_>, Errno)> {
        let report = self.init.report;
        let init = self.prepare().map_err(|errno| (report, errno))?;
        let Some(init) = init else { return Ok(()) };
        let _ = privilege::set_dumpable(false);
        let wires = self.wires;
        let own = [
            &wires.events,
            &wires.control,
            &wires.channel.0,
            &wires.requests.0,
            &wires.broker_alive.1,
        ];
        let mut kept: Vec<RawFd> = own.into_iter().map(AsRawFd::as_raw_fd).collect();
        kept.extend([report.as_raw_fd(), init.pidfd.as_raw_fd()]);
        spawn::close_others(&kept);
        let tree = self.descendants().map_err(|errno| (report, errno))?;
        let served = spawn::detach_standard()
            .and_then(|()| outlive(tree.as_ref(), init.pidfd.as_raw_fd()))
            .and_then(|()| self.serve(report));
        if served.is_ok() {
            // Nothing is left to serve; init says how it ended before this process may end.
            let _ = wait::wait_for(init.pid);
        }
        if let Some(tree) = tree {
            tree.kill();
        }
        // A service that ended before its filter was there has told the supervisor itself.
        match served {
            Err(Errno(libc::EPIPE)) => Ok(()),
            other => other.map_err(|errno| (report, errno)),
        }
    }

    /// Becomes the service's user and starts init; `None` when the supervisor is gone already or
    /// was told that namespaces are refused.
    fn prepare(&self) -> Result<Option<spawn::Spawned>, Errno> {
        if let Some(switch) = &self.identity
            && let Err(errno) = Linux.perform(switch)
        {
            Report::IdentityRefused(errno).send(self.init.report);
            return Ok(None);
        }
        privilege::set_parent_death_signal(libc::SIGKILL)?;
        if wait::readable(&[self.init.supervisor_alive], Some(Duration::ZERO))? != 0 {
            return Ok(None);
        }
        let left_out = &self.layers.left_out;
        if !left_out.has(Lock::NoNewPrivileges) {
            process::no_new_privs()?;
        }
        if !self.init.namespaces || self.init.guest {
            privilege::set_child_subreaper()?;
        }
        if let Err(errno) = copies_descriptors() {
            Report::DescriptorsRefused(errno).send(self.init.report);
            return Ok(None);
        }
        let init = &self.init;
        let own =
            [init.report, init.broker, init.requests, init.supervisor_alive, init.broker_alive];
        let mut kept: Vec<RawFd> = own.iter().map(AsRawFd::as_raw_fd).collect();
        kept.extend_from_slice(self.carried);
        match spawn::process(self.flags, Keep::Only(&kept), || init.run()) {
            Ok(started) => {
                process::no_new_privs()?;
                let handle = [started.pidfd.as_fd()];
                let _ = socket::send_fds(init.report, &Report::Init.encode(), &handle);
                Ok(Some(started))
            }
            // A host that is short of something now is none that refuses namespaces: a boundary that
            // can do without them must not get weaker by that.
            Err(errno) if self.flags != 0 && !is_shortage(errno) => {
                Report::NamespacesRefused(errno).send(init.report);
                Ok(None)
            }
            Err(errno) => Err(errno),
        }
    }

    /// Without a pid namespace the end of init is not the end of what it started.
    fn descendants(&self) -> Result<Option<Arc<Descendants>>, Errno> {
        let wanted = !self.init.namespaces || self.init.guest;
        wanted.then(|| Descendants::of_this_process().map(Arc::new)).transpose()
    }

    fn serve(&self, report: BorrowedFd<'_>) -> Result<(), Errno> {
        // What does not need the service comes first: it is being prepared meanwhile.
        let sink = PipeSink::new(self.wires.events.as_raw_fd(), &self.service);
        let shared = Arc::new(Shared::new(
            Arc::clone(&self.network),
            facts(),
            Box::new(sink),
            self.scope.audit,
        ));
        // Only for this process: init, and with it the service, was made before.
        let descriptors = privilege::raise_limit(libc::RLIMIT_NOFILE, waiter::DESCRIPTORS)?;
        let waiter = Waiter::new(descriptors)?;
        let (waiting, state) = (waiter.clone(), Arc::clone(&shared));
        thread("waiter", move || waiting.run(&state).unwrap_or_default())?;
        let bell = NetloopBell::default();
        let door = self.start_control(&shared, &waiter, Arc::clone(&bell))?;
        let mut diagnosers = Diagnosers { inside: None, host: netlink::open_diag().ok() };
        if self.init.namespaces {
            let sockets = self.receive(tag::SOCKETS, 3)?;
            let mut sockets = sockets.into_iter();
            let (udp, tcp) = (sockets.next(), sockets.next());
            diagnosers.inside = sockets.next();
            if let (Some(udp), Some(tcp)) = (udp, tcp) {
                let _ = bell.set(self.start_netloop(&shared, udp, tcp)?);
            }
        }
        // There is no further thread, and nothing of the service was heard of yet.
        seccomp::install_everywhere(self.filter)?;
        let report = report.try_clone_to_owned().map_err(Errno::from)?;
        let on_start = Box::new(move |tid| started(&report, tid));
        let listener = self.receive(tag::LISTENER, 1)?.pop().ok_or(Errno(libc::EPROTO))?;
        let listener = Arc::new(Listener::new(listener));
        let events = Arc::clone(&shared);
        let mut broker =
            Broker::new(listener, shared, self.scope.clone(), diagnosers, waiter, door, on_start)?;
        let served = broker.serve();
        events.events.close();
        served
    }

    fn start_netloop(
        &self,
        shared: &Arc<Shared>,
        udp: OwnedFd,
        tcp: OwnedFd,
    ) -> Result<Bell, Errno> {
        let door = super::sink::InsideDoor::new(self.wires.requests.0.as_fd())?;
        let mut resolution = self.resolution.clone();
        // The live service's broker has the ports of its datagrams.
        resolution.relay.elsewhere = self.init.guest;
        let mut netloop = NetLoop::new(resolution, Arc::clone(shared), udp, tcp, Box::new(door))?;
        let bell = netloop.bell();
        thread("netloop", move || netloop.run().unwrap_or_default()).map(|()| bell)
    }

    fn start_control(
        &self,
        shared: &Arc<Shared>,
        waiter: &Waiter,
        netloop: NetloopBell,
    ) -> Result<Door, Errno> {
        let door = Door::new(self.control.node)?;
        let supervisor = self.wires.control.try_clone().map_err(Errno::from)?;
        let shared = Arc::clone(shared);
        let means =
            Means { shared, waiter: waiter.clone(), netloop, door: door.clone(), supervisor };
        let facts = Facts::new(self.control.plan, self.init.namespaces);
        let mut control = Control::new(means, facts)?;
        thread("control", move || control.run().unwrap_or_default())?;
        Ok(door)
    }

    /// Takes the descriptors that init or the service hands over.
    fn receive(&self, wanted: u8, count: usize) -> Result<Vec<OwnedFd>, Errno> {
        let mut tag = [0];
        let (length, fds) = socket::recv_fds(self.wires.channel.0.as_fd(), &mut tag)?;
        match (length, tag[0] == wanted && fds.len() == count) {
            (0, _) => Err(Errno(libc::EPIPE)),
            (_, true) => Ok(fds),
            (_, false) => Err(Errno(libc::EPROTO)),
        }
    }
}

/// Whether the same call may succeed later (clone(2)). A limit of the host on namespaces is
/// `ENOSPC`, and may be zero.
const fn is_shortage(errno: Errno) -> bool {
    matches!(errno.0, libc::EAGAIN | libc::ENOMEM | libc::EMFILE | libc::ENFILE)
}

/// Ends what init leaves behind, also when the broker's own loop does not come to its end.
fn outlive(tree: Option<&Arc<Descendants>>, init: RawFd) -> Result<(), Errno> {
    let Some(tree) = tree.map(Arc::clone) else { return Ok(()) };
    thread("guardian", move || {
        let _ = wait::readable(&[fd::borrow(init)], None);
        tree.kill();
    })
}

/// Gives the supervisor a handle of the service, before its program runs.
fn started(report: &OwnedFd, tid: i32) {
    if let Ok(pidfd) = peer::pidfd_open(tid) {
        let _ = socket::send_fds(report.as_fd(), &Report::Started.encode(), &[pidfd.as_fd()]);
    }
}

/// Whether this host lets a process copy descriptors at all: filters of containers may not.
fn copies_descriptors() -> Result<(), Errno> {
    let own = i32::try_from(std::process::id()).map_err(|_| Errno(libc::ESRCH))?;
    let (probe, _other) = fd::pipe(0)?;
    peer::pidfd_getfd(peer::pidfd_open(own)?.as_fd(), probe.as_raw_fd()).map(drop)
}

/// Without the list nothing counts as the host's own; such addresses are still no grant.
fn facts() -> HostFacts {
    HostFacts { own_addresses: interfaces::addresses().unwrap_or_default() }
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Errno> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK)
        .spawn(body)
        .map(drop)
        .map_err(Errno::from)
}
