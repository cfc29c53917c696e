//! The `config.json` of a runtime bundle, compared with the boundary.

use super::{Comparison, Deployed, DriftError};
use crate::render::Order;

/// Compares it.
///
/// # Errors
/// [`DriftError`].
pub fn compare(_order: &Order<'_>, deployed: Deployed<'_>) -> Result<Comparison, DriftError> {
    Err(DriftError::Unknown { path: deployed.path.to_owned() })
}
