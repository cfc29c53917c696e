//! The canaries of the network: sockets of the host that no grant names, two that one run grants,
//! and ports that stay free until a probe listens there.

use super::folder::{Folder, open_to_all};
use super::keeper::Sockets;
use super::{Errno, StageError};
use crate::prove::facts::Facts;
use ringfence_policy::net::{HostName, ListenPlace, Transport};
use ringfence_sys::attack::{Params, canary};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixListener;

const LOOPBACK4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LOOPBACK6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Opens every socket and says where it is.
pub(super) fn open(
    params: &mut Params,
    facts: &Facts,
    folder: &Folder,
    token: &str,
) -> Result<Sockets, StageError> {
    let mut sockets = Sockets::default();
    let first = stream(params, facts, "tcp4", LOOPBACK4)
        .map_err(|errno| StageError::Canary { what: "a listener on 127.0.0.1", errno })?;
    sockets.streams.push(first);
    sockets.streams.extend(stream(params, facts, "tcp6", LOOPBACK6).ok());
    sockets.http.extend(stream(params, facts, "http4", LOOPBACK4).ok());
    match canary::interface_addresses().first() {
        Some(address) => {
            sockets.streams.extend(stream(params, facts, "interface4", *address).ok());
        }
        None => params.lack("interface4", "this host has no address but loopback"),
    }
    for (name, address) in [("granted4", LOOPBACK4), ("granted6", LOOPBACK6)] {
        sockets.streams.extend(stream(params, facts, name, address).ok());
    }
    sockets.streams.extend(wrong_address(params, facts));
    for (name, address) in [("udp4", LOOPBACK4), ("udp6", LOOPBACK6)] {
        sockets.datagrams.extend(datagram(params, facts, name, address));
    }
    sockets.names = datagram(params, facts, "dns", LOOPBACK4);
    params.set("dns_zone", format!("{token}.ringfence-prove.invalid"));
    sockets.streams.extend(host_names(params, facts));
    unix(params, folder, token, &mut sockets);
    closed(params, facts, folder, &mut sockets);
    free_ports(params, facts, &mut sockets);
    Ok(sockets)
}

/// The addresses that the granted setting grants.
pub(super) fn granted(params: &Params) -> Vec<SocketAddr> {
    ["granted4", "granted6"].into_iter().filter_map(|name| params.address(name).ok()).collect()
}

/// The name that the granted setting grants, and its port.
pub(super) fn granted_name(params: &Params) -> Option<(HostName, u16)> {
    let name = HostName::parse(params.text("private_name").ok()?).ok()?;
    Some((name, params.number("private_port").ok()?))
}

fn stream(
    params: &mut Params,
    facts: &Facts,
    name: &str,
    address: IpAddr,
) -> Result<TcpListener, Errno> {
    let bound =
        TcpListener::bind((address, 0)).and_then(|socket| Ok((socket.local_addr()?, socket)));
    match bound {
        Ok((at, socket)) => {
            hand_out(params, facts, Transport::Tcp, name, at);
            Ok(socket)
        }
        Err(error) => {
            params.lack(name, format!("nothing can listen on {address}: {error}"));
            Err(error.into())
        }
    }
}

fn datagram(params: &mut Params, facts: &Facts, name: &str, address: IpAddr) -> Option<UdpSocket> {
    match UdpSocket::bind((address, 0)).and_then(|socket| Ok((socket.local_addr()?, socket))) {
        Ok((at, socket)) => {
            hand_out(params, facts, Transport::Udp, name, at);
            Some(socket)
        }
        Err(error) => {
            params.lack(name, format!("nothing can be bound on {address}: {error}"));
            None
        }
    }
}

/// A canary that the boundary grants is nothing to attack.
fn hand_out(params: &mut Params, facts: &Facts, by: Transport, name: &str, at: SocketAddr) {
    if facts.network.connect_address(by, at).is_ok() {
        params.lack(name, format!("the boundary grants {at}"));
    } else {
        params.set(name, at.to_string());
    }
}

/// A listener on a granted port at an address that is not granted.
fn wrong_address(params: &mut Params, facts: &Facts) -> Option<TcpListener> {
    const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 87, 65, 43);
    params.lack("wrong_address", "no outbound grant has a port that can be used here");
    for grant in &facts.network.connect {
        let address = SocketAddr::from((ELSEWHERE, grant.value.ports.first));
        if facts.network.connect_address(Transport::Tcp, address).is_ok() {
            continue;
        }
        if let Ok(listener) = TcpListener::bind(address) {
            params.set("wrong_address", address.to_string());
            return Some(listener);
        }
    }
    None
}

