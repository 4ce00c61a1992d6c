use uuid::Uuid;

use super::{describe_method, print_result};
use clap_complete::engine::ArgValueCompleter;

use crate::api::{PosAction, pos_action_request};
use crate::args;
use crate::commands::help::text::after_help;
use crate::commands::sessions::choose::SessionFilter;
use crate::complete;
use crate::context::ApiContext;
use crate::error::{Error, ExitStatus};
use crate::model::{PaymentMethod, TapOutcome};

const MORE: &str = "\
Examples:
  kustom dev pos decline SESSION
  kustom dev pos decline SESSION --outcome insufficient-funds

Next:
  kustom dev pos pay SESSION         # try again
";

/// Decline the customer's payment
///
/// If the clerk chose no method, the customer uses a card. The session stays ACTIVE, unless the emulator's option
/// `status_after_decline` changes that.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help(MORE))]
pub(crate) struct Args {
    /// Session ID [default: select from the open sessions created on this machine]
    #[arg(add = ArgValueCompleter::new(complete::sessions))]
    #[arg(value_name = "SESSION", value_parser = args::parse_id)]
    session: Option<Uuid>,
    /// Reason of the decline
    #[arg(long, value_name = "OUTCOME", default_value = "declined-generic", value_parser = args::decline_parser())]
    outcome: TapOutcome,
}

impl Args {
    pub(super) async fn run(self, context: &ApiContext<'_>) -> Result<ExitStatus, Error> {
        let Self { session, outcome } = self;
        let session = context.session_or_choice(session, SessionFilter::Open).await?;
        let result =
            context.client.send_json(&pos_action_request(session, PosAction::Decline(outcome))).await;
        let describe = |used: Option<_>| {
            let subject = match used {
                Some(PaymentMethod::Card) => "The card".to_owned(),
                Some(method) => format!("The payment with {}", describe_method(method)),
                None => "The payment".to_owned(),
            };
            format!("{subject} was {}.", outcome.meaning())
        };
        print_result(session, result, describe, context).await
    }
}
