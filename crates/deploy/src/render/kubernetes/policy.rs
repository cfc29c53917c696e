//! A `ValidatingAdmissionPolicy` that refuses a weaker pod.

use crate::render::{Order, RenderError, Rendered};

/// Writes it.
///
/// # Errors
/// [`RenderError`].
pub fn render(_order: &Order<'_>) -> Result<Rendered, RenderError> {
    Err(RenderError::Impossible { what: "not written yet".to_owned(), hint: String::new() })
}
