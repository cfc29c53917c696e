//! Datagrams and names between two real networks.
//!
//! The test makes a user namespace with a network that stands for the host, and for each case one
//! more that stands for the service's. No packet leaves them. It has no test harness, because a
//! process with several threads cannot enter a user namespace.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test without a harness is not known as one"
)]

use ringfence_boundary::egress::dns::Bounds;
use ringfence_boundary::egress::netloop::{
    Bell, InsideSockets, NetLoop, NetLoopError, RelayBounds, RelayError, Resolution,
};
use ringfence_boundary::egress::shared::{EventSink, Shared};
use ringfence_policy::event::Event;
use ringfence_policy::net::HostFacts;
use ringfence_sys::namespace::{self, IdMap};
use ringfence_sys::{datagram, netlink, socket, wait};
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

type Case = (&'static str, fn());

const CASES: &[Case] = &[
    ("a_granted_destination_is_reached_and_answers_from_its_own_address", granted),
    ("a_name_is_reached_through_its_synthetic_address", named),
    ("what_is_not_granted_is_not_reached", ungranted),
    ("the_resolver_keeps_its_port_when_port_53_is_granted", port_53),
    ("a_granted_port_cannot_be_bound_inside", bind_conflict),
    ("flows_are_bounded_and_nobody_is_locked_out", bounded),
    ("a_narrowed_boundary_ends_every_flow", narrowed),
    ("a_listener_sees_its_peers_real_address", listener),
    ("a_peer_with_the_listeners_own_port_is_served", same_port),
    ("a_large_datagram_passes_whole", large),
    ("grants_that_cannot_be_kept_are_refused_at_the_start", refused_grants),
];

fn main() {
    if let Err(error) = enter() {
        println!("not run: relay tests need user and network namespaces: {error}");
        let required = std::env::var_os("RINGFENCE_REQUIRE_ALL").is_some();
        assert!(!required, "user and network namespaces are required");
        return;
    }
    let filters: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(f));
    let mut passed = 0;
    let mut failed = 0;
    for (name, case) in CASES.iter().filter(|(name, _)| wanted(name)) {
        let ok = std::thread::spawn(*case).join().is_ok();
        println!("test {name} ... {}", if ok { "ok" } else { "FAILED" });
        *(if ok { &mut passed } else { &mut failed }) += 1;
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {result}. {passed} passed; {failed} failed; 0 ignored; 0 measured");
    assert_eq!(failed, 0);
}

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// Becomes root of a user namespace with a network of its own: the "host" of these tests.
fn enter() -> io::Result<()> {
    let own = std::fs::metadata("/proc/self")?;
    namespace::unshare(namespace::NEWUSER | namespace::NEWNET)?;
    let (uid_outside, gid_outside) = (own.uid(), own.gid());
    let map = IdMap { uid_inside: 0, uid_outside, gid_inside: 0, gid_outside };
    namespace::write_id_map(&map)?;
    netlink::loopback_up()?;
    for (address, prefix) in [("10.9.0.1", 24), ("fd00:9::1", 64)] {
        netlink::add_address(ip(address), prefix)?;
    }
    netlink::keep_everything_local(true)?;
    Ok(())
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

type Job = Box<dyn FnOnce() + Send>;

/// A thread in the service's network that does what it is told.
#[derive(Clone)]
struct Inside(Sender<Job>);

impl Inside {
    fn new() -> Self {
        let (jobs, work) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            namespace::unshare(namespace::NEWNET).unwrap();
            netlink::loopback_up().unwrap();
            netlink::add_address(ip("198.18.0.1"), 15).unwrap();
            netlink::add_address(ip("fd52:6e67::1"), 64).unwrap();
            netlink::keep_everything_local(false).unwrap();
            netlink::keep_everything_local(true).unwrap();
            for job in work {
                job();
            }
        });
        Self(jobs)
    }

    fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (done, answer) = mpsc::channel();
        self.0.send(Box::new(move || drop(done.send(job())))).unwrap();
        answer.recv().unwrap()
    }

    fn bind(&self, to: &str) -> UdpSocket {
        self.try_bind(to).unwrap()
    }

    fn try_bind(&self, to: &str) -> io::Result<UdpSocket> {
        let to = at(to);
        let socket = self.run(move || UdpSocket::bind(to))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(socket)
    }
}

