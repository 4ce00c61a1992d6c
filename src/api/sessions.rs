//! Sessions.

use http::Method;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::request::Request;
use crate::model::{Received, Session};

/// The request that creates a session, with the body as it is.
#[must_use]
pub fn session_request(body: Vec<u8>, location_id: Option<&str>) -> Request {
    Request::ipp(Method::POST, &["sessions"]).query_opt("location_id", location_id).body(body)
}

/// The request that reads a session.
#[must_use]
pub fn read_session_request(id: Uuid) -> Request {
    Request::ipp(Method::GET, &["sessions", &id.to_string()])
}

/// The request that cancels a session.
#[must_use]
pub fn cancel_session_request(id: Uuid) -> Request {
    Request::ipp(Method::PUT, &["sessions", &id.to_string(), "cancel"])
}

impl Client {
    /// `POST /ipp/v1/sessions` with the body as it is. Never sent twice unless it provably did not arrive or was
    /// turned away: there is no idempotency key (documented).
    ///
    /// # Errors
    /// [`Error`]; when its `carried_out` is `Maybe`, the session may exist.
    pub async fn create_session(
        &self,
        body: Vec<u8>,
        location_id: Option<&str>,
    ) -> Result<Received<Session>, Error> {
        self.resource(&session_request(body, location_id)).await
    }

    /// `GET /ipp/v1/sessions/{id}`.
    ///
    /// # Errors
    /// [`Error`] when it is not found, or the request fails.
    pub async fn session(&self, id: Uuid) -> Result<Received<Session>, Error> {
        self.resource(&read_session_request(id)).await
    }

    /// The same, asked once and not repeated: for a wait, which has a rhythm of its own.
    ///
    /// # Errors
    /// As [`Self::session`].
    pub async fn session_once(&self, id: Uuid) -> Result<Received<Session>, Error> {
        self.resource(&read_session_request(id).single_try()).await
    }

    /// `PUT /ipp/v1/sessions/{id}/cancel`.
    ///
    /// # Errors
    /// [`Error`] when it is refused, as for a session that has ended, or when the request fails.
    pub async fn cancel_session(&self, id: Uuid) -> Result<Received<Session>, Error> {
        self.resource(&cancel_session_request(id)).await
    }
}
