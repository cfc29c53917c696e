//! Abstract names are in no file system.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-abstract-socket",
    class: Class::Ipc,
    claim: Claim::NetUnix,
    attack: "connects to an abstract unix socket of the host with node:net",
    act: Act::JavaScript(
        r"
            return t.stream(require('node:net').connect({ path: `\0${p.unix_abstract}` }));
        ",
    ),
    refusals: &["ENOENT", "EACCES", "EPERM", "ECONNREFUSED", "ERR_ACCESS_DENIED"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::Landlock, Layer::NodeFlags],
};
