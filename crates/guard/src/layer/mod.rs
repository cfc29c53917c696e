//! A tower layer that checks a request before its handler: headers, content type, size while it streams,
//! and the shape of its JSON.
//!
//! It knows nothing of the server: axum, tonic and hyper take it alike. A body must be JSON; routes
//! for uploads stand outside of it. The handler gets the bytes that were checked, so its own parser
//! reads what was judged. Answers are problem details (RFC 9457) that repeat nothing of the request.
//! Deadlines for slow senders are the server's: nothing here has a clock.

mod answer;
mod body;
mod service;

pub use answer::AnswerBody;
pub use body::CheckedBody;
pub use service::{Guarded, GuardedFuture};

use crate::event::Watch;
use crate::{header, json};
use tower_layer::Layer;

/// What a layer checks.
///
/// ```
/// use ringfence_guard::{json, layer::GuardLayer};
///
/// // In axum: `Router::new().route("/orders", post(create)).layer(layer)`.
/// let layer = GuardLayer::new()
///     .with_json(json::Limits { bytes: 64 * 1024, ..json::Limits::default() });
/// ```
#[derive(Debug, Clone, Default)]
pub struct GuardLayer {
    headers: header::Limits,
    json: json::Limits,
    watch: Watch,
}

impl GuardLayer {
    /// A layer with the default limits of headers and JSON.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Other limits of headers.
    #[must_use]
    pub const fn with_headers(mut self, limits: header::Limits) -> Self {
        self.headers = limits;
        self
    }

    /// Other limits of bodies.
    #[must_use]
    pub const fn with_json(mut self, limits: json::Limits) -> Self {
        self.json = limits;
        self
    }

    /// Tells refusals to somebody.
    #[must_use]
    pub fn watched_by(mut self, watch: Watch) -> Self {
        self.watch = watch;
        self
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded::new(inner, self.clone())
    }
}
