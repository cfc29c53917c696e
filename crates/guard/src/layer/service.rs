//! The service before the handler's.

use super::GuardLayer;
use super::answer::{AnswerBody, Problem};
use super::body::{self, CheckedBody};
use crate::event::{Kind, Refusal};
use crate::header::Headers;
use crate::json;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Body;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_service::Service;

/// A service behind the checks of a [`GuardLayer`].
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    inner: S,
    layer: GuardLayer,
}

impl<S> Guarded<S> {
    pub(super) const fn new(inner: S, layer: GuardLayer) -> Self {
        Self { inner, layer }
    }
}

/// The answer as it is made.
pub type GuardedFuture<R, E> = Pin<Box<dyn Future<Output = Result<R, E>> + Send>>;

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<CheckedBody>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
    R: 'static,
{
    type Response = Response<AnswerBody<R>>;
    type Error = S::Error;
    type Future = GuardedFuture<Self::Response, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // What was asked whether it is ready is what is called; its copy takes its place.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let layer = self.layer.clone();
        Box::pin(async move {
            let version = request.version();
            match layer.check(request).await {
                Ok(request) => {
                    let response = inner.call(request).await?;
                    Ok(response.map(|body| AnswerBody::Handler(Box::pin(body))))
                }
                Err((problem, refusal)) => {
                    layer.watch.tell(|| refusal);
                    Ok(problem.answer(version))
                }
            }
        })
    }
}

type Refused = (Problem, Refusal);

impl GuardLayer {
    async fn check<B>(&self, request: Request<B>) -> Result<Request<CheckedBody>, Refused>
    where
        B: Body<Data = Bytes>,
    {
        let (mut parts, body) = request.into_parts();
        self.check_headers(&parts.headers)?;
        // A length that was announced is what the server reads; a body without one may still be empty.
        if body.is_end_stream() || parts.headers.get(CONTENT_LENGTH).is_some_and(|n| n == "0") {
            return Ok(Request::from_parts(parts, CheckedBody::default()));
        }
        let most = self.json.bytes;
        self.check_announced(&parts.headers, body.size_hint().lower())?;
        let bytes = body::read(body, most).await.map_err(|(problem, size)| {
            (problem, Refusal::new(Kind::Json, problem.rule, b"").with_size(size))
        })?;
        if bytes.is_empty() {
            return Ok(Request::from_parts(parts, CheckedBody::default()));
        }
        let facts = json::check(&bytes, &self.json).map_err(|error| {
            let problem = Problem { status: StatusCode::BAD_REQUEST, rule: error.rule() };
            (problem, error.refusal(&bytes))
        })?;
        parts.extensions.insert(facts);
        Ok(Request::from_parts(parts, CheckedBody::new(bytes)))
    }

    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let pairs = || headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
        let Err(error) = Headers::check(pairs(), &self.headers) else { return Ok(()) };
        let status = if error.is_size() {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        } else {
            StatusCode::BAD_REQUEST
        };
        Err((Problem { status, rule: error.rule() }, error.refusal(pairs())))
    }

    /// What the headers say of a body, before any of it is read. A compressed body has another size
    /// than it says: it is not accepted.
    fn check_announced(&self, headers: &HeaderMap, least: u64) -> Result<(), Refused> {
        let refuse = |status, rule, sample: &[u8]| {
            Err((Problem { status, rule }, Refusal::new(Kind::Json, rule, sample).with_size(least)))
        };
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let kind = text(CONTENT_TYPE).unwrap_or_default();
        if json::check_content_type(kind).is_err() {
            let sample = kind.as_bytes();
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", sample);
        }
        let coded = headers.get(CONTENT_ENCODING).is_some_and(|value| value != "identity");
        if coded {
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-encoding", b"");
        }
        if headers.get(EXPECT).is_some_and(|value| value != "100-continue") {
            return refuse(StatusCode::EXPECTATION_FAILED, "expect", b"");
        }
        let announced = text(CONTENT_LENGTH).and_then(|text| text.parse::<u64>().ok());
        let most = u64::try_from(self.json.bytes).unwrap_or(u64::MAX);
        if announced.unwrap_or(least).max(least) > most {
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, "too-long", b"");
        }
        Ok(())
    }
}
