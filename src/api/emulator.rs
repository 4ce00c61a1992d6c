//! Endpoints that only emulators have. Any other server responds with 404.

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::client::Client;
use super::error::Error;
use super::request::Request;
use crate::model::{Clock, Fault, Resource};

const FAULTS: &str = "/emulator/faults";
const CLOCK: &str = "/emulator/clock";

impl Client {
    /// The instance of an emulator, which is new for each fresh state. `None` if the server does not name one.
    pub(crate) async fn emulator_instance(&self) -> Result<Option<String>, Error> {
        let info: Resource<Value> = self.send_json(&Request::new(Method::GET, "/").without_retry()).await?;
        let text = |name: &str| info.raw().get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(text("instance").filter(|_| info.raw().get("emulator") == Some(&Value::Bool(true))))
    }

    pub(crate) async fn faults(&self) -> Result<Vec<Resource<Fault>>, Error> {
        self.send_json(&Request::new(Method::GET, FAULTS)).await.map(|list| parse_faults(&list))
    }

    pub(crate) async fn add_fault(&self, fault: &str) -> Result<Resource<Fault>, Error> {
        self.send_json(&Request::new(Method::POST, FAULTS).json(&json!({"fault": fault}))).await
    }

    /// Removes all faults and returns them.
    pub(crate) async fn clear_faults(&self) -> Result<Vec<Resource<Fault>>, Error> {
        self.send_json(&Request::new(Method::DELETE, FAULTS)).await.map(|list| parse_faults(&list))
    }

    /// Returns the emulator to its initial state.
    pub(crate) async fn reset_emulator(&self) -> Result<(), Error> {
        self.send(&Request::new(Method::POST, "/emulator/reset").json(&json!({}))).await.map(drop)
    }

    pub(crate) async fn clock(&self) -> Result<Resource<Clock>, Error> {
        self.send_json(&Request::new(Method::GET, CLOCK)).await
    }

    pub(crate) async fn advance_clock(&self, by: SignedDuration) -> Result<Resource<Clock>, Error> {
        self.send_json(&Request::new(Method::POST, CLOCK).json(&json!({"advance": by.to_string()}))).await
    }
}

/// Elements that are not objects are omitted.
fn parse_faults(list: &Resource<Value>) -> Vec<Resource<Fault>> {
    let faults = list.raw().get("faults").and_then(Value::as_array).into_iter().flatten();
    faults.filter_map(|fault| Resource::from_json(fault.clone()).ok()).collect()
}
