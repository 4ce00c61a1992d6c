//! The transport of a request: the network, or an emulator in this process.

use futures_util::future::LocalBoxFuture;
use http::HeaderMap;

use super::error::FailureCause;

#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

/// Sends each request exactly once and never follows a redirect.
pub(crate) trait Transport {
    fn send(&self, request: http::Request<Vec<u8>>) -> LocalBoxFuture<'_, Result<Response, FailureCause>>;
}
