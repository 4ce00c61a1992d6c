//! What is done on a phone. None of this is in the API, where a person does it with a phone in the hand: the paths
//! below are those of this project's emulator, and anything else answers them with 404.

use http::Method;
use serde::Serialize;
use uuid::Uuid;

use super::client::Client;
use super::error::Error;
use super::path::segment;
use super::request::Request;
use crate::model::{Device, PaymentMethod, Received, Session, TapOutcome};

#[derive(Serialize)]
struct Pairing<'a> {
    enrollment_code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
}

/// What is told of an act on a session; an act takes one of the two, or neither.
#[derive(Default, Serialize)]
struct Act {
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<PaymentMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
}

impl Client {
    /// `POST /emulator/pos/pair`: a phone uses an enrollment code. The answer holds the device's credentials.
    ///
    /// # Errors
    /// [`Error`] when the code is refused, or the request fails.
    pub async fn pos_pair(&self, code: &str, name: Option<&str>) -> Result<Received<Device>, Error> {
        let post = Request::new(Method::POST, "/emulator/pos/pair");
        self.resource(&post.json(&Pairing { enrollment_code: code, name })).await
    }

    /// `POST /emulator/pos/sessions/{id}/choose`: the clerk chooses a method of payment. What the session is shown
    /// with, here and in the others, has the method beside the API's own fields.
    ///
    /// # Errors
    /// [`Error`] when it is refused, or the request fails.
    pub async fn pos_choose(&self, id: Uuid, method: PaymentMethod) -> Result<Received<Session>, Error> {
        self.act(id, "choose", Act { method: Some(method), ..Act::default() }).await
    }

    /// `POST /emulator/pos/sessions/{id}/pay`: the customer pays, with the method that was chosen unless told
    /// otherwise.
    ///
    /// # Errors
    /// [`Error`] when it is refused, or the request fails.
    pub async fn pos_pay(&self, id: Uuid, method: Option<PaymentMethod>) -> Result<Received<Session>, Error> {
        self.act(id, "pay", Act { method, ..Act::default() }).await
    }

    /// `POST /emulator/pos/sessions/{id}/decline`: the customer tries to pay and is declined.
    ///
    /// # Errors
    /// [`Error`] when it is refused, as an outcome is that is no decline, or when the request fails.
    pub async fn pos_decline(&self, id: Uuid, outcome: TapOutcome) -> Result<Received<Session>, Error> {
        self.act(id, "decline", Act { outcome: Some(outcome.as_str()), ..Act::default() }).await
    }

    /// `POST /emulator/pos/sessions/{id}/cancel`: the clerk calls the sale off on the phone.
    ///
    /// # Errors
    /// [`Error`] when it is refused, or the request fails.
    pub async fn pos_cancel(&self, id: Uuid) -> Result<Received<Session>, Error> {
        self.act(id, "cancel", Act::default()).await
    }

    /// `POST /emulator/pos/devices/{id}/offline`, or `…/online`: the phone loses its connection, or has it back.
    ///
    /// # Errors
    /// [`Error`] when there is no such device, or the request fails.
    pub async fn pos_set_offline(&self, id: &str, offline: bool) -> Result<Received<Device>, Error> {
        let verb = if offline { "offline" } else { "online" };
        let path = format!("/emulator/pos/devices/{}/{verb}", segment(id));
        self.resource(&Request::new(Method::POST, path).json(&Act::default())).await
    }

    async fn act(&self, id: Uuid, verb: &str, act: Act) -> Result<Received<Session>, Error> {
        let post = Request::new(Method::POST, format!("/emulator/pos/sessions/{id}/{verb}"));
        self.resource(&post.json(&act)).await
    }
}
