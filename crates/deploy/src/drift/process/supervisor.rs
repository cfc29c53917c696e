//! A service under `ringfence run`, asked through its supervisor.

use super::{Comparison, DriftError};
use crate::render::Order;

/// What the supervisor answered.
pub(super) struct Asked {
    /// The service's first process, while it lives.
    pub(super) program: Option<u32>,
}

/// Elsewhere there is nobody to ask.
#[cfg(not(target_os = "linux"))]
pub(super) fn ask(
    _order: &Order<'_>,
    _pid: u32,
    _comparison: &mut Comparison,
) -> Result<Option<Asked>, DriftError> {
    Ok(None)
}

/// Asks it which boundary is in force and what each layer answered; `None` for any other process.
#[cfg(target_os = "linux")]
pub(super) fn ask(
    order: &Order<'_>,
    pid: u32,
    comparison: &mut Comparison,
) -> Result<Option<Asked>, DriftError> {
    use ringfence_boundary::control::client::{AskError, Supervisor};
    let unasked = |supervisor: Option<u32>, why: String, comparison: &mut Comparison| {
        // The supervisor is not the service: judging it in its place would say nothing.
        if supervisor == Some(pid) {
            let source = std::io::Error::new(std::io::ErrorKind::PermissionDenied, why);
            return Err(DriftError::Unreadable { path: format!("/proc/{pid}").into(), source });
        }
        comparison.undecided.push(format!("its supervisor does not say what it enforces: {why}"));
        Ok(None)
    };
    let supervisor = match Supervisor::find(pid) {
        Ok(supervisor) => supervisor,
        Err(AskError::NotAService(_) | AskError::NoProcess(_)) => return Ok(None),
        Err(error) => return unasked(None, error.to_string(), comparison),
    };
    let identity = match supervisor.identity() {
        Ok(Ok(identity)) => identity,
        Ok(Err(refused)) => return unasked(Some(supervisor.pid), refused.message, comparison),
        Err(error) => return unasked(Some(supervisor.pid), error.to_string(), comparison),
    };
    if identity.service != order.name() {
        let path = format!("/proc/{pid} (service `{}`)", identity.service).into();
        let service = order.name().to_owned();
        return Err(DriftError::Foreign { path, service, found: Vec::new() });
    }
    layers::compare(order, &identity, comparison);
    Ok(Some(Asked { program: identity.program_pid }))
}

#[cfg(target_os = "linux")]
mod layers {
    use super::{Comparison, Order};
    use crate::drift::Drift;
    use ringfence_boundary::control::client::Identity;
    use ringfence_policy::layer::Layer;
    use ringfence_policy::model::RequiredLayers;

    /// The boundary that is in force, and the layers that carry it.
    pub(super) fn compare(order: &Order<'_>, identity: &Identity, comparison: &mut Comparison) {
        comparison.compared += 1;
        if identity.boundary != order.boundary_hash {
            comparison.drifts.push(Drift {
                code: "another-boundary",
                place: format!("ringfence run: {}", identity.file),
                line: None,
                wanted: format!("sha256:{}", order.boundary_hash),
                found: format!("sha256:{}", identity.boundary),
                why: "the service was started with another text of the file: start it anew"
                    .to_owned(),
            });
        }
        for answer in &identity.layers {
            comparison.compared += 1;
            let required = match &order.boundary.require.layers {
                RequiredLayers::All => true,
                RequiredLayers::Listed(layers) => {
                    Layer::from_id(&answer.layer).is_some_and(|layer| layers.contains(&layer))
                }
            };
            let why = answer.why.clone().unwrap_or_else(|| "no reason is given".to_owned());
            match (answer.state.as_str(), required) {
                ("absent", true) => comparison.drifts.push(Drift {
                    code: "layer-absent",
                    place: format!("ringfence run: layer {}", answer.layer),
                    line: None,
                    wanted: "enforced".to_owned(),
                    found: format!("absent: {why}"),
                    why: "the boundary asks for this layer".to_owned(),
                }),
                ("absent", false) => comparison.undecided.push(format!(
                    "the layer `{}` is absent, which [require] accepts: {why}",
                    answer.layer
                )),
                _ => {}
            }
        }
    }
}
