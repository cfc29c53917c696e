//! The first process of the service's pid namespace, and its guardian.
//!
//! It builds the namespaces from the inside, makes the sockets that only exist there, starts the
//! service and reaps what the service leaves behind. It ends when the service ends, when the
//! supervisor ends or when the broker ends, and the kernel then ends everything else in the
//! namespace. Without a pid namespace it does the same as the child subreaper of the tree. Once the
//! program runs it holds no secret and no capability, and its own filter (`profiles/init.toml`)
//! leaves it little more than waiting.

use super::report::{List, Report};
use ringfence_sys::launch::{Kernel, Step, StepFailure, perform_all};
use ringfence_sys::linux::Linux;
use ringfence_sys::seccomp::{self, Filter};
use ringfence_sys::spawn::{self, Keep};
use ringfence_sys::wait::Descendants;
use ringfence_sys::{Errno, fd, netlink, privilege, process, socket, wait};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

/// Everything init needs, made before it is.
#[expect(clippy::struct_excessive_bools, reason = "each is about another part of the start")]
pub(super) struct Init<'a> {
    /// Namespaces and root.
    pub(super) steps: &'a [Step],
    /// Limits, rights; the last step starts the program.
    pub(super) service: &'a [Step],
    /// The service's system call filter.
    pub(super) filter: &'a Filter,
    /// Init's own, from the start of the service on; missing only where nothing is enforced.
    pub(super) own_filter: &'a Filter,
    /// Descriptors that the program inherits besides the standard ones.
    pub(super) inherited: &'a [RawFd],
    /// Whether the service shall be able to report to a service manager.
    pub(super) notify: bool,
    /// Whether there are namespaces.
    pub(super) namespaces: bool,
    /// Whether the network is its own: that of the host has a resolver of its own.
    pub(super) own_network: bool,
    /// Whether the namespaces are those of a live service, and go on without this process.
    pub(super) guest: bool,
    /// To the supervisor.
    pub(super) report: BorrowedFd<'a>,
    /// To the broker: sockets of the inside and the listener.
    pub(super) broker: BorrowedFd<'a>,
    /// From the broker: requests for further sockets.
    pub(super) requests: BorrowedFd<'a>,
    /// Readable once the supervisor has ended.
    pub(super) supervisor_alive: BorrowedFd<'a>,
    /// Readable once the broker has ended.
    pub(super) broker_alive: BorrowedFd<'a>,
}

/// What the descriptors that init hands over are, one byte with each.
pub(crate) mod tag {
    /// UDP and TCP of the resolver, and a netlink socket, in this order.
    pub(crate) const SOCKETS: u8 = b's';
    /// The listener of the filter.
    pub(crate) const LISTENER: u8 = b'l';
    /// An answer to a request for a UDP socket.
    pub(crate) const UDP: u8 = b'u';
    /// A request for an IPv4 UDP socket.
    pub(crate) const WANT_IPV4: u8 = b'4';
    /// A request for an IPv6 UDP socket.
    pub(crate) const WANT_IPV6: u8 = b'6';
}

