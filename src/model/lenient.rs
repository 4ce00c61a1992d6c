//! Objects that are deserialized from more than the API documents.
//!
//! A value of the wrong type is converted where nothing is lost (`17` for `"17"`) and treated as absent otherwise.
//! [`super::Resource`] keeps the original either way.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Metadata, parse_integer};

/// Deserializes the fields of structs leniently. An `Option` without a value is not serialized.
macro_rules! lenient {
    ($(
        $(#[$about:meta])*
        $visibility:vis struct $name:ident { $($(#[$attribute:meta])* $field_visibility:vis $field:ident: $type:ty,)+ }
    )+) => {$(
        $(#[$about])*
        #[serde(default)]
        $visibility struct $name {
            $(
                $(#[$attribute])*
                #[serde(deserialize_with = "super::lenient::field")]
                #[serde(skip_serializing_if = "super::lenient::Lenient::is_absent")]
                $field_visibility $field: $type,
            )+
        }

        impl super::lenient::Lenient for $name {
            fn from_value(value: serde_json::Value) -> Option<Self> {
                if value.is_object() { serde_json::from_value(value).ok() } else { None }
            }
        }
    )+};
}

pub(super) use lenient;

pub(super) trait Lenient: Sized {
    /// `None` if the value is of another type.
    fn from_value(value: Value) -> Option<Self>;

    fn is_absent(&self) -> bool {
        false
    }
}

pub(super) fn field<'de, D: Deserializer<'de>, T: Lenient + Default>(from: D) -> Result<T, D::Error> {
    Ok(T::from_value(Value::deserialize(from)?).unwrap_or_default())
}

impl<T: Lenient> Lenient for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        T::from_value(value).map(Some)
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// Numbers and booleans are taken in their JSON spelling.
impl Lenient for String {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// An integer may also be spelled `2000.0`, or be in a string.
impl Lenient for i64 {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => parse_integer(text.trim()),
            value => super::integer(&value),
        }
    }
}

/// A boolean may also be in a string.
impl Lenient for bool {
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Bool(flag) => Some(flag),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// A timestamp is in RFC 3339.
impl Lenient for Timestamp {
    fn from_value(value: Value) -> Option<Self> {
        String::from_value(value)?.parse().ok()
    }
}

/// Values that are not scalars are omitted.
impl Lenient for Metadata {
    fn from_value(value: Value) -> Option<Self> {
        let Value::Object(entries) = value else { return None };
        Some(entries.into_iter().filter_map(|(key, value)| Some((key, String::from_value(value)?))).collect())
    }
}

/// Elements of another type are omitted.
impl<T: Lenient> Lenient for Vec<T> {
    fn from_value(value: Value) -> Option<Self> {
        let Value::Array(items) = value else { return None };
        Some(items.into_iter().filter_map(T::from_value).collect())
    }
}
