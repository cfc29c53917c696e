//! A running process, by what `/proc` tells of it, compared with the boundary.

use super::{Comparison, DriftError};
use crate::render::Order;

/// Compares it.
///
/// # Errors
/// [`DriftError`].
pub fn compare(_order: &Order<'_>, pid: u32) -> Result<Comparison, DriftError> {
    Err(DriftError::Unknown { path: format!("/proc/{pid}").into() })
}
