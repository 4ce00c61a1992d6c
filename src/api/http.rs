//! The HTTP transport.

use futures_util::future::LocalBoxFuture;

use super::error::FailureCause;
use super::transport::{Response, Transport};
use crate::http_client::{Failure, HttpClient, MAX_RESPONSE_BYTES, root_cause};

impl Transport for HttpClient {
    fn send(&self, request: http::Request<Vec<u8>>) -> LocalBoxFuture<'_, Result<Response, FailureCause>> {
        Box::pin(async move {
            let request = reqwest::Request::try_from(request)
                .map_err(|error| FailureCause::NotSent { reason: root_cause(&error), transient: false })?;
            let received = self.send(request).await.map_err(|failure| match failure {
                Failure::NotSent { reason, transient } => FailureCause::NotSent { reason, transient },
                Failure::Lost(reason) | Failure::Incomplete { reason, .. } => FailureCause::Lost(reason),
                Failure::TooLarge { status } => {
                    let reason = format!("it is larger than {} MiB", MAX_RESPONSE_BYTES / 1024 / 1024);
                    FailureCause::Unreadable { status: status.as_u16(), reason }
                }
            })?;
            let (head, body) = received.into_parts();
            Ok(Response { status: head.status.as_u16(), headers: head.headers, body })
        })
    }
}
