//! Guard and error messages for commands that only work against an emulator.

use http::Method;
use serde_json::Value;

use crate::api::{self, Request};
use crate::context::ApiContext;
use crate::error::Error;
use crate::profiles::Environment;
use crate::settings::Endpoint;

pub(super) struct EmulatorOnly {
    /// The first half of the error message; the second half says where the command would run.
    pub(super) message: &'static str,
    pub(super) hint: &'static str,
    /// An additional hint for a playground account.
    pub(super) playground_hint: Option<&'static str>,
}

impl EmulatorOnly {
    /// Fails unless the endpoint is in process or on loopback, and never allows production. Sends nothing.
    pub(super) fn check_endpoint(&self, context: &ApiContext<'_>) -> Result<(), Error> {
        let account = &context.account;
        let error = |reason: &str| Error::usage(format!("{}, and {reason}", self.message)).hint(self.hint);
        match &account.endpoint {
            _ if account.is_production() => Err(error("this is production")),
            Endpoint::Remote(url) if !url.value.is_local() => {
                let error = error(&format!("{} is not on this machine", url.value));
                Err(match (account.environment.value, self.playground_hint) {
                    (Environment::Playground, Some(hint)) => error.hint(hint),
                    _ => error,
                })
            }
            Endpoint::InProcess | Endpoint::Remote(_) => Ok(()),
        }
    }

    /// Adds a hint to the error of a request: `rejected_hint` if the emulator rejected it, or else that the server is
    /// not an emulator.
    pub(super) async fn check<T>(
        &self,
        result: Result<T, api::Error>,
        context: &ApiContext<'_>,
        rejected_hint: &str,
    ) -> Result<T, Error> {
        let error = match result {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let status = error.status();
        let error = Error::from(error);
        Err(match &context.account.endpoint {
            Endpoint::Remote(url) if status == Some(404) && is_emulator(context).await == Some(false) => {
                error.context(&format!("{} is not a kustom emulator", url.value)).hint(self.hint)
            }
            _ if matches!(status, Some(404 | 409)) => error.hint(rejected_hint),
            _ => error,
        })
    }
}

/// Whether the account is that of an emulator on this machine. No other server is asked.
pub(super) async fn is_emulator_here(context: &ApiContext<'_>) -> bool {
    let is_here = match &context.account.endpoint {
        Endpoint::InProcess => true,
        Endpoint::Remote(url) => url.value.is_local(),
    };
    is_here && is_emulator(context).await == Some(true)
}

/// Asks the server whether it is an emulator. `None` without a response.
pub(super) async fn is_emulator(context: &ApiContext<'_>) -> Option<bool> {
    let (response, _) = context.client.probe(&Request::new(Method::GET, "/")).await.ok()?;
    let about: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    Some(about.get("emulator") == Some(&Value::Bool(true)))
}
