//! Native code from a data folder.

use crate::prove::probe::{Act, Class, Probe, Setting};
use ringfence_policy::layer::Layer;
use ringfence_policy::statement::Claim;

pub(in crate::prove) const PROBE: Probe = Probe {
    id: "js-load-library",
    class: Class::Children,
    claim: Claim::ProcessAddons,
    attack: "loads a library that is no granted addon",
    act: Act::JavaScript(
        r"
            try {
                process.dlopen({ exports: {} }, p.readable_library);
            } catch (error) {
                // The library is no addon: that it could say so means it was mapped and ran.
                if (!/self-register|symbol/.test(error.message)) throw error;
            }
            return 'the library was loaded';
        ",
    ),
    refusals: &["ERR_DLOPEN_DISABLED", "ERR_DLOPEN_FAILED", "ERR_ACCESS_DENIED"],
    setting: Setting::Granted,
    layers: &[Layer::Namespaces, Layer::NodeFlags],
};
