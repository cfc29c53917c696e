//! Addresses that a service on the internet is not reached by.
//!
//! The ranges are those of the IANA registries of special-purpose addresses, IPv4 and IPv6 (RFC 6890
//! and what updates it), with the ones that IANA has not given to anybody; multicast; and forms that
//! carry an IPv4 address in an IPv6 one, whose way a gateway decides. A translator with a prefix of
//! its own network (RFC 6052) cannot be known here.

use super::metadata;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A host of the internet.
    Public,
    /// A network of one's own: reached only where that is allowed by name. Ranges for documentation and
    /// benchmarks are no hosts of the internet, but laboratories and local relays use them.
    Private(&'static str),
    /// Never a service to call: metadata of a cloud, multicast, reserved ranges.
    Never(&'static str),
}

/// Judges an address, and an IPv4 address inside an IPv6 one by what it leads to (the registries of
/// special addresses, RFC 6890 and its successors).
#[must_use]
pub fn judge(address: IpAddr) -> Verdict {
    match address {
        IpAddr::V4(address) => judge_v4(address),
        IpAddr::V6(address) => judge_v6(address),
    }
}

fn judge_v4(address: Ipv4Addr) -> Verdict {
    if metadata::is_address(IpAddr::V4(address)) {
        return Verdict::Never("metadata service");
    }
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        (0, ..) => Verdict::Never("this network"),
        (127, ..) => Verdict::Private("loopback"),
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => Verdict::Private("private"),
        (100, 64..=127, _) => Verdict::Private("carrier-grade NAT"),
        (169, 254, _) => Verdict::Private("link-local"),
        (192, 0, 0) => Verdict::Never("protocol assignments"),
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => Verdict::Private("documentation"),
        (192, 31, 196) | (192, 175, 48) => Verdict::Never("AS112"),
        (192, 52, 193) => Verdict::Never("multicast tunnel"),
        (192, 88, 99) => Verdict::Never("6to4 relay"),
        (198, 18..=19, _) => Verdict::Private("benchmarking"),
        (224..=239, ..) => Verdict::Never("multicast"),
        (240..=255, ..) => Verdict::Never("reserved"),
        _ => Verdict::Public,
    }
}

