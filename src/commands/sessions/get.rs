use super::choose::SessionFilter;
use super::status;
use crate::commands::help::text::after_help;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ErrorKind, ExitStatus};
use crate::model::Session;
use crate::output::format_amount;
use crate::text::escape_control;

/// Show one session
///
/// Whatever its status, the exit code is 0: `kustom sessions watch` turns an outcome into an exit code.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom sessions get SESSION
  kustom sessions get SESSION -o json                  # every field of the API

Next:
  kustom sessions watch SESSION      # wait for its outcome
"))]
pub(crate) struct Args {
    /// Session ID, ID prefix or reference [default: select from a list]
    #[arg(value_name = "SESSION", add = complete::sessions())]
    session: Option<String>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let found = context.session_or_choice(self.session.as_deref(), SessionFilter::All).await?;
        let session = context.client.session(found.id).await?;
        status::check_requested(&found.sent, &session, ErrorKind::Unknown)?;
        status::store_end(&session, context).await;
        context.print_item_with_names(&session).await?;
        context.output.status(&status::describe_status(&session));
        print_refunds(&session, context).await;
        Ok(ExitStatus::Success)
    }
}

/// Shows what was refunded with kustom. A session can be shown without the ledger too.
async fn print_refunds(session: &Session, context: &ApiContext<'_>) {
    let Some(order) = &session.order_id else { return };
    let Ok(ledger) = context.ledger().await else { return };
    let refunded = ledger.refunded_amounts(None).await.ok().and_then(|refunded| refunded.get(order).copied());
    if let Some(refunded) = refunded {
        let amount = format_amount(Some(refunded), session.purchase_currency.as_deref());
        let message = format!("Refunded with kustom: {amount}. See `kustom orders get {order}`.");
        context.output.status(&escape_control(&message));
    }
}