impl InsideSockets for Inside {
    fn udp(&self, ipv6: bool) -> io::Result<OwnedFd> {
        let family = if ipv6 { libc::AF_INET6 } else { libc::AF_INET };
        let kind = libc::SOCK_DGRAM | libc::SOCK_NONBLOCK;
        Ok(self.run(move || socket::socket(family, kind, 0))?)
    }
}

#[derive(Clone, Default)]
struct Events(Arc<Mutex<Vec<Event>>>);

impl EventSink for Events {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Events {
    fn reasons(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|e| format!("{}: {}", e.resource, e.reason)).collect()
    }
}

/// A running network loop.
struct Loop {
    inside: Inside,
    shared: Arc<Shared>,
    events: Events,
    bell: Bell,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Loop {
    fn start(net: &str) -> Self {
        Self::try_start(net, RelayBounds::default()).unwrap()
    }

    fn try_start(net: &str, relay: RelayBounds) -> Result<Self, NetLoopError> {
        let text = format!(
            "schema = 1\n[service]\nname = \"test\"\nstart = [\"true\"]\n[fs]\nread = [\"./\"]\n[net]\n{net}\n"
        );
        let boundary = ringfence_policy::parse("test.toml", &text).unwrap();
        let events = Events::default();
        let sink = Box::new(events.clone());
        let network = Arc::new(boundary.net);
        let shared = Arc::new(Shared::new(network, HostFacts::default(), sink, false));
        let inside = Inside::new();
        let sockets = Box::new(inside.clone());
        let datagrams = inside.run(|| UdpSocket::bind("127.0.0.1:53").unwrap()).into();
        let streams = inside.run(|| TcpListener::bind("127.0.0.1:53").unwrap()).into();
        let resolution = Resolution { relay, bounds: Bounds::default(), ..Resolution::default() };
        let state = Arc::clone(&shared);
        let mut netloop = NetLoop::new(resolution, state, datagrams, streams, sockets)?;
        let bell = netloop.bell();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            netloop.run_while(|| !stopped.load(Ordering::Acquire)).unwrap();
        });
        Ok(Self { inside, shared, events, bell, stop, thread: Some(thread) })
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.bell.ring();
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(std::thread::panicking() || ended.is_some_and(|ended| ended.is_ok()));
    }
}

