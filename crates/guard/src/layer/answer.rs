//! Answers to what was refused.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode, Version};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

/// What the handler answers, or why it was not asked.
#[derive(Debug)]
pub enum AnswerBody<B> {
    /// The handler's own.
    Handler(Pin<Box<B>>),
    /// Problem details; `None` when they were sent.
    Problem(Option<Bytes>),
}

impl<B: Body<Data = Bytes>> Body for AnswerBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.get_mut() {
            Self::Handler(body) => body.as_mut().poll_frame(context),
            Self::Problem(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Handler(body) => body.is_end_stream(),
            Self::Problem(text) => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Handler(body) => body.size_hint(),
            Self::Problem(text) => {
                let length = text.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
        }
    }
}

/// A refusal as it is answered: a status and the stable name of the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) rule: &'static str,
}

impl Problem {
    /// Problem details (RFC 9457): every word of it is ours. The connection ends where HTTP/1 would have
    /// to read what is left of the body first.
    pub(super) fn answer<B>(self, version: Version) -> Response<AnswerBody<B>> {
        let title = self.status.canonical_reason().unwrap_or("Refused");
        let text = format!(
            r#"{{"type":"about:blank","title":"{title}","status":{},"code":"{}"}}"#,
            self.status.as_u16(),
            self.rule
        );
        let mut response = Response::new(AnswerBody::Problem(Some(Bytes::from(text))));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if version <= Version::HTTP_11 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
