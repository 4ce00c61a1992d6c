use http::Method;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::expectation::{Expectation, SESSION};
use super::request::Request;
use crate::model::{Resource, Session};

/// `POST /ipp/v1/sessions`. There is no idempotency key (documented), so the client retries only if the request
/// provably did not arrive or was rejected.
pub(crate) fn create_session_request(body: Vec<u8>, location_id: Option<&str>) -> Request {
    Request::ipp(Method::POST, &["sessions"])
        .query_opt("location_id", location_id)
        .body(body)
        .expect_created(Expectation::created(SESSION), &[])
}

pub(crate) fn read_session_request(id: Uuid) -> Request {
    Request::ipp(Method::GET, &["sessions", &id.to_string()]).expect_response(Expectation::of(SESSION, &id))
}

pub(crate) fn cancel_session_request(id: Uuid) -> Request {
    Request::ipp(Method::PUT, &["sessions", &id.to_string(), "cancel"])
        .expect_response(Expectation::of(SESSION, &id))
}

impl Client {
    pub(crate) async fn session(&self, id: Uuid) -> Result<Resource<Session>, Error> {
        self.send_json(&read_session_request(id)).await
    }

    /// Does not retry, because the caller polls at its own interval.
    pub(crate) async fn session_once(&self, id: Uuid) -> Result<Resource<Session>, Error> {
        self.send_json(&read_session_request(id).without_retry()).await
    }
}
