//! Responses of the API: JSON, and rejections as problem details.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::emulator::state::Rejection;

pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // The bodies are structs and strings, whose serialization cannot fail.
    let body = serde_json::to_vec(body).unwrap_or_default();
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

/// RFC 7807 problem details (observed).
impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let body = self.to_problem_json().to_string();
        let mut response = (self.status, [(CONTENT_TYPE, "application/problem+json")], body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"kustom emulator\"");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
