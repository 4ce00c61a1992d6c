//! The server that takes deliveries in, and hands each to whoever decides about it.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// The longest body that is read, in bytes. Thin ones have a few hundred.
const MAX_BODY: usize = 1024 * 1024;

/// How many deliveries wait to be looked at; more than that wait in their connections.
const QUEUE_CAPACITY: usize = 64;

/// A delivery as it came.
pub(super) struct IncomingDelivery {
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) answer: oneshot::Sender<DeliveryResponse>,
}

/// What a delivery is answered with.
pub(super) struct DeliveryResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl DeliveryResponse {
    /// It need not come again.
    pub(super) fn acknowledged() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: HeaderMap::new(), body: Vec::new() }
    }

    /// It was not accepted, and why.
    pub(super) fn problem(status: StatusCode, detail: &str) -> Self {
        let title = status.canonical_reason().unwrap_or_default();
        let body =
            json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail});
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        Self { status, headers, body: body.to_string().into_bytes() }
    }
}

impl IntoResponse for DeliveryResponse {
    fn into_response(self) -> Response {
        let Self { status, headers, body } = self;
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

/// Takes deliveries in until `stop` is done, and then answers those that are there.
pub(super) fn serve(
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> (mpsc::Receiver<IncomingDelivery>, impl Future<Output = std::io::Result<()>>) {
    let (arrivals, arrived) = mpsc::channel(QUEUE_CAPACITY);
    let router = Router::new().fallback(move |request: Request| receive(arrivals.clone(), request));
    (arrived, axum::serve(listener, router).with_graceful_shutdown(stop).into_future())
}

async fn receive(arrivals: mpsc::Sender<IncomingDelivery>, request: Request) -> DeliveryResponse {
    let (parts, body) = request.into_parts();
    if parts.method != Method::POST {
        let mut answer = DeliveryResponse::problem(StatusCode::METHOD_NOT_ALLOWED, "Callbacks are posted.");
        answer.headers.insert(ALLOW, HeaderValue::from_static("POST"));
        return answer;
    }
    let body = match axum::body::to_bytes(body, MAX_BODY).await {
        Ok(body) => body.to_vec(),
        Err(error) => {
            return if error.into_inner().is::<http_body_util::LengthLimitError>() {
                DeliveryResponse::problem(StatusCode::PAYLOAD_TOO_LARGE, "The body is longer than 1 MiB.")
            } else {
                DeliveryResponse::problem(StatusCode::BAD_REQUEST, "The body broke off.")
            };
        }
    };
    let (answer, answered) = oneshot::channel();
    let ending = || DeliveryResponse::problem(StatusCode::SERVICE_UNAVAILABLE, "Nobody listens any more.");
    if arrivals.send(IncomingDelivery { headers: parts.headers, body, answer }).await.is_err() {
        return ending();
    }
    answered.await.unwrap_or_else(|_| ending())
}
