//! A resource as the API sent it: typed as far as it is known, and whole as it came.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A `T` read from an answer, together with every field of that answer.
///
/// People see the typed part; `-o json` and `-o ndjson` show the object itself, so that a field or a spelling
/// this version does not know gets through unchanged and in its place.
#[derive(Clone)]
pub struct Resource<T> {
    known: T,
    whole: Map<String, Value>,
}

/// The answer was JSON, but not an object with the fields of a resource.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a JSON object, found {found}")]
pub struct NotAnObject {
    /// What stood there instead, in words.
    pub found: &'static str,
}

impl<T: DeserializeOwned> Resource<T> {
    /// Reads a resource.
    pub fn read(value: Value) -> Result<Self, NotAnObject> {
        let known = T::deserialize(&value);
        match (known, value) {
            (Ok(known), Value::Object(whole)) => Ok(Self { known, whole }),
            (_, other) => Err(NotAnObject { found: json_type_name(&other) }),
        }
    }
}

impl<T> Resource<T> {
    /// Every field as it came.
    pub fn raw(&self) -> &Map<String, Value> {
        &self.whole
    }

    /// Every field as it came, to hide some of them before they are shown.
    pub fn whole_mut(&mut self) -> &mut Map<String, Value> {
        &mut self.whole
    }
}

impl<T> std::ops::Deref for Resource<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.known
    }
}

impl<T> Serialize for Resource<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.whole.serialize(serializer)
    }
}

/// Answers can hold enrollment codes and credentials: nothing of them is shown.
impl<T> std::fmt::Debug for Resource<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Resource").finish_non_exhaustive()
    }
}

/// A JSON value's kind, in words for an error.
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
    use crate::model::{Device, Platform, Session, SessionStatus};
    use serde_json::json;

    #[test]
    fn unknown_fields_and_spellings_come_through_in_their_order() {
        let text =
            r#"{"zeta":1.10,"id":17,"name":"Till","platform":"WATCH","big":123456789012345678901234567890}"#;
        let device = Resource::<Device>::read(serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(device.id.as_deref(), Some("17"));
        assert_eq!(device.platform, Some(Platform::Other("WATCH".into())));
        assert_eq!(serde_json::to_string(&device).unwrap(), text);
    }

    #[test]
    fn wrong_kinds_are_read_leniently() {
        let session = Resource::<Session>::read(json!({
            "session_id": 5, "status": "PARTIAL", "order_amount": "24950", "purchase_started_at": "yesterday",
            "order_items": [1, {"name": "x"}], "order_id": null,
        }))
        .unwrap();
        assert_eq!(session.session_id.as_deref(), Some("5"));
        assert_eq!(session.status, Some(SessionStatus::Other("PARTIAL".into())));
        assert_eq!(session.order_amount, Some(24950));
        assert_eq!(session.purchase_started_at, None);
        assert_eq!(session.order_items.len(), 1);
        assert_eq!(session.order_id, None);
    }

    #[test]
    fn only_an_object_is_a_resource() {
        let error = Resource::<Device>::read(json!(["a"])).unwrap_err();
        assert_eq!(error.to_string(), "expected a JSON object, found an array");
    }
}
