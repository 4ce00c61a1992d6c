//! Answers, and refusals as problem details.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use crate::emulator::state::Rejection;

/// What an operation answers when it was carried out.
#[derive(Debug)]
pub(super) struct ApiResponse {
    status: StatusCode,
    json: Option<Vec<u8>>,
}

impl ApiResponse {
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        // What is answered is structs and strings, which cannot fail to be JSON.
        Self { status, json: Some(serde_json::to_vec(body).unwrap_or_default()) }
    }

    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, json: None }
    }
}

impl IntoResponse for ApiResponse {
    fn into_response(self) -> Response {
        let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        match self.json {
            Some(body) => (self.status, json, Body::from(body)).into_response(),
            None => self.status.into_response(),
        }
    }
}

/// A refusal as RFC 7807 problem details (observed).
pub(in crate::emulator) fn problem_response(refusal: &Rejection) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if refusal.status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"kustom emulator\""));
    }
    (refusal.status, headers, Body::from(refusal.to_problem_json().to_string())).into_response()
}
