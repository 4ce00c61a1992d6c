use serde_json::{Map, Value};
use uuid::Uuid;

use super::choose::FoundSession;
use super::status;
use crate::api::{SideEffect, cancel_session_request};
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::{Resource, Session, SessionStatus};
use crate::output::format_amount;
use crate::text::pluralize;

/// Cancel open sessions
///
/// A session that was paid in the meantime stays paid: exit 5. Canceling a canceled session succeeds.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom sessions cancel SESSION
  kustom sessions cancel SESSION --yes                 # on production in a script

Exit codes:
  5  a session had already ended, such as by being paid; the error says how
  7  a session may have been canceled: see `kustom sessions get`
  8  production needs a confirmation, which was not given; nothing was canceled

Next:
  kustom sessions get SESSION
"))]
pub(crate) struct Args {
    /// Session IDs, ID prefixes or references [default: select from the open sessions]
    #[arg(value_name = "SESSION", add = complete::sessions())]
    sessions: Vec<String>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        context.ensure_session_named(!self.sessions.is_empty())?;
        context.ensure_can_confirm()?;
        let found = context.find_open_sessions(&self.sessions).await?;
        if context.account.is_production() {
            let names = describe(&found, context).await?;
            context.confirm(&format!("cancel {}: {names}", pluralize(found.len(), "session"))).await?;
        }
        let cancel = async |found: FoundSession| cancel(found.id, &found.sent, context).await;
        context.for_each_target(found, cancel).await
    }
}

/// Describes the sessions by amount and device, to confirm their cancellation on production.
async fn describe(found: &[FoundSession], context: &ApiContext<'_>) -> Result<String, Error> {
    let mut names = Vec::with_capacity(found.len());
    for FoundSession { id, sent } in found {
        let session = context.client.session(*id).await?;
        status::check_requested(sent, &session, ErrorKind::Unknown)?;
        let amount = format_amount(session.order_amount, session.purchase_currency.as_deref());
        let device = session.device_id.as_deref().unwrap_or("(unknown)");
        names.push(format!("{id} of {amount} on device {device}"));
    }
    Ok(names.join(", "))
}

/// Cancels a session and returns it. If it ended in another way first, it is returned as it ended.
pub(in crate::commands) async fn cancel_or_read(
    id: Uuid,
    context: &ApiContext<'_>,
) -> Result<Resource<Session>, Error> {
    let session = match context.client.send_json(&cancel_session_request(id)).await {
        Ok(session) => session,
        Err(error) => {
            // The API rejects the cancellation of a session that has ended, perhaps by an earlier attempt whose response
            // was lost. Its status then decides.
            let may_have_ended = error.is_rejection() || error.side_effect == SideEffect::Possible;
            let session = if may_have_ended { context.client.session(id).await.ok() } else { None };
            session
                .filter(|session| session.status.as_ref().is_some_and(SessionStatus::is_terminal))
                .ok_or_else(|| Error::from(error).context(&format!("session {id}")))?
        }
    };
    status::store_status(&session, context).await;
    Ok(session)
}

/// Cancels a session. Fails if it ended in another way first, and if it is not the one that `sent` created.
pub(in crate::commands) async fn cancel(
    id: Uuid,
    sent: &Map<String, Value>,
    context: &ApiContext<'_>,
) -> Result<Resource<Session>, Error> {
    let session = cancel_or_read(id, context).await?;
    status::check_requested(sent, &session, ErrorKind::Unknown)?;
    if session.status == Some(SessionStatus::Cancelled) {
        context.report_change("Canceled: nothing was charged.");
        return Ok(session);
    }
    let status = session.status.as_ref().map_or("of no known status", SessionStatus::as_str);
    let message = format!("session {id} was not canceled, it is {status}");
    Err(Error::new(ErrorKind::Refused, message).hint(status::describe_status(&session)))
}
