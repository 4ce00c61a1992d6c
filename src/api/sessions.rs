//! Sessions.

use http::Method;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::request::Request;
use crate::model::{Resource, Session};

/// The request that creates a session, with the body as it is.
pub(crate) fn session_request(body: Vec<u8>, location_id: Option<&str>) -> Request {
    Request::ipp(Method::POST, &["sessions"]).query_opt("location_id", location_id).body(body)
}

/// The request that reads a session.
pub(crate) fn read_session_request(id: Uuid) -> Request {
    Request::ipp(Method::GET, &["sessions", &id.to_string()])
}

/// The request that cancels a session.
pub(crate) fn cancel_session_request(id: Uuid) -> Request {
    Request::ipp(Method::PUT, &["sessions", &id.to_string(), "cancel"])
}

impl Client {
    /// `POST /ipp/v1/sessions` with the body as it is. Never sent twice unless it provably did not arrive or was
    /// turned away: there is no idempotency key (documented).
    pub(crate) async fn create_session(
        &self,
        body: Vec<u8>,
        location_id: Option<&str>,
    ) -> Result<Resource<Session>, Error> {
        self.send_json(&session_request(body, location_id)).await
    }

    /// `GET /ipp/v1/sessions/{id}`.
    pub(crate) async fn session(&self, id: Uuid) -> Result<Resource<Session>, Error> {
        self.send_json(&read_session_request(id)).await
    }

    /// The same, asked once and not repeated: for a wait, which has a rhythm of its own.
    pub(crate) async fn session_once(&self, id: Uuid) -> Result<Resource<Session>, Error> {
        self.send_json(&read_session_request(id).without_retry()).await
    }

    /// `PUT /ipp/v1/sessions/{id}/cancel`.
    pub(crate) async fn cancel_session(&self, id: Uuid) -> Result<Resource<Session>, Error> {
        self.send_json(&cancel_session_request(id)).await
    }
}
