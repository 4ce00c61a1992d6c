use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The shortest prefix of an ID that finds a resource.
pub const MIN_ID_PREFIX_LEN: usize = 4;

/// A `T` parsed from a response, together with every field of that response.
///
/// Tables show the typed part. `-o json` and `-o ndjson` print the object as received, so that fields and values
/// that this version does not know are kept, in their order.
#[derive(Clone)]
pub struct Resource<T> {
    typed: T,
    raw: Map<String, Value>,
}

impl<T: DeserializeOwned> Resource<T> {
    pub fn from_json(value: Value) -> Result<Self, String> {
        let typed = T::deserialize(&value);
        match (typed, value) {
            (Ok(typed), Value::Object(raw)) => Ok(Self { typed, raw }),
            (_, other) => Err(format!("expected a JSON object, found {}", json_type_name(&other))),
        }
    }
}

impl<T> Resource<T> {
    pub fn raw(&self) -> &Map<String, Value> {
        &self.raw
    }

    /// For redacting secret fields, together with [`Self::raw_mut`].
    pub fn typed_mut(&mut self) -> &mut T {
        &mut self.typed
    }

    /// For redacting secret fields before the resource is printed.
    pub fn raw_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.raw
    }
}

impl<T> std::ops::Deref for Resource<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.typed
    }
}

impl<T> Serialize for Resource<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

/// Responses may contain enrollment codes and credentials, so `Debug` prints none of their fields.
impl<T> std::fmt::Debug for Resource<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Resource").finish_non_exhaustive()
    }
}

pub(super) fn json_type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Device, OrderItem, Platform, Session, SessionStatus};
    use serde_json::json;

    #[test]
    fn unknown_fields_and_values_are_kept_in_order() {
        let text =
            r#"{"zeta":1.10,"id":17,"name":"Till","platform":"WATCH","big":123456789012345678901234567890}"#;
        let device = Resource::<Device>::from_json(serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(device.id.as_deref(), Some("17"));
        assert_eq!(device.platform, Some(Platform::Other("WATCH".into())));
        assert_eq!(serde_json::to_string(&device).unwrap(), text);
    }

    #[test]
    fn wrong_types_are_parsed_leniently() {
        let session = Resource::<Session>::from_json(json!({
            "session_id": 5, "status": "PARTIAL", "order_amount": "24950", "purchase_started_at": "yesterday",
            "order_items": [1, {"name": "x"}], "order_id": null,
        }))
        .unwrap();
        let expected = Session {
            session_id: Some("5".into()),
            status: Some(SessionStatus::Other("PARTIAL".into())),
            order_amount: Some(24950),
            order_items: vec![OrderItem { name: Some("x".into()), ..OrderItem::default() }],
            ..Session::default()
        };
        assert_eq!(*session, expected);
    }
}
