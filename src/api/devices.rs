use http::Method;
use serde_json::{Map, Value};

use super::client::Client;
use super::error::{Error, SideEffect};
use super::expectation::{DEVICE, Expectation};
use super::pages::PagedRequest;
use super::request::Request;
use crate::model::{Device, Metadata, Resource};

/// Changes to a device. Fields that are not set keep their values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeviceChange {
    pub name: Option<String>,
    /// `Some(None)` removes the location.
    #[allow(clippy::option_option, reason = "absent, removed and set are three cases")]
    pub location_id: Option<Option<String>>,
    pub set_metadata: Metadata,
    pub unset_metadata: Vec<String>,
}

impl DeviceChange {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Builds the body of the PUT, which replaces the device: a field that is omitted would be lost (observed). Values
    /// come from the raw response, so that even one of an unexpected type is kept.
    pub(crate) fn to_body(&self, device: &Resource<Device>) -> Map<String, Value> {
        let mut body: Map<String, Value> = ["name", "metadata", "location_id"]
            .into_iter()
            .filter_map(|field| Some((field.to_owned(), device.raw().get(field)?.clone())))
            .filter(|(_, value)| !value.is_null())
            .collect();
        if let Some(name) = &self.name {
            body.insert("name".to_owned(), name.as_str().into());
        }
        match &self.location_id {
            Some(Some(id)) => drop(body.insert("location_id".to_owned(), id.as_str().into())),
            Some(None) => drop(body.shift_remove("location_id")),
            None => {}
        }
        if !self.set_metadata.is_empty() || !self.unset_metadata.is_empty() {
            let metadata = body.entry("metadata").or_insert_with(|| Map::new().into());
            let mut entries = metadata.as_object().cloned().unwrap_or_default();
            entries.retain(|key, _| !self.unset_metadata.contains(key));
            entries.extend(self.set_metadata.iter().map(|(key, value)| (key.clone(), value.as_str().into())));
            *metadata = entries.into();
        }
        body
    }
}

pub(crate) fn deregister_request(id: &str) -> Request {
    Request::ipp(Method::DELETE, &["devices", id]).expect_response(Expectation::of_if_named(DEVICE, &id))
}

impl Client {
    pub(crate) fn devices(&self, location_id: Option<&str>) -> PagedRequest<'_> {
        let list = Request::ipp(Method::GET, &["devices"]);
        let list = list.query_opt("location_id", location_id);
        PagedRequest::new(self, list.expect_response(Expectation::items("location_id", location_id)))
    }

    /// Takes the body of [`DeviceChange::to_body`].
    pub(crate) async fn update_device(
        &self,
        id: &str,
        body: &Map<String, Value>,
    ) -> Result<Resource<Device>, Error> {
        let request = Request::ipp(Method::PUT, &["devices", id]).json(body);
        self.send_json(&request.expect_response(Expectation::of(DEVICE, &id))).await
    }

    /// Sends a DELETE. A 404 on a retry counts as success, because an earlier attempt may have deleted the resource.
    pub(crate) async fn delete(&self, request: &Request) -> Result<(), Error> {
        match self.send(request).await {
            Err(error) if error.status() == Some(404) && error.side_effect == SideEffect::Possible => Ok(()),
            result => result.map(|_| ()),
        }
    }
}
