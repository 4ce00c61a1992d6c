//! Endpoints of playground and the emulator, which production does not have.

use http::Method;
use serde::Serialize;
use uuid::Uuid;

use super::request::Request;
use crate::model::{Metadata, TapOutcome};

#[derive(Serialize)]
struct NewDevice<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: &'a Metadata,
}

/// Creates and registers a simulated device.
pub(crate) fn simulated_device_request(
    name: &str,
    location_id: Option<&str>,
    metadata: &Metadata,
) -> Request {
    let post = Request::ipp(Method::POST, &["dev", "devices"]);
    post.json(&NewDevice { name, location_id, metadata })
}

/// The body of the response is not documented.
pub(crate) fn tap_request(session: Uuid, outcome: Option<TapOutcome>) -> Request {
    Request::ipp(Method::POST, &["dev", "sessions", &session.to_string(), "simulate-tap"])
        .query_opt("outcome", outcome.map(TapOutcome::as_str))
}