/// Names that the host's own hosts file knows: one that nobody grants, and one at a loopback address
/// that the granted setting grants.
fn host_names(params: &mut Params, facts: &Facts) -> Option<TcpListener> {
    params.lack("hosts_name", "the host's hosts file has no name to look up");
    params.lack("private_name", "the host's hosts file has no name at a loopback address");
    let mut listener = None;
    let table = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    for line in table.lines().rev() {
        let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
        let Some(address) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else {
            continue;
        };
        for word in words.filter(|word| !word.starts_with("ip6-")) {
            let Ok(name) = HostName::parse(word) else { continue };
            if name.is_localhost() || name.as_str().starts_with("localhost") {
                continue;
            }
            if !facts.network.may_resolve(&name) {
                params.set("hosts_name", name.as_str());
            }
            let allowed = facts.network.private.iter().any(|private| private.value == name)
                || facts.network.hosts.contains_key(&name);
            if address.is_ipv4() && address.is_loopback() && !allowed {
                listener = private_name(params, &name, address).or(listener);
            }
        }
    }
    listener
}

/// A listener at the address of a name, so that the name leads somewhere.
fn private_name(params: &mut Params, name: &HostName, address: IpAddr) -> Option<TcpListener> {
    let listener = TcpListener::bind((address, 0)).ok()?;
    params.set("private_port", listener.local_addr().ok()?.port().to_string());
    params.set("private_name", name.as_str());
    Some(listener)
}

fn unix(params: &mut Params, folder: &Folder, token: &str, sockets: &mut Sockets) {
    let path = folder.outside().join("socket");
    match UnixListener::bind(&path).and_then(|socket| open_to_all(&path, 0o777).map(|()| socket)) {
        Ok(socket) => {
            params.set("unix_path", path);
            sockets.unix.push(socket);
        }
        Err(error) => params.lack("unix_path", format!("no unix socket: {error}")),
    }
    let name = format!("ringfence-{token}");
    let bound = std::os::unix::net::SocketAddr::from_abstract_name(&name)
        .and_then(|address| UnixListener::bind_addr(&address));
    match bound {
        Ok(socket) => {
            params.set("unix_abstract", name);
            sockets.unix.push(socket);
        }
        Err(error) => params.lack("unix_abstract", format!("no abstract unix socket: {error}")),
    }
}

/// A socket that only root may open; there is one only where the service is somebody else.
fn closed(params: &mut Params, facts: &Facts, folder: &Folder, sockets: &mut Sockets) {
    let path = folder.outside().join("closed-socket");
    if !facts.switches_user {
        params.lack("closed_socket", "the service runs as whoever starts it");
        return;
    }
    match UnixListener::bind(&path).and_then(|socket| open_to_all(&path, 0o600).map(|()| socket)) {
        Ok(socket) => {
            params.set("closed_socket", path);
            sockets.unix.push(socket);
        }
        Err(error) => params.lack("closed_socket", format!("no unix socket: {error}")),
    }
}

/// Ports that nobody uses now; the keeper knocks at them until the end.
fn free_ports(params: &mut Params, facts: &Facts, sockets: &mut Sockets) {
    for (name, address) in
        [("listen4", LOOPBACK4), ("listen6", LOOPBACK6), ("inspector", LOOPBACK4)]
    {
        let free = TcpListener::bind((address, 0)).and_then(|socket| socket.local_addr());
        if let Some(at) = free_port(params, facts, Transport::Tcp, name, free) {
            sockets.knock.push((name, at));
        }
    }
    let free = UdpSocket::bind((LOOPBACK4, 0)).and_then(|socket| socket.local_addr());
    sockets.send = free_port(params, facts, Transport::Udp, "listen_udp", free);
}

fn free_port(
    params: &mut Params,
    facts: &Facts,
    by: Transport,
    name: &str,
    free: std::io::Result<SocketAddr>,
) -> Option<SocketAddr> {
    match free {
        Err(error) => {
            params.lack(name, format!("no free port: {error}"));
            None
        }
        Ok(at) if matches!(facts.network.listen(by, at), Ok(ListenPlace::Host(_))) => {
            params.lack(name, "the boundary grants listening on every port");
            None
        }
        Ok(at) => {
            params.set(name, at.to_string());
            Some(at)
        }
    }
}
