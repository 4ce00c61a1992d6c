//! A client of the emulator inside it: its page and its phones send to its routes what any other program could send.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use serde_json::Value;
use tower::ServiceExt as _;

use super::routes::TOKEN_HEADER;
use super::{API_KEY, MERCHANT_ID};

#[derive(Clone)]
pub(super) struct OwnClient {
    /// The API without the log, to read from.
    pub(super) reads: Router,
    /// The API with the log, to act on.
    pub(super) acts: Router,
    pub(super) token: Option<String>,
}

impl OwnClient {
    pub(super) async fn get(&self, path: &str) -> Value {
        let Ok(response) = self.reads.clone().oneshot(self.request(Method::GET, path, Body::empty())).await;
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap_or_default();
        serde_json::from_slice(&body).unwrap_or_default()
    }

    pub(super) async fn send(&self, method: Method, path: &str, body: &Value) -> Response {
        let request = self.request(method, path, Body::from(body.to_string()));
        let Ok(response) = self.acts.clone().oneshot(request).await;
        response
    }

    fn request(&self, method: Method, path: &str, body: Body) -> Request<Body> {
        let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, "application/json");
        let request = request.header(AUTHORIZATION, format!("Basic {API_KEY}"));
        let request = request.header("x-merchant-id", MERCHANT_ID);
        let token = self.token.as_deref().unwrap_or_default();
        // Every part is valid: the path has only names and UUIDs.
        request.header(TOKEN_HEADER, token).body(body).unwrap_or_default()
    }
}
