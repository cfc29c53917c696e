//! What must go, as values: whoever says it can be another process.
//!
//! A connection stays only when it is shown to be granted still. Which way it was made is told by its
//! cookie: the broker has put every outgoing connection and every listener in place, and what it has
//! not put in place was accepted by such a listener.

use crate::plan::UnixSocket;
use ringfence_policy::address;
use ringfence_policy::model::Network;
use ringfence_policy::net::{ListenPlace, PortRange, Transport};
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

/// What must go.
#[derive(Debug, Clone, Default)]
pub(in crate::enforce) struct Order {
    /// TCP sockets of the host's network; `None` leaves all of them alone.
    pub(in crate::enforce) sockets: Option<Cut>,
    /// Unix sockets of the host that may no longer be connected to.
    pub(in crate::enforce) unix: Vec<UnixSocket>,
    /// Paths inside: targets of mounts made for `fs.droppable`.
    pub(in crate::enforce) files: Vec<PathBuf>,
    /// Paths inside: secret files.
    pub(in crate::enforce) secrets: Vec<PathBuf>,
}

/// Which TCP sockets of the host's network must go.
#[derive(Debug, Clone, Default)]
pub(in crate::enforce) struct Cut {
    /// What is still granted; `None` is nothing, so that every socket goes.
    pub(in crate::enforce) remaining: Option<Remaining>,
    /// Cookies of sockets that the broker has put in place, by connect and by bind, and that are
    /// still granted. They are judged by what remains all the same.
    pub(in crate::enforce) staying: HashSet<u64>,
    /// Cookies of those that are not granted any more. One that is on its way between processes, in
    /// no table, is found by its cookie alone.
    pub(in crate::enforce) going: HashSet<u64>,
    /// Addresses that were listened at and are no longer granted, as the kernel shows them.
    pub(in crate::enforce) gone: Vec<SocketAddr>,
}

/// What is still granted.
#[derive(Debug, Clone)]
pub(in crate::enforce) struct Remaining {
    /// The narrowed grants; asked about literal addresses.
    pub(in crate::enforce) network: Arc<Network>,
    /// Real addresses of names that are still granted, and the ports there.
    pub(in crate::enforce) names: HashMap<IpAddr, Vec<PortRange>>,
    /// Addresses that may still be listened at, as the kernel shows them (with the real port where
    /// any port was granted).
    pub(in crate::enforce) listening: Vec<SocketAddr>,
}

/// A TCP socket of the host's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// The number that names it.
    pub(super) cookie: u64,
    /// State of the connection (`linux/tcp_states.h`).
    pub(super) state: u8,
    /// Own address.
    pub(super) local: SocketAddr,
    /// The other side, when it is known.
    pub(super) remote: Option<SocketAddr>,
}

/// State of a connection that is being asked for.
pub(super) const ASKING: u8 = 2;
/// State of a socket that leads nowhere.
pub(super) const CLOSED: u8 = 7;
/// State of a connection that only keeps its addresses from being used again at once.
pub(super) const LINGERING: u8 = 6;
/// State of a socket that is bound and no more, as lists of newer kernels show it.
pub(super) const BOUND: u8 = 13;

impl Seen {
    /// Whether bytes or connections can go through it, or could soon.
    pub(super) const fn lives(&self) -> bool {
        !matches!(self.state, CLOSED | LINGERING | BOUND)
    }

    pub(super) const fn listens(&self) -> bool {
        self.state == ringfence_sys::netlink::LISTENING
    }
}

impl Cut {
    /// Whether a socket must go. `own` says whether its other end is a socket of the service too,
    /// accepted by a listener that stays.
    pub(super) fn must_go(&self, socket: &Seen, own: bool) -> bool {
        let Some(remaining) = &self.remaining else { return socket.lives() };
        if !socket.lives() || self.going.contains(&socket.cookie) {
            return socket.lives();
        }
        if socket.listens() || !self.staying.contains(&socket.cookie) {
            return !remaining.listens_at(socket.local);
        }
        !own && !socket.remote.is_some_and(|remote| remaining.reaches(remote))
    }

