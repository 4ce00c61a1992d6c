//! Actions on the phone. Kustom's API has no such endpoints, because a person does this in the app. They exist only in
//! the emulator; any other server responds with 404.

use http::Method;
use serde::Serialize;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::path::encode_segment;
use super::request::Request;
use crate::model::{Device, PaymentMethod, Resource, TapOutcome};

#[derive(Serialize)]
struct Pairing<'a> {
    enrollment_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct PosActionBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<PaymentMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
}

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
    Request::new(Method::POST, "/emulator/pos/pair").json(&Pairing { enrollment_code: code, name })
}

/// The response is the session with the chosen method in addition to the API's fields.
pub(crate) fn pos_action_request(id: Uuid, action: PosAction) -> Request {
    let (verb, method, outcome) = match action {
        PosAction::Choose(method) => ("choose", Some(method), None),
        PosAction::Pay(method) => ("pay", method, None),
        PosAction::Decline(outcome) => ("decline", None, Some(outcome.as_str())),
        PosAction::Cancel => ("cancel", None, None),
    };
    Request::new(Method::POST, format!("/emulator/pos/sessions/{id}/{verb}"))
        .json(&PosActionBody { method, outcome })
}

impl Client {
    pub(crate) async fn pos_set_offline(&self, id: &str, offline: bool) -> Result<Resource<Device>, Error> {
        let verb = if offline { "offline" } else { "online" };
        let path = format!("/emulator/pos/devices/{}/{verb}", encode_segment(id));
        self.send_json(&Request::new(Method::POST, path).json(&PosActionBody::default())).await
    }
}
