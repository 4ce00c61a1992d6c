//! Actions on the phone. Kustom's API has no such endpoints, because a person does this in the app. They exist only in
//! the emulator; any other server responds with 404.

use http::Method;
use serde_json::json;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::expectation::{DEVICE, Expectation, SESSION};
use super::path::encode_segment;
use super::request::Request;
use crate::model::{Device, PaymentMethod, Resource, TapOutcome};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PosAction {
    Choose(PaymentMethod),
    /// Pays with the chosen method, unless another is given.
    Pay(Option<PaymentMethod>),
    Decline(TapOutcome),
    Cancel,
}

/// The response is the device with its credentials.
pub(crate) fn pair_request(code: &str, name: Option<&str>) -> Request {
    let mut body = json!({"enrollment_code": code});
    if let Some(name) = name {
        body["name"] = name.into();
    }
    let request = Request::new(Method::POST, "/emulator/pos/pair").json(&body);
    request.expect_created(Expectation::created(DEVICE), &["enrollment_code", "name"])
}

/// The response is the session with the chosen method in addition to the API's fields.
pub(crate) fn pos_action_request(id: Uuid, action: PosAction) -> Request {
    let (verb, body) = match action {
        PosAction::Choose(method) => ("choose", json!({"method": method})),
        PosAction::Pay(Some(method)) => ("pay", json!({"method": method})),
        PosAction::Pay(None) => ("pay", json!({})),
        PosAction::Decline(outcome) => ("decline", json!({"outcome": outcome.as_str()})),
        PosAction::Cancel => ("cancel", json!({})),
    };
    let request = Request::new(Method::POST, format!("/emulator/pos/sessions/{id}/{verb}")).json(&body);
    request.expect_response(Expectation::of(SESSION, &id))
}

impl Client {
    pub(crate) async fn pos_set_offline(&self, id: &str, offline: bool) -> Result<Resource<Device>, Error> {
        let verb = if offline { "offline" } else { "online" };
        let path = format!("/emulator/pos/devices/{}/{verb}", encode_segment(id));
        let request = Request::new(Method::POST, path).json(&json!({}));
        self.send_json(&request.expect_response(Expectation::of(DEVICE, &id))).await
    }
}
