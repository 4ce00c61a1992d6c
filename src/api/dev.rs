//! Endpoints of playground and the emulator, which production does not have.

use http::Method;
use serde_json::json;
use uuid::Uuid;

use super::expectation::{DEVICE, Expectation, SESSION};
use super::request::Request;
use crate::model::{Metadata, TapOutcome};

/// A server may change a name, such as to keep names distinct.
const CHOSEN_BY_SERVER: &[&str] = &["name"];

/// Creates and registers a simulated device.
pub(crate) fn simulated_device_request(
    name: &str,
    location_id: Option<&str>,
    metadata: &Metadata,
) -> Request {
    let mut body = json!({"name": name});
    if let Some(id) = location_id {
        body["location_id"] = id.into();
    }
    if !metadata.is_empty() {
        body["metadata"] = json!(metadata);
    }
    Request::ipp(Method::POST, &["dev", "devices"])
        .json(&body)
        .expect_created(Expectation::created(DEVICE), CHOSEN_BY_SERVER)
}

/// The body of the response is not documented.
pub(crate) fn tap_request(session: Uuid, outcome: Option<TapOutcome>) -> Request {
    Request::ipp(Method::POST, &["dev", "sessions", &session.to_string(), "simulate-tap"])
        .query_opt("outcome", outcome.map(TapOutcome::as_str))
        .expect_response(Expectation::of_if_named(SESSION, &session))
}