impl Init<'_> {
    /// Runs to the end of the service and answers this process's exit code.
    pub(super) fn run(&self) -> i32 {
        // A change of user made this process undumpable, and its files in /proc root's.
        let _ = privilege::set_dumpable(true);
        // First: the list of children is looked up in the /proc of the outside.
        let tree = match self.descendants() {
            Ok(tree) => tree,
            Err(errno) => {
                Report::BrokerFailed(errno).send(self.report);
                return 1;
            }
        };
        if let Err(failure) = perform_all(&mut Linux, self.steps) {
            return self.failed(List::Init, failure);
        }
        if self.namespaces
            && let Err(errno) = self.hand_over_sockets()
        {
            Report::BrokerFailed(errno).send(self.report);
            return 1;
        }
        let service = match spawn::process(0, Keep::All, || self.become_service()) {
            Ok(service) => service,
            Err(errno) => return self.failed(List::Service, StepFailure { index: 0, errno }),
        };
        match self.calm_down() {
            Ok(children) => {
                if let Some(status) = self.guard(service.pid, &children) {
                    Report::Ended(status).send(self.report);
                }
            }
            Err(errno) => Report::BrokerFailed(errno).send(self.report),
        }
        if let Some(tree) = tree {
            tree.kill();
        }
        0
    }

    /// What must be ended one by one, without a pid namespace.
    fn descendants(&self) -> Result<Option<Descendants>, Errno> {
        if self.namespaces && !self.guest {
            return Ok(None);
        }
        privilege::set_child_subreaper()?;
        Descendants::of_this_process().map(Some)
    }

    fn failed(&self, list: List, StepFailure { index, errno }: StepFailure) -> i32 {
        Report::StepFailed { list, index, errno }.send(self.report);
        1
    }

    /// Sockets of the private network: nobody outside can make them.
    fn hand_over_sockets(&self) -> Result<(), Errno> {
        let port = if self.own_network { 53 } else { 0 };
        let resolver: SocketAddr = ([127, 0, 0, 1], port).into();
        let udp = socket::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK, 0)?;
        socket::bind(udp.as_fd(), &resolver)?;
        let tcp = socket::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
        socket::bind(tcp.as_fd(), &resolver)?;
        socket::listen(tcp.as_fd(), 64)?;
        if self.notify {
            let notify = socket::socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0)?;
            let at = socket::Address::UnixPath(super::handover::NOTIFY.as_bytes().to_vec());
            socket::bind_address(notify.as_fd(), &at)?;
            socket::send_fds(self.report, &Report::Notify.encode(), &[notify.as_fd()])?;
        }
        let diag = netlink::open_diag()?;
        let fds = [udp.as_fd(), tcp.as_fd(), diag.as_fd()];
        socket::send_fds(self.broker, &[tag::SOCKETS], &fds)
    }

    /// The service's own process, up to its program.
    fn become_service(&self) -> i32 {
        let Some((start, confine)) = self.service.split_last() else { return 1 };
        if let Err(failure) = perform_all(&mut Linux, confine) {
            return self.failed(List::Service, failure);
        }
        let index = u32::try_from(confine.len()).unwrap_or(u32::MAX);
        let filtered = seccomp::install(self.filter)
            .and_then(|listener| self.give_listener(&listener))
            .and_then(|()| self.close_on_exec())
            .and_then(|()| Linux.perform(start));
        match filtered {
            Ok(()) => 1,
            Err(errno) => self.failed(List::Service, StepFailure { index, errno }),
        }
    }

    /// Everything but what is handed over ends at the program's start.
    fn close_on_exec(&self) -> Result<(), Errno> {
        fd::cloexec_range(3, u32::MAX)?;
        self.inherited.iter().try_for_each(|kept| fd::set_cloexec(fd::borrow(*kept), false))
    }

    fn give_listener(&self, listener: &OwnedFd) -> Result<(), Errno> {
        socket::send_fds(self.broker, &[tag::LISTENER], &[listener.as_fd()])
    }

    /// Init keeps nothing of what it needed to build the inside, and may do little more than wait
    /// from now on. Answers where it hears of the end of its children.
    fn calm_down(&self) -> Result<OwnedFd, Errno> {
        let _ = privilege::set_dumpable(false);
        if self.namespaces {
            let _ = privilege::drop_all_capabilities();
        }
        process::no_new_privs()?;
        let children = wait::signal_descriptor(&[libc::SIGCHLD])?;
        seccomp::install_plain(self.own_filter)?;
        Ok(children)
    }

    /// Waits for the end of the service and answers its wait status; `None` when the supervisor or
    /// the broker ended first.
    fn guard(&self, service: i32, children: &OwnedFd) -> Option<i32> {
        loop {
            while let Ok(Some((pid, status))) = wait::reap() {
                if pid == service {
                    return Some(status);
                }
            }
            let sources =
                [children.as_fd(), self.requests, self.supervisor_alive, self.broker_alive];
            let ready = wait::readable(&sources, None).ok()?;
            if ready & 0b1100 != 0 {
                return None;
            }
            if ready & 0b0010 != 0 && self.answer_request().is_err() {
                return None;
            }
            if ready & 0b0001 != 0 {
                while wait::next_signal(children.as_fd()).is_some() {}
            }
        }
    }

    /// The broker asks for a UDP socket of the private network.
    fn answer_request(&self) -> Result<(), Errno> {
        let mut request = [0];
        if fd::read(self.requests, &mut request)? == 0 {
            return Err(Errno(libc::EPIPE));
        }
        let family = if request[0] == tag::WANT_IPV6 { libc::AF_INET6 } else { libc::AF_INET };
        match socket::socket(family, libc::SOCK_DGRAM | libc::SOCK_NONBLOCK, 0) {
            Ok(made) => socket::send_fds(self.requests, &[tag::UDP], &[made.as_fd()]),
            Err(_) => socket::send_fds(self.requests, &[tag::UDP], &[]),
        }
    }
}
