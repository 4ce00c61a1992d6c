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
