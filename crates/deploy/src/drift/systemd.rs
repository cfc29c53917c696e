//! Units, compared with the boundary.

use super::{Comparison, Deployed, DriftError};
use crate::render::Order;

/// Compares it.
///
/// # Errors
/// [`DriftError`].
pub fn compare(_order: &Order<'_>, files: &[Deployed<'_>]) -> Result<Comparison, DriftError> {
    let path = files.first().map(|file| file.path.to_owned()).unwrap_or_default();
    Err(DriftError::Unknown { path })
}
