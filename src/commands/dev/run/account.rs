//! Whether scenarios run on an account, and what can be done there.

use crate::commands::dev::emulator_only::is_emulator;
use crate::context::{ApiContext, App};
use crate::error::Error;
use crate::scenario::Scenario;
use crate::scenario::runner::Capabilities;
use crate::settings::Endpoint;

/// The account that is asked for by name. None is, unless a profile is named: nobody's devices are touched by a
/// command that can do without. The built-in profile is an emulator in this process, and so the same as none.
pub(super) fn requested_account(app: &App) -> Result<Option<ApiContext<'_>>, Error> {
    let settings = &app.settings;
    if settings.profile.is_none() && settings.variables.profile.is_none() {
        return Ok(None);
    }
    let account = app.account()?;
    if matches!(account.endpoint, Endpoint::InProcess) {
        return Ok(None);
    }
    if account.is_production() {
        return Err(Error::usage("scenarios make devices and payments, and this is production")
            .hint("run them on an emulator with --profile local, or name a playground profile"));
    }
    app.connect_as(account).map(Some)
}

/// What can be done there beside the API.
pub(super) async fn capabilities(context: &ApiContext<'_>) -> Capabilities {
    let is_here = match &context.account.endpoint {
        Endpoint::InProcess => true,
        Endpoint::Remote(url) => url.value.is_loopback(),
    };
    let location = context.account.location.as_ref().map(|location| location.value.clone());
    Capabilities { emulator: is_here && is_emulator(context).await == Some(true), location }
}

/// Callbacks go to the account's endpoint and not here.
pub(super) fn warn_callbacks_unobservable(scenarios: &[Scenario], context: &ApiContext<'_>) {
    let expects = |scenario: &Scenario| scenario.steps.iter().any(|step| step.expect.callbacks.is_some());
    if scenarios.iter().any(expects) {
        context.output.status("Callbacks go to the account's endpoint, so they are not looked at here.");
    }
}
