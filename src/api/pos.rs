//! What is done on a phone. None of this is in the API, where a person does it with a phone in the hand: the paths
//! below are those of this project's emulator, and anything else answers them with 404.

use http::Method;
use serde::Serialize;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::path::segment;
use super::request::Request;
use crate::model::{Device, PaymentMethod, Resource, Session, TapOutcome};

#[derive(Serialize)]
struct Pairing<'a> {
    enrollment_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

/// What is told of an act on a session; an act takes one of the two, or neither.
#[derive(Default, Serialize)]
struct PosActionBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<PaymentMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
}

/// What is done with a session on the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PosAction {
    /// The clerk chooses a method of payment.
    Choose(PaymentMethod),
    /// The customer pays, with the method that was chosen unless told otherwise.
    Pay(Option<PaymentMethod>),
    /// The customer tries to pay and is declined.
    Decline(TapOutcome),
    /// The clerk calls the sale off.
    Cancel,
}

/// The request of a phone that uses an enrollment code.
pub(crate) fn pair_request(code: &str, name: Option<&str>) -> Request {
    Request::new(Method::POST, "/emulator/pos/pair").json(&Pairing { enrollment_code: code, name })
}

/// The request of what is done with a session on the phone.
pub(crate) fn phone_request(id: Uuid, on_phone: PosAction) -> Request {
    let (verb, act) = match on_phone {
        PosAction::Choose(method) => {
            ("choose", PosActionBody { method: Some(method), ..PosActionBody::default() })
        }
        PosAction::Pay(method) => ("pay", PosActionBody { method, ..PosActionBody::default() }),
        PosAction::Decline(outcome) => {
            ("decline", PosActionBody { outcome: Some(outcome.as_str()), ..PosActionBody::default() })
        }
        PosAction::Cancel => ("cancel", PosActionBody::default()),
    };
    Request::new(Method::POST, format!("/emulator/pos/sessions/{id}/{verb}")).json(&act)
}

impl Client {
    /// `POST /emulator/pos/pair`: a phone uses an enrollment code. The answer holds the device's credentials.
    pub(crate) async fn pos_pair(&self, code: &str, name: Option<&str>) -> Result<Resource<Device>, Error> {
        self.send_json(&pair_request(code, name)).await
    }

    /// `POST /emulator/pos/sessions/{id}/choose`, `pay`, `decline` or `cancel`. What the session is shown with has the
    /// method beside the API's own fields.
    pub(crate) async fn perform(&self, id: Uuid, on_phone: PosAction) -> Result<Resource<Session>, Error> {
        self.send_json(&phone_request(id, on_phone)).await
    }

    /// `POST /emulator/pos/devices/{id}/offline`, or `…/online`: the phone loses its connection, or has it back.
    pub(crate) async fn pos_set_offline(&self, id: &str, offline: bool) -> Result<Resource<Device>, Error> {
        let verb = if offline { "offline" } else { "online" };
        let path = format!("/emulator/pos/devices/{}/{verb}", segment(id));
        self.send_json(&Request::new(Method::POST, path).json(&PosActionBody::default())).await
    }
}
