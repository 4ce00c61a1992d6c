//! serde field deserializers that accept more than the API documents.
//!
//! A value of the wrong type is converted where nothing is lost (`17` for `"17"`) and treated as absent otherwise.
//! [`super::Resource`] keeps the original either way.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Metadata, parse_integer};

fn scalar(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A string. Numbers and booleans are taken in their JSON spelling.
pub(super) fn string<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Value::deserialize(from).map(scalar)
}

pub(super) fn open_enum<'de, D: Deserializer<'de>, T: From<String>>(from: D) -> Result<Option<T>, D::Error> {
    Ok(string(from)?.map(T::from))
}

/// An integer, also in the spelling `2000.0`, or a string that contains one.
pub(super) fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => parse_integer(text.trim()),
        value => super::integer(&value),
    })
}

/// A boolean, or a string that contains one.
pub(super) fn boolean<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Bool(flag) => Some(flag),
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

/// An RFC 3339 timestamp.
pub(super) fn timestamp<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    Ok(string(from)?.and_then(|text| text.parse().ok()))
}

/// An object whose values are scalars. Other values are omitted.
pub(super) fn metadata<'de, D: Deserializer<'de>>(from: D) -> Result<Metadata, D::Error> {
    let Value::Object(entries) = Value::deserialize(from)? else { return Ok(Metadata::new()) };
    Ok(entries.into_iter().filter_map(|(key, value)| Some((key, scalar(value)?))).collect())
}

/// A list of objects. Other elements are omitted.
pub(super) fn list<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Vec<T>, D::Error> {
    let Value::Array(items) = Value::deserialize(from)? else { return Ok(Vec::new()) };
    Ok(items.into_iter().filter_map(|item| T::deserialize(item).ok()).collect())
}

/// A nested object. Anything else is treated as absent.
pub(super) fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(from)?;
    Ok(if value.is_object() { T::deserialize(value).ok() } else { None })
}
