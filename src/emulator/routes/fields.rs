//! Reads the fields of a JSON body or of a query one by one. The API reports every field that is wrong, but
//! deserializing a whole struct with serde would stop at the first.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::emulator::request_log::display_name;
use crate::emulator::state::{FieldErrors, PageRequest, Rejection};
use crate::model::{self, Metadata, PaymentMethod, TapOutcome};

/// The maximum of the contract's `int32`, for lists that document no maximum page size.
pub(super) const MAX_INT32: u32 = 2_147_483_647;

pub(super) const MAX_PAGE_SIZE: u32 = 100;

/// The documented maximum.
const MAX_METADATA_FILTERS: usize = 5;

/// Maximum number of ignored fields that are reported.
const MAX_IGNORED: usize = 20;

/// The fields of one object. What is never read is unknown.
pub(super) struct Fields {
    values: Map<String, Value>,
    /// The names that were read, whether they have a value or not.
    known: BTreeSet<String>,
    unknown: Unknown,
    /// The path to this object, such as `order_items[0].`.
    prefix: String,
    pub(super) errors: FieldErrors,
}

/// What happens to unknown fields.
#[derive(Debug, Clone)]
pub(super) enum Unknown {
    Reject,
    /// They are only reported, here.
    Ignore(Ignored),
}

/// The names of the fields and query parameters of a request that were ignored. Clones share the names.
#[derive(Debug, Clone, Default)]
pub(in crate::emulator) struct Ignored(Arc<Mutex<Vec<String>>>);

impl Ignored {
    pub(super) fn add(&self, name: &str) {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < MAX_IGNORED {
            names.push(display_name(name));
        }
    }

