//! The request of a step. What is asked for is the answer as it is, so that its status can be looked at.

use http::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::api::{Request, session_request};
use crate::model::{PaymentMethod, TapOutcome, Ttl};
use crate::scenario::model::Sale;

fn with_body(method: Method, path: String, body: &Map<String, Value>) -> Request {
    Request::new(method, path).body(Value::Object(body.clone()).to_string().into_bytes())
}

/// An object of what is there.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

pub(super) fn create_device(name: &str, location_id: Option<&str>) -> Request {
    let body = object([("name", Some(name.into())), ("location_id", location_id.map(Value::from))]);
    with_body(Method::POST, "/ipp/v1/dev/devices".to_owned(), &body)
}

pub(super) fn deregister(device: Uuid) -> Request {
    Request::new(Method::DELETE, format!("/ipp/v1/devices/{device}"))
}

/// How long a code is asked to live: in milliseconds (documented), or as one of the lifetimes that have a name
/// (observed).
#[derive(Clone, Copy)]
pub(super) enum Lifetime {
    Milliseconds(Option<u64>),
    Named(Ttl),
}

pub(super) fn enroll(location_id: Option<&str>, lifetime: Lifetime) -> Request {
    let (expires_in, ttl) = match lifetime {
        Lifetime::Milliseconds(expires_in) => (expires_in, None),
        Lifetime::Named(ttl) => (None, Some(ttl.as_str())),
    };
    let body = object([
        ("location_id", location_id.map(Value::from)),
        ("expires_in", expires_in.map(Value::from)),
        ("ttl", ttl.map(Value::from)),
    ]);
    with_body(Method::POST, "/ipp/v1/enrollments".to_owned(), &body)
}

pub(super) fn withdraw(code: Uuid) -> Request {
    Request::new(Method::DELETE, format!("/ipp/v1/enrollments/{code}"))
}

pub(super) fn pair(code: &str, name: Option<&str>) -> Request {
    let body = object([("enrollment_code", Some(code.into())), ("name", name.map(Value::from))]);
    with_body(Method::POST, "/emulator/pos/pair".to_owned(), &body)
}

pub(super) fn create(device: Option<Uuid>, sale: &Sale, now: Timestamp) -> Request {
    let mut body = object([
        ("device_id", device.map(|device| device.to_string().into())),
        ("purchase_started_at", Some(json!(now))),
    ]);
    body.extend(sale.fields.clone());
    body.extend(sale.body.clone());
    session_request(Value::Object(body).to_string().into_bytes(), None)
}

pub(super) fn session(id: Uuid) -> Request {
    Request::new(Method::GET, format!("/ipp/v1/sessions/{id}"))
}

pub(super) fn cancel(session: Uuid) -> Request {
    Request::new(Method::PUT, format!("/ipp/v1/sessions/{session}/cancel"))
}

pub(super) fn tap(session: Uuid, outcome: Option<TapOutcome>) -> Request {
    let tap = Request::new(Method::POST, format!("/ipp/v1/dev/sessions/{session}/simulate-tap"));
    match outcome {
        Some(outcome) => tap.query("outcome", outcome.as_str()),
        None => tap,
    }
}

/// What is done on the phone, which takes one of the two or neither.
pub(super) fn on_phone(
    session: Uuid,
    verb: &str,
    method: Option<PaymentMethod>,
    outcome: Option<TapOutcome>,
) -> Request {
    let body = object([
        ("method", method.map(|method| method.as_str().into())),
        ("outcome", outcome.map(|outcome| outcome.as_str().into())),
    ]);
    with_body(Method::POST, format!("/emulator/pos/sessions/{session}/{verb}"), &body)
}
