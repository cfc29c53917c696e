//! `[require]`: the layers without which a service does not start.

use super::keys::closest;
use super::section::{Report, Section, wrong_type};
use crate::diagnostic::{Code, Problem};
use crate::layer::Layer;
use crate::model::{Process, Require, RequiredLayers};
use toml::de::DeValue;

pub(super) fn read(report: &mut Report, section: &Section<'_>, process: &Process) -> Require {
    let Some(value) = section.raw("layers") else { return Require::default() };
    let hint = "write layers = \"all\", or a list such as [\"landlock\", \"seccomp\"]";
    let layers = match value.get_ref() {
        DeValue::String(text) if text == "all" => RequiredLayers::All,
        DeValue::Array(_) => {
            let example = "\"landlock\"";
            let listed =
                section.list(report, "layers", example, layer, |layer| layer.id().to_owned());
            // `all` means those that the boundary has; a list means each of them.
            let flags = listed.iter().find(|layer| layer.value == Layer::NodeFlags);
            if let Some(flags) = flags.filter(|_| !process.node_flags) {
                let message = "node-flags is required here and left out by process.node-flags";
                let hint = "remove it from the list, or remove process.node-flags = false";
                report.push(flags.span.clone(), Problem::new(Code::BadLayer, message).hint(hint));
            }
            RequiredLayers::Listed(listed.into_iter().map(|layer| layer.value).collect())
        }
        DeValue::String(text) => {
            let what = "`require.layers` is \"all\" or a list, not";
            report.push(value.span(), Problem::with_value(Code::BadLayer, what, text).hint(hint));
            RequiredLayers::All
        }
        other => {
            let problem = wrong_type("require.layers", "\"all\" or a list of layers", other);
            report.push(value.span(), problem.hint(hint));
            RequiredLayers::All
        }
    };
    Require { layers }
}

fn layer(text: &str) -> Result<Layer, Problem> {
    Layer::from_id(text).ok_or_else(|| {
        let ids = || Layer::ALL.iter().map(|layer| layer.id());
        let problem = Problem::with_value(Code::BadLayer, "unknown layer", text);
        match closest(text, ids()) {
            Some(meant) => problem.hint(format!("did you mean {meant}?")),
            None => problem.hint(format!("layers: {}", ids().collect::<Vec<_>>().join(", "))),
        }
    })
}
