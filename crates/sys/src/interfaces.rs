//! Addresses of this host.

use crate::errno::Errno;
use crate::socket::Address;
use std::net::IpAddr;

/// Every address of every interface of the caller's network namespace (getifaddrs(3)).
pub fn addresses() -> Result<Vec<IpAddr>, Errno> {
    let mut first: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: the call writes one pointer to a list that is freed below.
    if unsafe { libc::getifaddrs(&raw mut first) } != 0 {
        return Err(Errno::last());
    }
    let mut found = Vec::new();
    let mut next = first;
    // SAFETY: the list is valid until it is freed; each entry names the next or is the last.
    while let Some(entry) = unsafe { next.as_ref() } {
        if let Some(ip) = ip_of(entry) {
            found.push(ip);
        }
        next = entry.ifa_next;
    }
    // SAFETY: the pointer came from getifaddrs and is used no more.
    unsafe { libc::freeifaddrs(first) };
    Ok(found)
}

fn ip_of(entry: &libc::ifaddrs) -> Option<IpAddr> {
    // SAFETY: null or a valid address for as long as the list is.
    let address = unsafe { entry.ifa_addr.as_ref() }?;
    let length = match i32::from(address.sa_family) {
        libc::AF_INET => size_of::<libc::sockaddr_in>(),
        libc::AF_INET6 => size_of::<libc::sockaddr_in6>(),
        _ => return None,
    };
    // SAFETY: an address of this family has at least this many bytes.
    let bytes = unsafe { std::slice::from_raw_parts(entry.ifa_addr.cast::<u8>(), length) };
    match Address::decode(bytes) {
        Ok(Address::Inet(address)) => Some(address.ip()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn loopback_is_among_the_addresses_of_a_host() {
        assert!(super::addresses().unwrap().iter().any(std::net::IpAddr::is_loopback));
    }
}
