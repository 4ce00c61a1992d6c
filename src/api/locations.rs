use http::Method;

use super::client::Client;
use super::error::Error;
use super::expectation::{Expectation, LOCATION};
use super::pages::PagedRequest;
use super::request::Request;
use crate::model::{Location, Resource};

impl Client {
    pub(crate) fn locations(&self) -> PagedRequest<'_> {
        PagedRequest::new(self, Request::ipp(Method::GET, &["locations"]))
    }

    pub(crate) async fn location(&self, id: &str) -> Result<Resource<Location>, Error> {
        let request = Request::ipp(Method::GET, &["locations", id]);
        self.send_json(&request.expect_response(Expectation::of(LOCATION, &id))).await
    }
}