    /// Whether the broker has put this socket in place.
    pub(super) fn knows(&self, cookie: u64) -> bool {
        self.staying.contains(&cookie) || self.going.contains(&cookie)
    }

    /// Whether a socket at this address came from a listener that is gone.
    pub(super) fn was_accepted(&self, local: SocketAddr, gone: &[SocketAddr]) -> bool {
        self.gone.iter().chain(gone).any(|listener| accepts(*listener, local))
            && !self.remaining.as_ref().is_some_and(|remaining| remaining.listens_at(local))
    }
}

impl Remaining {
    fn listens_at(&self, local: SocketAddr) -> bool {
        let place = SocketAddr::new(address::fold(local.ip()), local.port());
        self.network.listen(Transport::Tcp, place) == Ok(ListenPlace::Host(place))
            || self.listening.iter().any(|listener| accepts(*listener, local))
    }

    fn reaches(&self, remote: SocketAddr) -> bool {
        let ip = address::fold(remote.ip());
        let named = |ports: &Vec<PortRange>| ports.iter().any(|p| p.contains(remote.port()));
        self.network.connect_address(Transport::Tcp, remote).is_ok()
            || self.names.get(&ip).is_some_and(named)
    }
}

/// Whether a listener at one address can have accepted a connection that has the other as its own.
fn accepts(listener: SocketAddr, local: SocketAddr) -> bool {
    let (at, own) = (address::fold(listener.ip()), address::fold(local.ip()));
    let every = match at {
        IpAddr::V4(v4) => v4.is_unspecified() && own.is_ipv4(),
        // An IPv6 listener may take IPv4 too.
        IpAddr::V6(v6) => v6.is_unspecified(),
    };
    listener.port() == local.port() && (at == own || every)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(connect: &[&str], listen: &[&str]) -> Arc<Network> {
        let text = format!(
            "schema = 1\n[service]\nname = \"test\"\nstart = [\"true\"]\n[fs]\nread = [\"./\"]\n\
             [net]\nconnect = {connect:?}\nlisten = {listen:?}\n"
        );
        Arc::new(ringfence_policy::parse("test.toml", &text).unwrap().net)
    }

    fn cut(connect: &[&str], listen: &[&str]) -> Cut {
        let names = HashMap::from([(
            "10.0.0.9".parse().unwrap(),
            vec![PortRange { first: 443, last: 443 }],
        )]);
        let network = network(connect, listen);
        Cut {
            remaining: Some(Remaining { network, names, listening: Vec::new() }),
            staying: HashSet::from([1, 2]),
            going: HashSet::from([3]),
            gone: vec!["0.0.0.0:9000".parse().unwrap()],
        }
    }

    fn seen(cookie: u64, state: u8, local: &str, remote: Option<&str>) -> Seen {
        let (local, remote) = (local.parse().unwrap(), remote.map(|at| at.parse().unwrap()));
        Seen { cookie, state, local, remote }
    }

    const ESTABLISHED: u8 = 1;
    const LISTENING: u8 = 10;

    #[test]
    fn an_outgoing_connection_stays_only_where_its_very_address_and_port_are_granted() {
        let cut = cut(&["127.0.0.1:5432", "api.internal:443"], &[]);
        for (remote, goes) in [
            ("127.0.0.1:5432", false),
            ("[::ffff:127.0.0.1]:5432", false),
            ("127.0.0.1:5433", true),
            ("127.0.0.2:5432", true),
            ("10.0.0.9:443", false),
            ("[::ffff:10.0.0.9]:443", false),
            ("10.0.0.9:80", true),
            ("10.0.0.8:443", true),
        ] {
            let socket = seen(1, ESTABLISHED, "127.0.0.1:40000", Some(remote));
            assert_eq!(cut.must_go(&socket, false), goes, "{remote}");
            let half_closed = Seen { state: 5, ..socket };
            assert_eq!(cut.must_go(&half_closed, false), goes, "it can still receive: {remote}");
        }
        let asking = seen(1, ASKING, "127.0.0.1:40000", None);
        assert!(cut.must_go(&asking, false), "what is not known is not granted");
        assert!(!cut.must_go(&seen(1, CLOSED, "127.0.0.1:40000", None), false), "nothing to cut");
    }

    #[test]
    fn what_the_broker_says_must_go_goes() {
        let cut = cut(&["127.0.0.1:5432"], &["127.0.0.1:8080"]);
        let socket = seen(1, ESTABLISHED, "127.0.0.1:40000", Some("127.0.0.1:5432"));
        assert!(!cut.must_go(&socket, true), "control");
        assert!(cut.must_go(&Seen { cookie: 3, ..socket }, true));
        assert!(cut.must_go(&seen(3, LISTENING, "127.0.0.1:8080", None), false));
        assert!(!cut.must_go(&seen(3, CLOSED, "127.0.0.1:8080", None), false), "nothing to cut");
    }

    #[test]
    fn an_accepted_connection_and_its_listener_stay_only_where_listening_is_granted() {
        let cut = cut(&["127.0.0.1:8080"], &["127.0.0.1:8080", "[::]:8082", "127.0.0.1:0"]);
        for (local, goes) in [
            ("127.0.0.1:8080", false),
            ("[::ffff:127.0.0.1]:8080", false),
            ("127.0.0.1:8081", true),
            ("127.0.0.2:8080", true),
            ("[::1]:8082", false),
            // A grant of any port is not one of this port: the port must be told.
            ("127.0.0.1:41234", true),
        ] {
            let accepted = seen(7, ESTABLISHED, local, Some("127.0.0.1:50000"));
            assert_eq!(cut.must_go(&accepted, false), goes, "{local}");
            assert_eq!(cut.must_go(&seen(2, LISTENING, local, None), false), goes, "{local}");
        }
    }

    #[test]
    fn an_address_that_may_still_be_listened_at_keeps_its_connections() {
        let mut cut = cut(&[], &[]);
        let dual = "[::]:8082".parse().unwrap();
        let any = "127.0.0.1:41234".parse().unwrap();
        cut.remaining.as_mut().unwrap().listening = vec![dual, any];
        for (local, goes) in [
            ("[::ffff:127.0.0.1]:8082", false),
            ("127.0.0.1:41234", false),
            ("127.0.0.1:41235", true),
        ] {
            assert_eq!(cut.must_go(&seen(7, ESTABLISHED, local, None), false), goes, "{local}");
        }
    }

    #[test]
    fn a_connection_to_an_own_listener_that_stays_is_not_cut() {
        let cut = cut(&[], &["127.0.0.1:8080"]);
        let socket = seen(1, ESTABLISHED, "127.0.0.1:40000", Some("127.0.0.1:8080"));
        assert!(!cut.must_go(&socket, true));
        assert!(cut.must_go(&socket, false), "control: somebody else could listen there");
    }

    #[test]
    fn where_nothing_is_granted_any_more_everything_goes() {
        let cut = Cut::default();
        for state in 1..=12 {
            let goes = !matches!(state, LINGERING | CLOSED);
            assert_eq!(cut.must_go(&seen(9, state, "127.0.0.1:1", None), true), goes, "{state}");
        }
    }

    #[test]
    fn connections_of_a_listener_that_is_gone_are_known_by_its_address() {
        let cut = cut(&[], &["127.0.0.1:8080"]);
        let gone = ["[::1]:8083".parse().unwrap()];
        for (local, accepted) in [
            ("127.0.0.1:9000", true),
            ("10.0.0.1:9000", true),
            ("[::1]:9000", false),
            ("[::1]:8083", true),
            ("127.0.0.1:8080", false),
        ] {
            assert_eq!(cut.was_accepted(local.parse().unwrap(), &gone), accepted, "{local}");
        }
    }
}
