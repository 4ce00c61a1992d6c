//! The interface between the client and the network or an emulator in this process.

use std::future::Future;
use std::pin::Pin;

use http::HeaderMap;

/// Larger responses are an error. A page of a hundred devices is a few hundred times smaller.
pub(super) const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Response {
    /// The value of a header, if it is valid text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

/// Why there is no complete response. The variants differ in whether the request may have arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TransportError {
    /// Nothing was sent: DNS, connection or TLS failed.
    NotSent {
        reason: String,
        /// Whether a retry may succeed.
        passing: bool,
    },
    /// The request may have arrived, but there is no complete response: a timeout, a reset, a truncated response.
    Lost {
        reason: String,
    },
    TooLarge {
        status: u16,
    },
    /// The state file of the emulator in this process could not be read or written; nothing changed.
    State {
        reason: String,
    },
}

pub(crate) type ResponseFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, TransportError>> + 'a>>;

/// Sends a request once: without retries, and without following redirects.
pub(crate) trait Transport {
    fn send(&self, request: http::Request<Vec<u8>>) -> ResponseFuture<'_>;
}