/// A socket of the host. The kernel is not waited for to know an address it was just given.
fn outside(bind: &str) -> UdpSocket {
    let bind = at(bind);
    let socket = datagram::udp(bind.is_ipv6()).unwrap();
    datagram::any_source(socket.as_fd(), bind.is_ipv6()).unwrap();
    socket::bind(socket.as_fd(), &bind).unwrap();
    let socket = UdpSocket::from(socket);
    socket.set_nonblocking(false).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Takes one datagram and sends it back; answers where it came from.
fn echo(server: &UdpSocket) -> SocketAddr {
    let mut buffer = vec![0; 65_535];
    let (length, from) = server.recv_from(&mut buffer).unwrap();
    server.send_to(&buffer[..length], from).unwrap();
    from
}

fn receive(socket: &UdpSocket) -> (String, SocketAddr) {
    let mut buffer = [0; 2048];
    let (length, from) = socket.recv_from(&mut buffer).unwrap();
    (String::from_utf8_lossy(&buffer[..length]).into_owned(), from)
}

fn is_silent(socket: &UdpSocket) -> bool {
    wait::readable(&[socket.as_fd()], Some(Duration::ZERO)).unwrap() == 0
}

fn granted() {
    for server in ["10.9.0.1:7000", "[fd00:9::1]:7000"] {
        let far = outside(server);
        let running = Loop::start(&format!("udp = [{server:?}]"));
        let any = if at(server).is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
        let loose = running.inside.bind(any);
        loose.send_to(b"one", server).unwrap();
        let first = echo(&far);
        assert_eq!(first.ip(), at(server).ip(), "from the host's own address");
        assert_eq!(receive(&loose), ("one".to_owned(), at(server)));
        let bound = running.inside.bind(any);
        bound.connect(server).unwrap();
        bound.send(b"two").unwrap();
        let second = echo(&far);
        assert_ne!(second, first, "each socket of the service is a flow of its own");
        assert_eq!(receive(&bound), ("two".to_owned(), at(server)));
        loose.send_to(b"three", server).unwrap();
        assert_eq!(echo(&far), first, "and keeps it");
    }
}

fn named() {
    let net = "udp = [\"echo.test:7000\"]\nhosts = { \"echo.test\" = \"10.9.0.1\" }";
    let far = outside("10.9.0.1:7000");
    let running = Loop::start(net);
    let client = running.inside.bind("0.0.0.0:0");
    let mut question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    question.extend(b"\x04echo\x04test\x00\x00\x01\x00\x01");
    client.send_to(&question, "127.0.0.1:53").unwrap();
    let mut answer = [0; 512];
    let (length, from) = client.recv_from(&mut answer).unwrap();
    assert_eq!(from, at("127.0.0.1:53"));
    assert_eq!(answer[length - 4..length], [198, 18, 0, 2]);
    client.send_to(b"hello", "198.18.0.2:7000").unwrap();
    echo(&far);
    assert_eq!(receive(&client), ("hello".to_owned(), at("198.18.0.2:7000")));
}

fn ungranted() {
    let (far, other_port) = (outside("10.9.0.1:7000"), outside("10.9.0.1:7001"));
    let other_host = outside("10.9.0.2:7000");
    let running = Loop::start("udp = [\"10.9.0.1:7000\"]");
    let client = running.inside.bind("0.0.0.0:0");
    client.send_to(b"no", "10.9.0.2:7000").unwrap();
    client.send_to(b"no", "127.0.0.1:7000").unwrap();
    client.send_to(b"no", "198.18.7.7:7000").unwrap();
    client.send_to(b"yes", "10.9.0.1:7000").unwrap();
    echo(&far);
    assert_eq!(receive(&client).0, "yes");
    // Datagrams of one socket are taken in order, so the others were decided about before.
    assert!(is_silent(&other_host));
    let reasons = running.events.reasons().join("\n");
    for refused in ["10.9.0.2:7000: ", "127.0.0.1:7000: ", "198.18.7.7:7000: "] {
        assert!(reasons.contains(refused), "{refused} in {reasons}");
    }
    client.connect("10.9.0.1:7001").unwrap();
    client.send(b"no").unwrap();
    let refused = client.recv(&mut [0; 8]).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused, "as from a closed port");
    assert!(is_silent(&other_port));
    // The control: from the host's network both are reached.
    let control = outside("10.9.0.1:0");
    for (server, address) in [(&other_port, "10.9.0.1:7001"), (&other_host, "10.9.0.2:7000")] {
        control.send_to(b"control", address).unwrap();
        assert_eq!(receive(server).0, "control");
    }
}

fn port_53() {
    let far = outside("10.9.0.1:53");
    let running = Loop::start("udp = [\"10.9.0.1:53\"]");
    let client = running.inside.bind("0.0.0.0:0");
    client.send_to(b"to the nameserver", "10.9.0.1:53").unwrap();
    echo(&far);
    assert_eq!(receive(&client), ("to the nameserver".to_owned(), at("10.9.0.1:53")));
    let question = b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01x\x00\x00\x01\x00\x01";
    client.send_to(question, "127.0.0.1:53").unwrap();
    assert_eq!(receive(&client).1, at("127.0.0.1:53"));
    let hijack = running.inside.run(|| {
        let socket = datagram::udp(false)?;
        datagram::share_address(socket.as_fd(), true)?;
        socket::bind(socket.as_fd(), &at("127.0.0.1:53"))
    });
    assert_eq!(hijack.unwrap_err().0, libc::EADDRINUSE);
}

fn bind_conflict() {
    let running = Loop::start("udp = [\"10.9.0.1:7000\"]");
    let taken = running.inside.try_bind("0.0.0.0:7000").unwrap_err();
    assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    running.inside.bind("0.0.0.0:7002");
}

fn bounded() {
    let far = outside("10.9.0.1:7000");
    let bounds = RelayBounds { outbound: 2, ..RelayBounds::default() };
    let running = Loop::try_start("udp = [\"10.9.0.1:7000\"]", bounds).unwrap();
    let clients: Vec<UdpSocket> = (0..5).map(|_| running.inside.bind("0.0.0.0:0")).collect();
    for round in 0..3 {
        for (index, client) in clients.iter().enumerate() {
            let text = format!("{round} {index}");
            client.send_to(text.as_bytes(), "10.9.0.1:7000").unwrap();
            echo(&far);
            assert_eq!(receive(client).0, text);
        }
    }
}

