use http::Method;
use serde_json::{Map, Value};

use super::client::Client;
use super::error::Error;
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
        let Self { name, location_id, set_metadata, unset_metadata } = self;
        let mut body = Map::new();
        let mut keep = |field: &str| {
            if let Some(value) = device.raw().get(field).filter(|value| !value.is_null()) {
                body.insert(field.to_owned(), value.clone());
            }
        };
        keep("name");
        keep("metadata");
        keep("location_id");
        if let Some(name) = name {
            body.insert("name".to_owned(), Value::from(name.as_str()));
        }
        match location_id {
            Some(Some(id)) => {
                body.insert("location_id".to_owned(), Value::from(id.as_str()));
            }
            Some(None) => {
                body.remove("location_id");
            }
            None => {}
        }
        if !set_metadata.is_empty() || !unset_metadata.is_empty() {
            let mut metadata = match body.remove("metadata") {
                Some(Value::Object(metadata)) => metadata,
                _ => Map::new(),
            };
            for key in unset_metadata {
                metadata.shift_remove(key);
            }
            for (key, value) in set_metadata {
                metadata.insert(key.clone(), Value::from(value.as_str()));
            }
            body.insert("metadata".to_owned(), Value::Object(metadata));
        }
        body
    }
}

pub(crate) fn deregister_request(id: &str) -> Request {
    Request::ipp(Method::DELETE, &["devices", id])
}

impl Client {
    /// `GET /ipp/v1/devices`: lists [`Device`]s, optionally of one location.
    pub(crate) fn devices(&self, location_id: Option<&str>) -> PagedRequest<'_> {
        let list = Request::ipp(Method::GET, &["devices"]);
        PagedRequest::new(self, list.query_opt("location_id", location_id))
    }

    /// `PUT /ipp/v1/devices/{id}` with the body of [`DeviceChange::to_body`].
    pub(crate) async fn update_device(
        &self,
        id: &str,
        body: &Map<String, Value>,
    ) -> Result<Resource<Device>, Error> {
        self.send_json(&Request::ipp(Method::PUT, &["devices", id]).json(body)).await
    }

    /// `DELETE /ipp/v1/devices/{id}`.
    pub(crate) async fn deregister_device(&self, id: &str) -> Result<(), Error> {
        self.delete(&deregister_request(id)).await
    }

    /// Sends a DELETE. A 404 on a retry counts as success, because an earlier attempt may have deleted the resource.
    pub(super) async fn delete(&self, request: &Request) -> Result<(), Error> {
        match self.send(request).await {
            Ok(_) => Ok(()),
            Err(error) if error.status() == Some(404) && error.carried_out == super::SideEffect::Possible => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn device() -> Resource<Device> {
        Resource::from_json(json!({
            "id": "d", "name": "Till 1", "platform": "IOS", "location_id": "l", "colour": "blue",
            "metadata": {"floor": "2", "count": 7},
        }))
        .unwrap()
    }

    #[test]
    fn an_update_keeps_the_other_fields() {
        let change = DeviceChange { name: Some("Till 2".into()), ..DeviceChange::default() };
        assert_eq!(
            Value::Object(change.to_body(&device())),
            json!({"name": "Till 2", "metadata": {"floor": "2", "count": 7}, "location_id": "l"})
        );
    }

    #[test]
    fn metadata_is_merged_and_the_location_can_be_removed() {
        let change = DeviceChange {
            location_id: Some(None),
            set_metadata: [("area".into(), "bar".into())].into(),
            unset_metadata: vec!["floor".into()],
            ..DeviceChange::default()
        };
        assert_eq!(
            Value::Object(change.to_body(&device())),
            json!({"name": "Till 1", "metadata": {"count": 7, "area": "bar"}})
        );
    }

    #[test]
    fn an_empty_device_gets_only_the_changes() {
        let bare = Resource::from_json(json!({"id": "d", "name": null})).unwrap();
        assert_eq!(Value::Object(DeviceChange::default().to_body(&bare)), json!({}));
        assert!(DeviceChange::default().is_empty());
    }
}
