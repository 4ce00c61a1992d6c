use http::Method;

use super::client::Client;
use super::error::Error;
use super::pages::PagedRequest;
use super::request::Request;
use crate::model::{Location, Resource};

impl Client {
    pub(crate) fn locations(&self) -> PagedRequest<'_> {
        PagedRequest::new(self, Request::ipp(Method::GET, &["locations"]))
    }

    pub(crate) async fn location(&self, id: &str) -> Result<Resource<Location>, Error> {
        self.send_json(&Request::ipp(Method::GET, &["locations", id])).await
    }
}
