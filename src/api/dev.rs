//! Endpoints of playground and the emulator, which production does not have.

use http::Method;
use serde::Serialize;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::request::Request;
use crate::model::{Device, Metadata, Resource, TapOutcome};

#[derive(Serialize)]
struct NewDevice<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: &'a Metadata,
}

pub(crate) fn simulated_device_request(
    name: &str,
    location_id: Option<&str>,
    metadata: &Metadata,
) -> Request {
    let post = Request::ipp(Method::POST, &["dev", "devices"]);
    post.json(&NewDevice { name, location_id, metadata })
}

pub(crate) fn tap_request(session: Uuid, outcome: Option<TapOutcome>) -> Request {
    Request::ipp(Method::POST, &["dev", "sessions", &session.to_string(), "simulate-tap"])
        .query_opt("outcome", outcome.map(TapOutcome::as_str))
}

impl Client {
    pub(crate) async fn create_simulated_device(
        &self,
        name: &str,
        location_id: Option<&str>,
        metadata: &Metadata,
    ) -> Result<Resource<Device>, Error> {
        self.send_json(&simulated_device_request(name, location_id, metadata)).await
    }

    /// The body of the response is not documented, so it is ignored.
    pub(crate) async fn simulate_tap(&self, session: Uuid, outcome: Option<TapOutcome>) -> Result<(), Error> {
        self.send(&tap_request(session, outcome)).await.map(|_| ())
    }
}
