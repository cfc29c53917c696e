//! Keeping the broker busy: many calls that wait, many names, many refusals.
//!
//! A broker that serves one caller after another, or that waits for one, can be stalled by any of
//! them. Each act first shows that the granted canary is reached, then floods, and counts; while the
//! flood lasts the granted canary must be reached again in five seconds. What is attacked exists only
//! inside, so the act is its own control: a flood that did not take place is not applicable.

use super::network::{self, RawAddress, connect, socket, tcp};
use super::{Attempt, Failure, Params, Step};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// How long the granted canary may take while the flood lasts.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a flood lasts.
const FLOOD: Duration = Duration::from_millis(300);
/// Calls that wait; a limit of processes counts their threads.
const WAITING: usize = 24;
/// Connections that are begun; a limit of descriptors counts them.
const BEGUN: usize = 200;
/// Names that are asked for.
const NAMES: usize = 500;

/// Whether the granted canary speaks.
fn served(params: &Params) -> Result<(), Failure> {
    network::reach(params.address("granted4")?, params.text("token")?).map(drop)
}

/// The control of every act: somebody decides, and lets the granted canary through.
fn before(params: &Params) -> Result<(), Failure> {
    if network::reach_tcp(params, "tcp4").is_ok() {
        return Err(Failure::not_applicable("nobody decides about connections here"));
    }
    served(params).map_err(|_| Failure::not_applicable("the granted canary is not reached"))
}

/// Whether the granted canary is reached while a flood lasts: if it is, the attack failed.
fn verdict(params: &Params, flood: &str) -> Attempt {
    let (tell, told) = channel();
    let asked = params.clone();
    let began = Instant::now();
    // Again for as long as there is time: one answer that is late is a busy machine's.
    let ask = move || loop {
        let answer = served(&asked);
        if answer.is_ok() || began.elapsed() >= PATIENCE {
            return tell.send(answer).unwrap_or_default();
        }
    };
    std::thread::Builder::new().spawn(ask).step("thread")?;
    match told.recv_timeout(PATIENCE) {
        Ok(Ok(())) => {
            let took = began.elapsed().as_millis();
            Err(Failure::effect("served", format!("{flood}; others were served in {took} ms")))
        }
        Ok(Err(failure)) => Ok(format!("{flood}; then nobody was served: {failure:?}")),
        Err(_) => Ok(format!("{flood}; then nobody was served for five seconds")),
    }
}

/// A listener of the service's own that takes nobody in.
fn deaf() -> Result<(TcpListener, SocketAddr), Failure> {
    let none = |error| Failure::not_applicable(format!("no listener of its own: {error}"));
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(none)?;
    let address = listener.local_addr().step("getsockname")?;
    Ok((listener, address))
}

/// Fills the queue of a listener and lets further calls wait for it.
pub fn backlog(params: &Params) -> Attempt {
    before(params)?;
    let (listener, address) = deaf()?;
    let args = [crate::call::fd(listener.as_fd()), 0, 0, 0, 0, 0];
    // SAFETY: a descriptor and a number: the queue has room for one.
    unsafe { crate::call::call(libc::SYS_listen, args) }.step("listen")?;
    let mut threads = 0;
    for _ in 0..WAITING {
        let wait = move || {
            let made = tcp(address);
            if let Ok(made) = made {
                let _ = connect(made.as_fd(), RawAddress::new(address).bytes());
                std::thread::park();
            }
        };
        threads += usize::from(std::thread::Builder::new().spawn(wait).is_ok());
    }
    if threads < WAITING / 2 {
        return Err(Failure::not_applicable("too few threads can be made"));
    }
    come();
    verdict(params, &format!("{threads} calls waited for a full queue"))
}

/// Begins connections and leaves them.
pub fn connects(params: &Params) -> Attempt {
    before(params)?;
    let (_listener, address) = deaf()?;
    let mut begun: Vec<OwnedFd> = Vec::new();
    for _ in 0..BEGUN {
        let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK;
        let Ok(made) = socket(libc::AF_INET, kind, 0) else { break };
        let _ = connect(made.as_fd(), RawAddress::new(address).bytes());
        begun.push(made);
    }
    if begun.len() < BEGUN / 4 {
        return Err(Failure::not_applicable("too few descriptors can be had"));
    }
    // Room for the connection that must be served.
    begun.truncate(begun.len() - 2);
    verdict(params, &format!("{} connections were begun", begun.len()))
}

/// Asks for names without end.
pub fn names(params: &Params) -> Attempt {
    before(params)?;
    let zone = params.text("dns_zone")?;
    let none = |error| Failure::not_applicable(format!("no resolver can be asked: {error}"));
    let socket = UdpSocket::bind(("127.0.0.1", 0)).map_err(none)?;
    socket.connect(("127.0.0.1", 53)).map_err(none)?;
    let mut asked = 0;
    for number in 0..NAMES {
        asked += usize::from(socket.send(&network::query(&format!("x{number}.{zone}"))).is_ok());
    }
    if asked < NAMES / 2 {
        return Err(Failure::not_applicable("no resolver can be asked"));
    }
    verdict(params, &format!("{asked} names were asked for"))
}

/// Is refused over and over.
pub fn refusals(params: &Params) -> Attempt {
    before(params)?;
    let hidden = params.address("tcp4")?;
    let (until, mut refused) = (Instant::now() + FLOOD, 0_u32);
    while Instant::now() < until {
        let made = tcp(hidden).step("socket")?;
        match connect(made.as_fd(), RawAddress::new(hidden).bytes()) {
            Ok(()) => return Err(Failure::not_applicable("the hidden canary is reached")),
            Err(_) => refused += 1,
        }
    }
    verdict(params, &format!("{refused} calls were refused"))
}

/// Lets the threads come to their calls.
fn come() {
    let (_never, moment) = channel::<()>();
    let _ = moment.recv_timeout(Duration::from_millis(100));
}
