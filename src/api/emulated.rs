//! What only emulators have, beside the phone. Anything else answers these paths with 404.

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::client::Client;
use super::error::Error;
use super::request::Request;
use crate::model::{Clock, Fault, Received};

impl Client {
    /// `GET /emulator/faults`: what goes wrong on purpose.
    pub(crate) async fn faults(&self) -> Result<Vec<Received<Fault>>, Error> {
        self.resource(&Request::new(Method::GET, "/emulator/faults")).await.map(|all| all_of(&all))
    }

    /// `POST /emulator/faults`: lets something go wrong from now on.
    pub(crate) async fn add_fault(&self, fault: &str) -> Result<Received<Fault>, Error> {
        self.resource(&Request::new(Method::POST, "/emulator/faults").json(&json!({"fault": fault}))).await
    }

    /// `DELETE /emulator/faults`: lets nothing go wrong any more. Gives the faults as they were.
    pub(crate) async fn clear_faults(&self) -> Result<Vec<Received<Fault>>, Error> {
        self.resource(&Request::new(Method::DELETE, "/emulator/faults")).await.map(|all| all_of(&all))
    }

    /// `GET /emulator/clock`: what the emulator's clock shows.
    pub(crate) async fn clock(&self) -> Result<Received<Clock>, Error> {
        self.resource(&Request::new(Method::GET, "/emulator/clock")).await
    }

    /// `POST /emulator/clock`: puts the emulator's clock forward.
    pub(crate) async fn advance_clock(&self, by: SignedDuration) -> Result<Received<Clock>, Error> {
        let post = Request::new(Method::POST, "/emulator/clock");
        self.resource(&post.json(&json!({"advance": by.to_string()}))).await
    }
}

/// The faults in a list of them; what is none is left out.
fn all_of(list: &Received<Value>) -> Vec<Received<Fault>> {
    let faults = list.whole().get("faults").and_then(Value::as_array).into_iter().flatten();
    faults.filter_map(|fault| Received::read(fault.clone()).ok()).collect()
}
