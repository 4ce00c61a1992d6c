//! The request of a new session: what a scenario sells, on what device and when.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::api::{Request, session_request};
use crate::scenario::model::SessionSpec;

pub(super) fn create(device: Option<Uuid>, sale: &SessionSpec, now: Timestamp) -> Request {
    let mut body = Map::new();
    if let Some(device) = device {
        body.insert("device_id".to_owned(), device.to_string().into());
    }
    body.insert("purchase_started_at".to_owned(), json!(now));
    body.extend(sale.fields.clone());
    body.extend(sale.body.clone());
    session_request(Value::Object(body).to_string().into_bytes(), None)
}
