//! What kind of address an address is.
//!
//! A name that an attacker controls can resolve to anything, so answers are classified before they
//! are used. IPv6 has many ways to carry an IPv4 address (mapped, compatible, translated, NAT64,
//! 6to4, Teredo); what counts is the address that is reached in the end. The ranges are those of
//! the IANA special-purpose registries (RFC 6890 and its updates); what is not known to be public
//! is not public. This does not know what a router or a firewall makes of a public address.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The kind of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Range for benchmarks (RFC 2544, RFC 5180).
    Benchmark,
    /// The limited broadcast address.
    Broadcast,
    /// Range for documentation (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// Link-local (RFC 3927, RFC 4291).
    LinkLocal,
    /// Loopback.
    Loopback,
    /// A cloud metadata or credential service.
    Metadata,
    /// Multicast.
    Multicast,
    /// Private (RFC 1918) and site-local.
    Private,
    /// Reachable from everywhere.
    Public,
    /// Reserved or special.
    Reserved,
    /// Shared by carrier-grade NAT (RFC 6598).
    Shared,
    /// Unique local (RFC 4193).
    UniqueLocal,
    /// No address at all; the kernel connects it to loopback.
    Unspecified,
}

impl Class {
    /// The class of `address`, looking through every form that carries an IPv4 address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if is_metadata(address) {
            return Self::Metadata;
        }
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }

    /// The class in words, as in "is a loopback address".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Benchmark => "a benchmark address",
            Self::Broadcast => "the broadcast address",
            Self::Documentation => "a documentation address",
            Self::LinkLocal => "a link-local address",
            Self::Loopback => "a loopback address",
            Self::Metadata => "a cloud metadata address",
            Self::Multicast => "a multicast address",
            Self::Private => "a private address",
            Self::Public => "a public address",
            Self::Reserved => "a reserved address",
            Self::Shared => "a carrier-grade NAT address",
            Self::UniqueLocal => "a unique local address",
            Self::Unspecified => "the unspecified address",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// The address a connect really goes to: IPv4-mapped IPv6 becomes IPv4, and the unspecified address
/// becomes loopback, as the kernel does it.
#[must_use]
pub fn destination(address: IpAddr) -> IpAddr {
    match fold(address) {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        address => address,
    }
}

/// IPv4-mapped IPv6 as IPv4; every other address as it is.
#[must_use]
pub fn fold(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    }
}

/// Metadata and credential services of the clouds; from inside a service they hand out the rights
/// of the machine. IPv4 carried in IPv6 counts.
#[must_use]
pub fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => METADATA_V4.contains(&address.octets()),
        IpAddr::V6(address) => {
            METADATA_V6.contains(&address.segments())
                || carried(address).into_iter().flatten().any(|v4| is_metadata(v4.into()))
        }
    }
}

/// Every IPv4 address that `address` carries: Teredo carries two.
pub(crate) fn carried(address: Ipv6Addr) -> [Option<Ipv4Addr>; 2] {
    let segments = address.segments();
    let low = v4(segments[6], segments[7]);
    match segments {
        // Unspecified and loopback carry nothing, although they lie in the compatible range.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => [None, None],
        // Compatible, mapped, translated (RFC 2765), NAT64 (RFC 6052, RFC 8215: a local prefix of
        // /96 puts the address last).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..]
        | [0x64, 0xff9b, 1, ..] => [Some(low), None],
        // 6to4 (RFC 3056).
        [0x2002, high, second, ..] => [Some(v4(high, second)), None],
        // Teredo (RFC 4380): server in the clear, client with every bit flipped.
        [0x2001, 0, server_high, server_low, _, _, high, second] => {
            [Some(v4(server_high, server_low)), Some(v4(!high, !second))]
        }
        _ => [None, None],
    }
}

const fn v4(high: u16, low: u16) -> Ipv4Addr {
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}

