//! Where clouds hand out the credentials of a machine: never a service to call.
//!
//! Most clouds answer at 169.254.169.254; the others have addresses that a check of ranges calls
//! private, or even public (Azure). Names that lead there are refused before they are resolved. A
//! cloud that serves elsewhere is not known here: metadata that needs a token, with a hop limit of
//! one, is the defence on its side.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address of a metadata service, whose it is, and where that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// The address.
    pub address: IpAddr,
    /// Whose it is.
    pub of: &'static str,
    /// Where that is written.
    pub source: &'static str,
}

/// Every one that is known.
pub const METADATA: [Metadata; 22] = [
    v4([169, 254, 169, 254], "AWS, Azure, Google, Oracle and most others", "EC2: instancedata"),
    v4([169, 254, 169, 123], "AWS time", "EC2: set-time"),
    v4([169, 254, 169, 253], "AWS resolver", "VPC: AmazonDNS-concepts"),
    v4([169, 254, 170, 2], "AWS ECS task credentials", "ECS: task-iam-roles"),
    v4([169, 254, 170, 23], "AWS EKS Pod Identity", "EKS: pod-identities"),
    v4([168, 63, 129, 16], "Azure wire server", "Azure: what-is-ip-address-168-63-129-16"),
    v4([100, 100, 100, 200], "Alibaba Cloud", "cloud-init: datasource aliyun"),
    v4(
        [192, 0, 0, 192],
        "Oracle Cloud at Customer",
        "Oracle: retrieve-predefined-instance-metadata",
    ),
    v4([169, 254, 0, 23], "Tencent Cloud", "Tencent: instance metadata"),
    v4([169, 254, 10, 10], "Tencent Cloud", "Tencent: instance metadata"),
    v4([169, 254, 42, 42], "Scaleway", "cloud-init: datasource scaleway"),
    v4([100, 96, 0, 96], "Volcano Engine", "volcengine/cello: credential"),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], "AWS", "EC2: instancedata"),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253], "AWS resolver", "VPC: AmazonDNS-concepts"),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x123], "AWS time", "EC2: set-time"),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23], "AWS EKS Pod Identity", "EKS: pod-identities"),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], "Google Cloud", "Compute Engine: IPv6-only metadata"),
    v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe], "Oracle Cloud", "Oracle: gettingmetadata"),
    v6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], "Scaleway", "cloud-init: datasource scaleway"),
    v6([0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1], "Akamai, Linode", "cloud-init: datasource akamai"),
    v6([0xfd00, 0x100, 0, 0, 0, 0, 0x100, 0x200], "Alibaba Cloud", "Alibaba: instance metadata"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe], "OpenStack, Akamai", "OpenStack: metadata-service"),
];

/// Names that lead to one; so does what ends in a dot and one of those with a dot.
pub const METADATA_NAMES: [&str; 12] = [
    "metadata.google.internal",
    "metadata.goog",
    "metadata",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.azure.internal",
    "metadata.azure.com",
    "metadata.tencentyun.com",
    "api.metadata.cloud.ibm.com",
    "metadata.platformequinix.com",
    "metadata.packet.net",
    "rancher-metadata",
];

/// Whether this is the address of a metadata service. All of `fd00:ec2::/32` is AWS's, for services of
/// the machine.
pub(super) fn is_address(address: IpAddr) -> bool {
    let block = matches!(address, IpAddr::V6(v6) if v6.segments()[..2] == [0xfd00, 0xec2]);
    block || METADATA.iter().any(|known| known.address == address)
}

/// Whether this name, lower case and without a dot at its end, leads to one.
pub(super) fn is_name(name: &str) -> bool {
    METADATA_NAMES.contains(&name)
        || METADATA_NAMES
            .iter()
            .filter(|known| known.contains('.'))
            .any(|known| name.strip_suffix(known).is_some_and(|rest| rest.ends_with('.')))
}

const fn v4(octets: [u8; 4], of: &'static str, source: &'static str) -> Metadata {
    let [a, b, c, d] = octets;
    Metadata { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), of, source }
}

const fn v6(s: [u16; 8], of: &'static str, source: &'static str) -> Metadata {
    let address = Ipv6Addr::new(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]);
    Metadata { address: IpAddr::V6(address), of, source }
}
