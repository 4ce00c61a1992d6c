//! What only emulators have, beside the phone. Anything else answers these paths with 404.

use http::Method;
use jiff::SignedDuration;
use serde_json::json;

use super::client::Client;
use super::error::Error;
use super::request::Request;
use crate::model::{Clock, Received};

impl Client {
    /// `GET /emulator/clock`: what the emulator's clock shows.
    ///
    /// # Errors
    /// [`Error`] when the request fails.
    pub async fn clock(&self) -> Result<Received<Clock>, Error> {
        self.resource(&Request::new(Method::GET, "/emulator/clock")).await
    }

    /// `POST /emulator/clock`: puts the emulator's clock forward.
    ///
    /// # Errors
    /// [`Error`] when it is refused, or the request fails.
    pub async fn advance_clock(&self, by: SignedDuration) -> Result<Received<Clock>, Error> {
        let post = Request::new(Method::POST, "/emulator/clock");
        self.resource(&post.json(&json!({"advance": by.to_string()}))).await
    }
}
