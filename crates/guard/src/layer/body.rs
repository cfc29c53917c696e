//! The body of a request: read within its bounds, and handed on as what was checked.

use super::answer::Problem;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

/// Room that is made at once, whatever length was announced: who announces much must send it.
const ROOM: usize = 16 * 1024;

/// A body that was read and checked; empty where the request had none.
#[derive(Debug, Default, Clone)]
pub struct CheckedBody(Option<Bytes>);

impl CheckedBody {
    pub(super) const fn new(bytes: Bytes) -> Self {
        Self(Some(bytes))
    }
}

impl Body for CheckedBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.get_mut().0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.0.as_ref().map_or(0, Bytes::len);
        SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
    }
}

/// Reads a body to its end and stops at the first byte above `most`. Trailers are dropped: they come
/// after everything was judged.
pub(super) async fn read<B>(body: B, most: usize) -> Result<Bytes, (Problem, u64)>
where
    B: Body<Data = Bytes>,
{
    let mut body = pin!(body);
    let mut bytes = BytesMut::with_capacity(ROOM.min(most));
    while let Some(frame) = std::future::poll_fn(|context| body.as_mut().poll_frame(context)).await
    {
        let cut = Problem { status: StatusCode::BAD_REQUEST, rule: "body-cut-off" };
        let Ok(data) = frame.map_err(|_| (cut, length(&bytes)))?.into_data() else { continue };
        if data.len() > most - bytes.len() {
            let long = Problem { status: StatusCode::PAYLOAD_TOO_LARGE, rule: "too-long" };
            return Err((long, length(&bytes) + length(&data)));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
