//! What carries a request: the network, or an emulator inside this process.

use std::future::Future;
use std::pin::Pin;

use http::HeaderMap;

/// The largest answer that is read, in bytes. A page of a hundred devices is a few hundred times smaller.
pub(super) const MAX_RESPONSE_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl Response {
    /// A header as text, if it is there and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the status is a 2xx.
    pub(crate) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

/// Why there is no whole answer. The difference that matters is whether the request can have arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TransportError {
    /// Nothing of the request was sent: name, connection, TLS.
    NotSent {
        /// What happened, in words.
        reason: String,
        /// Whether trying again could end otherwise.
        passing: bool,
    },
    /// The request may have arrived, and no whole answer came: time-out, reset, a cut answer.
    Lost {
        /// What happened, in words.
        reason: String,
    },
    /// The answer is larger than 16 MiB.
    TooLarge { status: u16 },
    /// The state file of the emulator inside this process could not be read or written; nothing was changed.
    State {
        /// What happened, in words.
        reason: String,
    },
}

/// The future of an answer.
pub(crate) type ResponseFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, TransportError>> + 'a>>;

/// Carries one request and brings one answer; never repeats a request and never follows a redirect.
pub(crate) trait Transport {
    /// Sends the request once.
    fn send(&self, request: http::Request<Vec<u8>>) -> ResponseFuture<'_>;
}
