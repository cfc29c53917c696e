//! An image as a tar archive: files beyond what a runtime image should hold, compared with the boundary.

use super::{Comparison, DriftError};
use crate::render::Order;
use std::path::Path;

/// Compares it.
///
/// # Errors
/// [`DriftError`].
pub fn compare(_order: &Order<'_>, archive: &Path) -> Result<Comparison, DriftError> {
    Err(DriftError::Unknown { path: archive.to_owned() })
}
