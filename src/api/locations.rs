//! Locations.

use http::Method;

use super::client::Client;
use super::error::Error;
use super::pages::Fetch;
use super::request::Request;
use crate::model::{Location, Received};

impl Client {
    /// `GET /ipp/v1/locations`: a list of [`Location`]s.
    pub(crate) fn locations(&self) -> Fetch<'_> {
        Fetch::new(self, Request::ipp(Method::GET, &["locations"]))
    }

    /// `GET /ipp/v1/locations/{id}`.
    pub(crate) async fn location(&self, id: &str) -> Result<Received<Location>, Error> {
        self.resource(&Request::ipp(Method::GET, &["locations", id])).await
    }
}
