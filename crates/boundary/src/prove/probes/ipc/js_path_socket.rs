//! On Node 20 to 24 nothing of Node guards unix sockets.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-path-socket",
    class: Class::Ipc,
    claim: Claim::NetUnix,
    attack: "connects to a unix socket of the host with node:net",
    act: Act::JavaScript(
        r"
            return t.stream(require('node:net').connect({ path: p.unix_path }));
        ",
    ),
    refusals: &["ENOENT", "EACCES", "EPERM", "ECONNREFUSED", "ENOTDIR", "ERR_ACCESS_DENIED"],
    setting: Setting::Exact,
    layers: &[Layer::Namespaces, Layer::Broker, Layer::NodeFlags],
};