    pub(in crate::emulator) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Fields {
    pub(super) fn from_json(body: &[u8], unknown: Unknown) -> Result<Self, Rejection> {
        let bad_request = |detail: String| Rejection::new(StatusCode::BAD_REQUEST, detail);
        match serde_json::from_slice(body) {
            Ok(Value::Object(values)) => Ok(Self::new(values, unknown)),
            Ok(_) => Err(bad_request("The body must be a JSON object.".to_owned())),
            Err(_) if body.is_empty() => Err(bad_request("A body is required: a JSON object.".to_owned())),
            Err(error) => Err(bad_request(format!("The body is not JSON: {error}."))),
        }
    }

    /// A parameter that is repeated becomes an array.
    pub(super) fn from_query(query: &str, unknown: Unknown) -> Self {
        let mut values = Map::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = Value::String(value.into_owned());
            match values.get_mut(&*name) {
                None => drop(values.insert(name.into_owned(), value)),
                Some(Value::Array(list)) => list.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        Self::new(values, unknown)
    }

    fn new(values: Map<String, Value>, unknown: Unknown) -> Self {
        let (known, errors) = (BTreeSet::new(), FieldErrors::default());
        Self { values, known, unknown, prefix: String::new(), errors }
    }

    pub(super) fn finish(mut self) -> Result<(), Rejection> {
        self.report_unknown();
        self.errors.into_result()
    }

    /// For a request in which an unknown field is most likely a mistake.
    pub(super) fn reject_unknown(&mut self) {
        self.unknown = Unknown::Reject;
    }

    fn report_unknown(&mut self) {
        let names = self.values.keys().filter(|name| !self.known.contains(*name));
        let names: Vec<String> = names.map(|name| format!("{}{name}", self.prefix)).collect();
        for name in names {
            match &self.unknown {
                Unknown::Reject => self.errors.add(display_name(&name), "is unknown"),
                Unknown::Ignore(ignored) => ignored.add(&name),
            }
        }
    }

    pub(super) fn add_error(&mut self, name: &str, message: impl Into<String>) {
        self.errors.add(format!("{}{name}", self.prefix), message);
    }

    /// Returns the default if the field is missing or invalid. It is never used, because `finish` then fails.
    pub(super) fn required<T: Default>(
        &mut self,
        name: &str,
        read: impl Fn(&mut Self, &str) -> Option<T>,
    ) -> T {
        if !self.values.contains_key(name) {
            self.add_error(name, "is required");
        }
        read(self, name).unwrap_or_default()
    }

    pub(super) fn string(&mut self, name: &str) -> Option<String> {
        self.deserialize(name, "a string")
    }

    pub(super) fn non_empty_string(&mut self, name: &str) -> Option<String> {
        let text = self.string(name)?;
        if text.is_empty() {
            self.add_error(name, "must not be empty");
        }
        Some(text)
    }

    pub(super) fn integer(&mut self, name: &str) -> Option<i64> {
        self.read(name, "a whole number of at most 64 bits", model::integer)
    }

    pub(super) fn uuid(&mut self, name: &str) -> Option<Uuid> {
        self.deserialize(name, "a UUID")
    }

    pub(super) fn timestamp(&mut self, name: &str) -> Option<Timestamp> {
        self.deserialize(name, "a date and time with an offset, such as 2026-01-31T12:00:00Z")
    }

    pub(super) fn duration(&mut self, name: &str) -> Option<SignedDuration> {
        self.deserialize(name, "a duration of hours, minutes and seconds, such as PT20M")
    }

    pub(super) fn metadata(&mut self, name: &str) -> Metadata {
        self.deserialize(name, "an object whose values are strings").unwrap_or_default()
    }

    pub(super) fn payment_method(&mut self, name: &str) -> Option<PaymentMethod> {
        let expected = format!("one of {}", PaymentMethod::ALL.map(PaymentMethod::as_str).join(", "));
        self.deserialize(name, &expected)
    }

    pub(super) fn tap_outcome(&mut self, name: &str) -> Option<TapOutcome> {
        self.read(name, "one of the documented outcomes, such as INSUFFICIENT_FUNDS", |value| {
            // `TapOutcome::find` would also accept the values of the command line.
            TapOutcome::ALL.into_iter().find(|outcome| value == outcome.as_str())
        })
    }

    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        self.read(name, "true or false", |value| value.as_str()?.parse().ok())
    }

    pub(super) fn page(&mut self, max_size: u32) -> PageRequest {
        let mut number = |name, min, max| {
            self.read(name, &format!("a whole number from {min} to {max}"), |value| {
                value.as_str()?.parse().ok().filter(|number| (min..=max).contains(number))
            })
        };
        let default = PageRequest::default();
        PageRequest {
            number: number("page_number", 0, MAX_INT32).unwrap_or(default.number),
            size: number("page_size", 1, max_size).unwrap_or(default.size),
        }
    }

    /// The `metadata` parameters of a query, each of the form `key:value`.
    pub(super) fn metadata_filters(&mut self) -> Vec<(String, String)> {
        self.known.insert("metadata".to_owned());
        let values = match self.values.get("metadata") {
            Some(Value::Array(values)) => values.clone(),
            value => value.cloned().into_iter().collect(),
        };
        if values.len() > MAX_METADATA_FILTERS {
            self.add_error("metadata", format!("can be given at most {MAX_METADATA_FILTERS} times"));
        }
        let mut filters: Vec<(String, String)> = Vec::new();
        for value in values {
            match value.as_str().and_then(|filter| filter.split_once(':')) {
                // The contract's pattern is ^[^:]+:.*$, where the dot matches no line break.
                Some((key, _)) if filters.iter().any(|(other, _)| other == key) => {
                    self.add_error("metadata", format!("must not have the key '{key}' twice"));
                }
                Some((key, value)) if !key.is_empty() && !value.contains('\n') => {
                    filters.push((key.to_owned(), value.to_owned()));
                }
                _ => self.add_error("metadata", "must be of the form key:value"),
            }
        }
        filters
    }

    pub(super) fn list<T>(&mut self, name: &str, mut read: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let items = match self.values.remove(name) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.add_error(name, "must be an array of objects");
                return Vec::new();
            }
        };
        let mut list = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let path = format!("{name}[{index}]");
            let Value::Object(values) = item else {
                self.add_error(&path, "must be an object");
                continue;
            };
            let mut item = Self::new(values, self.unknown.clone());
            item.prefix = format!("{}{path}.", self.prefix);
            item.errors = std::mem::take(&mut self.errors);
            list.push(read(&mut item));
            item.report_unknown();
            self.errors = item.errors;
        }
        list
    }

    fn deserialize<T: DeserializeOwned>(&mut self, name: &str, expected: &str) -> Option<T> {
        self.read(name, expected, |value| T::deserialize(value).ok())
    }

    /// Reads a field that may be missing. `expected` completes "must be …".
    pub(super) fn read<T>(
        &mut self,
        name: &str,
        expected: &str,
        parse: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        self.known.insert(name.to_owned());
        let parsed = parse(self.values.get(name)?);
        if parsed.is_none() {
            self.add_error(name, format!("must be {expected}"));
        }
        parsed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_limits() {
        for (text, expected) in [
            ("", Some((0, 20, 0))),
            ("page_number=3&page_size=100&other=x", Some((3, 100, 0))),
            ("page_number=2147483647", Some((2_147_483_647, 20, 0))),
            ("page_number=2147483648", None),
            ("page_number=", None),
            ("page_size=1.5", None),
            ("page_size=1&page_size=1", None),
            ("metadata=a%3A1&metadata=b:x:y&metadata=c:", Some((0, 20, 3))),
            ("metadata=a:1&metadata=b:1&metadata=c:1&metadata=d:1&metadata=e:1", Some((0, 20, 5))),
            ("metadata=a:1&metadata=a:1", None),
            ("metadata=%3A1", None),
            ("metadata=", None),
            ("metadata=a:%0A", None),
        ] {
            let mut query = Fields::from_query(text, Unknown::Ignore(Ignored::default()));
            let (page, filters) = (query.page(MAX_PAGE_SIZE), query.metadata_filters());
            let result = query.finish().ok().map(|()| (page.number, page.size, filters.len()));
            assert_eq!(result, expected, "{text}");
        }
    }
}
