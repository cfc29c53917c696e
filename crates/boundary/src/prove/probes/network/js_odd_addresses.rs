//! Decimal, octal, hexadecimal and short forms of one address.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-odd-addresses",
    class: Class::Network,
    claim: Claim::NetConnect,
    attack: "connects by other forms of an address",
    act: Act::JavaScript(
        r"
            const net = require('node:net');
            const port = t.port(p.tcp4);
            let refused;
            for (const host of ['2130706433', '0x7f000001', '0177.0.0.1', '127.1', '::ffff:7f00:1', '0.0.0.0']) {
                try {
                    return await t.stream(net.connect({ host, port }));
                } catch (error) {
                    refused = error;
                }
            }
            throw refused;
        ",
    ),
    refusals: &[
        "EACCES",
        "EPERM",
        "ECONNREFUSED",
        "ENETUNREACH",
        "EHOSTUNREACH",
        "EADDRNOTAVAIL",
        "EAFNOSUPPORT",
        "ERR_ACCESS_DENIED",
        "ENOTFOUND",
        "EAI_AGAIN",
    ],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::Landlock, Layer::NodeFlags],
};
