//! The transport to an emulator in this process.

use axum::Router;
use axum::body::{Body, to_bytes};
use futures_util::future::LocalBoxFuture;
use tower::ServiceExt as _;

use crate::api::{FailureCause, Response, Transport};
use crate::emulator::StateFileError;

impl Transport for Router {
    fn send(&self, request: http::Request<Vec<u8>>) -> LocalBoxFuture<'_, Result<Response, FailureCause>> {
        Box::pin(async move {
            let Ok(response) = self.clone().oneshot(request.map(Body::from)).await;
            if let Some(error) = response.extensions().get::<StateFileError>() {
                return Err(FailureCause::State(error.to_string()));
            }
            let (head, body) = response.into_parts();
            let body =
                to_bytes(body, usize::MAX).await.map_err(|error| FailureCause::Lost(error.to_string()))?;
            Ok(Response { status: head.status.as_u16(), headers: head.headers, body: body.to_vec() })
        })
    }
}
