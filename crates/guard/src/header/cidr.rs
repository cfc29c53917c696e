//! Ranges of addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A range such as `10.0.0.0/8` or `fd00::/8`; an address alone is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

/// A text that is no range: no address, more bits than it has, or bits of a host behind the prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no range of addresses such as 10.0.0.0/8")]
pub struct CidrError;

impl Cidr {
    /// Whether an address is in the range. An IPv4 address inside of IPv6 (`::ffff:10.0.0.1`) is the
    /// IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (own, own_width) = number(self.address);
        let (other, other_width) = number(address.to_canonical());
        own_width == other_width
            && prefix(own, own_width, self.bits) == prefix(other, other_width, self.bits)
    }
}

/// An address as a number, and its width in bits.
fn number(address: IpAddr) -> (u128, u8) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    }
}

/// The first `bits` of a number.
fn prefix(number: u128, width: u8, bits: u8) -> u128 {
    number.checked_shr(u32::from(width - bits)).unwrap_or_default()
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| CidrError)?;
        let (value, width) = number(address);
        let bits = match bits {
            Some(text) => {
                let bits: u8 = text.parse().map_err(|_| CidrError)?;
                if bits > width || bits.to_string() != text {
                    return Err(CidrError);
                }
                bits
            }
            None => width,
        };
        let host = width - bits;
        let whole = prefix(value, width, bits).checked_shl(host.into()).unwrap_or_default();
        // IPv4 inside of IPv6 is written as IPv4, else it would never be found.
        if whole != value || address.to_canonical() != address {
            return Err(CidrError);
        }
        Ok(Self { address, bits })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_holds_what_begins_like_it() {
        let holds = |range: &str, address: &str| {
            range.parse::<Cidr>().unwrap().contains(address.parse().unwrap())
        };
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("10.0.0.0/8", "::ffff:10.0.0.1") && !holds("10.0.0.0/8", "::10.0.0.1"));
        assert!(holds("127.0.0.1", "127.0.0.1") && !holds("127.0.0.1", "127.0.0.2"));
        assert!(holds("0.0.0.0/0", "1.2.3.4") && !holds("0.0.0.0/0", "::1"));
        assert!(
            holds("::/0", "::1") && holds("fd00::/8", "fdff::1") && !holds("fd00::/8", "fe80::1")
        );
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0.0/08",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "10/8",
            "fd00::/129",
            "::ffff:10.0.0.0/104",
            "010.0.0.0/8",
            "fe80::1%eth0",
            " 10.0.0.0/8",
        ] {
            assert_eq!(text.parse::<Cidr>(), Err(CidrError), "{text}");
        }
        assert_eq!("::1".parse::<Cidr>().unwrap().to_string(), "::1/128");
    }
}
