//! A range of addresses, as it is written in configuration.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// What was written is no range of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no range of addresses, such as 10.0.0.0/8")]
pub struct RangeError;

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    first: IpAddr,
    length: u8,
}

impl Range {
    /// Whether an address lies in it. An IPv4 address in an IPv6 one (`::ffff:a.b.c.d`) is taken for
    /// what it leads to.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(u32::from(32 - self.length)).unwrap_or(0);
                u32::from(first) == u32::from(address) & mask
            }
            (IpAddr::V6(first), IpAddr::V6(address)) => {
                u128::from(first) == u128::from(address) & mask_v6(self.length)
            }
            _ => false,
        }
    }
}

const fn mask_v6(length: u8) -> u128 {
    match length {
        0 => 0,
        length => u128::MAX << (128 - length as u32),
    }
}

impl FromStr for Range {
    type Err = RangeError;

    /// Reads `ADDRESS/LENGTH` or `ADDRESS`. Bits after the length must be zero: somebody who writes
    /// `10.1.2.3/8` may have meant one or the other.
    fn from_str(text: &str) -> Result<Self, RangeError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| RangeError)?;
        let full = if first.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => full,
            Some(text) if !text.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(RangeError);
            }
            Some(text) => text.parse().map_err(|_| RangeError)?,
        };
        let clean = length <= full
            && match first {
                IpAddr::V4(_) => Self { first, length }.contains(first),
                // A mapped range would never be compared with what it means.
                IpAddr::V6(v6) => {
                    v6.to_ipv4_mapped().is_none()
                        && v6 == Ipv6Addr::from(u128::from(v6) & mask_v6(length))
                }
            };
        if clean { Ok(Self { first, length }) } else { Err(RangeError) }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_its_addresses_and_no_others() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.0.0/16", "::ffff:10.1.2.3", "10.2.0.0"),
            ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("fd00::/8", "fdff::1", "fc00::1"),
            ("::1", "::1", "::2"),
            ("::/0", "ffff::", "::ffff:1.2.3.4"),
        ] {
            let range: Range = range.parse().unwrap();
            assert!(range.contains(inside.parse().unwrap()), "{range} {inside}");
            assert!(!range.contains(outside.parse().unwrap()), "{range} {outside}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.1.2.3/8",
            "10/8",
            "::/129",
            "fd00::1/8",
            "10.0.0.0/+8",
            "localhost",
            "::ffff:10.0.0.0/104",
            "010.0.0.0/8",
        ] {
            assert_eq!(text.parse::<Range>(), Err(RangeError), "{text}");
        }
    }
}
