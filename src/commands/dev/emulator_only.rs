//! What only emulators have, and what is said where there is none.

use http::Method;
use serde_json::Value;

use crate::api::{self, Request};
use crate::context::ApiContext;
use crate::error::Error;
use crate::profiles::Environment;
use crate::settings::Endpoint;

/// Something that only emulators have.
pub(super) struct EmulatorOnly {
    /// What the command does on an emulator, as the beginning of a sentence.
    pub(super) does: &'static str,
    /// What to do where there is no emulator.
    pub(super) instead: &'static str,
    /// What to do on playground.
    pub(super) on_playground: Option<&'static str>,
}

impl EmulatorOnly {
    /// Refuses everything but what can be an emulator. Nothing is sent.
    pub(super) fn on_this_machine(&self, context: &ApiContext<'_>) -> Result<(), Error> {
        let account = &context.account;
        let refused = |why: String| Error::usage(format!("{}, and {why}", self.does)).hint(self.instead);
        match &account.endpoint {
            _ if account.is_production() => Err(refused("this is production".to_owned())),
            Endpoint::Remote(url) if !url.value.is_loopback() => {
                let error = refused(format!("{} is not on this machine", url.value));
                Err(match (account.environment.value, self.on_playground) {
                    (Environment::Playground, Some(hint)) => error.hint(hint),
                    _ => error,
                })
            }
            Endpoint::InProcess | Endpoint::Remote(_) => Ok(()),
        }
    }

    /// A request that failed, with what to do next where the emulator refused it.
    pub(super) async fn explain_error(
        &self,
        error: api::Error,
        context: &ApiContext<'_>,
        next: String,
    ) -> Error {
        let status = error.status();
        let error = Error::from(error);
        match &context.account.endpoint {
            Endpoint::Remote(url) if status == Some(404) && is_emulator(context).await == Some(false) => {
                let what = "it may be a proxy in front of the service, or something else";
                error.hint(format!("{} is not an emulator of kustom: {what}", url.value)).hint(self.instead)
            }
            _ if matches!(status, Some(404 | 409)) => error.hint(next),
            _ => error,
        }
    }
}

/// Whether what answers there is an emulator, which says so to whoever asks. `None` where nothing answers.
pub(super) async fn is_emulator(context: &ApiContext<'_>) -> Option<bool> {
    let (answer, _) = context.client.probe(&Request::new(Method::GET, "/")).await.ok()?;
    let about: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    Some(about.get("emulator") == Some(&Value::Bool(true)))
}
