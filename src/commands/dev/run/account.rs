//! The account that scenarios run on, if there is one.

use crate::commands::dev::emulator_only::is_emulator_here;
use crate::context::{ApiContext, App};
use crate::error::Error;
use crate::scenario::runner::AccountTarget;
use crate::settings::Endpoint;

/// Connects to the account that `--profile` or `KUSTOM_PROFILE` names. The active profile alone does not count: scenarios
/// change an account, and do not need one. Returns `None` for the built-in profile, which is a private emulator anyway.
pub(super) fn connect_named_account(app: &App) -> Result<Option<ApiContext<'_>>, Error> {
    let settings = &app.settings;
    if settings.profile.is_none() && settings.variables.profile.is_none() {
        return Ok(None);
    }
    let account = app.account()?;
    if matches!(account.endpoint, Endpoint::InProcess) {
        return Ok(None);
    }
    if account.is_production() {
        return Err(Error::usage(
            "scenarios create devices and payments, and this profile is for production",
        )
        .hint("run them on an emulator with --profile local, or name a playground profile"));
    }
    app.connect_as(account).map(Some)
}

pub(super) async fn probe_target(context: &ApiContext<'_>) -> AccountTarget {
    let location = context.account.location.as_ref().map(|location| location.value.clone());
    AccountTarget { is_emulator: is_emulator_here(context).await, location }
}
