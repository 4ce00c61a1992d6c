use super::SessionArg;
use crate::api::tap_request;
use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::sessions::status;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::TapOutcome;

/// Simulate a card tap on a session's device
///
/// kustom reads the session after the tap and prints it.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help("\
Examples:
  kustom dev simulate-tap SESSION --outcome insufficient-funds   # declined; the session stays open
  kustom dev simulate-tap SESSION                                # paid

Next:
  kustom sessions watch SESSION
  kustom dev run --filter tap        # try every outcome
"))]
pub(crate) struct Args {
    #[command(flatten)]
    session: SessionArg,
    /// Outcome of the tap [default: success]
    #[arg(long, value_name = "OUTCOME", value_parser = args::tap_outcome_parser())]
    outcome: Option<TapOutcome>,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { session, outcome } = self;
        context.forbid_production()?;
        let id = session.resolve(context).await?;
        context.client.send(&tap_request(id, outcome)).await?;
        // The body of the tap's response is not documented.
        let session = context.client.session(id).await.map_err(|error| {
            Error::from(error).context("the tap was simulated, but the session cannot be read")
        })?;
        status::store_end(&session, context).await;
        context.print_item_with_names(&session).await?;
        let status = status::describe_status(&session);
        context.output.status(&match outcome.unwrap_or_default() {
            TapOutcome::Success => status,
            declined => format!("The card was {}. {status}", declined.meaning()),
        });
        Ok(ExitStatus::Success)
    }
}
