//! The transport to an emulator in this process.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use tower::ServiceExt as _;

use super::transport::{Response, ResponseFuture, Transport, TransportError};
use crate::emulator::StateFileError;

pub(crate) struct InProcessTransport(Router);

impl InProcessTransport {
    pub(crate) const fn new(emulator: Router) -> Self {
        Self(emulator)
    }
}

impl Transport for InProcessTransport {
    fn send(&self, request: http::Request<Vec<u8>>) -> ResponseFuture<'_> {
        Box::pin(async move {
            let Ok(response) = self.0.clone().oneshot(request.map(Body::from)).await;
            if let Some(error) = response.extensions().get::<Arc<StateFileError>>() {
                return Err(TransportError::State { reason: error.to_string() });
            }
            let (head, body) = response.into_parts();
            let body = to_bytes(body, usize::MAX)
                .await
                .map_err(|error| TransportError::Lost { reason: error.to_string() })?;
            Ok(Response { status: head.status.as_u16(), headers: head.headers, body: body.to_vec() })
        })
    }
}
