//! A service unit, and a socket unit where a manager opens the listeners.

use super::{Order, RenderError, Rendered};

/// Writes it.
///
/// # Errors
/// [`RenderError`].
pub fn render(_order: &Order<'_>) -> Result<Rendered, RenderError> {
    Err(RenderError::Impossible { what: "not written yet".to_owned(), hint: String::new() })
}
