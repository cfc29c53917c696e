//! Reaching the address at which clouds hand out credentials.
//!
//! No control may send a packet to the real one. So the act first tries to get a network of its
//! own, gives the address to its loopback interface and listens there: outside that works, and the
//! connection never leaves this process. Inside no such network can be made, and the plain connect
//! that follows is the attack. Where the network is refused outside as well (the canary variable
//! shows that this is outside), nothing is sent.

use super::mounts::unshare;
use super::network::{RawAddress, connect, tcp};
use super::{Attempt, Failure, Params, Step};
use crate::call::{call, fd, input};
use crate::errno::Errno;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::AsFd;

const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// Connects to port 80 of the metadata address.
pub fn reach(params: &Params) -> Attempt {
    let address = SocketAddr::from((METADATA, 80));
    let listener = unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET)
        .and_then(|()| own_metadata())
        .and_then(|()| TcpListener::bind(address).map_err(Errno::from));
    if listener.is_err() && std::env::var_os(params.value("env_name")?).is_some() {
        return Err(Failure::not_applicable("no network can be made for the control"));
    }
    let socket = tcp(address).step("socket")?;
    connect(socket.as_fd(), RawAddress::new(address).bytes()).step("connect")?;
    Ok(format!("connected to {address}"))
}

/// Gives the address to the loopback interface of this process's own network (netdevice(7)).
fn own_metadata() -> Result<(), Errno> {
    const SET_ADDRESS: usize = 0x8916;
    const SET_FLAGS: usize = 0x8914;
    let socket = tcp(SocketAddr::from((METADATA, 0)))?;
    // struct ifreq: sixteen bytes of name, then an address or flags.
    let mut alias = [0_u8; 40];
    alias[..4].copy_from_slice(b"lo:1");
    alias[16..32].copy_from_slice(RawAddress::new(SocketAddr::from((METADATA, 0))).bytes());
    let mut up = [0_u8; 40];
    up[..2].copy_from_slice(b"lo");
    up[16..18].copy_from_slice(&1_u16.to_ne_bytes());
    for (request, argument) in [(SET_FLAGS, &up), (SET_ADDRESS, &alias)] {
        // SAFETY: one ifreq of ours, which the kernel reads.
        unsafe { call(libc::SYS_ioctl, [fd(socket.as_fd()), request, input(argument), 0, 0, 0]) }?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Ended, forked};
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_control_reaches_its_own_metadata_address_and_sends_nothing_elsewhere() {
        let mut params = Params::default();
        // A variable that every test has, so that nothing is sent where no network can be made.
        params.set("env_name", "PATH");
        let ended = forked(Duration::from_mins(3), || reach(&params));
        match ended {
            Ok(Ended::Reported(Ok(detail))) => assert!(detail.contains("169.254.169.254")),
            Ok(Ended::Reported(Err(Failure::NotApplicable(_)))) => {}
            other => panic!("{other:?}"),
        }
    }
}