const METADATA_V4: [[u8; 4]; 8] = [
    [100, 100, 100, 200], // Alibaba Cloud
    [168, 63, 129, 16],   // Azure WireServer
    [169, 254, 0, 23],    // Tencent Cloud
    [169, 254, 42, 42],   // Scaleway
    [169, 254, 169, 254], // AWS, Azure, Google Cloud, OpenStack, Oracle, DigitalOcean, Hetzner
    [169, 254, 170, 2],   // AWS ECS task credentials
    [169, 254, 170, 23],  // AWS EKS pod identity
    [192, 0, 0, 192],     // Oracle Cloud, classic
];

const METADATA_V6: [[u16; 8]; 5] = [
    [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],   // AWS
    [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23],    // AWS EKS pod identity
    [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254],    // Google Cloud
    [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42],     // Scaleway
    [0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe], // OpenStack
];

fn of_v4(address: Ipv4Addr) -> Class {
    match address.octets() {
        [0, 0, 0, 0] => Class::Unspecified,
        [255, 255, 255, 255] => Class::Broadcast,
        [127, ..] => Class::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private,
        [100, 64..=127, ..] => Class::Shared,
        [169, 254, ..] => Class::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Documentation,
        [198, 18 | 19, ..] => Class::Benchmark,
        [224..=239, ..] => Class::Multicast,
        // "This network", protocol assignments, the former 6to4 relays, future use.
        [0 | 240..=255, ..] | [192, 0, 0, _] | [192, 88, 99, _] => Class::Reserved,
        _ => Class::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> Class {
    let segments = address.segments();
    if let [0, 0, 0, 0, 0, 0, 0, last @ (0 | 1)] = segments {
        return if last == 0 { Class::Unspecified } else { Class::Loopback };
    }
    // A local NAT64 prefix leads into somebody's own network whatever it carries.
    if let [0x64, 0xff9b, 1, ..] = segments {
        return Class::Private;
    }
    let mut inner = carried(address).into_iter().flatten().map(of_v4).peekable();
    if inner.peek().is_some() {
        return inner.find(|class| *class != Class::Public).unwrap_or(Class::Public);
    }
    match segments {
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Class::Documentation,
        [0x2001, 2, 0, ..] => Class::Benchmark,
        [0x2001, 0..=0x01ff, ..] => Class::Reserved,
        [0x2000..=0x3fff, ..] => Class::Public,
        [0xfc00..=0xfdff, ..] => Class::UniqueLocal,
        [0xfe80..=0xfebf, ..] => Class::LinkLocal,
        [0xfec0..=0xfeff, ..] => Class::Private,
        [0xff00..=0xffff, ..] => Class::Multicast,
        _ => Class::Reserved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(text: &str) -> Class {
        Class::of(text.parse().unwrap())
    }

    #[test]
    fn every_special_range_has_its_class_up_to_its_edges() {
        for (first, last, expected) in [
            ("0.0.0.0", "0.0.0.0", Class::Unspecified),
            ("0.0.0.1", "0.255.255.255", Class::Reserved),
            ("10.0.0.0", "10.255.255.255", Class::Private),
            ("100.64.0.0", "100.127.255.255", Class::Shared),
            ("127.0.0.0", "127.255.255.255", Class::Loopback),
            ("169.254.0.0", "169.254.255.255", Class::LinkLocal),
            ("172.16.0.0", "172.31.255.255", Class::Private),
            ("192.0.0.0", "192.0.0.255", Class::Reserved),
            ("192.0.2.0", "192.0.2.255", Class::Documentation),
            ("192.88.99.0", "192.88.99.255", Class::Reserved),
            ("192.168.0.0", "192.168.255.255", Class::Private),
            ("198.18.0.0", "198.19.255.255", Class::Benchmark),
            ("198.51.100.0", "198.51.100.255", Class::Documentation),
            ("203.0.113.0", "203.0.113.255", Class::Documentation),
            ("224.0.0.0", "239.255.255.255", Class::Multicast),
            ("240.0.0.0", "255.255.255.254", Class::Reserved),
            ("255.255.255.255", "255.255.255.255", Class::Broadcast),
            ("::", "::", Class::Unspecified),
            ("::1", "::1", Class::Loopback),
            ("100::", "100::ffff", Class::Reserved),
            ("2001:2::", "2001:2:0:ffff::", Class::Benchmark),
            ("2001:10::", "2001:1f::", Class::Reserved),
            ("2001:db8::", "2001:db8:ffff::", Class::Documentation),
            ("3fff::", "3fff:fff:ffff::", Class::Documentation),
            ("5f00::", "5f00:ffff::", Class::Reserved),
            ("fc00::", "fdff:ffff::1", Class::UniqueLocal),
            ("fe80::", "febf::1", Class::LinkLocal),
            ("fec0::", "feff::1", Class::Private),
            ("ff00::", "ffff::1", Class::Multicast),
            ("64:ff9b:1::", "64:ff9b:1:ffff::", Class::Private),
        ] {
            assert_eq!(class(first), expected, "{first}");
            assert_eq!(class(last), expected, "{last}");
        }
    }

    #[test]
    fn neighbours_of_special_ranges_are_public() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2000::",
            "2606:4700::1111",
            "2001:200::",
            "2001:db7::1",
            "2001:db9::1",
            "3ffe::1",
        ] {
            assert_eq!(class(address), Class::Public, "{address}");
        }
    }

    /// Each IPv4 in each form that carries it has the class it has bare.
    #[test]
    fn ipv4_carried_in_ipv6_is_classified_by_what_it_reaches() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let fixed = [
            "127.0.0.1",
            "10.0.0.1",
            "169.254.169.254",
            "100.100.100.200",
            "192.168.1.1",
            "0.0.0.5",
            "8.8.8.8",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
        ];
        let fixed = fixed.iter().map(|text| text.parse::<Ipv4Addr>().unwrap());
        let random = std::iter::repeat_with(|| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            Ipv4Addr::from(u32::try_from(seed >> 32).unwrap())
        });
        for address in fixed.chain(random.take(20_000)) {
            let bare = Class::of(address.into());
            let [a, b, c, d] = address.octets();
            let high = u16::from_be_bytes([a, b]);
            let low = u16::from_be_bytes([c, d]);
            let forms: [[u16; 8]; 7] = [
                [0, 0, 0, 0, 0, 0xffff, high, low],
                [0, 0, 0, 0, 0, 0, high, low],
                [0, 0, 0, 0, 0xffff, 0, high, low],
                [0x64, 0xff9b, 0, 0, 0, 0, high, low],
                [0x2002, high, low, 0, 0, 0, 0, 1],
                [0x2001, 0, 0x0808, 0x0808, 0, 0, !high, !low],
                [0x2001, 0, high, low, 0, 0, !0x0808, !0x0808],
            ];
            for form in forms {
                let carrier = Ipv6Addr::from(form);
                if form[..6] == [0; 6] && high == 0 && low < 2 {
                    continue;
                }
                assert_eq!(Class::of(carrier.into()), bare, "{address} in {carrier}");
            }
        }
    }

    #[test]
    fn metadata_services_are_known_in_every_form() {
        for address in [
            "169.254.169.254",
            "100.100.100.200",
            "fd00:ec2::254",
            "fe80::a9fe:a9fe",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "168.63.129.16",
            "169.254.170.2",
            "2001:0:a9fe:a9fe:0:0:f7f7:f7f7",
            "fd20:ce::254",
        ] {
            assert_eq!(class(address), Class::Metadata, "{address}");
        }
    }

    #[test]
    fn a_destination_is_where_the_kernel_goes() {
        let to = |text: &str| destination(text.parse().unwrap()).to_string();
        assert_eq!(to("0.0.0.0"), "127.0.0.1");
        assert_eq!(to("::"), "::1");
        assert_eq!(to("::ffff:0.0.0.0"), "127.0.0.1");
        assert_eq!(to("::ffff:10.0.0.1"), "10.0.0.1");
        assert_eq!(to("64:ff9b::1"), "64:ff9b::1");
    }
}
