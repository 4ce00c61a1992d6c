//! The faults and the clock of an emulator. The API has none of these operations and responds with 404.

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::client::Client;
use super::error::Error;
use super::request::Request;
use crate::model::{Clock, Fault, Resource};

impl Client {
    /// `GET /emulator/faults`
    pub(crate) async fn faults(&self) -> Result<Vec<Resource<Fault>>, Error> {
        self.send_json(&Request::new(Method::GET, "/emulator/faults")).await.map(|all| parse_faults(&all))
    }

    /// `POST /emulator/faults`
    pub(crate) async fn add_fault(&self, fault: &str) -> Result<Resource<Fault>, Error> {
        self.send_json(&Request::new(Method::POST, "/emulator/faults").json(&json!({"fault": fault}))).await
    }

    /// `DELETE /emulator/faults`, which returns the removed faults.
    pub(crate) async fn clear_faults(&self) -> Result<Vec<Resource<Fault>>, Error> {
        self.send_json(&Request::new(Method::DELETE, "/emulator/faults")).await.map(|all| parse_faults(&all))
    }

    /// `GET /emulator/clock`
    pub(crate) async fn clock(&self) -> Result<Resource<Clock>, Error> {
        self.send_json(&Request::new(Method::GET, "/emulator/clock")).await
    }

    /// `POST /emulator/clock`
    pub(crate) async fn advance_clock(&self, by: SignedDuration) -> Result<Resource<Clock>, Error> {
        let post = Request::new(Method::POST, "/emulator/clock");
        self.send_json(&post.json(&json!({"advance": by.to_string()}))).await
    }
}

/// Elements that are not faults are ignored.
fn parse_faults(list: &Resource<Value>) -> Vec<Resource<Fault>> {
    let faults = list.raw().get("faults").and_then(Value::as_array).into_iter().flatten();
    faults.filter_map(|fault| Resource::from_json(fault.clone()).ok()).collect()
}