fn judge_v6(address: Ipv6Addr) -> Verdict {
    if metadata::is_address(IpAddr::V6(address)) {
        return Verdict::Never("metadata service");
    }
    if address.is_loopback() {
        return Verdict::Private("loopback");
    }
    if address.is_unspecified() {
        return Verdict::Never("unspecified");
    }
    let s = address.segments();
    let last = || v4(s[6], s[7]);
    match s {
        // IPv4-mapped: what the socket connects to is the IPv4 address.
        [0, 0, 0, 0, 0, 0xffff, ..] => judge_v4(last()),
        // IPv4-compatible and everything else in ::/96.
        [0, 0, 0, 0, 0, 0, ..] => Verdict::Never("IPv4-compatible"),
        // IPv4-translated (RFC 2765), NAT64 (RFC 6052, RFC 8215).
        [0, 0, 0, 0, 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => {
            Verdict::Never("NAT64 or translated IPv4")
        }
        [0x100, 0, 0, 0 | 1, ..] => Verdict::Never("discard"),
        [0x2001, 0, ..] => Verdict::Never("Teredo"),
        [0x2001, 2, 0, ..] => Verdict::Private("benchmarking"),
        [0x2001, 0x10..=0x2f, ..] => Verdict::Never("ORCHID"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Verdict::Private("documentation"),
        [0x2001, 0..=0x1ff, ..] => Verdict::Never("protocol assignments"),
        [0x2002, ..] => Verdict::Never("6to4"),
        [0x2620, 0x4f, 0x8000, ..] => Verdict::Never("AS112"),
        // Given back in 2006 (RFC 3701), and nobody's since.
        [0x3ffe, ..] => Verdict::Never("not assigned"),
        [0x5f00, ..] => Verdict::Never("segment routing"),
        [0xfc00..=0xfdff, ..] => Verdict::Private("unique local"),
        [0xfe80..=0xfebf, ..] => Verdict::Private("link-local"),
        [0xfec0..=0xfeff, ..] => Verdict::Private("site-local"),
        [0xff00..=0xffff, ..] => Verdict::Never("multicast"),
        // ISATAP (RFC 5214): the last half leads to an IPv4 address behind a router of the site.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => Verdict::Never("ISATAP"),
        [0x2000..=0x3fff, ..] => Verdict::Public,
        _ => Verdict::Never("not assigned"),
    }
}

const fn v4(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_are_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.0",
            "2606:4700::1111",
            "2001:200::1",
            "2620:4f:7fff::1",
            "::ffff:8.8.8.8",
        ] {
            assert_eq!(judge(address.parse().unwrap()), Verdict::Public, "{address}");
        }
    }

    #[test]
    fn every_form_of_a_private_address_is_not() {
        for address in [
            "127.0.0.1",
            "127.255.255.255",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "100.64.0.1",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "2001:db8::1",
            "3fff::1",
            "198.18.0.1",
            "192.0.2.1",
            "203.0.113.9",
            "2001:2::1",
            "3fff:fff::1",
        ] {
            assert!(matches!(judge(address.parse().unwrap()), Verdict::Private(_)), "{address}");
        }
    }

    #[test]
    fn every_form_of_an_address_that_is_nobodys_to_call_is_never_reached() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "::a9fe:a9fe",
            "::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "0.0.0.0",
            "0.1.2.3",
            "::",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "100::1",
            "4000::1",
            "::ffff:0:127.0.0.1",
            "5f00::1",
        ] {
            assert!(matches!(judge(address.parse().unwrap()), Verdict::Never(_)), "{address}");
        }
    }

    #[test]
    fn every_registered_special_range_is_never_reached() {
        for address in [
            "192.0.0.9",
            "192.31.196.1",
            "192.52.193.1",
            "192.88.99.1",
            "192.175.48.1",
            "240.0.0.1",
            "100:0:0:1::1",
            "2001:1::1",
            "2001:3::1",
            "2001:10::1",
            "2001:2f::1",
            "2001:30::1",
            "2001:1ff:ffff::1",
            "2620:4f:8000::1",
            "3ffe::1",
            "2606:4700::5efe:127.0.0.1",
            "2606:4700::200:5efe:8.8.8.8",
            "fd00:ec2::1:2",
            "64:ff9b:1:ffff::1",
            "64:ff9b:2::1",
        ] {
            assert!(matches!(judge(address.parse().unwrap()), Verdict::Never(_)), "{address}");
        }
    }

    #[test]
    fn metadata_services_are_never_reached_by_any_form_of_their_address() {
        for known in metadata::METADATA {
            assert_eq!(judge(known.address), Verdict::Never("metadata service"), "{known:?}");
            if let IpAddr::V4(address) = known.address {
                let mapped = IpAddr::V6(address.to_ipv6_mapped());
                assert_eq!(judge(mapped), Verdict::Never("metadata service"), "{known:?}");
            }
        }
    }

    proptest::proptest! {
        /// No writing of an IPv4 address in an IPv6 one is more than the IPv4 address is.
        #[test]
        fn an_address_inside_another_is_never_more_public(bits: u32, prefix: u64) {
            let inner = Ipv4Addr::from(bits);
            let low = u128::from(bits);
            let mapped = Ipv6Addr::from(0xffff_0000_0000_u128 | low);
            proptest::prop_assert_eq!(judge(mapped.into()), judge(inner.into()));
            let prefix = u128::from(prefix) << 64;
            let forms = [
                low,
                0xffff_u128 << 48 | low,
                0x64_ff9b_u128 << 96 | low,
                0x2002_u128 << 112 | low << 80,
                prefix | 0x5efe_u128 << 32 | low,
                prefix | 0x0200_5efe_u128 << 32 | low,
                0x2001_0000_u128 << 96 | prefix >> 32 | (low ^ 0xffff_ffff),
            ];
            for form in forms {
                let public = judge(Ipv6Addr::from(form).into()) == Verdict::Public;
                proptest::prop_assert!(!public, "{}", Ipv6Addr::from(form));
            }
        }
    }
}