fn narrowed() {
    let far = outside("10.9.0.1:7000");
    let running = Loop::start("udp = [\"10.9.0.1:7000\"]");
    let client = running.inside.bind("0.0.0.0:0");
    let send = || {
        client.send_to(b"x", "10.9.0.1:7000").unwrap();
        receive(&far).1
    };
    let before = send();
    assert_eq!(send(), before);
    running.shared.narrow();
    running.bell.ring();
    let after = send();
    assert_ne!(after, before, "decided about anew");
    far.send_to(b"late", before).unwrap();
    far.send_to(b"now", after).unwrap();
    assert_eq!(receive(&client).0, "now", "the old flow carries nothing any more");
}

fn listener() {
    for (listen, any, peer) in [
        ("10.9.0.1:8443", "0.0.0.0:8443", "10.9.0.77:5000"),
        ("[fd00:9::1]:8443", "[::]:8443", "[fd00:9::77]:5000"),
    ] {
        let running = Loop::start(&format!("udp-listen = [{listen:?}]"));
        let service = running.inside.bind(any);
        let far = outside(peer);
        for text in ["one", "two"] {
            far.send_to(text.as_bytes(), listen).unwrap();
            assert_eq!(echo(&service), at(peer));
            assert_eq!(receive(&far), (text.to_owned(), at(listen)));
        }
        // Another socket of the service cannot use the listener to reach the peer.
        let other = running.inside.bind(&any.replace("8443", "0"));
        other.send_to(b"no", peer).unwrap();
        service.send_to(b"yes", peer).unwrap();
        assert_eq!(receive(&far), ("yes".to_owned(), at(listen)));
    }
}

fn same_port() {
    let running = Loop::start("udp-listen = [\"10.9.0.1:7946\"]");
    let far = outside("10.9.0.77:7946");
    // As the broker binds for the service: the address may be shared.
    let service: UdpSocket = running
        .inside
        .run(|| {
            let socket = datagram::udp(false).unwrap();
            datagram::share_address(socket.as_fd(), true).unwrap();
            socket::bind(socket.as_fd(), &at("0.0.0.0:7946")).unwrap();
            socket
        })
        .into();
    service.set_nonblocking(false).unwrap();
    far.send_to(b"gossip", "10.9.0.1:7946").unwrap();
    assert_eq!(echo(&service), at("10.9.0.77:7946"));
    assert_eq!(receive(&far), ("gossip".to_owned(), at("10.9.0.1:7946")));
    // A socket that does not share its address: the port is another one, the answer still arrives.
    let alone = Loop::start("udp-listen = [\"10.9.0.1:7947\"]");
    let far = outside("10.9.0.77:7947");
    let service = alone.inside.bind("0.0.0.0:7947");
    far.send_to(b"gossip", "10.9.0.1:7947").unwrap();
    let seen = echo(&service);
    assert_eq!(seen.ip(), ip("10.9.0.77"));
    assert_ne!(seen.port(), 7947);
    assert_eq!(receive(&far), ("gossip".to_owned(), at("10.9.0.1:7947")));
}

fn large() {
    let far = outside("10.9.0.1:7000");
    let running = Loop::start("udp = [\"10.9.0.1:7000\"]");
    let client = running.inside.bind("0.0.0.0:0");
    let bytes: Vec<u8> = (0..65_507_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    client.send_to(&bytes, "10.9.0.1:7000").unwrap();
    echo(&far);
    let mut buffer = vec![0; 65_535];
    let length = client.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..length], bytes);
}

fn refused_grants() {
    let refused = |net: &str| match Loop::try_start(net, RelayBounds::default()) {
        Err(NetLoopError::Relay(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("started: {net}"),
    };
    let error = refused("udp = [\"10.9.0.1:1000-1100\"]");
    assert_eq!(error.to_string(), "net.udp grants 101 ports, and at most 64 can be relayed");
    assert!(matches!(refused("udp-listen = [\"10.9.0.1:0\"]"), RelayError::NoPort(_)));
    let both = "udp = [\"10.9.0.1:443\"]\nudp-listen = [\"10.9.0.1:443\"]";
    assert!(matches!(refused(both), RelayError::PortTwice(443)));
    let _taken = outside("10.9.0.1:8443");
    let error = refused("udp-listen = [\"10.9.0.1:8443\"]");
    assert_eq!(error.to_string(), "cannot listen for datagrams on 10.9.0.1:8443");
}
