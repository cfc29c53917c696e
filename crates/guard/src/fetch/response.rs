//! What came back.

use super::FetchError;
use super::connect::told;
use std::io::{self, Read};
use std::net::SocketAddr;
use ureq::{Body, BodyReader, http};
use url::Url;

/// An answer. Its body is read as it comes, within the deadline and the limit of the request.
pub struct Response {
    status: u16,
    headers: http::HeaderMap,
    url: Url,
    addresses: Vec<SocketAddr>,
    redirects: u32,
    limit: u64,
    left: u64,
    body: BodyReader<'static>,
}

impl Response {
    pub(super) fn new(
        answer: http::Response<Body>,
        reached: (Url, Vec<SocketAddr>),
        redirects: u32,
        limit: u64,
    ) -> Result<Self, FetchError> {
        let (parts, body) = answer.into_parts();
        // Said beforehand: nothing needs to be read to refuse it.
        if body.content_length().is_some_and(|length| length > limit) {
            return Err(FetchError::TooLong(limit));
        }
        let (url, addresses) = reached;
        Ok(Self {
            status: parts.status.as_u16(),
            headers: parts.headers,
            url,
            addresses,
            redirects,
            limit,
            left: limit,
            body: body.into_reader(),
        })
    }

    /// Its status, 100 to 999.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    /// The first header of this name, when it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Every header with its value, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }

    /// Where it came from: the last URL of all redirects.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// The addresses that were judged for it; a new connection was made to one of them.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// How many redirects were followed.
    #[must_use]
    pub const fn redirects(&self) -> u32 {
        self.redirects
    }

    /// The next bytes of the body; 0 is its end.
    ///
    /// # Errors
    /// [`FetchError::TooLong`], [`FetchError::Timeout`] and what the network does.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, FetchError> {
        if into.is_empty() {
            return Ok(0);
        }
        let read = self.body.read(into).map_err(|error| told(error.into()))?;
        let length = u64::try_from(read).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(length).ok_or(FetchError::TooLong(self.limit))?;
        Ok(read)
    }

    /// All of the body.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn bytes(mut self) -> Result<Vec<u8>, FetchError> {
        let mut bytes = Vec::new();
        self.copy_to(&mut bytes)?.map_err(FetchError::Connection)?;
        Ok(bytes)
    }

    /// Writes the body as it comes; the inner error is the writer's own.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn copy_to(&mut self, into: &mut impl io::Write) -> Result<io::Result<u64>, FetchError> {
        let (mut buffer, mut written) = (vec![0_u8; 16 << 10], 0_u64);
        loop {
            let length = self.read(&mut buffer)?;
            if length == 0 {
                return Ok(Ok(written));
            }
            if let Err(error) = into.write_all(&buffer[..length]) {
                return Ok(Err(error));
            }
            written = written.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        }
    }
}

impl std::fmt::Debug for Response {
    /// Without headers and body, which may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}
